# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Training of the layers that find bands, set them right, read their widths
and look for superlattices, ahead of all others.

Axes: ``N`` patterns, ``E`` extrema of the map over plane normals, ``T``
bands.
"""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from kikuchipy_symml.models._network import found_bands
from kikuchipy_symml.models.layers import FindBands, Superlattices
from kikuchipy_symml.models.layers._profiles import band_frame
from kikuchipy_symml.models.layers._superlattice_classes import (
    CLASSES,
    MEMBERS,
)

from ._auxiliary import COMMON, UNKNOWN, Truth, angles_off, known_entropy

# An extremum belongs to a band, if the band's normal is no further off, in
# degrees. Its offset is to be told if it is no more cells than that.
_NEAR = 3.0
_CELLS = 3.5
# So does a band that was found.
_FOUND_NEAR = 2.0
# A vector of a lattice that was found is one of the crystal's, if its
# coordinates in that are no further from whole numbers.
_WHOLE = 0.25


def train_layer(
    network,
    name: str,
    batch: Callable[[int], tuple[np.ndarray, np.ndarray, Truth]],
    steps: int,
    learning_rate: float,
    step_done: Callable[[float], None],
) -> None:
    """Train one of the layers that are fixed from then on.

    Parameters
    ----------
    network
        From :func:`~kikuchipy_symml.models._network.build_network`. What
        comes before the layer has to be trained.
    name
        Name of the layer: "bands", "refined", "widths" or "superlattices".
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

    layer = network.get_layer(name)
    layer.trainable = True
    # From views to what is shown to the layer and to where that is; from
    # that to what is told.
    see, tell, targets, loss = _LESSONS[name](layer, network)
    see.compile(jit_compile=True)
    optimiser = keras.optimizers.Adam(learning_rate)
    tell.compile(optimiser, loss, jit_compile=True)
    # Made in the first step, its variables would have it traced twice.
    optimiser.build(tell.trainable_variables)
    n = len(tell.inputs)

    def work(i: int) -> tuple:
        views, _, truth = batch(i)
        seen = [np.asarray(a) for a in see.predict_on_batch(views)]
        shown = seen[:n] if n > 1 else seen[0]
        return shown, targets(truth, *seen[n:])

    for i, (shown, wanted) in enumerate(_ahead_of_time(work, steps)):
        optimiser.learning_rate = learning_rate * min(1, 2 * (1 - i / steps))
        value = tell.train_on_batch(shown, wanted)
        tell.reset_metrics()
        step_done(float(np.ravel(value)[0]))
    layer.trainable = False


def _ahead_of_time(work: Callable, steps: int, threads: int = 2) -> Iterator:
    """Yield what is made of each step, worked out ahead in threads."""
    if steps:
        # What is compiled at the first call must not be by two threads.
        yield work(0)
    with ThreadPoolExecutor(threads) as executor:
        ready: deque = deque()
        for i in range(1, steps):
            ready.append(executor.submit(work, i))
            if len(ready) > 2 * threads:
                yield ready.popleft().result()
        while ready:
            yield ready.popleft().result()


def _detector_lesson(layer: FindBands, network) -> tuple:
    import keras

    maps = network.get_layer("great_circles").output
    find = keras.layers.Lambda(layer.find, name="find")(maps)
    shown = keras.Input(find[0].shape[1:])
    return (
        keras.Model(network.input, find),
        keras.Model(shown, layer.tell(shown)),
        lambda truth, *place: _targets(layer, truth, *place),
        _loss,
    )


def _refiner_lesson(layer, network) -> tuple:
    import keras

    normals, _, strength = network.get_layer("bands").output
    look = keras.layers.Lambda(lambda x: layer.look(*x), name="look")
    look = look([normals, strength, network.input])
    shown = keras.Input(look.shape[1:])
    return (
        keras.Model(network.input, [look, normals, strength]),
        keras.Model(shown, layer.tell(shown)),
        _refined_targets,
        _loss,
    )


def _reader_lesson(layer, network) -> tuple:
    import keras

    normals, _, strength = found_bands(network)
    # One tensor, or several in a list
    seen = keras.tree.flatten(layer.input)
    shown = [keras.Input(i.shape[1:]) for i in seen]
    return (
        keras.Model(network.input, [*seen, normals, strength]),
        keras.Model(shown if len(shown) > 1 else shown[0], layer(*shown)),
        lambda truth, *found: truth.targets(*found)[0][..., 0],
        angles_off,
    )


def _prober_lesson(layer: Superlattices, network) -> tuple:
    import keras

    basis, _, *rest = layer.input
    see = keras.layers.Lambda(lambda x: layer.see(*x), name="see")
    seen = see([basis, *rest])
    shown = [keras.Input(i.shape[1:]) for i in seen]
    return (
        keras.Model(network.input, [*seen, basis]),
        keras.Model(shown, layer.tell(*shown)),
        _prober_targets if layer.blocks else _superlattice_targets,
        _prober_loss if layer.blocks else known_entropy,
    )


