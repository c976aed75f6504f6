# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The small recipe of the repository, trained for real."""

import csv
from pathlib import Path

import pytest

from kikuchipy_symml.models import load_model
from kikuchipy_symml.training import (
    Recipe,
    Shards,
    _shards,
    export,
    score,
    train,
)
from kikuchipy_symml.training._batches import draw_set

RECIPE = Path(__file__).parents[2] / "recipes" / "small.yaml"
CHANCE = 1 / 7


@pytest.mark.skipif(not RECIPE.exists(), reason="not in a checkout")
def test_beats_chance_on_unseen_crystals(tmp_path, small_split, monkeypatch):
    # Only the live scores are of library crystals: a few will do.
    monkeypatch.setattr(_shards, "split", lambda: dict(small_split))
    recipe = Recipe.load(RECIPE)
    checkpoint = train(recipe, tmp_path, show_progressbar=False)
    with open(tmp_path / "losses.csv", newline="") as f:
        losses = [float(line["loss"]) for line in csv.DictReader(f)]
    assert losses[-1] < 0.7 * losses[0]

    shards = Shards(recipe, tmp_path / "crystals")
    export(recipe, checkpoint, tmp_path / "small.symml", shards)
    model = load_model(tmp_path / "small.symml")
    unseen = shards.held_out()
    assert not set(unseen.identities) & set(
        model.card["training_set"]["crystals"]
    )
    views, numbers, _ = draw_set(recipe, unseen, seed=7, patterns=700)
    scores = score(model.predict(views), numbers, "crystal_system")
    # Three standard errors of chance are 4 %.
    assert scores.macro > CHANCE + 0.06
