# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The forward pass of a network, from NumPy array to NumPy array."""

import ctypes
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:  # pragma: no cover
    import keras


def take_threads_of_worker() -> None:
    """In a worker of a dask cluster, let TensorFlow have as many threads
    as the worker was given: its neighbours have the other cores."""
    distributed = sys.modules.get("distributed")
    if distributed is None:
        return
    try:
        n_threads = distributed.get_worker().state.nthreads
    except ValueError:
        return  # This is no worker
    import keras

    if keras.backend.backend() != "tensorflow":
        return
    import tensorflow as tf

    try:
        tf.config.threading.set_intra_op_parallelism_threads(n_threads)
        tf.config.threading.set_inter_op_parallelism_threads(n_threads)
    except RuntimeError:
        pass  # TensorFlow was in use before and keeps the threads it has


def compile_forward(network: "keras.Model", shape: tuple) -> Callable:
    """Return the forward pass from NumPy array to NumPy array.

    With TensorFlow it is traced once, whatever the number of views.
    """
    import keras

    if keras.backend.backend() != "tensorflow":
        return lambda views: keras.ops.convert_to_numpy(
            network(views, training=False)
        )
    import tensorflow as tf

    traced = tf.function(
        lambda views: network(views, training=False),
        input_signature=[tf.TensorSpec(shape, tf.float32)],
    )

    def forward(views: np.ndarray) -> np.ndarray:
        return traced(tf.constant(views)).numpy()

    forward.traced = traced  # type: ignore[attr-defined]
    return forward


def gains_by_xla(network: "keras.Model") -> bool:
    """Whether compiling is worth it: not for networks of convolutions,
    which are quicker without on processors."""
    import keras

    from kikuchipy_symml.models.layers import GreatCircles

    return keras.backend.backend() == "tensorflow" and any(
        isinstance(layer, GreatCircles) for layer in network.layers
    )


def compile_for(network: "keras.Model", batch_size: int) -> Callable:
    """Return the forward pass, compiled by XLA for one batch size; smaller
    batches are filled up."""
    import tensorflow as tf

    shape = (batch_size, *network.input_shape[1:])
    compiled = tf.function(
        lambda views: network(views, training=False),
        input_signature=[tf.TensorSpec(shape, tf.float32)],
        jit_compile=True,
    )

    def forward(views: np.ndarray) -> np.ndarray:
        n = len(views)
        if n < batch_size:
            views = np.concatenate(
                [views, np.zeros((batch_size - n, *shape[1:]), np.float32)]
            )
        return compiled(tf.constant(views)).numpy()[:n]

    # Compiled now, not by each of several threads that need it at once. It
    # takes most memory of all that is done: before it, what reading the
    # network left is given back, and after it, what it left itself.
    return_freed_memory()
    forward(np.zeros((1, *shape[1:]), np.float32))
    return_freed_memory()
    return forward


def return_freed_memory() -> None:
    """Give memory that was freed back to the system where the C library
    would keep it for later: glibc, of which compiling leaves some 400 MiB.
    """
    if sys.platform != "linux":
        return
    # Other C libraries than glibc lack it.
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
