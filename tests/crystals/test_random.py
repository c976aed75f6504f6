# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random crystals have the symmetry they claim and look like crystals."""

import itertools

import numpy as np
import pytest

pytest.importorskip("spglib")

import spglib
from diffpy.structure.spacegroups import GetSpaceGroup

from kikuchipy_symml.crystals import _random
from kikuchipy_symml.crystals._metric import (
    PRIMITIVE,
    cell_matrix,
    cell_parameters,
    is_clear,
    near_operations,
)
from kikuchipy_symml.crystals._radii import ELEMENTS, RADII
from kikuchipy_symml.crystals._random import distances_from, random_crystal
from kikuchipy_symml.crystals._wyckoff import (
    BRAVAIS_LATTICES,
    GRID,
    bravais_lattice,
    centring,
    operations,
    space_groups_by_lattice,
    wyckoff_positions,
)

pytestmark = pytest.mark.filterwarnings("ignore:Set OLD_ERROR_HANDLING")


@pytest.fixture(scope="module")
def crystals():
    """One crystal of each space group."""
    rng = np.random.default_rng(11)
    return [random_crystal(rng, number) for number in range(1, 231)]


def kinds(crystal):
    return np.unique(crystal.elements, return_inverse=True)[1]


def all_distances(crystal):
    """Distances of each pair in the nearest of 125 cells, (n, n)."""
    shifts = np.array(list(itertools.product(range(-2, 3), repeat=3)))
    n = len(crystal.elements)
    distances = np.full((n, n), np.inf)
    apart = crystal.positions[:, np.newaxis] - crystal.positions
    for shift in shifts:
        d = np.linalg.norm((apart + shift) @ crystal.matrix, axis=2)
        d[d < 1e-3] = np.inf
        distances = np.minimum(distances, d)
    return distances


class TestWyckoff:
    def test_number_of_positions(self):
        # International Tables A list 1731 in all space groups.
        numbers = [len(wyckoff_positions(g)) for g in range(1, 231)]
        assert sum(numbers) == 1731
        assert [numbers[g - 1] for g in (1, 2, 47, 225)] == [1, 9, 27, 12]

    def test_setting_is_that_of_diffpy(self):
        """And so of orix, which takes its space groups from there."""
        for number in range(1, 231):
            rotations, translations = operations(number)
            own = {
                (*r.ravel().tolist(), *t.tolist())
                for r, t in zip(rotations, translations, strict=True)
            }
            others = {
                tuple(
                    np.rint([*op.R.ravel(), *(op.t * GRID % GRID)])
                    .astype(int)
                    .tolist()
                )
                for op in GetSpaceGroup(number).iter_symops()
            }
            assert own == others, number

    @pytest.mark.parametrize("space_group", [12, 70, 142, 167, 194, 227, 230])
    def test_points_are_whole_orbits(self, space_group, rng):
        rotations, translations = operations(space_group)
        for position in wyckoff_positions(space_group):
            points = position.points(rng.random(3))
            assert points.shape == (position.multiplicity, 3)
            images = rotations @ points[0] + translations / GRID
            apart = images[:, np.newaxis] - points
            apart = np.abs(apart - np.rint(apart)).max(axis=2) < 1e-9
            # Every image is a point, and each as often as any other.
            assert np.all(apart.sum(axis=1) == 1)
            assert len(set(apart.sum(axis=0).tolist())) == 1

    def test_freedom(self):
        # Pm-3m in International Tables A.
        found = [(p.multiplicity, p.freedom) for p in wyckoff_positions(221)]
        assert found == [
            (1, 0), (1, 0), (3, 0), (3, 0), (6, 1), (6, 1), (8, 1), (12, 1),
            (12, 1), (12, 1), (24, 2), (24, 2), (24, 2), (48, 3),
        ]  # fmt: skip

    def test_lattices(self):
        groups = space_groups_by_lattice()
        assert tuple(groups) == BRAVAIS_LATTICES
        assert sum(len(g) for g in groups.values()) == 230
        named = {"aP": 2, "mS": 15, "oS": 38, "oF": 70, "tI": 139, "hR": 166}
        for lattice, number in named.items():
            assert number in groups[lattice]


