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

from ._settings import AuxiliarySettings

# A found band is that of the crystal next to it, if their normals are no
# further apart, in degrees.
_NEAR = 2.0
# Sine of the smallest angle between a vector of a basis and those before.
_FLAT = 0.1
# Stands for a target that is not known.
UNKNOWN = -99.0
# The logarithm of the sine of a common Bragg angle.
COMMON = -3.5


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

    def basis(self) -> tuple[np.ndarray, np.ndarray]:
        """Return bases of the reciprocal lattices, (N, 3 vectors, 3), as
        sines of Bragg angles, and of which they are known, (N,).

        They are of the shortest three vectors of bands, and known if all
        other bands are whole sums of them.
        """
        length = self.angles[..., 1]
        vectors = self.normals * length[..., None]
        there = self.angles[..., 0] > 0
        length = np.where(there, length, np.inf)
        row = np.arange(len(length))

        def shortest(far):
            return vectors[row, np.where(far, length, np.inf).argmin(axis=1)]

        a = shortest(there)
        b = shortest(
            np.linalg.norm(np.cross(self.normals, a[:, None]), axis=2)
            > _FLAT * np.linalg.norm(a, axis=1)[:, None]
        )
        across = np.cross(a, b)
        c = shortest(
            np.abs(np.sum(self.normals * across[:, None], axis=2))
            > _FLAT * np.linalg.norm(across, axis=1)[:, None]
        )
        basis = np.stack([a, b, c], axis=1)
        volume = np.abs(np.linalg.det(basis))
        known = volume > 1e-3 * np.linalg.norm(basis, axis=2).prod(axis=1)
        basis[~known] = np.eye(3)
        share = vectors @ np.linalg.inv(basis)
        off = np.abs(share - np.rint(share)).max(axis=2)
        return basis, known & ((off < 0.05) | ~there).all(axis=1)

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
        angles = np.log(np.maximum(angles, 1e-6)) - COMMON
        angles[~known] = UNKNOWN
        of = np.take_along_axis(self.families, nearest, axis=1)
        families = (of[:, :, None] == of[:, None]).astype(np.float32)
        families[~(known[:, :, None] & known[:, None])] = UNKNOWN
        diagonal = np.arange(families.shape[1])
        families[:, diagonal, diagonal] = UNKNOWN
        return angles.astype(np.float32), families


def heads(network, bands: int, settings: AuxiliarySettings) -> list:
    """Return the outputs of layers that tell both, on top of a network: at
    its end, then after each of some blocks.

    Parameters
    ----------
    network
        From :func:`~kikuchipy_symml.models._network.build_network`.
    bands
        Number of the network's tokens that are bands, which come first.
    settings
        Give the width and the blocks.

    Raises
    ------
    ValueError
        If the network has no more blocks than those after which it is to
        tell.
    """
    from keras import layers as kl

    depth = sum(i.name.startswith("attention_") for i in network.layers)
    if settings.blocks and max(settings.blocks) >= depth:
        raise ValueError(
            f"blocks of auxiliary {settings.blocks} must be less than the "
            f"depth of the network, {depth}"
        )
    outputs = []
    for block in (depth, *settings.blocks):
        if block == depth:
            suffix, tokens = "", network.get_layer("norm").output
        else:
            suffix = f"_{block}"
            tokens = network.get_layer(f"add_{block - 1}_2").output
            tokens = kl.LayerNormalization(name=f"tell_norm{suffix}")(tokens)
        tokens = tokens[:, :bands]
        angles = kl.Dense(2, dtype="float32", name=f"tell_angles{suffix}")
        features = kl.Dense(settings.width, name=f"tell_families{suffix}")(
            tokens
        )
        alike = kl.Dot(axes=2, dtype="float32", name=f"tell_alike{suffix}")(
            [features, features]
        )
        # What the attention of the last of the blocks was steered by.
        pairs = network.get_layer(f"attention_{block - 1}").input[1]
        paired = kl.Dense(1, dtype="float32", name=f"tell_pairs{suffix}")(
            pairs[:, :bands, :bands]
        )[..., 0]
        outputs += [angles(tokens), alike * settings.width**-0.5 + paired]
    return outputs


def losses(settings: AuxiliarySettings) -> tuple[list, list[float]]:
    """Return the loss functions of the outputs of :func:`heads`, each of
    targets and outputs, and their weights."""
    times = 1 + len(settings.blocks)
    return (
        [angles_off, known_entropy] * times,
        [settings.angles, settings.families] * times,
    )


def angles_off(targets, told):
    """Loss function of Bragg angles: how far off they are where they are
    known."""
    from keras import ops

    return _over_known(ops.abs(told - targets), targets)


def known_entropy(targets, told):
    """Loss function of what is so or not: the cross entropy of logits where
    it is known."""
    from keras import ops

    wanted = ops.clip(targets, 0.0, 1.0)
    return _over_known(ops.softplus(told) - wanted * told, targets)


def _over_known(values, targets):
    from keras import ops

    known = ops.cast(targets > UNKNOWN + 1, "float32")
    return ops.sum(values * known) / (ops.sum(known) + 1.0)
