# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The patterns of a scan in blocks of bounded size."""

import dask.array as da
import numpy as np

from ._reading import name_what_fails

# Enough patterns to make a task worth its while, few enough to have
# several tasks in a small scan and no memory to speak of in any.
BLOCK_PATTERNS = 1024
BLOCK_BYTES = 32 * 2**20


def in_blocks(patterns: np.ndarray | da.Array) -> da.Array:
    """Return patterns as a dask array of whole patterns, with blocks of
    bounded size that follow those of a lazy array where they can.

    An array in memory counts as one block. So does a lazy one of up to
    128 MiB, unless told otherwise: both are then cut in the same way, and
    their results are equal to the last bit.
    """
    nbytes = patterns.dtype.itemsize * patterns.shape[-2] * patterns.shape[-1]
    chunks = da.core.normalize_chunks(
        ("auto",) * (patterns.ndim - 2) + (-1, -1),
        shape=patterns.shape,
        limit=max(nbytes, min(BLOCK_BYTES, BLOCK_PATTERNS * nbytes)),
        dtype=patterns.dtype,
        previous_chunks=getattr(
            patterns, "chunks", tuple((n,) for n in patterns.shape)
        ),
    )
    if isinstance(patterns, da.Array):
        return name_what_fails(patterns).rechunk(chunks)
    return da.from_array(
        _Borrowed(patterns),
        chunks=chunks,
        name=False,
        meta=np.empty((0,) * patterns.ndim, dtype=patterns.dtype),
    )


class _Borrowed:
    """An array in memory that dask reads where it is.

    Given a NumPy array, dask copies all of it first.
    """

    def __init__(self, array: np.ndarray) -> None:
        self._array = array
        self.shape, self.dtype = array.shape, array.dtype
        self.ndim = array.ndim

    def __getitem__(self, key) -> np.ndarray:
        return self._array[key]
