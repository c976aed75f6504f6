# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
from dataclasses import replace

import numpy as np
import pytest

from kikuchipy_symml.symmetry import class_index
from kikuchipy_symml.training._batches import Batches, draw_set

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


def test_error_in_a_thread_is_raised(batches):
    def fail(views, truth):
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        list(batches.iterate(0, 3, fail))


def test_shards_come_into_use(batches, recipe):
    assert [batches.shards.in_use(i) for i in (0, 2, 3, 100)] == [1, 1, 2, 2]


def test_lattices_and_sources_are_drawn_evenly(batches):
    rng = np.random.default_rng(1)
    lattices, sources = [], []
    for _ in range(150):
        for shard, i in batches._choose(rng, 2):
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
