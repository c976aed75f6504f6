# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
import pytest

from kikuchipy_symml.models import make_card, save_model
from kikuchipy_symml.pattern import ViewSpec


def _make_network(size=32, n_classes=230, activation="softmax", seed=1):
    """A network small enough to be made in every test."""
    import keras

    keras.utils.set_random_seed(seed)
    return keras.Sequential(
        [
            keras.Input((size, size, 2)),
            keras.layers.AveragePooling2D(size // 4),
            keras.layers.Flatten(),
            keras.layers.Dense(n_classes, activation=activation),
        ]
    )


@pytest.fixture(scope="session")
def make_network():
    return _make_network


@pytest.fixture(scope="session")
def card():
    view = ViewSpec(size=32, background=8.0)
    return make_card("throw-away", view, training_set={"crystals": 0})


@pytest.fixture(scope="session")
def model_file(tmp_path_factory, card):
    """A valid model file. Copy it before changing it."""
    path = tmp_path_factory.mktemp("models") / "throw-away.symml"
    save_model(_make_network(), card, path)
    return path
