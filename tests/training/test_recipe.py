# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
from pathlib import Path

import pytest
import yaml

from kikuchipy_symml.models import list_models, load_model
from kikuchipy_symml.pattern import ViewSpec
from kikuchipy_symml.training import Recipe, recipe_of

RECIPES = Path(__file__).parents[2] / "recipes"


@pytest.mark.parametrize("name", ["default", "fast", "small"])
def test_recipes_of_the_project(name):
    recipe = Recipe.load(RECIPES / f"{name}.yaml")
    assert recipe.name == name
    assert Recipe.from_dict(recipe.to_dict()) == recipe


def test_load(tiny, tmp_path):
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(tiny))
    recipe = Recipe.load(path)
    assert recipe == Recipe.from_dict(tiny)
    assert recipe.view == ViewSpec(size=32, background=8.0)
    assert recipe.crystals.shares == (0.4, 0.4, 0.2)
    assert recipe.camera.pixels == (24, 28)
    assert recipe.network["bands"] == 8
    # What is not said has its default.
    assert recipe.optimiser.clip == Recipe(name="a").optimiser.clip


def test_name_alone_is_enough():
    assert Recipe.from_dict({"name": "a"}) == Recipe(name="a")


def test_settings_are_not_modified(tiny):
    before = yaml.safe_dump(tiny)
    Recipe.from_dict(tiny)
    assert yaml.safe_dump(tiny) == before


@pytest.mark.parametrize(
    ["changes", "match"],
    [
        ({"colour": 1}, r"Unknown settings of the recipe: \['colour'\].*seed"),
        ({"name": ""}, "name must be text, not ''"),
        ({"name": 7}, "name must be text, not 7"),
        ({"seed": -1}, "seed .*not -1"),
        ({"seed": "x"}, "seed .*not 'x'"),
        ({"score_every": 0}, "score_every .*at least 1, not 0"),
        ({"save_every": 0}, "save_every .*at least 1, not 0"),
        ({"score_patterns": 0}, "score_patterns"),
        ({"view": 5}, "view must be a mapping, not 5"),
        ({"view": {"length": 1}}, "Unknown settings of view.*length.*radius"),
        ({"view": {"size": 33}}, "even.*33"),
        ({"camera": None}, "camera must be a mapping, not None"),
        ({"camera": {"lens": 1}}, "Unknown settings of camera.*lens.*pcx"),
        ({"camera": {"pcx": [0.6, 0.4]}}, "pcx must be two numbers"),
        ({"camera": {"pixels": [10, 40]}}, r"\(10, 40\) must be at least 20"),
        ({"crystals": [1]}, "crystals must be a mapping"),
        ({"crystals": {"gold": 1}}, "Unknown settings of crystals.*gold"),
        ({"crystals": {"shards": 0}}, "shards .*at least 1, not 0"),
        ({"crystals": {"random": 0}}, "random .*at least 1, not 0"),
        ({"crystals": {"decorated": 0}}, "decorated .*at least 1, not 0"),
        ({"crystals": {"first_shards": 0}}, "first_shards .*not 0"),
        ({"crystals": {"steps_per_shard": 0}}, "steps_per_shard .*not 0"),
        ({"crystals": {"shares": [0.5, 0.6, 0.1]}}, "shares.*sum to one"),
        ({"crystals": {"shares": [1.2, -0.2, 0.0]}}, "shares.*not negative"),
        ({"crystals": {"shares": [0.5, 0.5]}}, "shares.*must be three"),
        ({"crystals": {"empty": 1.0}}, "empty must be less than 1, not 1.0"),
        ({"crystals": {"empty": -0.1}}, "empty must be.*at least 0, not -0.1"),
        ({"crystals": {"energy": [30, 10]}}, "energy.*lower one first"),
        ({"crystals": {"energy": [0, 30]}}, "energy.*1 to 100"),
        ({"crystals": {"depth": [200, 80]}}, "depth.*lower one first"),
        ({"crystals": {"depth": [0, 80]}}, "depth.*two positive"),
        ({"crystals": {"escape": [2, 1]}}, "escape.*lower one first"),
        ({"crystals": {"escape": [0, 1]}}, "escape.*two positive"),
        ({"variety": {"strain": 2.0}}, "strain must be 0 to 1, not 2.0"),
        ({"variety": {"strength": "much"}}, "strength must be 0 to 1"),
        ({"variety": {"profile": [0.9, 0.1]}}, "profile must be two numbers"),
        ({"detector": {"steps": 0}}, "steps must be.*at least 1, not 0"),
        ({"detector": {"again": 1}}, "again must be true or false, not 1"),
        ({"crystals": {"dynamical": 1.5}}, "dynamical must be at most 1, not"),
        (
            {
                "crystals": {
                    "dynamical": 0.6,
                    "many_beam": 0.5,
                    "many_beam_shards": 1,
                }
            },
            "many_beam 0.5 and dynamical 0.6 must sum to at most 1",
        ),
        ({"crystals": {"near": 1.1}}, "near must be at most 1, not 1.1"),
        ({"crystals": {"near_told": 2}}, "near_told must be at most 1, not 2"),
        ({"crystals": {"near_told": -1}}, "near_told must be.*not -1"),
        (
            {"crystals": {"many_beam_loss": 1.5}},
            "many_beam_loss must be at most 1, not 1.5",
        ),
        ({"crystals": {"many_beam": -0.1}}, "many_beam must be.*not -0.1"),
        (
            {"crystals": {"many_beam": 0.1}},
            "many_beam_shards must be 1 to 60.*not 0",
        ),
        (
            {"crystals": {"many_beam_simple": 61}},
            "many_beam_simple must be 0 to 60.*not 61",
        ),
        (
            {"crystals": {"many_beam": 0.1, "many_beam_shards": 61}},
            "many_beam_shards must be 1 to 60.*not 61",
        ),
        (
            {"crystals": {"many_beam_cell": 9}},
            "many_beam_cell must be.*at least 100, not 9",
        ),
        ({"crystals": {"atoms_power": -1}}, "atoms_power must be.*not -1"),
        ({"auxiliary": {"angles": -1}}, "angles must be.*at least 0, not -1"),
        ({"auxiliary": {"blocks": [0]}}, "blocks must be.*at least 1"),
        ({"crystals": {"masters": 0}}, "masters must be.*at least 1, not 0"),
        ({"refiner": {"again": 1}}, "again must be true or false, not 1"),
        ({"reader": {"again": 1}}, "again must be true or false, not 1"),
        ({"crystals": {"skip": -1}}, "skip must be.*at least 0, not -1"),
        ({"auxiliary": {"bands": 1}}, "Unknown settings of auxiliary"),
        ({"optimiser": {"speed": 1}}, "Unknown settings of optimiser.*speed"),
        ({"optimiser": {"steps": 0}}, "steps .*at least 1, not 0"),
        ({"optimiser": {"batch": 0}}, "batch .*at least 1, not 0"),
        (
            {"optimiser": {"batch": 10, "per_crystal": 4}},
            "batch 10 must be a multiple of per_crystal 4",
        ),
        ({"optimiser": {"fused": 0.5}}, "fused 0.5 needs more than one"),
        ({"optimiser": {"warmup": 0}}, "warmup .*at least 1, not 0"),
        ({"optimiser": {"decay": 0}}, "decay .*at least 1, not 0"),
        ({"optimiser": {"finish": 1.5}}, "finish 1.5 must not be more"),
        ({"optimiser": {"average": 1.0}}, "average 1.0 less than 1"),
        ({"optimiser": {"clip": 0}}, "clip .*not 0"),
        ({"optimiser": {"precision": "half"}}, "precision .*not 'half'"),
        ({"optimiser": {"level_weights": {"a": 1}}}, "level_weights: .*'a'"),
    ],
)
def test_wrong_settings(tiny, changes, match):
    with pytest.raises(ValueError, match=match):
        Recipe.from_dict(tiny | changes)


