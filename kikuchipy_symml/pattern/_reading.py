# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors that say which patterns could not be read.

A file on a network drive fails in the middle of a night, and what HDF5
then says ("can't synchronously read data") names no place in it.
"""

from typing import Any

import dask.array as da
import numpy as np
from dask.highlevelgraph import HighLevelGraph


def name_what_fails(array: da.Array) -> da.Array:
    """Return a lazy array whose errors of reading name what was read.

    Parameters
    ----------
    array
        Dask array. Files in its graph are those that
        :func:`dask.array.from_array` was given, as kikuchipy's readers
        do. An array read by other means is left as it is.

    Returns
    -------
    array
        The same array, reading through :class:`_NamedReader`.
    """
    graph = array.__dask_graph__()
    if not isinstance(graph, HighLevelGraph):
        return array
    layers = dict(graph.layers)
    for name, layer in graph.layers.items():
        # from_array puts what it reads into a layer of its own, under
        # the name of the layer.
        if isinstance(layer, dict) or len(layer) != 1 or name not in layer:
            continue
        source = layer[name]
        if _is_file(source):
            layers[name] = type(layer)({name: _NamedReader(source)})
    graph = HighLevelGraph(layers, graph.dependencies)
    return da.Array(graph, array.name, array.chunks, meta=array._meta)


def _is_file(source: Any) -> bool:
    return (
        not isinstance(source, np.ndarray | _NamedReader)
        and not callable(source)
        and all(hasattr(source, i) for i in ("shape", "dtype", "__getitem__"))
    )


class _NamedReader:
    """An array in a file, whose errors name the part that was asked for."""

    def __init__(self, source: Any) -> None:
        self._source = source
        self.shape, self.dtype = source.shape, source.dtype
        self.ndim = len(source.shape)

    def __getitem__(self, key: Any) -> np.ndarray:
        try:
            return np.asarray(self._source[key])
        except Exception as e:
            raise OSError(
                f"Patterns [{_place(key, self.shape)}] of {self._source!r} "
                f"could not be read: {type(e).__name__}: {e}"
            ) from e


def _place(key: Any, shape: tuple[int, ...]) -> str:
    """Return the part along navigation axes, such as "0:32, 64:96"."""
    if not isinstance(key, tuple):
        key = (key,)
    parts = []
    for part, n in zip(key[: len(shape) - 2], shape, strict=False):
        if isinstance(part, slice):
            start, stop, _ = part.indices(n)
            part = f"{start}:{stop}"
        parts.append(str(part))
    return ", ".join(parts) or ":"
