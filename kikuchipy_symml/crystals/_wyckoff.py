# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wyckoff positions of the 230 space groups, derived from their operations.

A Wyckoff position is the set of points that some site-symmetry group
holds fixed: a point, a line, a plane or all of space, and the images of
that set under the space group. In the standard settings every one of
them passes through a point whose coordinates are multiples of 1/24
and which has no symmetry beyond that of the position. So looking at the
site symmetries on a 24 x 24 x 24 grid, in whole numbers, finds them all.
"""

from dataclasses import dataclass
from functools import cache
from itertools import combinations

import numpy as np

GRID = 24

BRAVAIS_LATTICES = (
    "aP", "mP", "mS", "oP", "oS", "oI", "oF",
    "tP", "tI", "hR", "hP", "cP", "cI", "cF",
)  # fmt: skip

# Last space group of each crystal family and the family's letter.
_FAMILIES = (
    (2, "a"),
    (15, "m"),
    (74, "o"),
    (142, "t"),
    (194, "h"),
    (230, "c"),
)


@dataclass(frozen=True, eq=False)
class WyckoffPosition:
    """One Wyckoff position of a space group.

    Parameters
    ----------
    multiplicity
        Number of its points in the conventional cell.
    freedom
        Number of free coordinates, 0 to 3.
    projection, shift
        Affine map ``x @ projection.T + shift`` of any point onto the
        first representative of the position, of shapes (3, 3) and (3,).
    rotations, translations
        Operations giving each point from the first one, of shapes
        (multiplicity, 3, 3) and (multiplicity, 3).
    """

    multiplicity: int
    freedom: int
    projection: np.ndarray
    shift: np.ndarray
    rotations: np.ndarray
    translations: np.ndarray

    def points(self, x: np.ndarray) -> np.ndarray:
        """Return all points of the orbit nearest to a point.

        Parameters
        ----------
        x
            Any fractional coordinates, shape (3,).

        Returns
        -------
        points
            Fractional coordinates in [0, 1), shape (multiplicity, 3).
        """
        x = self.projection @ x + self.shift
        return (self.rotations @ x + self.translations) % 1.0


@cache
def _standard_settings() -> dict[int, tuple[int, str]]:
    """Hall number and symbol of the first setting of each space group.

    In spglib's table that is the standard one: unique axis *b*, cell
    choice 1, origin choice 1, hexagonal axes.
    """
    import spglib

    settings: dict[int, tuple[int, str]] = {}
    for hall_number in range(1, 531):
        group = spglib.get_spacegroup_type(hall_number)
        entry = (hall_number, group.international_short)
        settings.setdefault(group.number, entry)
    return settings


def centring(space_group: int) -> str:
    """Return the letter P, A, C, I, F or R of the standard setting."""
    return _standard_settings()[space_group][1][0]


def bravais_lattice(space_group: int) -> str:
    """Return the Pearson letters of a space group's Bravais lattice."""
    family = next(f for last, f in _FAMILIES if space_group <= last)
    letter = centring(space_group)
    return family + {"A": "S", "C": "S"}.get(letter, letter)


@cache
def space_groups_by_lattice() -> dict[str, tuple[int, ...]]:
    """Return the space groups of each of the 14 Bravais lattices."""
    groups: dict[str, list[int]] = {b: [] for b in BRAVAIS_LATTICES}
    for number in range(1, 231):
        groups[bravais_lattice(number)].append(number)
    return {b: tuple(numbers) for b, numbers in groups.items()}


