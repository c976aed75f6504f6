# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""A checkpoint becomes that of a larger or a smaller network, or of a model
that has none."""

import copy
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from kikuchipy_symml.models import load_model, make_card, save_model
from kikuchipy_symml.training import Recipe
from kikuchipy_symml.training._loop import Trainer

RECIPES = Path(__file__).parents[2] / "recipes"
SCRIPT = RECIPES / "resize.py"
AVERAGE = RECIPES / "average.py"


@pytest.fixture
def resize(tmp_path, monkeypatch):
    """Makes a fresh checkpoint of settings one of others."""

    def resize(before, after):
        paths = []
        for name, settings in (("before", before), ("after", after)):
            paths.append(tmp_path / f"{name}.yaml")
            paths[-1].write_text(yaml.safe_dump(settings))
        first = Trainer(Recipe.load(paths[0]))
        first.step = 3
        averages = first.optimiser.variables
        averages = [v for v in averages if v.path.endswith("_average")]
        for average, v in zip(averages, first.variables, strict=True):
            average.assign(v)
        start = tmp_path / "start.npz"
        first.save(tmp_path / "before.npz")
        argv = [SCRIPT, paths[0], tmp_path / "before.npz", paths[1]]
        monkeypatch.setattr(sys, "argv", [*map(str, argv), "-o", str(start)])
        runpy.run_path(str(SCRIPT), run_name="__main__")
        second = Trainer(Recipe.load(paths[1]))
        second.restore(start)
        return first, second

    return resize


def test_a_larger_one_gives_what_the_one_before_gave(tiny, resize):
    before, after = copy.deepcopy(tiny), copy.deepcopy(tiny)
    for settings in (before, after):
        settings["network"]["pair_updates"] = True
    for option in ("lattices", "superlattices"):
        del before["network"][option]
    after["network"] |= {"depth": 2, "cells_told": True, "head_blocks": 1}
    after["auxiliary"]["blocks"] = [1]
    first, second = resize(before, after)
    assert second.step == 3
    size = first.recipe.view.size
    views = np.random.default_rng(0).normal(size=(8, size, size, 2))
    views = views.astype(np.float32)
    views[..., 1] = 1
    expected = first.predict(views)
    assert np.isfinite(expected).all()
    np.testing.assert_allclose(second.predict(views), expected, atol=1e-6)
    with second.averaged():
        np.testing.assert_allclose(second.predict(views), expected, atol=1e-6)


def test_a_layer_that_is_told_more(tiny, resize):
    """Trained ahead, it goes on from what it was."""
    before, after = copy.deepcopy(tiny), copy.deepcopy(tiny)
    for settings in (before, after):
        settings["network"]["prober"] = 1
    after["network"]["prober_bands"] = 4
    layers = [
        trainer.network.get_layer("superlattices")
        for trainer in resize(before, after)
    ]
    first, second = [[np.array(v) for v in layer.weights] for layer in layers]
    assert len(second) == len(first) + 4
    for old, new in zip(first, second, strict=False):
        np.testing.assert_array_equal(new[: len(old)], old)
        assert not new[len(old) :].any()


def test_a_layer_of_another_width(tiny, resize):
    before, after = copy.deepcopy(tiny), copy.deepcopy(tiny)
    after["network"]["superlattices"] *= 2
    first, second = [
        trainer.network.get_layer("superlattices").joint.bias
        for trainer in resize(before, after)
    ]
    assert first.shape != second.shape


def test_a_smaller_one_keeps_the_first_blocks(tiny, resize):
    before, after = copy.deepcopy(tiny), copy.deepcopy(tiny)
    for settings in (before, after):
        settings["network"]["pair_updates"] = True
    before["network"]["depth"] = 2
    after["network"]["bands"] -= 2
    after["network"]["tilts"] -= 4
    first, second = resize(before, after)
    assert second.step == 3
    left = second.network.layers
    assert sum(i.name.startswith("attention_") for i in left) == 1
    for layer in left:
        kept = first.network.get_layer(layer.name)
        for ours, theirs in zip(layer.weights, kept.weights, strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_a_model_without_one(tiny, tmp_path, monkeypatch):
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(yaml.safe_dump(tiny))
    trainer = Trainer(Recipe.load(recipe))
    trainer.step, trainer.trained_on = 3, {"one"}
    trainer.save(tmp_path / "before.npz")
    weights = [w * 1.1 for w in trainer.network.get_weights()]
    trainer.network.set_weights(weights)
    card = make_card(
        "mean", trainer.recipe.view, training_set={"crystals": ["two"]}
    )
    save_model(trainer.network, card, tmp_path / "mean.symml")

    files = [recipe, tmp_path / "before.npz", tmp_path / "mean.symml"]
    start = tmp_path / "start.npz"
    argv = [RECIPES / "begin.py", *files, "-o", start]
    monkeypatch.setattr(sys, "argv", [str(arg) for arg in argv])
    monkeypatch.syspath_prepend(RECIPES)
    runpy.run_path(str(argv[0]), run_name="__main__")

    trainer.restore(tmp_path / "before.npz")
    before = trainer.network.get_weights()
    assert any((a != b).any() for a, b in zip(before, weights, strict=True))
    trainer.restore(start)
    assert trainer.step == 3
    assert trainer.trained_on == {"one", "two"}
    with trainer.averaged():
        averaged = trainer.network.get_weights()
    for found in (trainer.network.get_weights(), averaged):
        for ours, expected in zip(found, weights, strict=True):
            np.testing.assert_array_equal(ours, expected)


@pytest.fixture
def mean_of(tmp_path, monkeypatch):
    """Makes models of networks and the mean of them; returns that, and what
    the script was called with."""

    def mean_of(networks, view):
        paths = [tmp_path / f"{name}.symml" for name in ("before", "after")]
        for path, network in zip(paths, networks, strict=True):
            training_set = {"crystals": [path.stem]}
            card = make_card(path.stem, view, training_set=training_set)
            save_model(network, card, path)
        mean = tmp_path / "mean.symml"
        argv = [str(i) for i in (AVERAGE, *paths, "-o", mean)]
        monkeypatch.setattr(sys, "argv", argv)
        runpy.run_path(argv[0], run_name="__main__")
        return load_model(mean), argv

    return mean_of


def assert_mean_of_heads(found, networks):
    before, after = [n.get_layer("head").kernel for n in networks]
    np.testing.assert_allclose(
        found.get_layer("head").kernel,
        (np.array(before) + np.array(after)) / 2,
        rtol=1e-6,
    )


def test_mean_with_a_model_that_lacks_a_block(tiny, mean_of):
    tiny = copy.deepcopy(tiny)
    networks = []
    for blocks in (0, 1):
        tiny["network"]["head_blocks"] = blocks
        trainer = Trainer(Recipe.from_dict(copy.deepcopy(tiny)))
        networks.append(trainer.network)
        out = "head_0_2" if blocks else "head"
        layer = trainer.network.get_layer(out)
        layer.kernel.assign(np.ones(layer.kernel.shape))
    found, argv = mean_of(networks, trainer.recipe.view)
    assert found.card["training_set"]["crystals"] == ["after", "before"]
    np.testing.assert_array_equal(
        found.network.get_layer("head_0_2").kernel, 0.5
    )
    assert_mean_of_heads(found.network, networks)
    # The other way round there is nowhere to put the block.
    argv[1:3] = argv[2:0:-1]
    with pytest.raises(SystemExit):
        runpy.run_path(argv[0], run_name="__main__")


def test_mean_with_a_model_of_another_prober(tiny, mean_of):
    """What was trained ahead stays as it is where models differ in it."""
    tiny = copy.deepcopy(tiny)
    networks = []
    for features in (0, 4):
        tiny["network"] |= {"prober": 1, "prober_bands": features}
        trainer = Trainer(Recipe.from_dict(copy.deepcopy(tiny)))
        networks.append(trainer.network)
    found = mean_of(networks, trainer.recipe.view)[0].network
    before, after, between = [
        n.get_layer("superlattices").get_weights() for n in (*networks, found)
    ]
    assert len(before) < len(after)
    for ours, theirs in zip(between, after, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert_mean_of_heads(found, networks)