class TestMetric:
    @pytest.mark.parametrize(
        ("centring", "cell", "order"),
        [
            ("P", (1, 1.3, 1.6, 80, 83, 75), 2),
            ("P", (1, 1.3, 1.6, 90, 105, 90), 4),
            ("P", (1, 1.3, 1.6, 90, 90, 90), 8),
            ("P", (1, 1, 1.6, 90, 90, 120), 24),
            ("I", (1, 1, 1.2, 90, 90, 90), 16),
            # Higher than the cell shows:
            ("I", (1, 1, 2**0.5, 90, 90, 90), 48),
            ("R", (1, 1, 6**0.5, 90, 90, 120), 48),
            ("R", (1, 1, 1.5**0.5, 90, 90, 120), 48),
            ("R", (1, 1, 6**0.5 / 4, 90, 90, 120), 48),
            ("C", (1, 3**0.5, 1.6, 90, 90, 90), 24),
            ("P", (1, 1.3, 1, 90, 105, 90), 8),
            ("C", (1, 1, 1.6, 90, 90, 90), 16),
            # Near enough, and just not:
            ("I", (1, 1, 1.02 * 2**0.5, 90, 90, 90), 48),
            ("I", (1, 1, 1.08 * 2**0.5, 90, 90, 90), 16),
            ("P", (1, 1.02, 1.6, 90, 90, 90), 16),
            ("P", (1, 1.05, 1.6, 90, 90, 90), 8),
            ("P", (1, 1.3, 1.6, 90, 91.5, 90), 8),
            ("P", (1, 1.3, 1.6, 90, 92.5, 90), 4),
        ],
    )
    def test_order(self, centring, cell, order):
        matrix = PRIMITIVE[centring] @ cell_matrix(cell)
        basis, operations = near_operations(matrix)
        assert len(operations) == order
        np.testing.assert_allclose(
            np.linalg.norm(operations @ basis, axis=2),
            np.tile(np.linalg.norm(basis, axis=1), (order, 1)),
            rtol=0.04,
        )

    def test_how_near_is_near(self):
        matrix = cell_matrix((1, 1.02, 1.6, 90, 90, 90))
        assert len(near_operations(matrix, 0.55)[1]) == 16
        assert len(near_operations(matrix, 0.45)[1]) == 8
        assert not is_clear(matrix, 47)
        assert is_clear(matrix, 47, 0.45)

    def test_cell_there_and_back(self):
        cell = (3.0, 4.0, 5.0, 80.0, 95.0, 101.0)
        matrix = cell_matrix(cell)
        np.testing.assert_allclose(cell_parameters(matrix @ matrix.T), cell)


class TestDistances:
    def test_point_that_is_nearly_another(self):
        orbit = np.array([[0.3, 0.3, 0.1], [0.3, 0.30001, 0.1]])
        found = distances_from(orbit[0], [orbit], 5 * np.eye(3))
        np.testing.assert_allclose(found, 5e-5, rtol=1e-6)

    def test_point_itself(self):
        orbit = np.array([[0.3, 0.3, 0.1]])
        found = distances_from(orbit[0], [orbit], 5 * np.eye(3))
        np.testing.assert_allclose(found, 5)