def test_numbers_that_yaml_takes_for_text():
    """YAML 1.1 wants a point: 1e-3 is text, 1.0e-3 is a number."""
    text = "name: a\noptimiser: {learning_rate: 1e-3}"
    with pytest.raises(ValueError, match="learning_rate .*not '1e-3'"):
        Recipe.from_dict(yaml.safe_load(text))
    text = text.replace("1e-3", "1.0e-3")
    assert Recipe.from_dict(yaml.safe_load(text)).optimiser.rate(999) < 1e-3


@pytest.mark.parametrize("settings", [None, [], "recipe", 5])
def test_not_a_mapping(settings):
    with pytest.raises(ValueError, match="A recipe is a mapping, not"):
        Recipe.from_dict(settings)


def test_without_a_name(tiny):
    settings = {k: v for k, v in tiny.items() if k != "name"}
    with pytest.raises(ValueError, match="needs a name"):
        Recipe.from_dict(settings)


def test_not_yaml(tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text("name: [a\nb: }")
    with pytest.raises(ValueError, match="bad.yaml is not a YAML file"):
        Recipe.load(path)
    with pytest.raises(FileNotFoundError):
        Recipe.load(tmp_path / "none.yaml")


def test_learning_rate():
    from kikuchipy_symml.training._settings import OptimiserSettings

    o = OptimiserSettings(
        steps=1000, learning_rate=2.0, warmup=10, decay=300, finish=0.1
    )
    rates = [o.rate(i) for i in range(1000)]
    assert rates[0] == pytest.approx(0.2)
    assert max(rates) == rates[9] == pytest.approx(2.0, rel=0.02)
    # It falls as one over the root of 1 + step / decay ...
    assert rates[899] == pytest.approx(2 / (1 + 899 / 300) ** 0.5)
    # ... and over the last tenth to zero.
    assert rates[950] == pytest.approx(0.5 * 2 / (1 + 950 / 300) ** 0.5)
    assert 0 < rates[999] < 0.02


def test_crystal_key(tiny):
    """Changes with what makes other crystals, and only with that."""
    key = Recipe.from_dict(tiny).crystal_key()
    crystals = tiny["crystals"]
    for same in (
        {"name": "b"},
        {"optimiser": {"steps": 9}},
        {"camera": {"pixels": [30, 40]}},
        {"crystals": crystals | {"shards": 7, "shares": [1.0, 0.0, 0.0]}},
        {"crystals": crystals | {"near_told": 0.3}},
    ):
        assert Recipe.from_dict(tiny | same).crystal_key() == key
    for other in (
        {"seed": 6},
        {"crystals": crystals | {"random": 2}},
        {"crystals": crystals | {"decorated": 2}},
        {"crystals": crystals | {"energy": [15.0, 20.0]}},
        {"crystals": crystals | {"depth": [100.0, 200.0]}},
        {"crystals": crystals | {"near": 0.2}},
    ):
        assert Recipe.from_dict(tiny | other).crystal_key() != key


@pytest.mark.parametrize("name", list_models())
def test_recipe_of_a_shipped_model(name):
    """It may be older than the code that reads it."""
    recipe = recipe_of(load_model(name))
    assert recipe.name == name
    assert Recipe.from_dict(recipe.to_dict()) == recipe
