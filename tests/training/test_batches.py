# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
from dataclasses import replace

import numpy as np
import pytest

from kikuchipy_symml.crystals import library
from kikuchipy_symml.simulation import (
    BandStack,
    band_profiles,
    draw_patterns,
)
from kikuchipy_symml.symmetry import class_index
from kikuchipy_symml.training import Shards, _batches, _made_up
from kikuchipy_symml.training._batches import Batches, draw_set
from kikuchipy_symml.training._masters import dynamical_masters

LATTICE = class_index("bravais_lattice")


@pytest.fixture(scope="module")
def batches(recipe, shards):
    return Batches(recipe, shards)


def test_batch(batches, recipe):
    views, numbers, truth = batches(0)
    assert views.shape == (8, 32, 32, 2) and views.dtype == np.float32
    assert numbers.shape == (8,)
    assert numbers.min() >= 0 and numbers.max() <= 230
    assert np.isfinite(views).all()
    assert np.all(views[..., 1].sum(axis=(1, 2)) > 100)
    np.testing.assert_allclose(
        np.linalg.norm(truth.normals, axis=-1)[truth.families >= 0],
        1,
        atol=1e-5,
    )


def test_same_by_step(batches, recipe, shards):
    """Whatever was drawn before."""
    views, numbers, truth = Batches(recipe, shards)(2)
    again, numbers_again, truth_again = batches(2)
    np.testing.assert_array_equal(views, again)
    np.testing.assert_array_equal(numbers, numbers_again)
    np.testing.assert_array_equal(truth.angles, truth_again.angles)
    other, _, _ = batches(3)
    assert not np.array_equal(views, other)
    ahead, _, _ = batches.ahead(2)
    assert not np.array_equal(views, ahead)


def test_in_order_from_threads(batches):
    expected = [batches(i) for i in range(1, 6)]
    found = list(batches.iterate(1, 6, lambda views, _: views, threads=3))
    assert len(found) == 5
    for (a, i, _), (b, j) in zip(expected, found, strict=True):
        np.testing.assert_array_equal(a, b)
        np.testing.assert_array_equal(i, j)
    assert list(batches.iterate(4, 4, lambda *_: None)) == []


def test_batches_are_taken_again(recipe):
    """Also where training goes on in the middle; each is drawn once."""
    optimiser = replace(recipe.optimiser, repeats=3, pool=4)
    drawn = []

    class Counted(Batches):
        def __call__(self, number):
            drawn.append(number)
            return number, -number, None

    batches = Counted(replace(recipe, optimiser=optimiser), None)
    order = [0, 1, 2, 3] * 3 + [4, 5, 6, 7] * 3
    assert [batches.batch_of(i) for i in range(24)] == order
    for first in (0, 5):
        drawn.clear()
        found = list(batches.iterate(first, 22, lambda views, _: 2 * views))
        assert found == [(2 * i, -i) for i in order[first:22]]
        assert sorted(drawn) == list(range(8))


@pytest.mark.parametrize("dynamical", [0, 1])
def test_several_patterns_of_a_crystal(recipe, shards, dynamical):
    """One after the other, in orientations of their own."""
    optimiser = replace(recipe.optimiser, batch=12, per_crystal=3)
    crystals = replace(recipe.crystals, dynamical=dynamical, empty=0)
    grouped = replace(recipe, optimiser=optimiser, crystals=crystals)
    views, numbers, truth = Batches(grouped, shards)(0)
    assert len(views) == len(truth.angles) == 12
    for of_each in (numbers, truth.angles, truth.families):
        first = of_each[::3]
        np.testing.assert_array_equal(of_each, np.repeat(first, 3, axis=0))
        assert any(not np.array_equal(first[0], i) for i in first[1:])
    for i, j in ((0, 1), (0, 2), (1, 2)):
        assert not np.allclose(truth.normals[i], truth.normals[j], atol=0.1)
        assert (
            np.corrcoef(views[i, ..., 0].flat, views[j, ..., 0].flat)[0, 1]
            < 0.5
        )


def part_of(shard, which):
    """Some crystals of a shard."""
    arrays = {
        name: getattr(shard, name)[which]
        for name in ("source", "space_groups", "sources", "atoms", "order")
    }
    names = [shard.names[i] for i in which]
    identities = [shard.identities[i] for i in which]
    return replace(shard, names=names, identities=identities, **arrays)


