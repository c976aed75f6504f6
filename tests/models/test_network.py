# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
import keras
import numpy as np
import pytest

from kikuchipy_symml.models import (
    list_models,
    load_model,
    make_card,
    save_model,
)
from kikuchipy_symml.models._network import build_network, split_network
from kikuchipy_symml.models.layers import PairUpdate
from kikuchipy_symml.pattern import ViewSpec

VIEW = ViewSpec(size=32, background=8.0)
SETTINGS = {
    "azimuths": 24,
    "tilts": 16,
    "bands": 8,
    "poles": 3,
    "width": 16,
    "pair_width": 8,
    "heads": 2,
    "depth": 1,
}


def compute(network, views):
    """Without compiling anything."""
    out = network(views)
    if isinstance(out, list):
        return [keras.ops.convert_to_numpy(i) for i in out]
    return keras.ops.convert_to_numpy(out)


# Besides the smallest, those with more of what can be asked for.
FULL = {
    "extrema": 12,
    "angle_bins": 16,
    "pair_updates": True,
    "depth": 2,
}
EVERY_LAYER = {
    "lattices": 20,
    "refine": 10,
    "reader": 1,
    "superlattices": 8,
    "prober": 1,
    "prober_bands": 4,
    "cells_told": True,
    "head_blocks": 1,
}
# Before training these change nothing.
CHANGE_NOTHING = "cells_told_2", "head_0_2"


@pytest.fixture(
    scope="module",
    params=[
        {},
        FULL | {"lattices": 20, "superlattices": 8},
        FULL | EVERY_LAYER,
    ],
    ids=["small", "superlattices", "every layer"],
)
def network(request):
    keras.utils.set_random_seed(4)
    network = build_network(VIEW, **(SETTINGS | request.param))
    for layer in network.layers:
        if isinstance(layer, PairUpdate):
            layer = layer.out
        elif layer.name not in CHANGE_NOTHING:
            continue
        layer.kernel.assign(np.ones(layer.kernel.shape) / 8)
    return network


@pytest.fixture(scope="module")
def views():
    rng = np.random.default_rng(9)
    views = rng.normal(size=(5, 32, 32, 2)).astype(np.float32)
    views[..., 1] = 1
    # Nothing was seen of the last one.
    views[4] = 0
    return views


@pytest.fixture(scope="module")
def probabilities(network, views):
    return compute(network, views)


def test_probabilities(network, views, probabilities):
    assert network.input_shape == (None, 32, 32, 2)
    assert network.output_shape == (None, 230)
    assert probabilities.shape == (5, 230)
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    assert np.all(probabilities > 0)
    # Different patterns, different answers.
    assert np.abs(probabilities[0] - probabilities[1]).max() > 1e-5


def test_patterns_do_not_mix(network, views, probabilities):
    alone = compute(network, views[2:3])
    np.testing.assert_allclose(alone[0], probabilities[2], atol=1e-6)


def test_geometry_is_not_trained(network):
    """Only what comes after the bands learns, once they are found."""
    for name in ("great_circles", "bands", "poles", "relations"):
        assert not network.get_layer(name).trainable_variables
    trained = network.trainable_variables
    assert sum(np.prod(v.shape) for v in trained) < 40_000
    fixed = [
        variable
        for layer in network.layers
        if layer.name in ("bands", "refined", "widths", "superlattices")
        for variable in layer.weights
    ]
    assert len(network.non_trainable_variables) == len(fixed)


def test_saved_and_loaded(network, views, probabilities, tmp_path):
    """The same weights and numbers to the last bit, from the file."""
    path = tmp_path / "small.symml"
    card = make_card("small", VIEW, training_set={"patterns": 0})
    save_model(network, card, path)
    model = load_model(path)
    assert model.view == VIEW
    np.testing.assert_array_equal(compute(model.network, views), probabilities)
    # Compiled, operations are done in another order, and which lattice is the
    # likeliest may hang on that.
    looks = any(layer.name == "lattices" for layer in network.layers)
    predicted = model.predict(views)
    np.testing.assert_allclose(
        predicted, probabilities, rtol=0.1 if looks else 1e-4
    )
    # Of nothing seen there is no lattice to be told.
    np.testing.assert_allclose(predicted[4], probabilities[4], rtol=1e-4)
    for a, b in zip(network.weights, model.network.weights, strict=True):
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b))


def test_split(network, views, probabilities):
    """The part that is not trained and the rest make the whole."""
    geometry, trunk = split_network(network)
    assert not geometry.trainable_weights
    mine = {id(v) for v in network.trainable_variables}
    assert {id(v) for v in trunk.trainable_variables} == mine
    np.testing.assert_array_equal(
        compute(
            trunk,
            [keras.ops.convert_to_tensor(i) for i in compute(geometry, views)],
        ),
        probabilities,
    )


@pytest.mark.parametrize("name", list_models())
def test_split_of_a_shipped_network(name):
    """It may be older than the code that builds networks."""
    model = load_model(name)
    size = model.view.size
    views = np.random.default_rng(3).normal(size=(2, size, size, 2))
    views[..., 1] = 1
    views = views.astype(np.float32)
    geometry, trunk = split_network(model.network)
    inner = [keras.ops.convert_to_tensor(i) for i in compute(geometry, views)]
    np.testing.assert_allclose(
        compute(trunk, inner), compute(model.network, views), atol=1e-6
    )


def test_configuration(network):
    made = keras.Model.from_config(network.get_config())
    assert made.get_config() == network.get_config()


def test_learns(network, views):
    """Every weight has a gradient: nothing is cut off by accident."""
    import tensorflow as tf

    with tf.GradientTape() as tape:
        p = network(views, training=True)
        loss = -tf.reduce_mean(tf.math.log(p[:, :40] + 1e-7))
    gradients = tape.gradient(loss, network.trainable_variables)
    for variable, gradient in zip(
        network.trainable_variables, gradients, strict=True
    ):
        assert gradient is not None, variable.path
        assert np.isfinite(np.asarray(gradient)).all(), variable.path
        # Softmax does not change when all logits get the same bias.
        assert np.abs(gradient).max() > 0, variable.path


@pytest.mark.parametrize(
    ["settings", "match"],
    [
        ({"azimuths": 30}, "azimuths must be a multiple of 4"),
        ({"lattices": 9}, "lattices 9 .*extrema must be above 0"),
        ({"refine": 9}, "refine 9 .*extrema must be above 0"),
        (
            {"superlattices": 9},
            "superlattices 9 .*lattices must be above 0",
        ),
        (
            {"extrema": 12, "lattices": 20, "prober": 2},
            "prober 2 .*superlattices must be above 0",
        ),
        ({"cells_told": True}, "cells_told .*lattices must be above 0"),
        ({"width": 15}, "width 15 .*heads, 2"),
        ({"activation": "none such"}, "none such"),
    ],
)
def test_wrong_settings(settings, match):
    with pytest.raises(ValueError, match=match):
        build_network(VIEW, **(SETTINGS | settings))
