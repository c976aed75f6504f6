# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The card of a model: what it was trained on, what it takes and gives.

A card is a dictionary that JSON can hold, with exactly the keys that
:func:`make_card` names.
"""

import json
import reprlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TypeGuard

from kikuchipy_symml.models._archive import ModelError
from kikuchipy_symml.pattern import ViewSpec

CARD_VERSION = 1
CLASSES = {"level": "space_group", "numbers": list(range(1, 231))}
# To be raised in the same commit as any change of the numbers that
# canonical_views() gives: an older network would get input that it was
# not trained for.
PREPROCESSING = {"name": "canonical_views", "version": 1}
LARGEST_VIEW = 1024

_KINDS = {
    "card_version": int,
    "name": str,
    "description": str,
    "classes": dict,
    "input": dict,
    "preprocessing": dict,
    "training_set": dict,
    "scores": dict,
    "licence": str,
    "package_version": str,
    "created": str,
}
_NOT_EMPTY = ("name", "training_set", "licence", "package_version")


def make_card(
    name: str,
    view: ViewSpec,
    *,
    training_set: Mapping,
    scores: Mapping | None = None,
    licence: str = "GPL-3.0-or-later",
    description: str = "",
) -> dict:
    """Return the card of a model written by this version.

    Parameters
    ----------
    name
        Name of the model.
    view
        The canonical view that the network takes.
    training_set
        What it was trained on, anything that JSON can hold.
    scores
        How well it did and on what, anything that JSON can hold.
    licence
        SPDX identifier of the licence of the weights.
    description
        One or two sentences for people.

    Returns
    -------
    card
        A new dictionary, checked.

    Raises
    ------
    ModelError
        If something is not what a card may hold.

    Notes
    -----
    A card has exactly these keys:

    =================== ===================================================
    card_version        1, raised when the meaning of a key changes
    name                the name that the model was given
    description         one or two sentences for people
    classes             what the columns of the output are: ``{"level":
                        "space_group", "numbers": [1, 2, ..., 230]}``
    input               settings of the canonical view, see
                        :meth:`kikuchipy_symml.pattern.ViewSpec.to_dict`
    preprocessing       what made the input from a pattern: ``{"name":
                        "canonical_views", "version": 1}``
    training_set        what it was trained on, free-form, not empty
    scores              how well it did and on what, free-form, may be empty
    licence             SPDX identifier of the licence of the weights
    package_version     version of kikuchipy_symml that wrote the file
    created             date or date and time of writing, ISO 8601
    =================== ===================================================
    """
    card = {
        "card_version": CARD_VERSION,
        "name": name,
        "description": description,
        "classes": CLASSES,
        "input": view.to_dict(),
        "preprocessing": PREPROCESSING,
        "training_set": dict(training_set),
        "scores": dict(scores or {}),
        "licence": licence,
        "package_version": _package_version(),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    return card_from_json(card_to_json(card, "The card"), "The card")


def card_to_json(card: Mapping, source: str) -> bytes:
    """Return a checked card as JSON.

    Raises
    ------
    ModelError
        If the card is not valid or holds what JSON cannot.
    """
    check_card(card, source)
    try:
        text = json.dumps(card, indent=2, allow_nan=False, sort_keys=True)
    except (TypeError, ValueError, RecursionError) as e:
        raise ModelError(f"{source} cannot be written as JSON: {e}") from None
    return text.encode()


def card_from_json(data: bytes, source: str) -> dict:
    """Return the card in JSON text, checked.

    Raises
    ------
    ModelError
        If the text is no JSON or no valid card.
    """
    try:
        card = json.loads(data.decode(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as e:
        raise ModelError(f"{source} is not valid JSON: {e}") from None
    check_card(card, source)
    return card


def check_card(card: Mapping, source: str) -> None:
    """Raise unless this is a card that this version understands.

    Parameters
    ----------
    card
        The card.
    source
        What to call it in an error message.

    Raises
    ------
    ModelError
        Naming the first thing that is wrong.
    """
    if not isinstance(card, Mapping):
        raise ModelError(
            f"{source} must be a dictionary, not {type(card).__name__}"
        )
    # First, because a later card may well have other keys.
    card_version = card.get("card_version")
    if _is_integer(card_version) and card_version > CARD_VERSION:
        raise ModelError(
            f"{source} has card_version {card_version}, but this version of "
            f"kikuchipy_symml only understands up to {CARD_VERSION}: update "
            "kikuchipy_symml to use this model"
        )
    missing = [key for key in _KINDS if key not in card]
    if missing:
        raise ModelError(f"{source} lacks {missing}")
    unknown = [str(key)[:60] for key in card if key not in _KINDS]
    if unknown:
        raise ModelError(f"{source} has unknown keys {unknown[:5]}")
    for key, kind in _KINDS.items():
        value = card[key]
        if not isinstance(value, kind) or isinstance(value, bool):
            raise ModelError(
                f"{source}: {key!r} must be a {kind.__name__}, not "
                f"{_shorten(value)}"
            )
    for key in _NOT_EMPTY:
        if not card[key]:
            raise ModelError(f"{source}: {key!r} must not be empty")
    if not _is_integer(card_version) or card_version < 1:
        raise ModelError(
            f"{source}: 'card_version' must be 1 or more, not {card_version}"
        )
    if card["classes"] != CLASSES:
        raise ModelError(
            f"{source}: 'classes' must be the space groups 1 to 230 in "
            f"order, {_shorten(CLASSES)}, not {_shorten(card['classes'])}"
        )
    if card["preprocessing"] != PREPROCESSING:
        raise ModelError(
            f"{source}: 'preprocessing' must be {PREPROCESSING}, the one "
            "that this version of kikuchipy_symml has, not "
            f"{_shorten(card['preprocessing'])}"
        )
    try:
        datetime.fromisoformat(card["created"])
    except ValueError:
        raise ModelError(
            f"{source}: 'created' must be an ISO 8601 date, not "
            f"{_shorten(card['created'])}"
        ) from None
    view_of(card, source)


def view_of(card: Mapping, source: str) -> ViewSpec:
    """Return the canonical view that a card's network takes.

    Raises
    ------
    ModelError
        If the settings are not those of a canonical view.
    """
    settings = card["input"]
    for key, value in settings.items():
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number:
            raise ModelError(
                f"{source}: {key!r} of 'input' must be a number, not "
                f"{_shorten(value)}"
            )
    size = settings.get("size")
    if not _is_integer(size) or size > LARGEST_VIEW:
        raise ModelError(
            f"{source}: 'size' of 'input' must be an integer up to "
            f"{LARGEST_VIEW}, not {_shorten(size)}"
        )
    try:
        view = ViewSpec.from_dict(dict(settings))
    except ValueError as e:
        raise ModelError(f"{source}: 'input' is not usable: {e}") from None
    # A setting left out would follow the default of the day.
    missing = [key for key in view.to_dict() if key not in settings]
    if missing:
        raise ModelError(f"{source}: 'input' lacks {missing}")
    return view


def _is_integer(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


def _shorten(value) -> str:
    shortener = reprlib.Repr()
    shortener.maxstring = 60
    return shortener.repr(value)


def _refuse_constant(name: str):
    raise ValueError(f"{name} is not a JSON number")


def _package_version() -> str:
    from kikuchipy_symml import __version__

    return __version__
