# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rotation axes and mirror planes of a point group, and their names."""

from dataclasses import dataclass
from math import gcd

import numpy as np
from orix.crystal_map import Phase

# Highest index by which an axis of symmetry is named
HIGHEST_INDEX = 3
# Angle in radians within which directions are the same
SAME = 1e-3


@dataclass(frozen=True)
class Axis:
    """A rotation axis.

    Parameters
    ----------
    direction
        Unit vector in the Cartesian frame of the crystal, shape (3,).
    fold
        2, 3, 4 or 6: of the rotation, or of the inversion axis.
    inversion
        Whether it is an inversion axis (-3, -4 or -6).
    """

    direction: np.ndarray
    fold: int
    inversion: bool

    @property
    def symbol(self) -> str:
        """Hermann-Mauguin symbol."""
        return f"-{self.fold}" if self.inversion else str(self.fold)


def rotation_axes(phase: Phase) -> list[Axis]:
    """Return the rotation and inversion axes of a point group.

    Parameters
    ----------
    phase
        With a space group or a point group.

    Returns
    -------
    axes
        One for each line, the highest symmetry first.
    """
    found: list[tuple[np.ndarray, dict[bool, set[int]]]] = []
    for direction, angle, improper in _operations(phase):
        if angle < SAME or (improper and abs(angle - np.pi) < SAME):
            continue
        for line, folds in found:
            if abs(line @ direction) > np.cos(SAME):
                break
        else:
            folds = {False: set(), True: set()}
            found.append((direction, folds))
        folds[improper].add(round(2 * np.pi / angle))
    axes = []
    for direction, folds in found:
        proper = max(folds[False], default=1)
        inverting = max(folds[True], default=1)
        # With inversion, 4 and -4 are one axis, named by its rotation, but
        # 3 and -3 by its inversion.
        inversion = inverting > proper or inverting == proper == 3
        axes.append(Axis(direction, max(proper, inverting), inversion))
    return sorted(axes, key=lambda axis: -axis.fold)


def mirror_normals(phase: Phase) -> np.ndarray:
    """Return the unit normals of the mirror planes of a phase in the
    Cartesian frame of the crystal, shape (n, 3)."""
    normals = [
        direction
        for direction, angle, improper in _operations(phase)
        if improper and abs(angle - np.pi) < SAME
    ]
    return np.array(normals).reshape(-1, 3)


def laue_matrices(phase: Phase) -> np.ndarray:
    """Return the proper operations of the Laue group of a phase as
    matrices for column vectors in the Cartesian frame of the crystal,
    shape (n, 3, 3)."""
    matrices = _matrices(phase)
    # Times inversion, improper ones are proper.
    matrices = matrices * np.linalg.det(matrices)[:, None, None]
    _, first = np.unique(
        np.round(matrices.reshape(-1, 9), 6) + 0.0, axis=0, return_index=True
    )
    return matrices[np.sort(first)]


def zone_axes(phase: Phase, highest: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the directions of low indices of a lattice.

    Parameters
    ----------
    phase
        With its lattice.
    highest
        Highest index.

    Returns
    -------
    indices
        [uvw] without a common factor, of both directions of each line,
        low ones first, shape (n, 3).
    directions
        Unit vectors in the Cartesian frame of the crystal, shape (n, 3).
    """
    n = 2 * highest + 1
    uvw = np.indices((n, n, n)).reshape(3, -1).T - highest
    uvw = uvw[[gcd(*(int(i) for i in row)) == 1 for row in uvw]]
    order = np.lexsort((np.abs(uvw).sum(axis=1), np.abs(uvw).max(axis=1)))
    uvw = uvw[order]
    directions = uvw @ lattice_of(phase)
    length = np.linalg.norm(directions, axis=1, keepdims=True)
    return uvw, directions / length


def lattice_of(phase: Phase) -> np.ndarray:
    """Return the lattice vectors of a phase as rows.

    A phase that was found by its symmetry only has orix's default, a
    cube. For hexagonal axes, one with an angle of 120 degrees stands in:
    directions that symmetry fixes do not depend on its parameters.
    """
    lattice = phase.structure.lattice
    base = np.array(lattice.base, dtype=float)
    hexagonal = phase.point_group.system in ("trigonal", "hexagonal")
    if hexagonal and np.allclose((lattice.gamma, lattice.a), (90, 1)):
        base = np.array(
            [[1, 0, 0], [-0.5, np.sqrt(0.75), 0], [0, 0, lattice.c]]
        )
    return base


def name_of(direction: np.ndarray, phase: Phase) -> str:
    """Return the name of a direction, such as "[1-10]", or "" if it has
    none of low indices."""
    uvw, directions = zone_axes(phase, HIGHEST_INDEX)
    alike = directions @ direction
    found = np.flatnonzero(alike > np.cos(SAME))
    return bracketed(uvw[found[0]]) if found.size else ""


def bracketed(uvw: np.ndarray) -> str:
    """Return indices as matplotlib writes them, bars over negative ones."""
    digits = [rf"\bar{{{-i}}}" if i < 0 else str(i) for i in uvw]
    return f"$[{''.join(digits)}]$"


def _operations(phase: Phase) -> list[tuple[np.ndarray, float, bool]]:
    """Return axis, angle (0 to pi) and whether it is improper of each
    operation of the point group."""
    operations = []
    for matrix in _matrices(phase):
        improper = np.linalg.det(matrix) < 0
        proper = -matrix if improper else matrix
        angle = np.arccos(np.clip((np.trace(proper) - 1) / 2, -1, 1))
        if np.pi - angle < SAME:
            # A half turn is symmetric: its axis is a column of 1 + R.
            columns = (np.eye(3) + proper).T
            axis = columns[np.argmax(np.linalg.norm(columns, axis=1))]
        else:
            axis = np.array(
                [
                    proper[2, 1] - proper[1, 2],
                    proper[0, 2] - proper[2, 0],
                    proper[1, 0] - proper[0, 1],
                ]
            )
        length = np.linalg.norm(axis)
        axis = axis / length if length > SAME else np.array([0.0, 0.0, 1.0])
        operations.append((axis, float(angle), bool(improper)))
    return operations


def _matrices(phase: Phase) -> np.ndarray:
    """Return the operations of a point group as matrices for column
    vectors in the Cartesian frame of the crystal, shape (n, 3, 3).

    A space group tells which way its point group stands to the axes of
    the lattice, as in P312 and P321.
    """
    if phase.space_group is not None:
        lattice = lattice_of(phase).T
        inverse = np.linalg.inv(lattice)
        turns = [op.R for op in phase.space_group.iter_symops()]
        unique = np.unique(np.round(turns).astype(int), axis=0)
        return lattice @ unique @ inverse
    group = phase.point_group
    matrices = np.reshape(group.to_matrix(), (-1, 3, 3))
    signs = np.where(np.ravel(group.improper), -1, 1)
    matrices = matrices * signs[:, None, None]
    lattice = phase.structure.lattice
    if group.system == "monoclinic" and not np.isclose(lattice.beta, 90):
        # orix has its twofold axis along z, the standard cell along b.
        z_to_y = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]])
        matrices = z_to_y @ matrices @ z_to_y.T
    return matrices
