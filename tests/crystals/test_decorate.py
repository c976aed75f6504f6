# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decorated crystals keep the structure type and change all else."""

import numpy as np
import pytest

pytest.importorskip("spglib")

import spglib

from kikuchipy_symml.crystals import _decorate
from kikuchipy_symml.crystals._crystal import Crystal
from kikuchipy_symml.crystals._decorate import decorated
from kikuchipy_symml.crystals._metric import is_clear
from kikuchipy_symml.crystals._random import (
    SymmetryMismatchError,
    random_crystal,
)

pytestmark = pytest.mark.filterwarnings("ignore:Set OLD_ERROR_HANDLING")


def make(name, space_group, cell, atoms, occupancies=None):
    elements, positions = zip(*atoms, strict=True)
    n = len(elements)
    return Crystal(
        name=name,
        space_group=space_group,
        cell=cell,
        elements=elements,
        positions=np.array(positions, dtype=float),
        occupancies=np.ones(n) if occupancies is None else occupancies,
        u_iso=np.full(n, 0.005),
        structure_type=name,
    )


@pytest.fixture
def rutile():
    u = 0.305
    return make(
        "rutile",
        136,
        (4.594, 4.594, 2.959, 90.0, 90.0, 90.0),
        [
            ("Ti", (0, 0, 0)),
            ("Ti", (0.5, 0.5, 0.5)),
            ("O", (u, u, 0)),
            ("O", (1 - u, 1 - u, 0)),
            ("O", (0.5 + u, 0.5 - u, 0.5)),
            ("O", (0.5 - u, 0.5 + u, 0.5)),
        ],
    )


@pytest.fixture
def mixed_rock_salt():
    """(Fe, Mn)O with both metals on one site."""
    metal = [(0, 0, 0), (0, 0.5, 0.5), (0.5, 0, 0.5), (0.5, 0.5, 0)]
    oxygen = [tuple((np.array(p) + 0.5) % 1) for p in metal]
    atoms = [("Fe", p) for p in metal] + [("Mn", p) for p in metal]
    atoms += [("O", p) for p in oxygen]
    occupancies = np.repeat([0.6, 0.4, 1.0], 4)
    cell = (4.36, 4.36, 4.36, 90.0, 90.0, 90.0)
    return make("rock salt", 225, cell, atoms, occupancies)


def found(crystal):
    """Space group by spglib, of one atom to a site."""
    _, kinds = np.unique(crystal.elements, return_inverse=True)
    dataset = spglib.get_symmetry_dataset(
        (crystal.matrix, crystal.positions, kinds), symprec=0.01
    )
    return dataset.number