class TestRandomCrystal:
    def test_space_groups(self, crystals):
        for number, crystal in enumerate(crystals, start=1):
            assert crystal.space_group == number
            dataset = spglib.get_symmetry_dataset(
                (crystal.matrix, crystal.positions, kinds(crystal)), 0.01
            )
            assert dataset.number == number, crystal

    def test_positions_obey_the_operations_of_the_setting(self, crystals):
        for crystal in crystals:
            rotations, translations = operations(crystal.space_group)
            x = crystal.positions
            images = x @ np.swapaxes(rotations, 1, 2)
            images += translations[:, np.newaxis] / GRID
            for image in images[:: max(1, len(images) // 6)]:
                apart = image[:, np.newaxis] - x
                apart = np.abs(apart - np.rint(apart)).max(axis=2)
                target = apart.argmin(axis=1)
                assert apart.min(axis=1).max() < 1e-6
                assert np.all(kinds(crystal)[target] == kinds(crystal))

    def test_metric_is_clear(self, crystals):
        for crystal in crystals:
            assert is_clear(crystal.matrix, crystal.space_group)

    def test_metric_against_spglib(self, crystals):
        """An empty lattice has its own holohedry, also to spglib."""
        largest = {
            "aP": 2, "mP": 10, "mS": 12, "oP": 47, "oS": 65, "oI": 71,
            "oF": 69, "tP": 123, "tI": 139, "hR": 166, "hP": 191, "cP": 221,
            "cI": 229, "cF": 225,
        }  # fmt: skip
        for crystal in crystals:
            lattice = bravais_lattice(crystal.space_group)
            letter = centring(crystal.space_group)
            primitive = PRIMITIVE[letter] @ crystal.matrix
            edge = np.linalg.norm(primitive, axis=1).min()
            dataset = spglib.get_symmetry_dataset(
                (primitive, np.zeros((1, 3)), [1]), symprec=0.015 * edge
            )
            assert dataset.number == largest[lattice], crystal

    def test_distances(self, crystals):
        for crystal in crystals:
            radii = np.array([RADII[e] for e in crystal.elements])
            contact = all_distances(crystal) / (radii[:, np.newaxis] + radii)
            assert contact.min() >= 0.75

    def test_looks_like_a_crystal(self, crystals):
        for crystal in crystals:
            n = len(crystal.elements)
            most = 112 if crystal.space_group in _random.LARGE_GROUPS else 48
            assert 1 <= n <= most
            assert 8.99 <= crystal.volume / n <= 24.01
            assert set(crystal.elements) <= set(ELEMENTS)
            assert np.all((crystal.u_iso >= 0.002) & (crystal.u_iso <= 0.015))
            assert np.all(crystal.occupancies == 1)
            assert np.all((crystal.positions >= 0) & (crystal.positions < 1))

    def test_deterministic(self):
        first, again, other = (
            random_crystal(np.random.default_rng(seed), 62)
            for seed in (5, 5, 6)
        )
        assert first.cell == again.cell
        assert first.elements == again.elements
        np.testing.assert_array_equal(first.positions, again.positions)
        np.testing.assert_array_equal(first.u_iso, again.u_iso)
        assert first.cell != other.cell

    @pytest.mark.parametrize("lattice", BRAVAIS_LATTICES)
    def test_of_a_lattice(self, lattice, rng):
        crystal = random_crystal(rng, bravais_lattice=lattice)
        assert crystal.space_group in space_groups_by_lattice()[lattice]

    def test_lattices_come_evenly(self, rng):
        drawn = [
            bravais_lattice(_random._choose_space_group(rng, None, None))
            for _ in range(2800)
        ]
        counts = np.array([drawn.count(b) for b in BRAVAIS_LATTICES])
        assert np.all(np.abs(counts - 200) < 60)

    def test_no_class_of_elements_dominates(self, crystals):
        used = [e for c in crystals for e in set(c.elements)]
        assert len(set(used)) > 50
        assert max(used.count(e) for e in set(used)) < 0.12 * len(used)

    @pytest.mark.parametrize("lattice", BRAVAIS_LATTICES)
    def test_nearly_of_higher_symmetry(self, lattice, rng):
        crystal = random_crystal(rng, bravais_lattice=lattice, near=True)
        kinds = np.unique(crystal.elements, return_inverse=True)[1]
        cell = (crystal.matrix, crystal.positions, kinds)
        found = spglib.get_symmetry_dataset(cell, symprec=0.05).number
        assert found == crystal.space_group
        highest = lattice == "hP" or lattice[0] == "c"
        assert is_clear(crystal.matrix, crystal.space_group) == highest

    @pytest.mark.parametrize("number", [0, 231, -3])
    def test_no_such_space_group(self, number, rng):
        with pytest.raises(ValueError, match=f"{number} is not in 1 to 230"):
            random_crystal(rng, number)

    def test_no_such_lattice(self, rng):
        with pytest.raises(ValueError, match="'cX' is not one of aP, mP"):
            random_crystal(rng, bravais_lattice="cX")

    def test_contradiction(self, rng):
        with pytest.raises(ValueError, match="225 has .* cF, not cI"):
            random_crystal(rng, 225, "cI")

    def test_gives_up(self, rng, monkeypatch):
        monkeypatch.setattr(_random, "MAX_ATTEMPTS", 3)
        monkeypatch.setattr(_random, "has_space_group", lambda *_: False)
        with pytest.raises(_random.SymmetryMismatchError, match="group 62"):
            random_crystal(rng, 62)
