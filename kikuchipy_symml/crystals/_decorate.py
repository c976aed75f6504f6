# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""New crystals of the structure type of a known one.

Nature reuses structure types: hundreds of compounds are built like rock
salt or spinel. Other elements on the sites of a known structure, with
the cell and the free coordinates moved a little, give plausible crystals
of a type.
"""

from dataclasses import dataclass

import numpy as np

from kikuchipy_symml.crystals._crystal import Crystal
from kikuchipy_symml.crystals._formula import formula
from kikuchipy_symml.crystals._metric import (
    cell_matrix,
    cell_parameters,
    is_clear,
)
from kikuchipy_symml.crystals._radii import ELEMENTS, RADII
from kikuchipy_symml.crystals._random import (
    SYMPREC,
    U_ISO,
    SymmetryMismatchError,
    has_space_group,
    orbit_distances,
)
from kikuchipy_symml.crystals._spglib import symmetry_dataset

MAX_ATTEMPTS = 200
STRAIN = 0.03
JITTER = 0.08  # ångström
BREATHING = 0.03
# Cubic ångström per site, and relative to the given crystal: one of the
# two ranges must hold.
VOLUME_PER_SITE = (6.0, 35.0)
VOLUME_RATIO = (0.5, 2.0)

# Atoms closer than this share one site, in ångström.
_SAME_SITE = 0.1


@dataclass(frozen=True, eq=False)
class _Orbit:
    """Sites of a structure that its space group makes equal.

    Parameters
    ----------
    sites
        Their indices, the representative first.
    rotations, translations
        Operations from the representative to each.
    projection, shift
        Affine map onto the points with the representative's site symmetry.
    """

    sites: np.ndarray
    rotations: np.ndarray
    translations: np.ndarray
    projection: np.ndarray
    shift: np.ndarray

    def points(self, x: np.ndarray) -> np.ndarray:
        """Return all points of the orbit through the point nearest x."""
        x = self.projection @ x + self.shift
        return (self.rotations @ x + self.translations) % 1.0


def decorated(
    crystal: Crystal, rng: np.random.Generator, *, near: bool = False
) -> Crystal:
    """Return a crystal of the same structure type with other elements.

    Each element is replaced by another one, wherever it stands. Axial
    ratios, free angles and free coordinates change by a few per cent, as
    far as the space group lets them, and the cell takes the size that
    brings the new atoms as close together as the old ones were, in units
    of their radii.

    Parameters
    ----------
    crystal
        Any crystal whose cell and positions have the symmetry of its
        space group. Sites may be shared and partly occupied.
    rng
        Source of random numbers. The same state gives the same crystal.
    near
        Whether the cell may be nearly, within 4 % and 4°, one of higher
        symmetry. Those of some structure types always are.

    Returns
    -------
    crystal
        spglib finds the same space group in it. Its structure type is
        that of the given crystal, or that one's name if it has none.

    Raises
    ------
    ValueError
        If spglib finds another space group in the given crystal, or it
        contains an element of unknown radius.
    SymmetryMismatchError
        If none of many attempts kept the space group.
    """
    for element in crystal.elements:
        if element not in RADII:
            raise ValueError(
                f"{crystal.name}: no radius is known for {element!r}"
            )
    site_of_atom, first_atom, kinds = _sites(crystal)
    positions = crystal.positions[first_atom]
    rotations, orbits = _orbits(crystal, positions, kinds)
    radii = _orbit_radii(crystal.elements, site_of_atom, orbits)
    before = orbit_distances(
        [positions[orbit.sites] for orbit in orbits], crystal.matrix
    )
    contact = (before / radii).min()

    for attempt in range(MAX_ATTEMPTS):
        metric = _strained(rng, crystal.matrix, rotations)
        matrix = cell_matrix(cell_parameters(metric))
        if not near and not is_clear(matrix, crystal.space_group):
            continue
        moved = np.empty_like(positions)
        for orbit in orbits:
            step = rng.normal(0, JITTER, size=3) @ np.linalg.inv(matrix)
            moved[orbit.sites] = orbit.points(positions[orbit.sites[0]] + step)
        # Structures of small molecules do not suit elements of all sizes.
        n_nearest = len(ELEMENTS) if attempt < MAX_ATTEMPTS / 2 else 8
        elements = _substituted(rng, crystal.elements, n_nearest)
        radii = _orbit_radii(elements, site_of_atom, orbits)
        after = orbit_distances([moved[o.sites] for o in orbits], matrix)
        scale = contact / (after / radii).min()
        scale *= 1 + rng.uniform(-BREATHING, BREATHING)
        matrix = scale * matrix
        if not _plausible(np.linalg.det(matrix), crystal, len(positions)):
            continue
        if has_space_group(matrix, moved, kinds, crystal.space_group):
            break
    else:
        raise SymmetryMismatchError(
            f"{crystal.name}: no crystal of its structure type and space "
            f"group {crystal.space_group} in {MAX_ATTEMPTS} attempts"
        )

    u_iso = np.empty(len(positions))
    for orbit in orbits:
        u_iso[orbit.sites] = rng.uniform(*U_ISO)
    structure_type = crystal.structure_type or crystal.name
    return Crystal(
        name=f"{formula(elements, crystal.occupancies)} like {crystal.name}",
        space_group=crystal.space_group,
        cell=cell_parameters(scale**2 * metric),
        elements=elements,
        positions=moved[site_of_atom],
        occupancies=crystal.occupancies.copy(),
        u_iso=u_iso[site_of_atom],
        structure_type=structure_type,
    )


def _sites(crystal: Crystal) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Merge atoms that share a position.

    Returns
    -------
    site_of_atom
        Index of each atom's site.
    first_atom
        Index of an atom of each site.
    kinds
        Whole number of each site, equal for equal occupants.
    """
    apart = crystal.positions[:, np.newaxis] - crystal.positions
    apart -= np.rint(apart)
    near = np.linalg.norm(apart @ crystal.matrix, axis=2) < _SAME_SITE
    first_atom, site_of_atom = np.unique(
        near.argmax(axis=1), return_inverse=True
    )
    occupants: list[list[tuple[str, float]]] = [[] for _ in first_atom]
    for site, element, occupancy in zip(
        site_of_atom, crystal.elements, crystal.occupancies, strict=True
    ):
        occupants[site].append((element, round(float(occupancy), 4)))
    names = [str(sorted(o)) for o in occupants]
    kinds = np.unique(names, return_inverse=True)[1]
    return site_of_atom, first_atom, kinds


