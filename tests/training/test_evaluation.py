# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Evaluation: its sets, and scores of models of which they are known."""

from dataclasses import replace
from types import SimpleNamespace

import h5py
import numpy as np
import pytest

from kikuchipy_symml import load_model
from kikuchipy_symml.pattern import canonical_views
from kikuchipy_symml.symmetry import LEVELS
from kikuchipy_symml.training import (
    _evaluation,
    ambiguity_table,
    band_free_views,
    emsoft_set,
    evaluate_set,
    measured_set,
    plot_confusion,
    simulated_sets,
    table_of,
)
from kikuchipy_symml.training._evaluation import PIXELS


@pytest.fixture(scope="module")
def directory(shards, tmp_path_factory):
    """Where the crystals of the recipe are."""
    path = tmp_path_factory.mktemp("run")
    (path / "crystals").symlink_to(shards.directory.parent)
    return path


@pytest.fixture(scope="module")
def sets(recipe, directory):
    found = simulated_sets(recipe, directory, 18)
    return {test.name: test for test in found}


def model_of(answer):
    return SimpleNamespace(predict=answer)


def knowing(test):
    """A model that is right about a set and sure of it."""
    p = np.full((len(test.space_groups), 230), 1e-4)
    p[np.arange(len(p)), test.space_groups - 1] = 1
    p /= p.sum(axis=1, keepdims=True)
    return model_of(lambda views: p.astype(np.float32))


EVEN = np.full((5, 230), 1 / 230, dtype=np.float32)


def test_a_model_that_knows(sets):
    for test in sets.values():
        result = evaluate_set(knowing(test), test, EVEN)
        assert result.rejection == 1
        for level in LEVELS:
            assert result.single[level].top_1 == 1
            assert result.fused[level].macro == 1
        assert all(i[2] == 1 and i[0] == i[3] for i in result.phases.values())


def test_a_model_that_knows_nothing(sets):
    """Not even whether there are bands."""
    test = sets["train"]
    even = model_of(lambda views: np.repeat(EVEN[:1], len(views), axis=0))
    result = evaluate_set(even, test, EVEN)
    assert result.rejection == 0.5
    assert result.single["space_group"].top_1 < 0.5


def test_surer_of_nothing_than_of_patterns(sets):
    test = sets["train"]
    sure = np.zeros((4, 230), dtype=np.float32)
    sure[:, 3] = 1
    even = model_of(lambda views: np.repeat(EVEN[:1], len(views), axis=0))
    assert evaluate_set(even, test, sure).rejection == 0


def test_sets_are_in_grains(sets):
    assert list(sets) == ["train", "seen_type", "unseen_type", "random"]
    for test in sets.values():
        assert len(test.views) == len(test.phases) == len(test.grains)
        for grain in np.unique(test.grains):
            here = test.grains == grain
            assert here.sum() == 9
            assert len({test.phases[i] for i in np.flatnonzero(here)}) == 1


def test_detectors_of_the_evaluation(recipe, directory, sets):
    """Not those of the recipe's camera, which are smaller here."""
    assert recipe.camera.pixels[1] < PIXELS[0]
    camera = replace(recipe.camera, pixels=PIXELS)
    same = simulated_sets(replace(recipe, camera=camera), directory, 18)
    for test in same:
        np.testing.assert_array_equal(test.views, sets[test.name].views)


def test_crystals_seen_are_left_out(recipe, shards, directory):
    identity = shards.library("seen_type").identities[0]
    name = shards.library("seen_type").names[0]
    tests = simulated_sets(recipe, directory, 90, {identity})
    seen_type = next(t for t in tests if t.name == "seen_type")
    assert name not in seen_type.phases


def test_band_free_views(recipe, directory):
    """Noise on a background: no view is like another."""
    views = band_free_views(recipe, directory, 16)
    assert views.shape[1:] == (32, 32, 2) and len(views) >= 16
    assert views[..., 0].std() > 0.1
    flat = views[:16, ..., 0].reshape(16, -1)
    alike = np.corrcoef(flat) - np.eye(16)
    assert np.abs(alike).max() < 0.8


def test_emsoft(recipe, tmp_path):
    rng = np.random.default_rng(1)
    path = tmp_path / "masters.h5"
    with h5py.File(path, "w") as f:
        f["Ni (nickel)"] = rng.random((2, 41, 41))
        f["Ni (nickel)"].attrs["space_group"] = 225
    test = emsoft_set(recipe, path, 18)
    assert set(test.space_groups) == {225} and len(test.views) >= 18
    with pytest.raises(ValueError):
        emsoft_set(recipe, path, 18, {"Ni 225"})


