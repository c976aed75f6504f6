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

from kikuchipy_symml.models import make_card, save_model
from kikuchipy_symml.training import Recipe
from kikuchipy_symml.training._loop import Trainer

RECIPES = Path(__file__).parents[2] / "recipes"
SCRIPT = RECIPES / "resize.py"


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
