# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""One crystal: a cell, a space group and every atom of the cell."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import matplotlib.figure
    from orix.crystal_map import Phase

# Simulating larger cells takes too long, and their patterns hold more
# bands than can be told apart.
MAX_ATOMS = 500


@dataclass(frozen=True, eq=False, repr=False)
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
    u_iso_assumed
        Whether any of the mean-square displacements is a default value
        for want of a published one.

    Raises
    ------
    ValueError
        If the space group, the number of atoms (1 to 500), an occupancy,
        a mean-square displacement or the shape of an array is not as
        stated above.
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
    u_iso_assumed: bool = False

    def __post_init__(self) -> None:
        n = len(self.elements)
        if not 1 <= self.space_group <= 230:
            raise ValueError(
                f"{self.name}: space group {self.space_group} is not in "
                "1 to 230"
            )
        if not 1 <= n <= MAX_ATOMS:
            raise ValueError(
                f"{self.name}: {n} atoms in the cell, expected 1 to "
                f"{MAX_ATOMS}"
            )
        shapes = {"positions": (n, 3), "occupancies": (n,), "u_iso": (n,)}
        for what, shape in shapes.items():
            array = np.array(getattr(self, what), dtype=float)
            if array.shape != shape:
                raise ValueError(
                    f"{self.name}: {what} has shape {array.shape}, "
                    f"expected {shape} for {n} atoms"
                )
            array.setflags(write=False)
            object.__setattr__(self, what, array)
        # Written so that NaN fails too.
        occupancies, u_iso = self.occupancies, self.u_iso
        wrong = ~((occupancies > 0) & (occupancies <= 1))
        if np.any(wrong):
            raise ValueError(
                f"{self.name}: occupancy {occupancies[wrong][0]} is not in "
                "(0, 1]"
            )
        wrong = ~((u_iso >= 0) & np.isfinite(u_iso))
        if np.any(wrong):
            raise ValueError(
                f"{self.name}: mean-square displacement {u_iso[wrong][0]} "
                "is not zero or more"
            )

    def __repr__(self) -> str:
        a, b, c, alpha, beta, gamma = self.cell
        assumed = " (assumed)" if self.u_iso_assumed else ""
        return (
            f"Crystal {self.name}: {self.formula}, space group "
            f"{self.space_group} ({self.bravais_lattice}), "
            f"{len(self.elements)} atoms\n"
            f"  cell {a:.4f} {b:.4f} {c:.4f} Å, "
            f"{alpha:.2f} {beta:.2f} {gamma:.2f}°, "
            f"U_iso {self.u_iso.mean():.4f} Å²{assumed}\n"
            f"  type {self.structure_type or 'not given'}; "
            f"{self.citation or 'no citation'}"
        )

    @staticmethod
    def matrix_of(cell: tuple[float, ...]) -> np.ndarray:
        """Return direct lattice vectors as rows, in ångström.

        Cartesian frame of orix: *x* along *a*, *z* along *c**.

        Parameters
        ----------
        cell
            *a*, *b*, *c* in ångström, *alpha*, *beta*, *gamma* in degrees.
        """
        a, b, c, *angles = cell
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
    def matrix(self) -> np.ndarray:
        """Direct lattice vectors as rows, in ångström.

        Cartesian frame of orix: *x* along *a*, *z* along *c**.
        """
        return self.matrix_of(self.cell)

    @cached_property
    def volume(self) -> float:
        """Volume of the cell in cubic ångström."""
        return float(np.linalg.det(self.matrix))

    @property
    def bravais_lattice(self) -> str:
        """Pearson letters of the Bravais lattice, such as "cF"."""
        from kikuchipy_symml.symmetry import class_index, class_names

        index = class_index("bravais_lattice")[self.space_group - 1]
        return class_names("bravais_lattice")[index]

    @cached_property
    def formula(self) -> str:
        """Chemical formula, elements in order of the atoms."""
        from ._formula import formula

        return formula(self.elements, self.occupancies)

    @classmethod
    def from_cif(
        cls, filename: str | Path, *, default_u_iso: float | None = None
    ) -> Crystal:
        r"""Return the crystal in a Crystallographic Information File.

        Parameters
        ----------
        filename
            Path to the \*.cif file. The stem of its name becomes the
            name of the crystal.
        default_u_iso
            Mean-square displacement in ångström squared of atoms for
            which the file gives none. If not given, such a file is
            refused.

        Returns
        -------
        crystal
            In the standard setting, whatever the setting of the file.

        Raises
        ------
        ValueError
            If the file states no space group or spglib finds another
            one, it has no or more than 500 atoms, or a displacement is
            missing.
        """
        from ._convert import crystal_from_cif

        return crystal_from_cif(Path(filename), default_u_iso)

    @classmethod
    def from_phase(
        cls, phase: Phase, *, default_u_iso: float | None = None
    ) -> Crystal:
        """Return the crystal of an orix phase.

        Parameters
        ----------
        phase
            Phase with a space group and atoms in its structure: those
            of the asymmetric unit or all of the cell. diffpy gives atoms
            without a stated displacement the value 0: it counts as none.
        default_u_iso
            Mean-square displacement in ångström squared of atoms that
            have none. If not given, such a phase is refused.

        Raises
        ------
        ValueError
            If the phase has no space group, one in another setting than
            the standard one, no or more than 500 atoms, an atom without
            displacement, or a cell that its space group does not allow.
        """
        from ._convert import crystal_from_phase

        return crystal_from_phase(phase, default_u_iso)

    def to_phase(self) -> Phase:
        """Return an orix phase with space group and all atoms.

        It suits kikuchipy, diffsims' ``ReciprocalLatticeVector`` and
        orix as it is.
        """
        from ._convert import phase_from_crystal

        return phase_from_crystal(self)

    def plot(self, ax=None) -> matplotlib.figure.Figure:
        """Draw the cell and its atoms in three dimensions.

        Parameters
        ----------
        ax : mpl_toolkits.mplot3d.axes3d.Axes3D, optional
            Axes to draw in. If not given, a new figure is made.

        Returns
        -------
        figure
            The figure drawn in.
        """
        from ._plot import plot_cell

        return plot_cell(self, ax)