@pytest.fixture
def of_many_beams(recipe, shards, monkeypatch):
    """Batches of many beams of two parts, and these; the rest of each
    crystal is its number."""
    crystals = replace(
        recipe.crystals, many_beam=1.0, many_beam_shards=2, empty=0
    )
    optimiser = replace(recipe.optimiser, batch=64, per_crystal=1, fused=0.0)
    variety = replace(recipe.variety, strain=0.02, scale=0.1, strength=0.3)
    own = Shards(
        replace(
            recipe, crystals=crystals, optimiser=optimiser, variety=variety
        ),
        shards.directory.parent,
    )
    parts = {}
    for number in (0, 1):
        shard = shards.made_up(number)
        lattices = LATTICE[shard.space_groups - 1]
        first = [np.flatnonzero(lattices == b)[0] for b in range(14)]
        shard = part_of(shard, first)
        rest = np.arange(14, dtype=np.float32) + 14 * number
        rest = np.tile(rest[:, None, None, None], (1, 2, 5, 5))
        parts[number] = rest, shard
    monkeypatch.setattr(own, "many_beams", lambda number, _: parts[number])
    return Batches(own.recipe, own), parts


def test_many_beams(of_many_beams):
    """Each pattern is of the rest that goes with its bands."""
    batches, parts = of_many_beams
    stack, rest, numbers = batches._choose_many_beams(np.random.default_rng(0))
    assert len(rest.masters) == len(stack) == len(numbers) == 64
    which = rest.masters[:, 0, 0, 0]
    for i, number, k in zip(which, numbers, range(64), strict=True):
        of, i = divmod(int(i), 14)
        shard = parts[of][1]
        assert number == shard.space_groups[i]
        # Strained as the rest is, and not scaled.
        one = shard.source[[i]]
        there = one.reach[0] > 0
        vectors = (one.normals[0] * one.bragg[0, :, None])[there]
        vectors = vectors @ rest.to_unstrained()[k]
        bragg = stack.bragg[k, : len(there)][there]
        np.testing.assert_allclose(
            np.linalg.norm(vectors, axis=1), bragg, rtol=1e-4
        )
    assert len(np.unique(which)) > 20
    assert rest.strain.std() > 0.005


def test_simple_ones_are_not_of_all_lattices(of_many_beams, monkeypatch):
    """Every lattice is as likely all the same."""
    batches, parts = of_many_beams
    rest, shard = parts[1]
    cubic = np.flatnonzero(shard.space_groups >= 195)
    simple = part_of(shard, cubic)
    crystals = replace(
        batches.recipe.crystals, many_beam_shards=1, many_beam_simple=1
    )
    recipe = replace(batches.recipe, crystals=crystals)
    own = Shards(recipe, batches.shards.directory.parent)
    monkeypatch.setattr(
        own,
        "many_beams",
        lambda number, of_simple: (
            (rest[cubic] + 100, simple) if of_simple else parts[0]
        ),
    )
    drawn, lattices = [], []
    for seed in range(10):
        _, rest_of, numbers = Batches(recipe, own)._choose_many_beams(
            np.random.default_rng(seed)
        )
        drawn.append(rest_of.masters[:, 0, 0, 0] >= 100)
        lattices.append(LATTICE[numbers - 1])
    drawn, lattices = np.concatenate(drawn), np.concatenate(lattices)
    counts = np.bincount(lattices, minlength=14)
    assert counts.min() > 25 and counts.max() < 70
    assert not drawn[lattices < 11].any()
    assert 0.3 < drawn[lattices >= 11].mean() < 0.7


def test_many_beams_are_varied(of_many_beams):
    """A crystal that is drawn again has other strengths of bands."""
    batches, _ = of_many_beams
    stack, rest, _ = batches._choose_many_beams(np.random.default_rng(0))
    which = rest.masters[:, 0, 0, 0]
    values, counts = np.unique(which, return_counts=True)
    first, second, *_ = np.flatnonzero(which == values[counts.argmax()])
    ratio = np.abs(stack.profiles[first]).max(axis=1) / np.maximum(
        np.abs(stack.profiles[second]).max(axis=1), 1e-6
    )
    assert np.log(ratio[stack.reach[first] > 0]).std() > 0.1


