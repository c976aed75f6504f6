# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
import json

import numpy as np
import pytest

from kikuchipy_symml.pattern import ViewSpec


def test_round_trip():
    spec = ViewSpec(size=64, radius=40.0, background=7.0)
    settings = json.loads(json.dumps(spec.to_dict()))
    assert ViewSpec.from_dict(settings) == spec
    assert hash(ViewSpec.from_dict(settings)) == hash(spec)
    assert ViewSpec.from_dict({}) == ViewSpec()


def test_pixel():
    """Angle between the directions of two pixels beside the middle."""
    from kikuchipy_symml.pattern import view_directions

    spec = ViewSpec(size=80, radius=48)
    v = view_directions(spec)[40, 39:41, 0]
    angle = np.arccos(np.clip(v[0] @ v[1], -1, 1))
    assert spec.pixel == pytest.approx(angle, rel=0.01)


@pytest.mark.parametrize(
    ["settings", "match"],
    [
        ({"size": 33}, "even.*not 33"),
        ({"size": 14}, "at least 16, not 14"),
        ({"radius": 9}, "10 to 80 degrees, not 9"),
        ({"radius": 81}, "10 to 80 degrees, not 81"),
        ({"radius": float("nan")}, "not nan"),
        ({"background": 0}, "background must be positive, not 0"),
        ({"contrast": -1}, "contrast must be positive, not -1"),
        ({"clip": float("nan")}, "clip must be positive, not nan"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_wrong_settings(settings, match):
    with pytest.raises(ValueError, match=match):
        ViewSpec.from_dict(settings)


def test_cannot_be_changed():
    with pytest.raises(AttributeError):
        ViewSpec().size = 32
