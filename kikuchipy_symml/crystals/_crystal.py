# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""One crystal: a cell, a space group and every atom of the cell."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np


@dataclass(frozen=True)
class Crystal:
    """A crystal structure with all atoms of its conventional cell.

    Parameters
    ----------
    name
        Name of the phase.
    space_group
        International space group number, 1 to 230.
    cell
        Lattice parameters *a*, *b*, *c* in ångström and *alpha*, *beta*,
        *gamma* in degrees, of the conventional cell in the standard
        setting.
    elements
        Chemical symbol of each atom.
    positions
        Fractional coordinates of each atom, shape (n, 3).
    occupancies
        Occupancy of each site, shape (n,), in (0, 1].
    u_iso
        Isotropic mean-square displacement of each atom in ångström
        squared, shape (n,).
    structure_type
        Label of the structure type: crystals of one type share it.
    citation
        Where the parameters were published.
    """

    name: str
    space_group: int
    cell: tuple[float, float, float, float, float, float]
    elements: tuple[str, ...]
    positions: np.ndarray
    occupancies: np.ndarray
    u_iso: np.ndarray
    structure_type: str = ""
    citation: str = ""

    def __post_init__(self) -> None:
        n = len(self.elements)
        if not 1 <= self.space_group <= 230:
            raise ValueError(
                f"{self.name}: space group {self.space_group} is not in "
                "1 to 230"
            )
        shapes = [
            ("positions", self.positions, (n, 3)),
            ("occupancies", self.occupancies, (n,)),
            ("u_iso", self.u_iso, (n,)),
        ]
        for what, array, shape in shapes:
            if np.shape(array) != shape:
                raise ValueError(
                    f"{self.name}: {what} has shape {np.shape(array)}, "
                    f"expected {shape} for {n} atoms"
                )

    @cached_property
    def matrix(self) -> np.ndarray:
        """Direct lattice vectors as rows, in ångström.

        Cartesian frame of orix: *x* along *a*, *z* along *c**.
        """
        a, b, c, *angles = self.cell
        ca, cb, cg = np.cos(np.deg2rad(angles))
        sg = np.sqrt(1 - cg**2)
        # Volume of the same cell with edges of length one, by the
        # determinant of its Gram matrix.
        v = np.sqrt(1 - ca**2 - cb**2 - cg**2 + 2 * ca * cb * cg)
        return np.array(
            [
                [a, 0, 0],
                [b * cg, b * sg, 0],
                [c * cb, c * (ca - cb * cg) / sg, c * v / sg],
            ]
        )

    @cached_property
    def volume(self) -> float:
        """Volume of the cell in cubic ångström."""
        return float(np.linalg.det(self.matrix))