def _orbits(
    crystal: Crystal, positions: np.ndarray, kinds: np.ndarray
) -> tuple[np.ndarray, list[_Orbit]]:
    """Return the rotations of a structure and the orbits of its sites."""
    dataset = symmetry_dataset(crystal.matrix, positions, kinds, SYMPREC)
    found = None if dataset is None else dataset.number
    if found != crystal.space_group:
        raise ValueError(
            f"{crystal.name}: spglib finds space group {found}, expected "
            f"{crystal.space_group}"
        )
    rotations, translations = dataset.rotations, dataset.translations
    orbits = []
    for first in np.unique(dataset.crystallographic_orbits):
        x = positions[first]
        images = rotations @ x + translations
        apart = images[:, np.newaxis] - positions
        apart -= np.rint(apart)
        targets = np.linalg.norm(apart @ crystal.matrix, axis=2).argmin(axis=1)
        sites, operation = np.unique(targets, return_index=True)
        lead = np.argsort(sites != first, kind="stable")
        sites, operation = sites[lead], operation[lead]
        fixing = targets == first
        whole = np.rint(images[fixing] - x)
        orbits.append(
            _Orbit(
                sites=sites,
                rotations=rotations[operation],
                translations=translations[operation],
                projection=rotations[fixing].mean(axis=0),
                shift=(translations[fixing] - whole).mean(axis=0),
            )
        )
    return rotations, orbits


def _orbit_radii(
    elements: tuple[str, ...], site_of_atom: np.ndarray, orbits: list[_Orbit]
) -> np.ndarray:
    """Return the sums of the radii of every two orbits, shape (n, n).

    The largest atom counts where several share a site.
    """
    of_site = np.zeros(site_of_atom.max() + 1)
    np.maximum.at(of_site, site_of_atom, [RADII[e] for e in elements])
    of_orbit = of_site[[orbit.sites[0] for orbit in orbits]]
    return of_orbit[:, np.newaxis] + of_orbit


def _strained(
    rng: np.random.Generator, matrix: np.ndarray, rotations: np.ndarray
) -> np.ndarray:
    """Return a metric a little off, with the symmetry of the rotations."""
    strain = np.eye(3) + rng.normal(0, STRAIN, size=(3, 3))
    metric = matrix @ strain @ strain.T @ matrix.T
    images = np.swapaxes(rotations, 1, 2) @ metric @ rotations
    return images.mean(axis=0)


def _substituted(
    rng: np.random.Generator, elements: tuple[str, ...], n_nearest: int
) -> tuple[str, ...]:
    """Replace each element by another one, different ones by different.

    By one of the so many that are nearest to it in radius.
    """
    old = list(dict.fromkeys(elements))
    radii = np.array([RADII[e] for e in ELEMENTS])
    while True:
        new = []
        for element in old:
            order = np.argsort(np.abs(radii - RADII[element]), kind="stable")
            pool = [ELEMENTS[k] for k in order if ELEMENTS[k] not in new]
            new.append(str(rng.choice(pool[:n_nearest])))
        if sorted(new) != sorted(old):
            break
    table = dict(zip(old, new, strict=True))
    return tuple(table[e] for e in elements)


def _plausible(volume: float, crystal: Crystal, n_sites: int) -> bool:
    """Return whether atoms do not rattle in or burst a cell."""
    low, high = VOLUME_PER_SITE
    least, most = VOLUME_RATIO
    return (
        low <= volume / n_sites <= high
        or least <= volume / crystal.volume <= most
    )
