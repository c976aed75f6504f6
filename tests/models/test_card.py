# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
import json

import pytest

from kikuchipy_symml.models import CARD_VERSION, ModelError, make_card
from kikuchipy_symml.models._archive import read_archive, write_archive
from kikuchipy_symml.models._card import card_from_json, card_to_json, view_of
from kikuchipy_symml.models._model import MEMBERS, load_model
from kikuchipy_symml.pattern import ViewSpec


def test_json_round_trip(card):
    assert card_from_json(card_to_json(card, "x"), "x") == card
    assert card["card_version"] == CARD_VERSION == 1
    assert card["classes"]["numbers"] == list(range(1, 231))
    assert view_of(card, "x") == ViewSpec(size=32, background=8.0)


def test_make_card_checks():
    with pytest.raises(ModelError, match="'training_set' must not be empty"):
        make_card("a", ViewSpec(), training_set={})
    with pytest.raises(ModelError, match="JSON"):
        make_card("a", ViewSpec(), training_set={"a": {1, 2}})
    with pytest.raises(ModelError, match="JSON"):
        make_card("a", ViewSpec(), training_set={"a": float("nan")})
    card = make_card("a", ViewSpec(), training_set={"a": (1, 2)})
    assert card["training_set"] == {"a": [1, 2]}


@pytest.mark.parametrize(
    ["text", "match"],
    [
        (b"", "not valid JSON"),
        (b"{", "not valid JSON"),
        (b"\xff\xfe", "not valid JSON"),
        (b"[" * 100_000, "not valid JSON"),
        (b'{"card_version": NaN}', "not valid JSON: NaN"),
        (b"[]", "must be a dictionary, not list"),
        (b"{}", "lacks"),
    ],
)
def test_not_a_card(text, match):
    with pytest.raises(ModelError, match=match):
        card_from_json(text, "card.json")


@pytest.mark.parametrize(
    ["key", "value", "match"],
    [
        ("card_version", 2, "card_version 2.*update kikuchipy_symml"),
        ("card_version", 0, "1 or more, not 0"),
        ("card_version", "1", "must be a int, not '1'"),
        ("card_version", True, "must be a int, not True"),
        ("name", "", "'name' must not be empty"),
        ("name", None, "'name' must be a str, not None"),
        ("classes", {"level": "bravais_lattice"}, "space groups 1 to 230"),
        (
            "classes",
            {"level": "space_group", "numbers": list(range(230, 0, -1))},
            "space groups 1 to 230",
        ),
        (
            "classes",
            {"level": "space_group", "numbers": list(range(1, 230))},
            "space groups 1 to 230",
        ),
        ("input", {}, "'size' of 'input'.*None"),
        ("input", {"size": 96}, "'input' lacks"),
        ("preprocessing", {"name": "other"}, "'preprocessing' must be"),
        (
            "preprocessing",
            {"name": "canonical_views", "version": 99},
            "not .*99",
        ),
        ("training_set", {}, "'training_set' must not be empty"),
        ("scores", [], "'scores' must be a dict"),
        ("licence", "", "'licence' must not be empty"),
        ("created", "yesterday", "ISO 8601 date, not 'yesterday'"),
        ("surprise", 1, "unknown keys.*surprise"),
    ],
)
def test_wrong_value(card, key, value, match):
    with pytest.raises(ModelError, match=match):
        card_to_json({**card, key: value}, "card.json")


def test_every_key_is_needed(card):
    for key in card:
        less = {k: v for k, v in card.items() if k != key}
        with pytest.raises(ModelError, match=f"lacks \\['{key}'\\]"):
            card_to_json(less, "card.json")


def test_later_card_with_other_keys_asks_for_an_update():
    with pytest.raises(ModelError, match="update kikuchipy_symml"):
        card_from_json(b'{"card_version": 7, "new": 1}', "card.json")


@pytest.mark.parametrize(
    ["setting", "value"],
    [
        ("size", 96.0),
        ("size", "96"),
        ("size", True),
        ("size", 33),
        ("size", 10**6),
        ("radius", None),
        ("radius", 200),
        ("clip", [4]),
        ("surprise", 1),
    ],
)
def test_wrong_view(card, setting, value):
    settings = {**card["input"], setting: value}
    with pytest.raises(ModelError, match="input"):
        card_to_json({**card, "input": settings}, "card.json")


def test_message_names_the_file(model_file, card, tmp_path):
    members = read_archive(model_file.read_bytes(), MEMBERS, "x")
    members["card.json"] = json.dumps({**card, "name": 3}).encode()
    path = tmp_path / "bad.symml"
    path.write_bytes(write_archive(members))
    with pytest.raises(ModelError, match="card.json in .*bad.symml: 'name'"):
        load_model(path)
