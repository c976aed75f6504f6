# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Is a crystal what it says it is?"""

import numpy as np

from ._crystal import Crystal
from ._radii import RADII
from ._spglib import symmetry_dataset

# Atoms nearer than this part of the sum of their radii point to a wrong
# cell, coordinate or space group.
SHORTEST_CONTACT = 0.7


def detected_space_group(crystal: Crystal, tolerance: float = 0.01) -> int:
    """Return the space group that spglib finds.

    Parameters
    ----------
    crystal
        Crystal.
    tolerance
        Greatest distance in ångström between an atom and where symmetry
        puts it.

    Returns
    -------
    space_group
        International number; 0 if spglib finds none.
    """
    # Atoms sharing a site are one kind of atom to spglib: their mixture.
    ticks = np.rint(crystal.positions * 1e4).astype(int) % 10_000
    _, first, site = np.unique(
        ticks, axis=0, return_index=True, return_inverse=True
    )
    mixtures: list[list] = [[] for _ in first]
    for i, element, occupancy in zip(
        site.ravel(), crystal.elements, crystal.occupancies
    ):
        mixtures[i].append((element, round(float(occupancy), 3)))
    kinds: dict[tuple, int] = {}
    types = [
        kinds.setdefault(tuple(sorted(mixture)), len(kinds) + 1)
        for mixture in mixtures
    ]
    dataset = symmetry_dataset(
        crystal.matrix, crystal.positions[first], np.array(types), tolerance
    )
    return 0 if dataset is None else int(dataset.number)


def closest_contact(crystal: Crystal) -> float:
    """Return the shortest distance relative to the atoms' radii.

    Parameters
    ----------
    crystal
        Crystal.

    Returns
    -------
    ratio
        Smallest distance of two atoms divided by the sum of their
        radii. Hydrogen is left out, as are atoms that cannot be there
        at once (occupancies that sum to one or less).
    """
    keep = np.array([e != "H" for e in crystal.elements])
    positions = crystal.positions[keep]
    occupancies = crystal.occupancies[keep]
    elements = np.array(crystal.elements)[keep]
    radii = np.array([RADII[e] for e in elements])

    shifts = np.indices((3, 3, 3)).reshape(3, -1).T - 1
    smallest = np.inf
    for i, position in enumerate(positions):
        # Axes: neighbour, cell, coordinate.
        steps = positions - position
        steps = (steps - np.rint(steps))[:, np.newaxis] + shifts
        distances = np.linalg.norm(steps @ crystal.matrix, axis=-1)
        distances[i, len(shifts) // 2] = np.inf
        ratio = distances.min(axis=1) / (radii + radii[i])
        both = occupancies + occupancies[i] > 1.02
        both[i] = True
        smallest = min(smallest, ratio[both].min())
    return float(smallest)


def check_crystal(crystal: Crystal) -> None:
    """Raise an error unless a crystal agrees with what it states.

    Parameters
    ----------
    crystal
        Crystal to check with spglib.

    Raises
    ------
    ValueError
        If spglib finds another space group, or two atoms are closer
        than 0.7 times the sum of their radii.
    """
    found = detected_space_group(crystal)
    if found != crystal.space_group:
        raise ValueError(
            f"{crystal.name}: spglib finds space group {found}, the "
            f"crystal states {crystal.space_group}"
        )
    contact = closest_contact(crystal)
    if contact < SHORTEST_CONTACT:
        raise ValueError(
            f"{crystal.name}: two atoms are {contact:.2f} times the sum of "
            f"their radii apart, expected {SHORTEST_CONTACT} or more"
        )
