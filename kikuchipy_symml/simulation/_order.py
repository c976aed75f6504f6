# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""How well the order of a crystal's atoms can be seen.

Where elements take turns on the sites of a smaller cell, or atoms are off
them by a little, only superlattice reflections tell the crystal's lattice
from that of the smaller cell, and they are as weak as the elements are alike
or the shifts are small.
"""

from itertools import product

import numpy as np

from kikuchipy_symml.crystals import Crystal
from kikuchipy_symml.crystals._metric import PRIMITIVE, near_operations
from kikuchipy_symml.crystals._wyckoff import centring

from ._bands import _Potential

_D_MIN = 1.0
_SYMPREC = 0.01
# A lattice with the symmetry itself: its metric is off by no more than this
# share of its trace.
_EXACT = 1e-5


def strength_of_order(crystal: Crystal) -> float:
    """Return how strong superlattice reflections are.

    Parameters
    ----------
    crystal
        The crystal.

    Returns
    -------
    strength
        Fourier coefficient of the potential of the strongest reflection
        that is forbidden by the translations of the same crystal with one
        element on all sites, relative to the strongest of all down to a
        spacing of 1 Å. One if these translations forbid none, and if the
        crystal has no others than that.

    Examples
    --------
    >>> from kikuchipy_symml.crystals import library
    >>> from kikuchipy_symml.simulation._order import strength_of_order
    >>> crystals = {crystal.name: crystal for crystal in library()}
    >>> round(strength_of_order(crystals["Awaruite"]), 2)  # Ni3Fe
    0.02
    >>> strength_of_order(crystals["Ni"])
    1.0
    """
    import spglib

    found = spglib.get_symmetry(
        (crystal.matrix, crystal.positions, [1] * len(crystal.elements)),
        symprec=_SYMPREC,
    )
    if found is None:
        return 1.0
    identity = (found["rotations"] == np.eye(3, dtype=int)).all(axis=(1, 2))
    translations = found["translations"][identity]

    hkl, u = _strengths(crystal)
    phase = hkl @ translations.T
    forbidden = (np.abs(phase - np.rint(phase)) > 0.02).any(axis=1)
    # What the crystal's own lattice forbids is zero up to rounding.
    strongest = u[forbidden].max(initial=0)
    if strongest < 1e-9 * u.max(initial=1):
        return 1.0
    return float(strongest / u.max())


def strength_of_lattice(crystal: Crystal) -> float:
    """Return how strong the reflections are by which the crystal's lattice
    is told from those of smaller cells.

    Parameters
    ----------
    crystal
        The crystal.

    Returns
    -------
    strength
        Of each lattice with half and a third of the crystal's primitive
        cell, of which there are 7 and 13, the Fourier coefficient of the
        potential of the strongest reflection that it forbids; the smallest
        of these, relative to the strongest of all down to a spacing of 1
        Å.

    See Also
    --------
    strength_of_order
        Smaller cells of the same positions only, whatever their size.

    Examples
    --------
    >>> from kikuchipy_symml.crystals import library
    >>> from kikuchipy_symml.simulation._order import strength_of_lattice
    >>> crystals = {crystal.name: crystal for crystal in library()}
    >>> round(strength_of_lattice(crystals["Awaruite"]), 2)  # Ni3Fe
    0.02
    >>> round(strength_of_lattice(crystals["Ni"]), 1)
    0.9
    """
    hkl, u = _strengths(crystal)
    primitive = PRIMITIVE[centring(crystal.space_group)]
    whole = np.rint(hkl @ primitive.T).astype(int)
    weakest = 1.0
    for n in (2, 3):
        for way in product(range(n), repeat=3):
            opposite = tuple(-i % n for i in way)
            if any(way) and way <= opposite:
                forbidden = whole @ way % n != 0
                strongest = u[forbidden].max(initial=0) / u.max()
                weakest = min(weakest, float(strongest))
    return weakest


def strength_of_metric(crystal: Crystal) -> float:
    """Return how well the strengths of reflections tell that the crystal's
    lattice has not the higher symmetry that it nearly has.

    Parameters
    ----------
    crystal
        The crystal.

    Returns
    -------
    strength
        Of each operation that nearly maps the lattice onto itself, but not
        wholly, the largest difference between the Fourier coefficients of
        the potential of two reflections that it would make equal; the
        smallest of these, relative to the strongest reflection of all down
        to a spacing of 1 Å. One if there are no such operations.

    Examples
    --------
    >>> from kikuchipy_symml.crystals import library
    >>> from kikuchipy_symml.simulation._order import strength_of_metric
    >>> crystals = {crystal.name: crystal for crystal in library()}
    >>> strength_of_metric(crystals["Ni"])
    1.0
    """
    whole = PRIMITIVE[centring(crystal.space_group)]
    primitive = whole @ crystal.matrix
    basis, operations = near_operations(primitive)
    metric = basis @ basis.T
    images = operations @ metric @ operations.swapaxes(1, 2)
    off = np.abs(images - metric).max(axis=(1, 2))
    nearly = operations[off > _EXACT * np.trace(metric)]
    if len(nearly) == 0:
        return 1.0
    hkl, u = _strengths(crystal)
    # From indices in the conventional cell to those in the reduced one.
    reduce = np.rint(basis @ np.linalg.inv(primitive)) @ whole
    # Others have no image: the centring forbids them.
    there = np.abs(hkl @ whole.T - np.rint(hkl @ whole.T)).max(axis=1) < 0.1
    hkl, u = hkl[there], u[there]
    potential = _Potential(crystal, 1.0)
    told = []
    for operation in nearly:
        image = hkl @ (np.linalg.inv(reduce) @ operation @ reduce).T
        other = np.abs(potential(np.rint(image).astype(int)))
        told.append(np.abs(other - u).max())
    return float(min(told) / u.max())


def _strengths(crystal: Crystal) -> tuple[np.ndarray, np.ndarray]:
    """Indices of half of all reflections in the conventional cell, and the
    size of the Fourier coefficients of the potential."""
    reach = np.linalg.norm(crystal.matrix, axis=1) / _D_MIN
    ranges = [np.arange(-int(n), int(n) + 1) for n in np.ceil(reach)]
    hkl = np.stack(np.meshgrid(*ranges, indexing="ij"), axis=-1)
    hkl = hkl.reshape(-1, 3)
    hkl = hkl[len(hkl) // 2 + 1 :]
    length = np.linalg.norm(hkl @ np.linalg.inv(crystal.matrix).T, axis=1)
    hkl = hkl[length < 1 / _D_MIN]
    return hkl, np.abs(_Potential(crystal, 1.0)(hkl))
