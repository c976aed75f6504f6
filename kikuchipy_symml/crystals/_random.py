# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random crystals of any space group.

Training needs more different crystals than anybody has measured. These
are random, yet like real ones in what a diffraction pattern shows: atoms
sit on special positions more often than chance would have it, do not
overlap, and fill the cell as densely as real atoms do.
"""

import numpy as np

from kikuchipy_symml.crystals import _wyckoff
from kikuchipy_symml.crystals._crystal import Crystal
from kikuchipy_symml.crystals._formula import formula
from kikuchipy_symml.crystals._metric import (
    PRIMITIVE,
    can_be_near,
    cell_matrix,
    is_clear,
    random_cell,
)
from kikuchipy_symml.crystals._radii import ELEMENTS, RADII
from kikuchipy_symml.crystals._spglib import symmetry_dataset
from kikuchipy_symml.crystals._wyckoff import (
    BRAVAIS_LATTICES,
    WyckoffPosition,
    space_groups_by_lattice,
    wyckoff_positions,
)

SYMPREC = 0.01
# The symmetry must already be right with this coarser tolerance: atoms
# within 0.05 Å of a more symmetric arrangement look like it.
COARSE_SYMPREC = 0.05

MAX_ATTEMPTS = 1000
MAX_ATOMS = 48
# In these F-centred groups only orbits of 96 atoms tell the group from a
# more symmetric one.
LARGE_GROUPS = (203, 209, 219, 226, 228)
MAX_ATOMS_LARGE = 112
VOLUME_PER_ATOM = (9.0, 24.0)  # cubic ångström
MIN_DISTANCE = 1.4  # ångström
U_ISO = (0.002, 0.015)  # ångström squared
# Shortest distance in a crystal by the sum of the two radii. Middle 80 %
# of the AFLOW prototypes in pymatgen: 0.81 to 1.05.
CONTACT = (0.78, 1.05)

# Chance of 0, 1, 2 and 3 free coordinates where a group offers all; of
# positions with as many, the small are preferred by this power of size.
FREEDOM_WEIGHTS = np.array([0.4, 0.25, 0.15, 0.2])
SIZE_EXPONENT = -0.7
# Chance that an orbit has the element of an earlier one.
SAME_ELEMENT = 0.25

PLACING_ATTEMPTS = 6
FILLING_ATTEMPTS = 12

_SHIFTS = np.array(list(np.ndindex(3, 3, 3))) - 1


class SymmetryMismatchError(RuntimeError):
    """None of many random structures had the wanted space group."""


def random_crystal(
    rng: np.random.Generator,
    space_group: int | None = None,
    bravais_lattice: str | None = None,
    *,
    near: bool = False,
) -> Crystal:
    """Return a random crystal.

    Parameters
    ----------
    rng
        Source of random numbers. The same state gives the same crystal.
    space_group
        International number, 1 to 230. Drawn evenly from the space
        groups of the Bravais lattice if not given.
    bravais_lattice
        Pearson letters, one of aP, mP, mS, oP, oS, oI, oF, tP, tI, hR,
        hP, cP, cI and cF. Drawn evenly from these if neither is given.
    near
        Whether the cell is nearly one of higher symmetry, where the space
        group allows such a one.

    Returns
    -------
    crystal
        In the standard setting of its space group (unique axis *b*, cell
        choice 1, origin choice 1, hexagonal axes). spglib finds that
        space group in it, and its lattice is clear of higher metric
        symmetry unless `near`.

    Raises
    ------
    ValueError
        If the space group or the Bravais lattice does not exist, or if
        the two contradict each other.
    SymmetryMismatchError
        If none of many attempts had the wanted symmetry.
    """
    space_group = _choose_space_group(rng, space_group, bravais_lattice)
    wyckoff = wyckoff_positions(space_group)
    near = near and can_be_near(space_group)
    for _ in range(MAX_ATTEMPTS):
        crystal = _attempt(rng, space_group, wyckoff, near)
        if crystal is None:
            continue
        kinds = np.unique(crystal.elements, return_inverse=True)[1]
        # The primitive cell tells as much, in a fraction of the time.
        basis = PRIMITIVE[_wyckoff.centring(space_group)]
        positions = crystal.positions @ np.linalg.inv(basis) % 1.0
        ticks = np.rint(positions * 1e4).astype(int) % 10_000
        _, first = np.unique(ticks @ [10**8, 10**4, 1], return_index=True)
        matrix = basis @ crystal.matrix
        if has_space_group(
            matrix, positions[first], kinds[first], space_group
        ):
            return crystal
    raise SymmetryMismatchError(
        f"no random crystal of space group {space_group} in "
        f"{MAX_ATTEMPTS} attempts"
    )


def has_space_group(
    matrix: np.ndarray,
    positions: np.ndarray,
    kinds: np.ndarray,
    space_group: int,
) -> bool:
    """Return whether spglib finds a space group in a structure.

    It must do so with the usual tolerance and with a coarser one.

    Parameters
    ----------
    matrix, positions, kinds
        As in :func:`~._spglib.symmetry_dataset`.
    space_group
        International number.
    """
    for symprec in (COARSE_SYMPREC, SYMPREC):
        dataset = symmetry_dataset(matrix, positions, kinds, symprec)
        if dataset is None or dataset.number != space_group:
            return False
    return True


def _choose_space_group(
    rng: np.random.Generator, space_group: int | None, lattice: str | None
) -> int:
    if lattice is not None and lattice not in BRAVAIS_LATTICES:
        raise ValueError(
            f"Bravais lattice {lattice!r} is not one of "
            f"{', '.join(BRAVAIS_LATTICES)}"
        )
    if space_group is None:
        lattice = lattice or str(rng.choice(BRAVAIS_LATTICES))
        return int(rng.choice(space_groups_by_lattice()[lattice]))
    if not 1 <= space_group <= 230:
        raise ValueError(f"space group {space_group} is not in 1 to 230")
    own = _wyckoff.bravais_lattice(space_group)
    if lattice not in (None, own):
        raise ValueError(
            f"space group {space_group} has the Bravais lattice "
            f"{own}, not {lattice}"
        )
    return int(space_group)


def _attempt(
    rng: np.random.Generator,
    space_group: int,
    positions: tuple[WyckoffPosition, ...],
    near: bool,
) -> Crystal | None:
    """Return a crystal without overlapping atoms, or None."""
    cell = random_cell(rng, space_group)
    matrix = cell_matrix(cell)
    # Nearly symmetric cells are seldom drawn.
    while near and is_clear(matrix, space_group):
        cell = random_cell(rng, space_group)
        matrix = cell_matrix(cell)
    if not near and not is_clear(matrix, space_group):
        return None
    most_atoms = MAX_ATOMS_LARGE if space_group in LARGE_GROUPS else MAX_ATOMS
    chosen = _choose_positions(rng, positions, most_atoms)
    # All distances are first taken at the largest volume allowed.
    n_atoms = sum(p.multiplicity for p in chosen)
    largest = VOLUME_PER_ATOM[1] * n_atoms / np.linalg.det(matrix)
    matrix *= np.cbrt(largest)
    orbits = _place(rng, chosen, matrix)
    if orbits is None:
        return None
    filled = _fill(rng, orbits, matrix)
    if filled is None:
        return None
    elements, density = filled
    scale = float(np.cbrt(largest * density))
    sizes = [len(orbit) for orbit in orbits]
    atoms = tuple(np.repeat(elements, sizes).tolist())
    occupancies = np.ones(n_atoms)
    return Crystal(
        name=f"random {formula(atoms, occupancies)} ({space_group})",
        space_group=space_group,
        cell=tuple(scale * v for v in cell[:3]) + cell[3:],
        elements=atoms,
        positions=np.concatenate(orbits),
        occupancies=occupancies,
        u_iso=np.repeat(rng.uniform(*U_ISO, size=len(sizes)), sizes),
    )


def _choose_positions(
    rng: np.random.Generator,
    positions: tuple[WyckoffPosition, ...],
    most_atoms: int,
) -> list[WyckoffPosition]:
    """Return Wyckoff positions to fill, special and small ones preferred."""
    freedoms = np.array([p.freedom for p in positions])
    sizes = np.array([p.multiplicity for p in positions])
    weights = sizes**SIZE_EXPONENT
    totals = np.bincount(freedoms, weights, minlength=4)
    weights *= (FREEDOM_WEIGHTS / np.maximum(totals, 1e-9))[freedoms]
    # Where all orbits are small it takes more of them to make a crystal.
    most_orbits = 4 if sizes[-1] > 4 else 8
    chosen: list[WyckoffPosition] = []
    for _ in range(rng.integers(1, most_orbits + 1)):
        weights[sizes > most_atoms] = 0
        if not weights.any():
            break
        k = rng.choice(len(positions), p=weights / weights.sum())
        chosen.append(positions[k])
        most_atoms -= sizes[k]
        if freedoms[k] == 0:
            weights[k] = 0
    return chosen


def _place(
    rng: np.random.Generator,
    chosen: list[WyckoffPosition],
    matrix: np.ndarray,
) -> list[np.ndarray] | None:
    """Return the points of each orbit, well apart from one another.

    Of a few random points the one farthest from the others is taken:
    real crystals are packed, not scattered.
    """
    orbits: list[np.ndarray] = []
    for position in chosen:
        best, widest = None, MIN_DISTANCE
        for _ in range(PLACING_ATTEMPTS if position.freedom else 1):
            points = position.points(rng.random(3))
            apart = distances_from(points[0], [points, *orbits], matrix).min()
            if apart > widest:
                best, widest = points, apart
        if best is None:
            return None
        orbits.append(best)
    return orbits


def distances_from(
    point: np.ndarray, orbits: list[np.ndarray], matrix: np.ndarray
) -> np.ndarray:
    """Return the shortest distance from a point to each orbit.

    Parameters
    ----------
    point
        Fractional coordinates, shape (3,).
    orbits
        Fractional coordinates of the atoms of each orbit, (n, 3) each.
    matrix
        Lattice vectors as rows in ångström, shape (3, 3).

    Returns
    -------
    distances
        In ångström, one for each orbit. The point itself does not count.
    """
    apart = np.concatenate(orbits) - point
    apart -= np.rint(apart)
    images = (apart[:, np.newaxis] + _SHIFTS) @ matrix
    squared = (images**2).sum(axis=2)
    # Only the point itself: a mirror image of it that is nearly there is not.
    squared[squared == 0] = np.inf
    starts = np.cumsum([0] + [len(orbit) for orbit in orbits[:-1]])
    return np.sqrt(np.minimum.reduceat(squared.min(axis=1), starts))


def orbit_distances(
    orbits: list[np.ndarray], matrix: np.ndarray
) -> np.ndarray:
    """Return the shortest distances between orbits, shape (n, n)."""
    return np.array(
        [distances_from(orbit[0], orbits, matrix) for orbit in orbits]
    )


def _fill(
    rng: np.random.Generator, orbits: list[np.ndarray], matrix: np.ndarray
) -> tuple[list[str], float] | None:
    """Choose elements that fit, and the volume they take.

    Returns
    -------
    elements
        One for each orbit.
    density
        Volume in units of the present one.
    """
    n = len(orbits)
    distances = orbit_distances(orbits, matrix)
    for _ in range(FILLING_ATTEMPTS):
        elements = rng.choice(ELEMENTS, size=n, replace=False).tolist()
        for k in range(1, n):
            if rng.random() < SAME_ELEMENT:
                elements[k] = elements[rng.integers(k)]
        radii = np.array([RADII[e] for e in elements])
        needed = rng.uniform(*CONTACT) * (radii[:, np.newaxis] + radii)
        needed = np.maximum(needed, MIN_DISTANCE)
        density = (needed / distances).max() ** 3
        if VOLUME_PER_ATOM[0] / VOLUME_PER_ATOM[1] <= density <= 1:
            return elements, density
    return None
