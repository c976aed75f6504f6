# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest

from kikuchipy_symml.crystals import Crystal, library
from kikuchipy_symml.simulation._bands import _Potential
from kikuchipy_symml.simulation._order import (
    strength_of_lattice,
    strength_of_metric,
    strength_of_order,
)


@pytest.fixture(scope="module")
def real():
    return {crystal.name: crystal for crystal in library()}


@pytest.mark.parametrize(
    ("name", "superlattice", "strongest"),
    [
        # L1_2: 110 beside 111; B2: 100 beside 110
        ("Ni3Si", (1, 1, 0), (1, 1, 1)),
        ("NiAl", (1, 0, 0), (1, 1, 0)),
        # Rock salt: with one element it would be primitive, of half the
        # cell; 111 beside 200
        ("Sylvite", (1, 1, 1), (2, 0, 0)),
    ],
)
def test_by_hand(real, name, superlattice, strongest):
    crystal = real[name]
    u = np.abs(_Potential(crystal, 1.0)(np.array([superlattice, strongest])))
    assert strength_of_order(crystal) == pytest.approx(u[0] / u[1], rel=1e-6)


@pytest.mark.parametrize(
    "name", ["Ni", "Fe (Im-3m)", "Mg", "Si (Fd-3m, cF8)", "Rutile"]
)
def test_nothing_is_ordered(real, name):
    assert strength_of_order(real[name]) == 1


def test_alike_and_different(real):
    """The more elements differ, the better it is seen."""
    names = ["Awaruite", "Ni3Si", "Al3Sc", "Auricupride"]
    strengths = [strength_of_order(real[name]) for name in names]
    assert strengths == sorted(strengths)
    assert strengths[0] < 0.03 and strengths[-1] > 0.2


def test_polarity_is_no_order(crystals):
    """Gallium arsenide has the lattice that it has with one element; what
    differs, and is weak, are reflections that a glide plane forbids."""
    assert strength_of_order(crystals["GaAs"]) == 1


def test_cells_that_hardly_differ(real):
    """Atoms that are off a simpler structure's sites, and all that is
    ordered, in terms of the cell that is left."""
    assert strength_of_lattice(real["Ni"]) > 0.5
    assert strength_of_lattice(real["Awaruite"]) < 0.03
    # Perovskites: one of the cubic cell, others of two or four of those
    assert strength_of_lattice(real["Tausonite (Pm-3m)"]) > 0.2
    assert strength_of_lattice(real["Isolueshite (Cmcm)"]) < 0.2


def test_a_smaller_cell_by_hand(real):
    """Of B2 the halves of the cell forbid 100 or 111, but not 110."""
    crystal = real["NiAl"]
    u = np.abs(_Potential(crystal, 1.0)(np.array([(1, 0, 0), (1, 1, 0)])))
    assert strength_of_lattice(crystal) == pytest.approx(u[0] / u[1])


def cell_of(cell, centre, space_group, z=0.5):
    """Copper at the corners, and others in the middle."""
    return Crystal(
        name="made",
        space_group=space_group,
        cell=(*cell, 90.0, 90.0, 90.0),
        elements=("Cu", centre),
        positions=np.array([(0, 0, 0), (0.5, 0.5, z)]),
        occupancies=np.ones(2),
        u_iso=np.full(2, 0.006),
    )


def test_nothing_is_nearly_so(real):
    """Cubic and hexagonal lattices, and one far from being cubic."""
    for name in ("Ni", "Fe (Im-3m)", "Mg", "Rutile"):
        assert strength_of_metric(real[name]) == 1


def test_atoms_that_are_as_symmetric_as_the_nearby_lattice():
    """Only the cell is not cubic: reflections are as strong."""
    close = cell_of((4.0, 4.0, 4.05), "Al", 123)
    assert strength_of_metric(close) < 0.03


def test_a_difference_by_hand():
    """An atom moved off the middle along c: 001 and 100 differ."""
    crystal = cell_of((4.0, 4.0, 4.04), "Au", 99, z=0.4)
    strength = strength_of_metric(crystal)
    u = np.abs(_Potential(crystal, 1.0)(np.array([(0, 0, 1), (1, 0, 0)])))
    assert 0.05 < abs(u[0] - u[1]) / u.max() <= strength < 1


def test_what_tells_a_centred_lattice(real):
    """Reflections are compared in the lattice, whatever its cell."""
    tetragonal = real["U3Si"]
    assert 0.1 < strength_of_metric(tetragonal) < 0.2
    rhombohedral = real["LaAlO3"]
    assert 0.05 < strength_of_metric(rhombohedral) < 0.1