def test_measured(recipe, untrained_model, tmp_path, rng, monkeypatch):
    """Where no projection centre is stated, it is found. Phases without a
    space group are passed over."""
    searched = []

    def find(patterns, model, ranges, **_):
        searched.append(patterns)
        return np.array([0.5, 0.2, 0.7 + 0.01 * len(searched)]), 3.0

    monkeypatch.setattr(_evaluation, "find_viewpoint", find)
    model = load_model(untrained_model)
    path = tmp_path / "measured.h5"
    with h5py.File(path, "w") as f:
        of = {"nickel": 25, "silicon": 2, "steel": 3, "unknown": 2}
        for name, n in of.items():
            f[name] = rng.integers(0, 255, (n, 30, 40)).astype(np.uint8)
        f["nickel"].attrs["space_group"] = 225
        f["silicon"].attrs["space_group"] = 227
        f["steel"].attrs["space_group"] = 229
        f["steel"].attrs["pc_bruker"] = (0.5, 0.3, 0.6)
        nickel, silicon, steel = (
            f[name][...] for name in ("nickel", "silicon", "steel")
        )
    test = measured_set(path, model)
    assert test.phases == [
        *["nickel (PC found)"] * 25,
        *["silicon (PC found)"] * 2,
        *["steel"] * 3,
    ]
    assert test.space_groups.tolist() == [225] * 25 + [227] * 2 + [229] * 3
    silicons = np.array([[0.5, 0.2, 0.72], [0.5, 0.2, 0.73]])
    expected = [
        canonical_views(nickel, np.array([0.5, 0.2, 0.71]), model.view)[0],
        canonical_views(silicon, silicons, model.view)[0],
        canonical_views(steel, np.array([0.5, 0.3, 0.6]), model.view)[0],
    ]
    np.testing.assert_array_equal(test.views, np.concatenate(expected))
    # By some that are spread over all, or each by itself
    assert [len(patterns) for patterns in searched] == [12, 1, 1]
    np.testing.assert_array_equal(searched[0][[0, -1]], nickel[[0, -1]])


def test_reports(sets, tmp_path):
    results = [evaluate_set(knowing(t), t, EVEN) for t in sets.values()]
    table = table_of(results)
    assert table.count("without bands: 1.000") == 4
    for level in LEVELS:
        assert table.count(level) == 4
    path = tmp_path / "confusion.png"
    plot_confusion(results[0], path)
    assert path.stat().st_size > 1000


class TestAmbiguities:
    def test_of_a_model_that_knows(self, sets):
        results = [evaluate_set(knowing(t), t, EVEN) for t in sets.values()]
        lines = ambiguity_table(results).splitlines()
        assert lines[0].split() == list(sets)
        for line in lines[2:5]:
            assert line.count("100% (") == len(sets)
        for line in lines[6:10]:
            assert line.split()[-len(sets) :] == ["0%"] * len(sets)

    def test_of_what_looks_alike(self, sets):
        """P1 for P-1, Pm-3m for Fm-3m: the Laue group is right in both,
        the point group and the lattice in one each."""
        test = sets["random"]
        numbers = np.where(np.arange(len(test.space_groups)) % 2, 2, 225)
        told = np.where(numbers == 2, 1, 221)
        p = np.zeros((len(told), 230), dtype=np.float32)
        p[np.arange(len(p)), told - 1] = 1
        test = replace(test, space_groups=numbers)
        result = evaluate_set(model_of(lambda views: p), test, EVEN)
        lines = ambiguity_table([result]).splitlines()
        # A guess among 1 and -1, and among 432, -43m and m-3m
        assert "50% (42%)" in lines[2]
        assert "50% (67%)" in lines[4]
        assert [line.split()[-1] for line in lines[6:10]] == [
            *("0%", "0%", "50%", "0%")
        ]


def test_command_with_a_recipe_that_is_not_there(tmp_path, capsys):
    from kikuchipy_symml._cli import main

    path = tmp_path / "no.yaml"
    arguments = ["evaluate", "default", "--recipe", str(path)]
    assert main([*arguments, "-o", str(tmp_path / "out")]) == 2
    assert f"There is no recipe '{path}'" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
