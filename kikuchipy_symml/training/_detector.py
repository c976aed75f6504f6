# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Training of the layers that find bands and read their widths, ahead of
all others.

Axes: ``N`` patterns, ``E`` extrema of the map over plane normals.
"""

from collections.abc import Callable

import numpy as np

from kikuchipy_symml.models.layers import FindBands

from ._auxiliary import Truth, angles_off

# An extremum belongs to a band, if the band's normal is no further off, in
# degrees. Its offset is to be told if it is no more cells than that.
_NEAR = 3.0
_CELLS = 3.5


def train_detector(
    network,
    batch: Callable[[int], tuple[np.ndarray, np.ndarray, Truth]],
    steps: int,
    learning_rate: float,
    step_done: Callable[[float], None],
) -> None:
    """Train the layer of a network that finds bands.

    Parameters
    ----------
    network
        From :func:`~kikuchipy_symml.models._network.build_network`, with
        extrema.
    batch
        Gives the views, the space groups and the bands of a batch.
    steps
        Number of batches.
    learning_rate
        Of Adam; it falls to zero over the second half of the steps.
    step_done
        Called with the loss after each step.
    """
    import keras

    layer = network.get_layer("bands")
    maps = network.get_layer("great_circles").output
    find = keras.Model(
        network.input, keras.layers.Lambda(layer.find, name="find")(maps)
    )
    features = keras.Input(find.output[0].shape[1:])
    layer.trainable = True
    tell = keras.Model(features, layer.tell(features))

    def shown_and_wanted(i):
        views, _, truth = batch(i)
        shown, *place = [np.asarray(a) for a in find.predict_on_batch(views)]
        return shown, _targets(layer, truth, *place)

    _train(tell, _loss, shown_and_wanted, steps, learning_rate, step_done)
    layer.trainable = False


def train_reader(
    network,
    batch: Callable[[int], tuple[np.ndarray, np.ndarray, Truth]],
    steps: int,
    learning_rate: float,
    step_done: Callable[[float], None],
) -> None:
    """Train the layer of a network that reads the widths of bands, once
    that which finds them is trained.

    Parameters
    ----------
    network
        From :func:`~kikuchipy_symml.models._network.build_network`, with
        lattices.
    batch, steps, learning_rate, step_done
        As of :func:`train_detector`.
    """
    import keras

    layer = network.get_layer("widths")
    normals, _, strength = network.get_layer("bands").output
    see = keras.Model(network.input, [layer.input, normals, strength])
    features = keras.Input(layer.input.shape[1:])
    layer.trainable = True
    read = keras.Model(features, layer(features))

    def shown_and_wanted(i):
        views, _, truth = batch(i)
        shown, *found = [np.asarray(a) for a in see.predict_on_batch(views)]
        return shown, truth.targets(*found)[0][..., 0]

    _train(read, angles_off, shown_and_wanted, steps, learning_rate, step_done)
    layer.trainable = False


def _train(model, loss, batch, steps, learning_rate, step_done) -> None:
    """Train a model on batches of inputs and targets."""
    import keras

    optimiser = keras.optimizers.Adam(learning_rate)
    model.compile(optimiser, loss)
    for i in range(steps):
        shown, wanted = batch(i)
        optimiser.learning_rate = learning_rate * min(1, 2 * (1 - i / steps))
        value = model.train_on_batch(shown, wanted)
        model.reset_metrics()
        step_done(float(np.ravel(value)[0]))


def _targets(
    layer: FindBands,
    truth: Truth,
    row: np.ndarray,
    column: np.ndarray,
    there: np.ndarray,
) -> np.ndarray:
    """Whether there is a band near each extremum, offsets of its normal in
    cells, and the weights of both in the loss, (N, E, 5)."""
    azimuth = (row + 0.5) * (np.pi / layer.azimuths)
    tilt = (column - (layer.tilts - 1) / 2) * layer.tilt_step
    normals = np.stack(
        [
            np.cos(tilt) * np.cos(azimuth),
            np.cos(tilt) * np.sin(azimuth),
            np.sin(tilt),
        ],
        axis=-1,
    )
    cosine = normals.astype(np.float32) @ truth.normals.swapaxes(1, 2)
    off = np.abs(cosine) * (truth.angles[..., 0] > 0)[:, None]
    nearest = off.argmax(axis=2)[..., None]
    near = (off.max(axis=2) > np.cos(np.deg2rad(_NEAR))) & there
    # A normal and its opposite are the same.
    sign = np.sign(np.take_along_axis(cosine, nearest, axis=2))
    x, y, z = np.moveaxis(
        sign * np.take_along_axis(truth.normals, nearest, axis=1), -1, 0
    )
    turn = (np.arctan2(y, x) - azimuth + np.pi) % (2 * np.pi) - np.pi
    d_row = turn * (layer.azimuths / np.pi)
    d_column = (np.arcsin(np.clip(z, -1, 1)) - tilt) / layer.tilt_step
    inside = (np.abs(d_row) < _CELLS) & (np.abs(d_column) < _CELLS)
    return np.stack(
        [near, d_row, d_column, near & inside, there], axis=-1
    ).astype(np.float32)


def _loss(targets, told):
    from keras import ops

    near, offsets = targets[..., 0], targets[..., 1:3]
    inside, there = targets[..., 3], targets[..., 4]
    entropy = ops.softplus(told[..., 0]) - near * told[..., 0]
    off = ops.sum(ops.abs(told[..., 1:] - offsets), axis=-1)
    return ops.sum(entropy * there) / (ops.sum(there) + 1) + ops.sum(
        off * inside
    ) / (ops.sum(inside) + 1)
