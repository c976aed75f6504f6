# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""A checkpoint grows to that of a larger network."""

import copy
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from kikuchipy_symml.training import Recipe
from kikuchipy_symml.training._loop import Trainer

SCRIPT = Path(__file__).parents[2] / "recipes" / "grow.py"


@pytest.fixture
def grow(tmp_path, monkeypatch):
    """Grows a fresh checkpoint of settings to one of others."""

    def grow(before, after):
        paths = []
        for name, settings in (("before", before), ("after", after)):
            paths.append(tmp_path / f"{name}.yaml")
            paths[-1].write_text(yaml.safe_dump(settings))
        first = Trainer(Recipe.load(paths[0]))
        first.step = 3
        start = tmp_path / "start.npz"
        first.save(tmp_path / "before.npz")
        argv = [SCRIPT, paths[0], tmp_path / "before.npz", paths[1]]
        monkeypatch.setattr(sys, "argv", [*map(str, argv), "-o", str(start)])
        runpy.run_path(str(SCRIPT), run_name="__main__")
        second = Trainer(Recipe.load(paths[1]))
        second.restore(start)
        return first, second

    return grow


def test_gives_what_the_one_before_gave(tiny, grow):
    before, after = copy.deepcopy(tiny), copy.deepcopy(tiny)
    for settings in (before, after):
        settings["network"]["pair_updates"] = True
    del before["network"]["lattices"]
    after["network"]["depth"] = 2
    after["auxiliary"]["blocks"] = [1]
    first, second = grow(before, after)
    assert second.step == 3
    size = first.recipe.view.size
    views = np.random.default_rng(0).normal(size=(8, size, size, 2))
    views = views.astype(np.float32)
    expected = first.predict(views)
    np.testing.assert_allclose(second.predict(views), expected, atol=1e-6)
    with second.averaged():
        np.testing.assert_allclose(second.predict(views), expected, atol=1e-6)


def test_does_not_shrink(tiny, grow, capsys):
    more = copy.deepcopy(tiny)
    more["network"]["depth"] = 2
    with pytest.raises(SystemExit):
        grow(more, tiny)
    assert "1 blocks, fewer than the 2" in capsys.readouterr().err
