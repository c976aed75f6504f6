# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest
from kikuchipy.detectors import EBSDDetector
from kikuchipy.signals import EBSD

from kikuchipy_symml.models import make_card, save_model
from kikuchipy_symml.pattern import ViewSpec

SHAPE = (3, 4, 24, 30)
PC = (0.4, 0.3, 0.6)


def _make_network(size=16, seed=5, scale=2.0):
    """A network whose answer varies with the view, and which is made and
    read in no time."""
    import keras

    keras.utils.set_random_seed(seed)
    return keras.Sequential(
        [
            keras.Input((size, size, 2)),
            keras.layers.AveragePooling2D(4),
            keras.layers.Flatten(),
            keras.layers.Dense(
                230,
                activation="softmax",
                kernel_initializer=keras.initializers.RandomNormal(
                    stddev=scale
                ),
            ),
        ]
    )


@pytest.fixture(scope="session")
def make_network():
    return _make_network


@pytest.fixture(scope="session")
def card():
    return make_card(
        "tiny", ViewSpec(size=16, background=8.0), training_set={"crystals": 0}
    )


@pytest.fixture(scope="session")
def model_file(tmp_path_factory, card):
    """A valid model file. Copy it before changing it."""
    path = tmp_path_factory.mktemp("models") / "tiny.symml"
    save_model(_make_network(), card, path)
    return path


def _make_signal(shape=SHAPE, dtype="uint8", pc=PC, seed=4):
    """A signal of noise with a detector that fits."""
    rng = np.random.default_rng(seed)
    signal = EBSD(rng.integers(0, 255, shape).astype(dtype))
    signal.detector = EBSDDetector(shape=shape[-2:], pc=pc)
    return signal


@pytest.fixture(scope="session")
def make_signal():
    return _make_signal
