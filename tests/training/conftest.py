# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
import keras
import pytest

from kikuchipy_symml.crystals import split
from kikuchipy_symml.training import Recipe, Shards, _shards

TINY = {
    "name": "tiny",
    "seed": 5,
    "view": {"size": 32, "background": 8.0},
    "crystals": {
        "shards": 2,
        "random": 1,
        "decorated": 1,
        "first_shards": 1,
        "steps_per_shard": 3,
        "shares": [0.4, 0.4, 0.2],
        "empty": 0.2,
    },
    "variety": {"strain": 0.01, "strength": 0.2},
    "camera": {"pixels": [24, 28]},
    "network": {
        "azimuths": 24,
        "tilts": 16,
        "bands": 8,
        "extrema": 12,
        "refine": 8,
        "lattices": 20,
        "reader": 1,
        "superlattices": 4,
        "poles": 3,
        "width": 16,
        "pair_width": 8,
        "heads": 2,
        "depth": 1,
    },
    "detector": {"steps": 2},
    "refiner": {"steps": 2},
    "reader": {"steps": 2},
    "prober": {"steps": 2},
    "auxiliary": {"angles": 0.1, "families": 0.1},
    "optimiser": {
        "steps": 4,
        "batch": 8,
        "per_crystal": 2,
        "fused": 0.5,
        "warmup": 1,
        "average": 0.9,
    },
    "score_every": 1,
    "save_every": 2,
    "score_patterns": 16,
}


@pytest.fixture(scope="module")
def without_xla():
    """Have Keras train without XLA, which takes minutes to compile what
    is used for seconds in tests. test_small_recipe.py and
    test_learns_and_classifies train with it."""
    compile_model = keras.Model.compile

    def compile_without(model, *args, jit_compile, **kwargs):
        compile_model(model, *args, jit_compile=False, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keras.Model, "compile", compile_without)
        yield


@pytest.fixture(scope="session")
def tiny():
    """Settings of a recipe as small as can be."""
    return TINY


@pytest.fixture(scope="session")
def recipe():
    return Recipe.from_dict(TINY)


@pytest.fixture(scope="session")
def small_split():
    """A few small crystals of each part of the library."""
    return {
        part: [
            crystal
            for lattice in ("cF", "cI", "hP")
            for crystal in crystals.where(bravais_lattice=lattice)[:2]
        ]
        for part, crystals in split().items()
    }


@pytest.fixture(scope="session")
def shards(recipe, small_split, tmp_path_factory):
    """Shards of the tiny recipe and the small library."""
    directory = tmp_path_factory.mktemp("crystals")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_shards, "split", lambda: dict(small_split))
        yield Shards(recipe, directory)
