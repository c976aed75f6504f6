# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""What spglib finds in a structure, whatever its version does of none."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from spglib import SpglibDataset


def symmetry_dataset(
    matrix: np.ndarray,
    positions: np.ndarray,
    kinds: np.ndarray,
    symprec: float,
) -> "SpglibDataset | None":
    """Return what spglib finds in a structure, None if it finds nothing.

    Parameters
    ----------
    matrix
        Lattice vectors as rows in ångström, shape (3, 3).
    positions
        Fractional coordinates of the sites, shape (n, 3).
    kinds
        Whole number of each site, equal for equal occupants, shape (n,).
    symprec
        Tolerance in ångström.
    """
    import spglib

    try:
        return spglib.get_symmetry_dataset(
            (matrix, positions, kinds), symprec=symprec
        )
    # Older versions, and newer ones by default, return None instead.
    except spglib.error.SpglibError:
        return None
