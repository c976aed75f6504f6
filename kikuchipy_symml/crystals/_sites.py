# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the sites of an asymmetric unit to all atoms of the cell."""

from functools import lru_cache

import numpy as np

# Images of a site nearer than this, in ångström, are one atom. Published
# coordinates on special positions are rounded (0.333 for 1/3).
SAME_SITE = 0.05


@lru_cache(maxsize=230)
def operations(space_group: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the operations of a space group in its standard setting.

    The standard setting is the first one of a space group in the
    International Tables: unique axis *b*, cell choice 1, origin choice
    1, hexagonal axes. It is also that of orix' phases.

    Parameters
    ----------
    space_group
        International number, 1 to 230.

    Returns
    -------
    rotations
        Matrices acting on fractional coordinates, shape (n, 3, 3).
    translations
        Fractional translations, shape (n, 3).
    """
    from diffpy.structure.spacegroups import GetSpaceGroup

    operations_ = list(GetSpaceGroup(space_group).iter_symops())
    rotations = np.array([op.R for op in operations_])
    translations = np.array([op.t for op in operations_])
    return rotations, translations


def orbit(space_group: int, matrix: np.ndarray, xyz: np.ndarray) -> np.ndarray:
    """Return all atoms in the cell that symmetry makes of one site.

    Parameters
    ----------
    space_group
        International number, 1 to 230.
    matrix
        Direct lattice vectors as rows in ångström, shape (3, 3).
    xyz
        Fractional coordinates of the site, shape (3,). A site less than
        0.05 Å off a special position is moved onto it.

    Returns
    -------
    positions
        Fractional coordinates in [0, 1), shape (multiplicity, 3).
    """
    rotations, translations = operations(space_group)
    step = rotations @ xyz + translations - xyz
    step -= np.rint(step)
    fixing = np.linalg.norm(step @ matrix, axis=1) < SAME_SITE
    images = rotations @ (xyz + step[fixing].mean(axis=0)) + translations
    # Images now agree to rounding: whole numbers tell them apart.
    ticks = np.rint(images * 1e6).astype(np.int64) % 1_000_000
    _, first = np.unique(ticks, axis=0, return_index=True)
    positions = ticks[np.sort(first)] / 1e6
    images = images[np.sort(first)] % 1.0
    # Rounding put values just below 1 at 0: keep the exact ones else.
    return np.where(positions == 0, 0.0, images)