def test_views_of_many_beams(of_many_beams):
    batches, _ = of_many_beams
    views, numbers, truth = batches(0)
    assert len(views) == len(numbers) == len(truth.angles) == 64
    assert np.isfinite(views).all()
    assert (truth.angles[..., 0].max(axis=1) > 0).all()


def test_error_in_a_thread_is_raised(batches):
    def fail(views, truth):
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        list(batches.iterate(0, 3, fail))


def test_shards_come_into_use(batches, recipe):
    used = [batches.shards.in_use(i) for i in (0, 2, 3, 100)]
    assert used == [range(1), range(1), range(2), range(2)]
    later = replace(recipe, crystals=replace(recipe.crystals, skip=5))
    shards = Shards(later, batches.shards.directory.parent)
    assert shards.in_use(2) == range(5, 6)
    assert shards.in_use(3) == range(5, 7)
    # They are the same crystals, whichever recipe asks for them.
    assert shards.directory == batches.shards.directory


def test_lattices_and_sources_are_drawn_evenly(batches):
    rng = np.random.default_rng(1)
    lattices, sources = [], []
    for _ in range(150):
        for shard, i in batches._choose(rng, range(2)):
            lattices.append(LATTICE[shard.space_groups[i] - 1])
            sources.append(shard.sources[i])
    counts = np.bincount(lattices, minlength=14) / len(lattices)
    np.testing.assert_allclose(counts, 1 / 14, atol=0.035)
    random, decorated, library = np.bincount(sources, minlength=3) / len(
        sources
    )
    # The small library has three of the lattices; decorated crystals
    # stand in for the others.
    assert random == pytest.approx(0.4, abs=0.05)
    assert library == pytest.approx(0.2 * 3 / 14, abs=0.03)
    assert decorated == pytest.approx(1 - random - library)


def test_draw_set(recipe, shards):
    shard = shards.library("seen_type")
    views, numbers, crystals = draw_set(
        recipe, shard, seed=1, patterns=20, batch=16
    )
    assert views.shape == (32, 32, 32, 2)
    np.testing.assert_array_equal(numbers, shard.space_groups[crystals])
    again, _, _ = draw_set(recipe, shard, seed=1, patterns=20, batch=16)
    np.testing.assert_array_equal(views, again)
    other, _, _ = draw_set(recipe, shard, seed=2, patterns=20, batch=16)
    assert not np.array_equal(views, other)


def test_draw_set_in_grains(recipe, shards):
    views, _, crystals = draw_set(
        recipe,
        shards.library("train"),
        seed=1,
        patterns=18,
        per_grain=9,
        batch=18,
    )
    assert np.ptp(crystals.reshape(-1, 9), axis=1).max() == 0
    # One camera, other orientations.
    seen = views[:9, ..., 1]
    assert np.all(seen == seen[0])
    assert not np.array_equal(views[0], views[1])


def test_some_patterns_show_nothing(recipe, shards):
    """And have no bands to tell; none if none is asked for."""
    crystals = replace(recipe.crystals, empty=0.5)
    optimiser = replace(recipe.optimiser, batch=60)
    settings = replace(recipe, crystals=crystals, optimiser=optimiser)
    _, numbers, truth = Batches(settings, shards)(0)
    empty = numbers == 0
    assert 0.3 < empty.mean() < 0.7
    assert not truth.angles[empty].any()
    assert np.all(truth.angles[~empty].max(axis=(1, 2)) > 0)
    crystals = replace(recipe.crystals, empty=0.0)
    settings = replace(recipe, crystals=crystals, optimiser=optimiser)
    assert Batches(settings, shards)(0)[1].min() > 0


