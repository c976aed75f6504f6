# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the simulation knows about the bands of a pattern, to be told.

Axes: ``N`` patterns, ``T`` bands that the network found, ``R`` bands of the
crystal.
"""

from dataclasses import dataclass

import numpy as np

from kikuchipy_symml.pattern._view import view_frame
from kikuchipy_symml.simulation import BandStack

from ._recipe import AuxiliarySettings

# A found band is that of the crystal next to it, if their normals are no
# further apart, in degrees.
_NEAR = 2.0
# Stands for a target that is not known.
_UNKNOWN = -99.0
# The logarithm of the sine of a common Bragg angle.
_COMMON = -3.5


@dataclass(frozen=True)
class Truth:
    """The bands of the crystal of each pattern.

    Parameters
    ----------
    normals
        In the frame of the canonical view, shape (N, R, 3).
    angles
        Sine of the Bragg angles of the strongest order and of the
        shortest vector of the reciprocal lattice along the normal, shape
        (N, R, 2). Zero where there is no band.
    families
        Number of the family of equal planes, shape (N, R).
    """

    normals: np.ndarray
    angles: np.ndarray
    families: np.ndarray

    @classmethod
    def of(
        cls,
        stack: BandStack,
        rotations: np.ndarray,
        pc: np.ndarray,
        aspect_ratio: float,
    ) -> "Truth":
        """Return the truth about patterns.

        Parameters
        ----------
        stack
            Bands of the crystal of each pattern.
        rotations
            From the detector's frame to the crystal's, shape (N, 3, 3).
        pc
            Projection centres that the views were made with, (N, 3).
        aspect_ratio
            Width of the detector divided by its height.
        """
        frames = view_frame(pc, aspect_ratio) @ rotations.swapaxes(1, 2)
        return cls(
            stack.normals @ frames.swapaxes(1, 2),
            np.stack([stack.bragg, stack.first], axis=-1),
            stack.family,
        )

    def targets(
        self, normals: np.ndarray, strength: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return what is to be told of found bands.

        Parameters
        ----------
        normals
            Of the found bands, shape (N, T, 3).
        strength
            Of the found bands, zero where there is none, shape (N, T).

        Returns
        -------
        angles
            Logarithm of the sine of both Bragg angles, relative to a
            common one, shape (N, T, 2).
        families
            One where two bands are of one family, zero where they are
            not, shape (N, T, T).
        """
        cosine = np.abs(normals @ self.normals.swapaxes(1, 2))
        cosine *= (self.angles[..., 0] > 0)[:, None]
        nearest = cosine.argmax(axis=2)
        known = cosine.max(axis=2) > np.cos(np.deg2rad(_NEAR))
        known &= strength > 0
        angles = np.take_along_axis(self.angles, nearest[..., None], axis=1)
        angles = np.log(np.maximum(angles, 1e-6)) - _COMMON
        angles[~known] = _UNKNOWN
        of = np.take_along_axis(self.families, nearest, axis=1)
        families = (of[:, :, None] == of[:, None]).astype(np.float32)
        families[~(known[:, :, None] & known[:, None])] = _UNKNOWN
        diagonal = np.arange(families.shape[1])
        families[:, diagonal, diagonal] = _UNKNOWN
        return angles.astype(np.float32), families


def heads(network, bands: int, settings: AuxiliarySettings) -> list:
    """Return the outputs of layers that tell both, on top of a network.

    Parameters
    ----------
    network
        From :func:`~kikuchipy_symml.models._network.build_network`.
    bands
        Number of the network's tokens that are bands, which come first.
    settings
        Give the width.
    """
    from keras import layers as kl

    tokens = network.get_layer("norm").output[:, :bands]
    angles = kl.Dense(2, dtype="float32", name="tell_angles")(tokens)
    features = kl.Dense(settings.width, name="tell_families")(tokens)
    alike = kl.Dot(axes=2, dtype="float32", name="tell_alike")(
        [features, features]
    )
    last = [i.output for i in network.layers if i.name.startswith("pairs_")]
    pairs = last[-1][:, :bands, :bands]
    paired = kl.Dense(1, dtype="float32", name="tell_pairs")(pairs)[..., 0]
    return [angles, alike * settings.width**-0.5 + paired]


def losses(settings: AuxiliarySettings) -> tuple[list, list[float]]:
    """Return the loss functions of the outputs of :func:`heads`, each of
    targets and outputs, and their weights."""
    from keras import ops

    def over_known(values, targets):
        known = ops.cast(targets > _UNKNOWN + 1, "float32")
        return ops.sum(values * known) / (ops.sum(known) + 1.0)

    def angles(targets, told):
        return over_known(ops.abs(told - targets), targets)

    def families(targets, told):
        wanted = ops.clip(targets, 0.0, 1.0)
        entropy = ops.softplus(told) - wanted * told
        return over_known(entropy, targets)

    return [angles, families], [settings.angles, settings.families]