def operations(space_group: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the operations of a space group in its standard setting.

    Parameters
    ----------
    space_group
        International number, 1 to 230.

    Returns
    -------
    rotations
        Integer matrices acting on fractional coordinates, (n, 3, 3).
    translations
        Translations in units of 1/24 of the cell edges, integers, (n, 3).
        Those of the centring are included.
    """
    import spglib

    hall_number, _ = _standard_settings()[space_group]
    found = spglib.get_symmetry_from_database(hall_number)
    translations = np.rint(found["translations"] * GRID).astype(int)
    return found["rotations"].astype(int), translations % GRID


def _lattice_basis(projection: np.ndarray, dimension: int) -> np.ndarray:
    """Shortest basis of the lattice vectors in a projection's image.

    Shape (dimension, 3), whole numbers.
    """
    vectors = np.stack(
        np.meshgrid(*[np.arange(-2, 3)] * 3, indexing="ij"), axis=-1
    ).reshape(-1, 3)
    vectors = vectors[np.any(vectors != 0, axis=1)]
    inside = np.abs(vectors @ projection.T - vectors).max(axis=1) < 1e-6
    vectors = vectors[inside]
    vectors = vectors[np.argsort((vectors**2).sum(axis=1), kind="stable")]
    for rows in combinations(vectors, dimension):
        # Vectors are a basis of all lattice vectors in their span when
        # their largest minors have no common factor.
        minors = [
            round(np.linalg.det(np.array(rows)[:, list(columns)]))
            for columns in combinations(range(3), dimension)
        ]
        if np.gcd.reduce(minors) == 1:
            return np.array(rows)
    raise RuntimeError("no lattice basis found in the fixed space of a site")


@cache
def _unmoved(x: int, y: int, z: int, t: int) -> np.ndarray:
    """Find grid points with x X + y Y + z Z + t a multiple of the grid.

    Few different rows occur in all the operations of all space groups.
    """
    axis = np.arange(GRID)
    total = np.add.outer(np.add.outer(x * axis, y * axis), z * axis + t)
    return (total % GRID == 0).ravel()


@cache
def wyckoff_positions(space_group: int) -> tuple[WyckoffPosition, ...]:
    """Return the Wyckoff positions of a space group.

    Parameters
    ----------
    space_group
        International number, 1 to 230.

    Returns
    -------
    positions
        In the standard setting, by rising multiplicity. The last one is
        the general position.
    """
    rotations, translations = operations(space_group)
    grid = np.indices((GRID,) * 3).reshape(3, -1).T
    flat_index = np.array([GRID**2, GRID, 1])

    n_fixing = np.zeros(len(grid), dtype=int)
    steps = rotations - np.eye(3, dtype=int)
    for step, translation in zip(steps, translations, strict=True):
        x, y, z = (
            _unmoved(*row.tolist(), t)
            for row, t in zip(step, translation.tolist(), strict=True)
        )
        n_fixing += x & y & z

    positions = []
    done = np.zeros(len(grid), dtype=bool)
    # Sites of high symmetry first: their points are then already taken
    # when the lines and planes through them come.
    for i in np.argsort(-n_fixing, kind="stable"):
        if done[i]:
            continue
        point = grid[i]
        images = rotations @ point + translations
        fixing = ~np.any((images - point) % GRID, axis=1)
        whole = (images - point)[fixing] // GRID * GRID
        projection = rotations[fixing].mean(axis=0)
        shift = (translations[fixing] - whole).mean(axis=0) / GRID
        freedom = round(np.trace(projection))
        _, first = np.unique(images % GRID @ flat_index, return_index=True)
        # The representative itself leads, and keeps its coordinates.
        first = first[np.argsort(~fixing[first], kind="stable")]
        positions.append(
            WyckoffPosition(
                multiplicity=len(first),
                freedom=freedom,
                projection=projection,
                shift=shift,
                rotations=rotations[first].astype(float),
                translations=translations[first] / GRID,
            )
        )
        if freedom == 3:
            break
        points = point[np.newaxis]
        if freedom:
            along = np.indices((GRID,) * freedom).reshape(freedom, -1).T
            points = point + along @ _lattice_basis(projection, freedom)
        images = points @ np.swapaxes(rotations[first], 1, 2)
        images += translations[first, np.newaxis]
        done[images % GRID @ flat_index] = True
    return tuple(sorted(positions, key=lambda p: (p.multiplicity, p.freedom)))