class TestDynamical:
    @pytest.fixture
    def mixed(self, recipe, shards):
        crystals = replace(recipe.crystals, dynamical=0.5, empty=0.5)
        recipe = replace(recipe, crystals=crystals)
        shards = Shards(recipe, shards.directory.parent)
        return Batches(recipe, shards)

    def test_whole_batches(self, mixed, monkeypatch):
        """Drawn from master patterns, with the truth of their bands."""
        drawn = []

        def spy(rng, source, which, *rest):
            drawn.append((source, which))
            return draw_patterns(rng, source, which, *rest)

        monkeypatch.setattr(_batches, "draw_patterns", spy)
        known = dynamical_masters()
        n_dynamical = 0
        for number in range(12):
            _, numbers, truth = mixed(number)
            source, which = drawn.pop()
            if isinstance(source, BandStack):
                assert 2 * len(source) == len(numbers)
                continue
            n_dynamical += 1
            np.testing.assert_array_equal(source, known.masters)
            np.testing.assert_array_equal(numbers, known.space_groups[which])
            # Patterns without bands are none of these.
            assert numbers.min() > 0
            crystals = {crystal.name: crystal for crystal in library()}
            bands = band_profiles(
                crystals[known.names[which[0]]],
                float(known.energies[which[0]]),
            )
            n = len(bands.bragg)
            np.testing.assert_allclose(
                truth.angles[0, :n, 0], bands.bragg, rtol=1e-5
            )
        assert 2 <= n_dynamical <= 10

    def test_lattices_that_there_are_are_drawn_evenly(self, mixed):
        rng = np.random.default_rng(1)
        _, shard = mixed.shards.dynamical()
        which = np.concatenate(
            [mixed._choose_evenly(rng, shard) for _ in range(200)]
        )
        lattices = LATTICE[shard.space_groups - 1]
        counts = np.bincount(lattices[which], minlength=14) / len(which)
        present = np.unique(lattices)
        np.testing.assert_allclose(
            counts[present], 1 / len(present), atol=0.05
        )
        assert len(np.unique(which)) > 0.9 * len(shard.names)

    def test_lattices_of_hidden_order_alone_are_passed_over(
        self, mixed, recipe
    ):
        crystals = replace(mixed.recipe.crystals, order=0.1)
        batches = Batches(replace(recipe, crystals=crystals), mixed.shards)
        _, shard = mixed.shards.dynamical()
        lattices = LATTICE[shard.space_groups - 1]
        hidden = lattices == 13
        shard = replace(shard, order=np.where(hidden, 0.01, shard.order))
        which = batches._choose_evenly(np.random.default_rng(1), shard)
        assert not hidden[which].any()

    def test_first_of_the_set(self, mixed, recipe, tmp_path):
        crystals = replace(mixed.recipe.crystals, masters=20)
        shards = Shards(replace(recipe, crystals=crystals), tmp_path)
        masters, shard = shards.dynamical()
        known = dynamical_masters()
        np.testing.assert_array_equal(masters, known.masters[:20])
        assert shard.names == known.names[:20]

    def test_they_are_trained_on(self, mixed):
        identities = mixed.shards.trained_on(1)
        assert set(dynamical_masters().identities) <= set(identities)

    def test_none_of_them_changes_nothing(self, batches, mixed, recipe):
        """Batches without are those of a recipe that knows of none."""
        without = replace(mixed.recipe.crystals, dynamical=0.0, empty=0.2)
        again = Batches(replace(recipe, crystals=without), mixed.shards)
        np.testing.assert_array_equal(again(1)[0], batches(1)[0])


def test_simple_crystals_are_likelier(recipe, shards):
    """By the number of atoms to the power of the recipe."""
    crystals = replace(recipe.crystals, atoms_power=1.0)
    batches = Batches(replace(recipe, crystals=crystals), shards)
    rng = np.random.default_rng(1)
    shard = shards.library("train")
    which = [
        i
        for _ in range(4000)
        for source, i in batches._choose(rng, range(1))
        if source is shard
    ]
    counts = np.bincount(which, minlength=len(shard.names))
    for lattice in np.unique(LATTICE[shard.space_groups - 1]):
        of = LATTICE[shard.space_groups - 1] == lattice
        expected = 1 / shard.atoms[of]
        np.testing.assert_allclose(
            counts[of] / counts[of].sum(),
            expected / expected.sum(),
            atol=0.15,
        )


@pytest.mark.parametrize(
    ("name", "atoms"),
    [
        ("Ni", 1),
        ("Fe (Im-3m)", 1),
        ("Si (Fd-3m, cF8)", 2),
        ("Mg", 2),
        ("Halite", 2),
    ],
)
def test_atoms_of_primitive_cells(name, atoms):
    (crystal,) = (i for i in library() if i.name == name)
    assert _made_up.primitive_atoms(crystal) == pytest.approx(atoms)
