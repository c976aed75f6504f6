# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Master patterns taken apart into bands and what is left.

A master pattern is of one crystal, and a network that sees it often learns
it by heart. Its bands can be varied like those of any other crystal, and
what many beams add to them is then added to the varied ones.

Axes: ``M`` crystals, ``R`` bands of each.
"""

from dataclasses import dataclass, replace

import numpy as np

from ._sphere import lambert_directions, sum_of_profiles
from ._stack import BandStack


@dataclass(frozen=True)
class Rest:
    """What is added to the bands of some crystals.

    Parameters
    ----------
    masters
        On the upper and the lower hemisphere, in units of the bands'
        profiles, shape (M, 2, size, size), float32.
    strain
        Of each crystal as it is drawn, relative to the one that `masters`
        is of: symmetric tensors, shape (M, 3, 3).
    """

    masters: np.ndarray
    strain: np.ndarray

    def to_unstrained(self) -> np.ndarray:
        """Return what takes directions in the strained crystals to those
        in the unstrained ones but for their length, shape (M, 3, 3)."""
        # As BandStack.varied() has it: to first order of reciprocal
        # vectors, so exactly the inverse for directions.
        return np.eye(3) - self.strain


def take_apart(
    masters: np.ndarray, stack: BandStack
) -> tuple[BandStack, np.ndarray]:
    """Take master patterns apart into their bands and the rest.

    Parameters
    ----------
    masters
        On the upper and the lower hemisphere, shape (M, 2, size, size), of
        any real data type.
    stack
        The bands of the crystals.

    Returns
    -------
    stack
        The bands, multiplied by one number for each crystal so that they
        leave as little as possible of a master pattern of a standard
        deviation of one. Where that would be negative it is zero.
    rest
        What they leave, (M, 2, size, size), float32.
    """
    directions = lambert_directions(masters.shape[-1])
    rest = np.empty(masters.shape, dtype=np.float32)
    factors = np.zeros(len(masters), dtype=np.float32)
    profiles = stack.profiles.astype(np.float32)
    for i, master in enumerate(masters):
        there = stack.reach[i] > 0
        upper = sum_of_profiles(
            directions,
            stack.normals[i, there],
            stack.reach[i, there],
            profiles[i, there],
        )
        # Bands are the same in opposite directions, and the lower hemisphere
        # is seen from above.
        both = np.stack([upper, upper[::-1, ::-1]])
        both -= both.mean()
        rest[i] = master
        rest[i] -= rest[i].mean()
        rest[i] /= max(float(rest[i].std()), 1e-6)
        factors[i] = max(0, (rest[i] * both).mean() / max(both.var(), 1e-12))
        rest[i] -= factors[i] * both
    profiles *= factors[:, None, None]
    return replace(stack, profiles=profiles), rest