class TestDecorated:
    def test_rutile(self, rutile, rng):
        ratios, coordinates = [], []
        for _ in range(20):
            new = decorated(rutile, rng)
            assert new.space_group == found(new) == 136
            metal, oxygen = new.elements[0], new.elements[2]
            assert new.elements == (metal,) * 2 + (oxygen,) * 4
            assert metal != oxygen
            assert {metal, oxygen} != {"Ti", "O"}
            assert new.structure_type == "rutile"
            a, b, c, *angles = new.cell
            assert a == pytest.approx(b)
            assert angles == pytest.approx([90, 90, 90])
            ratios.append(c / a)
            x, y, z = new.positions[2]
            assert x == pytest.approx(y)
            assert z == pytest.approx(0, abs=1e-9)
            coordinates.append(x)
            assert np.all(new.positions[:2] % 0.5 == 0)
        # Changed, by a few per cent.
        assert 0.005 < np.std(ratios) < 0.06
        assert np.mean(ratios) == pytest.approx(2.959 / 4.594, rel=0.06)
        assert 0.002 < np.std(coordinates) < 0.04
        assert np.mean(coordinates) == pytest.approx(0.305, abs=0.03)

    def test_size_follows_the_elements(self, rutile, rng, monkeypatch):
        """Radii half as long again make edges half as long again."""
        large = {"Ti": "Ca", "O": "F"}
        radii = {"Ti": 1.4, "O": 0.6, "Ca": 2.1, "F": 0.9}
        monkeypatch.setattr(_decorate, "RADII", radii)
        monkeypatch.setattr(
            _decorate,
            "_substituted",
            lambda rng, elements, n: tuple(large[e] for e in elements),
        )
        monkeypatch.setattr(_decorate, "VOLUME_RATIO", (0.1, 10))
        ratios = [
            np.cbrt(decorated(rutile, rng).volume / rutile.volume)
            for _ in range(20)
        ]
        assert np.mean(ratios) == pytest.approx(1.5, rel=0.05)

    def test_shared_sites(self, mixed_rock_salt, rng):
        new = decorated(mixed_rock_salt, rng)
        assert new.space_group == 225
        assert len(set(new.elements)) == 3
        np.testing.assert_array_equal(
            new.occupancies, mixed_rock_salt.occupancies
        )
        np.testing.assert_array_equal(new.positions[:4], new.positions[4:8])
        # The metals alone and the oxygen: F-centred to spglib as well.
        kinds = [0] * 4 + [1] * 4
        cell = (new.matrix, new.positions[4:], kinds)
        assert spglib.get_symmetry_dataset(cell, 0.01).number == 225

    @pytest.mark.parametrize(
        "space_group", [1, 2, 5, 14, 40, 62, 88, 122, 148, 161, 186, 205, 227]
    )
    def test_random_crystals(self, space_group, rng):
        old = random_crystal(rng, space_group)
        new = decorated(old, rng)
        assert new.space_group == found(new) == space_group
        assert new.cell != old.cell
        assert new.elements != old.elements
        assert len(set(new.elements)) == len(set(old.elements))
        assert new.structure_type == old.name
        assert is_clear(new.matrix, space_group)
        assert np.all((new.u_iso >= 0.002) & (new.u_iso <= 0.015))

    def test_pseudosymmetric_cell_moves_clear(self, rng):
        """A monoclinic cell with beta of 90.2 degrees."""
        atoms = [
            ("Fe", (0.10, 0.25, 0.15)),
            ("Fe", (0.90, 0.75, 0.85)),
            ("S", (0.40, 0.25, 0.70)),
            ("S", (0.60, 0.75, 0.30)),
        ]
        old = make("skew", 11, (4.0, 3.5, 5.2, 90.0, 90.2, 90.0), atoms)
        new = decorated(old, rng)
        assert found(new) == 11
        assert abs(new.cell[4] - 90) > 1.9
        # It may stay where it is, if that is asked for.
        stayed = [decorated(old, rng, near=True) for _ in range(5)]
        assert {found(crystal) for crystal in stayed} == {11}
        assert min(abs(crystal.cell[4] - 90) for crystal in stayed) < 1.9

    def test_deterministic(self, rutile):
        first, again, other = (
            decorated(rutile, np.random.default_rng(seed))
            for seed in (1, 1, 2)
        )
        assert first.cell == again.cell
        assert first.elements == again.elements
        np.testing.assert_array_equal(first.positions, again.positions)
        assert first.cell != other.cell

    def test_input_is_left_alone(self, rutile, rng):
        before = rutile.positions.copy()
        decorated(rutile, rng)
        np.testing.assert_array_equal(rutile.positions, before)

    def test_wrong_space_group(self, rutile, rng):
        wrong = Crystal(**{**vars_of(rutile), "space_group": 137})
        with pytest.raises(ValueError, match="finds space group 136, .* 137"):
            decorated(wrong, rng)

    def test_unknown_element(self, rutile, rng):
        elements = ("Xx",) * 2 + rutile.elements[2:]
        wrong = Crystal(**{**vars_of(rutile), "elements": elements})
        with pytest.raises(ValueError, match="no radius is known for 'Xx'"):
            decorated(wrong, rng)

    def test_gives_up(self, rutile, rng, monkeypatch):
        monkeypatch.setattr(_decorate, "has_space_group", lambda *_: False)
        monkeypatch.setattr(_decorate, "MAX_ATTEMPTS", 3)
        with pytest.raises(SymmetryMismatchError, match="in 3 attempts"):
            decorated(rutile, rng)


def vars_of(crystal):
    names = (
        "name space_group cell elements positions occupancies u_iso"
    ).split()
    return {name: getattr(crystal, name) for name in names}
