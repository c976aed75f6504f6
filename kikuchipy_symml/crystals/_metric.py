# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random cells, and the test that a lattice is not nearly a higher one.

The bands' directions cannot tell a lattice from one of higher symmetry that
differs by a per cent or two; how strong they are can. Most crystals for
training keep clear of such lattices, hidden ones too: an I-centred
tetragonal cell with c/a near the square root of two is nearly F cubic.
"""

import numpy as np

from kikuchipy_symml.crystals._wyckoff import bravais_lattice, centring

# A nearly symmetric lattice: an operation changes no length by more than
# this fraction and no angle by more than these degrees. An angle that is
# 2 degrees from a special value is changed by 4.
LENGTH_MARGIN = 0.04
ANGLE_MARGIN = 4.0

# Rows: basis vectors of the primitive lattice in the conventional cell.
PRIMITIVE = {
    "P": np.eye(3),
    "A": np.array([[1, 0, 0], [0, 0.5, -0.5], [0, 0.5, 0.5]]),
    "C": np.array([[0.5, -0.5, 0], [0.5, 0.5, 0], [0, 0, 1]]),
    "I": np.array([[-0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0.5, 0.5, -0.5]]),
    "F": np.array([[0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]]),
    "R": np.array([[2, 1, 1], [-1, 1, 1], [-1, -2, 1]]) / 3,
}

_HOLOHEDRY_ORDER = {
    "a": 2,
    "m": 4,
    "o": 8,
    "t": 16,
    "hR": 12,
    "hP": 24,
    "c": 48,
}

_SHORT = np.array(
    [v for v in np.ndindex(3, 3, 3) if v != (1, 1, 1)]
) - 1  # fmt: skip


def cell_matrix(cell: tuple[float, ...]) -> np.ndarray:
    """Return direct lattice vectors as rows, with *x* along *a*.

    Parameters
    ----------
    cell
        *a*, *b*, *c* and *alpha*, *beta*, *gamma* in degrees.
    """
    lengths = np.array(cell[:3])
    ca, cb, cg = np.cos(np.deg2rad(cell[3:]))
    unit = np.array([[1, cg, cb], [cg, 1, ca], [cb, ca, 1]])
    return np.linalg.cholesky(unit) * lengths[:, np.newaxis]


def cell_parameters(metric: np.ndarray) -> tuple[float, ...]:
    """Return *a*, *b*, *c* and *alpha*, *beta*, *gamma* in degrees.

    Parameters
    ----------
    metric
        Dot products of the lattice vectors, shape (3, 3).
    """
    lengths = np.sqrt(np.diag(metric))
    cosines = metric / np.outer(lengths, lengths)
    angles = np.rad2deg(np.arccos(cosines[[1, 0, 0], [2, 2, 1]]))
    return tuple(lengths.tolist()) + tuple(angles.tolist())


def near_operations(
    matrix: np.ndarray, margin: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """Return the operations that nearly map a lattice onto itself.

    Parameters
    ----------
    matrix
        Basis vectors of the primitive lattice as rows, shape (3, 3).
    margin
        How near is near, in units of :data:`LENGTH_MARGIN` and
        :data:`ANGLE_MARGIN`.

    Returns
    -------
    basis
        Niggli-reduced basis, rows, shape (3, 3).
    operations
        All operations that change lengths and angles by no more, shape (M,
        3, 3), at least identity and inversion. Rows are the images of the
        basis vectors in terms of these.

    Notes
    -----
    Symmetry operations of a reduced basis have no elements other than -1,
    0 and 1.
    """
    import spglib

    basis = spglib.niggli_reduce(matrix)
    if basis is None:
        raise ValueError(f"spglib cannot reduce the lattice {matrix.tolist()}")
    vectors = _SHORT @ basis
    lengths = np.linalg.norm(vectors, axis=1)
    cosines = vectors @ vectors.T / np.outer(lengths, lengths)
    angles = np.rad2deg(np.arccos(np.clip(cosines, -1, 1)))
    own = [
        int(np.flatnonzero((_SHORT == e).all(axis=1))[0]) for e in np.eye(3)
    ]
    length_margin, angle_margin = margin * LENGTH_MARGIN, margin * ANGLE_MARGIN
    images = [
        np.flatnonzero(np.abs(lengths / lengths[i] - 1) < length_margin)
        for i in own
    ]

    def alike(i: int, j: int) -> np.ndarray:
        pairs = angles[np.ix_(images[i], images[j])]
        return np.abs(pairs - angles[own[i], own[j]]) < angle_margin

    fits = (
        alike(0, 1)[:, :, np.newaxis]
        & alike(0, 2)[:, np.newaxis, :]
        & alike(1, 2)[np.newaxis, :, :]
    )
    triples = [images[k][index] for k, index in enumerate(np.nonzero(fits))]
    operations = _SHORT[np.stack(triples, axis=1)]
    regular = np.abs(np.abs(np.linalg.det(operations)) - 1) < 0.5
    return basis, operations[regular]


def can_be_near(space_group: int) -> bool:
    """Return whether there are lattices of higher symmetry than those of a
    space group, which they may be near: not if they are cubic or hexagonal.
    """
    lattice = bravais_lattice(space_group)
    return lattice[0] != "c" and lattice != "hP"


def is_clear(
    matrix: np.ndarray, space_group: int, margin: float = 1.0
) -> bool:
    """Return whether a lattice is clear of higher metric symmetry.

    Parameters
    ----------
    matrix
        Basis vectors of the conventional cell as rows, shape (3, 3).
    space_group
        International number, in its standard setting.
    margin
        See :func:`near_operations`.
    """
    if not can_be_near(space_group):
        return True
    lattice = bravais_lattice(space_group)
    expected = _HOLOHEDRY_ORDER.get(lattice) or _HOLOHEDRY_ORDER[lattice[0]]
    primitive = PRIMITIVE[centring(space_group)] @ matrix
    return len(near_operations(primitive, margin)[1]) == expected


def random_cell(
    rng: np.random.Generator, space_group: int
) -> tuple[float, float, float, float, float, float]:
    """Return lattice parameters of the right shape and arbitrary scale.

    Parameters
    ----------
    rng
        Source of random numbers.
    space_group
        International number, in its standard setting.

    Returns
    -------
    cell
        *a*, *b*, *c* near 1 and angles in degrees. Not yet checked with
        :func:`is_clear`.
    """
    family = bravais_lattice(space_group)[0]
    a, b, c = np.exp(rng.uniform(-0.6, 0.6, size=3))
    if family == "c":
        return 1.0, 1.0, 1.0, 90.0, 90.0, 90.0
    if family == "h":
        return (
            1.0,
            1.0,
            float(np.exp(rng.uniform(-0.8, 1.2))),
            90.0,
            90.0,
            120.0,
        )
    if family == "t":
        return (
            1.0,
            1.0,
            float(np.exp(rng.uniform(-0.8, 1.1))),
            90.0,
            90.0,
            90.0,
        )
    angles = [90.0, 90.0, 90.0]
    if family == "m":
        angles[1] = rng.uniform(91.0, 128.0)
    if family == "a":
        # All three on one side of 90 degrees, as in a reduced cell.
        angles = 90 + rng.choice([-1, 1]) * rng.uniform(0, 28, size=3)
    return (float(a), float(b), float(c), *(float(v) for v in angles))


def primitive_cells(space_group: int) -> int:
    """Return how many primitive cells the conventional one holds."""
    share = np.linalg.det(PRIMITIVE[centring(space_group)])
    return round(1 / abs(share))