_LESSONS = {
    "bands": _detector_lesson,
    "refined": _refiner_lesson,
    "widths": _reader_lesson,
    "superlattices": _prober_lesson,
}


def _nearest(
    truth: Truth, normals: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The plane of the crystal next to each normal (N, E, 3), by that of
    its two normals, which are the same, on this side; and the cosine of
    the angle between them, (N, E)."""
    cosine = normals @ truth.normals.swapaxes(1, 2)
    off = np.abs(cosine) * (truth.angles[..., 0] > 0)[:, None]
    nearest = off.argmax(axis=2)[..., None]
    sign = np.sign(np.take_along_axis(cosine, nearest, axis=2))
    true = sign * np.take_along_axis(truth.normals, nearest, axis=1)
    return true, off.max(axis=2)


def _refined_targets(
    truth: Truth, normals: np.ndarray, strength: np.ndarray
) -> np.ndarray:
    """Whether each found band is one, by how many degrees its normal is off
    towards the middle of the view and along the band, and the weights of
    both in the loss, (N, T, 5)."""
    true, cosine = _nearest(truth, normals)
    there = strength > 0
    near = (cosine > np.cos(np.deg2rad(_FOUND_NEAR))) & there
    change = np.rad2deg(true - normals)
    towards, along = [
        np.concatenate([np.asarray(i) for i in part], axis=-1)
        for part in band_frame(normals)[:2]
    ]
    return np.stack(
        [
            near,
            np.sum(change * towards, axis=-1),
            np.sum(change * along, axis=-1),
            near,
            there,
        ],
        axis=-1,
    ).astype(np.float32)


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
    true, cosine = _nearest(truth, normals.astype(np.float32))
    near = (cosine > np.cos(np.deg2rad(_NEAR))) & there
    x, y, z = np.moveaxis(true, -1, 0)
    turn = (np.arctan2(y, x) - azimuth + np.pi) % (2 * np.pi) - np.pi
    d_row = turn * (layer.azimuths / np.pi)
    d_column = (np.arcsin(np.clip(z, -1, 1)) - tilt) / layer.tilt_step
    inside = (np.abs(d_row) < _CELLS) & (np.abs(d_column) < _CELLS)
    return np.stack(
        [near, d_row, d_column, near & inside, there], axis=-1
    ).astype(np.float32)


def _superlattice_targets(truth: Truth, basis: np.ndarray) -> np.ndarray:
    """Whether the crystal has the vectors of each class, (N, 20); unknown
    where a basis (N, 3 vectors, 3) is not of vectors of the crystal."""
    true, known = truth.basis()
    share = basis * np.exp(COMMON) @ np.linalg.inv(true)
    whole = np.rint(share)
    known &= np.abs(share - whole).max(axis=(1, 2)) < _WHOLE
    known &= np.abs(np.linalg.det(whole)) > 0.5
    parts = CLASSES @ whole
    there = (np.abs(parts - np.rint(parts)) < 0.01).all(axis=2)
    return np.where(known[:, None], there, UNKNOWN).astype(np.float32)


def _prober_targets(truth: Truth, basis: np.ndarray) -> np.ndarray:
    """The same, and which lattices are the whole one (N, H). Where that is
    none of them, those of its sublattices that have most vectors; none where
    it is not known."""
    there = _superlattice_targets(truth, basis)
    part = (there[:, None] >= MEMBERS).all(axis=2)
    count = np.where(part, MEMBERS.sum(axis=1), -1)
    whole = part & (count == count.max(axis=1, keepdims=True))
    return np.concatenate([there, whole.astype(np.float32)], axis=1)


def _prober_loss(targets, told):
    from keras import ops

    n = len(CLASSES)
    whole, scores = targets[:, n:], told[:, n:]
    known = ops.max(whole, axis=-1)
    right = ops.logsumexp(scores + (whole - 1) * 1e4, axis=-1)
    entropy = ops.logsumexp(scores, axis=-1) - right
    return known_entropy(targets[:, :n], told[:, :n]) + ops.sum(
        entropy * known
    ) / (ops.sum(known) + 1.0)


def _loss(targets, told):
    from keras import ops

    near, offsets = targets[..., 0], targets[..., 1:3]
    inside, there = targets[..., 3], targets[..., 4]
    entropy = ops.softplus(told[..., 0]) - near * told[..., 0]
    off = ops.sum(ops.abs(told[..., 1:] - offsets), axis=-1)
    return ops.sum(entropy * there) / (ops.sum(there) + 1) + ops.sum(
        off * inside
    ) / (ops.sum(inside) + 1)
