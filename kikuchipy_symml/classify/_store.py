# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file that probabilities go into block by block.

What is in it stays when a run is interrupted, and the next run with the
same scan, model and masks does only what is missing. That it is the same scan
is told by some of its patterns.

Axes: those of a dask array of probabilities, the navigation shape and the
230 space groups.
"""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import dask
import dask.array as da
import h5py
import numpy as np
from dask.utils import SerializableLock

from kikuchipy_symml.classify._compute import client_in_use, computed

HDF5_SUFFIXES = (".h5", ".hdf5")
ZARR_SUFFIX = ".zarr"
# Patterns by which a scan is known again: the first, the last and others
# between them.
SAMPLED = 3
# Name of the array in the file, and of the attribute with its origin
NAME = "probabilities"
ORIGIN = "origin"
_OTHER = {
    "model": "another model",
    "geometry_and_masks": "another geometry and masks",
    "patterns": "other patterns",
}


def check_store(path: str | Path) -> None:
    """Raise unless a store of this name can be opened here and now.

    Raises
    ------
    ValueError
        If the path ends in no known suffix, or in that of HDF5 while dask
        computes on a cluster, whose workers cannot share such a file.
    ImportError
        If zarr is needed and not installed.
    """
    path = Path(path)
    if path.suffix == ZARR_SUFFIX:
        try:
            import zarr  # noqa: F401
        except ImportError as e:
            raise ImportError(
                f"To store to '{path}', install zarr: pip install "
                "kikuchipy_symml[distributed]"
            ) from e
    elif path.suffix not in HDF5_SUFFIXES:
        raise ValueError(
            f"The store must end with {ZARR_SUFFIX}, .h5 or .hdf5, not be "
            f"'{path}'"
        )
    elif client_in_use() is not None:
        raise ValueError(
            "The workers of a cluster cannot write to one HDF5 file: store "
            f"to '{path.with_suffix(ZARR_SUFFIX)}' instead of '{path}'"
        )


def origin_of(
    sha256: str,
    patterns: da.Array | np.ndarray,
    pc: np.ndarray,
    signal_mask: np.ndarray | None,
    navigation_mask: np.ndarray | None,
) -> dict:
    """Return what must be the same for results to go together.

    Of the patterns some are read, none that is left out.
    """
    shape = patterns.shape[:-2]
    wanted = (
        np.arange(int(np.prod(shape)))
        if navigation_mask is None
        else np.flatnonzero(~navigation_mask)
    )
    some = wanted[np.linspace(0, len(wanted) - 1, SAMPLED).astype(int)]
    sample = [patterns[np.unravel_index(k, shape)] for k in some]
    return {
        "model": sha256,
        "geometry_and_masks": _hash(pc, signal_mask, navigation_mask),
        "patterns": _hash(*dask.compute(*sample)),
    }


def _hash(*arrays: np.ndarray | None) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        if array is None:
            digest.update(b"None")
        else:
            digest.update(f"{array.dtype} {array.shape}".encode())
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def stored_probabilities(
    probabilities: da.Array,
    path: Path,
    navigation_mask: np.ndarray | None,
    origin: dict,
    show_progressbar: bool | None,
) -> np.ndarray:
    """Compute what is missing in a file of probabilities.

    Parameters
    ----------
    probabilities
        What :func:`~kikuchipy_symml.classify._mapping.map_probabilities`
        returns.
    path
        Of the file, which :func:`check_store` has let pass. It is made
        when there is none.
    navigation_mask
        True for points to leave out, whose rows stay NaN.
    origin
        What :func:`origin_of` returns.
    show_progressbar
        Whether to show a progress bar.

    Returns
    -------
    probabilities
        All of them.

    Raises
    ------
    ValueError
        If the file is of another shape or origin, or holds other things.
    OSError
        If an HDF5 file cannot be opened, or probabilities did not arrive.
    """
    # Workers of a cluster may have other working directories.
    path = path.absolute()
    with _opened(path, probabilities, origin) as (target, lock):
        probabilities = probabilities.rechunk(target.chunks)
        regions = da.core.slices_from_chunks(probabilities.chunks)
        written = da.map_blocks(
            _Writer(target, lock),
            probabilities,
            chunks=(1,) * probabilities.ndim,
            dtype=bool,
            meta=np.empty((0,) * probabilities.ndim, dtype=bool),
        ).to_delayed()
        missing = [
            task
            for task, region in zip(written.ravel(), regions, strict=True)
            if _is_missing(target[region], region, navigation_mask)
        ]
        computed(missing, show_progressbar)
        result = np.asarray(target[...])
    whole = tuple(slice(n) for n in result.shape)
    if _is_missing(result, whole, navigation_mask):
        raise OSError(
            f"Probabilities that were computed are not in '{path}': all "
            "workers of a cluster must reach it by this path"
        )
    return result


class _Writer:
    """The last task of a block: write it, and keep nothing of it."""

    def __init__(self, target: Any, lock: SerializableLock | None) -> None:
        self.target, self.lock = target, lock

    def __call__(self, block: np.ndarray, block_info: Any = None) -> None:
        place = block_info[0]["array-location"]
        with self.lock or nullcontext():
            self.target[tuple(slice(*ends) for ends in place)] = block
            if isinstance(self.target, h5py.Dataset):
                # What is not flushed is lost if the process is killed, and
                # with it the file.
                self.target.file.flush()


def _is_missing(
    block: np.ndarray, region: tuple, navigation_mask: np.ndarray | None
) -> bool:
    wanted = np.isnan(block[..., 0])
    if navigation_mask is not None:
        wanted = wanted & ~navigation_mask[region[:-1]]
    return bool(wanted.any())


@contextmanager
def _opened(
    path: Path, probabilities: da.Array, origin: dict
) -> Iterator[tuple[Any, Any]]:
    """Give the array in a file, and the lock to write to it with."""
    chunks = tuple(max(sizes) for sizes in probabilities.chunks)
    options = {
        "name": NAME,
        "shape": probabilities.shape,
        "chunks": chunks,
        "dtype": "f4",
    }
    if path.suffix == ZARR_SUFFIX:
        import zarr

        group = zarr.open_group(path, mode="a")
        if NAME not in group:
            _check_empty(path, list(group.keys()))
            group.create_array(**options, fill_value=np.nan)
            group[NAME].attrs[ORIGIN] = json.dumps(origin)
        _check(group[NAME], path, probabilities.shape, origin)
        # Blocks are whole chunks, each a file of its own.
        yield group[NAME], None
        return
    lock = SerializableLock()
    try:
        file = h5py.File(path, "a")
    except OSError as e:
        raise OSError(
            f"'{path}' cannot be opened to store probabilities ({e}). If a "
            "process was killed while it wrote, delete the file"
        ) from e
    try:
        if NAME not in file:
            _check_empty(path, list(file))
            file.create_dataset(**options, fillvalue=np.nan)
            file[NAME].attrs[ORIGIN] = json.dumps(origin)
            file.flush()
        _check(file[NAME], path, probabilities.shape, origin)
        yield file[NAME], lock
    finally:
        # After Ctrl-C a thread may still be writing its last block.
        with lock:
            file.close()


def _check_empty(path: Path, names: list[str]) -> None:
    if names:
        raise ValueError(
            f"'{path}' is no store of probabilities, but holds {names}: give "
            "another file"
        )


def _check(array: Any, path: Path, shape: tuple, origin: dict) -> None:
    if array.shape != shape:
        raise ValueError(
            f"'{path}' holds probabilities of shape {array.shape}, not of "
            f"{shape}: it belongs to another scan"
        )
    found = json.loads(array.attrs.get(ORIGIN, "{}"))
    for what, value in origin.items():
        if found.get(what) != value:
            raise ValueError(
                f"'{path}' was begun with {_OTHER[what]} "
                f"({found.get(what)}, not {value}): its results do not go "
                "together with new ones. Give another file"
            )
