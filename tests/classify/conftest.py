# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest
from kikuchipy.detectors import EBSDDetector
from kikuchipy.signals import EBSD

from kikuchipy_symml.models import make_card, save_model
from kikuchipy_symml.pattern import ViewSpec


@pytest.fixture(scope="session")
def model_file(tmp_path_factory):
    """A model with random weights, whose answer varies with the view."""
    import keras

    keras.utils.set_random_seed(3)
    network = keras.Sequential(
        [
            keras.Input((32, 32, 2)),
            keras.layers.AveragePooling2D(4),
            keras.layers.Flatten(),
            keras.layers.Dense(
                230,
                activation="softmax",
                kernel_initializer=keras.initializers.RandomNormal(stddev=2),
            ),
        ]
    )
    card = make_card(
        "noise",
        ViewSpec(size=32, background=8.0),
        training_set={"crystals": 0},
    )
    path = tmp_path_factory.mktemp("models") / "noise.symml"
    save_model(network, card, path)
    return path


@pytest.fixture
def make_signal():
    """Return a signal of noise with a detector that fits."""

    def make(shape=(3, 4, 24, 30), dtype="uint8", pc=(0.4, 0.3, 0.6)):
        rng = np.random.default_rng(4)
        patterns = rng.integers(0, 255, shape).astype(dtype)
        signal = EBSD(patterns)
        for axis in signal.axes_manager.navigation_axes:
            axis.scale, axis.units = 1.5, "um"
        signal.detector = EBSDDetector(shape=shape[-2:], pc=pc)
        return signal

    return make


@pytest.fixture
def signal(make_signal):
    return make_signal()
