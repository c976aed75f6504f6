# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The computing of what was deferred, here or on a cluster."""

import os
import sys
from contextlib import nullcontext
from typing import Any

import dask
import dask.array as da
import hyperspy.api as hs
import numpy as np
from dask.diagnostics import ProgressBar

# The network takes all cores by itself. A few threads keep these supplied
# with views; more would only hold more patterns in memory.
MOST_THREADS = 4


def computed(collection: Any, show_progressbar: bool | None) -> Any:
    """Compute what was deferred, with a progress bar if asked for.

    Parameters
    ----------
    collection
        Dask array, or list of delayed objects.
    show_progressbar
        Whether to show a progress bar. If None, HyperSpy's preference.

    Returns
    -------
    result
        Array, or list of what the objects stand for.
    """
    if show_progressbar is None:
        show_progressbar = hs.preferences.General.show_progressbar
    if client_in_use() is not None:
        if show_progressbar:
            import distributed

            # Pieces stay on the workers until all are done.
            (collection,) = dask.persist(collection)
            distributed.progress(collection, notebook=False, interval="1s")
        return dask.compute(collection)[0]
    n_threads = dask.config.get("num_workers", None)
    if n_threads is None:
        n_threads = min(MOST_THREADS, os.cpu_count() or 1)
    bar = ProgressBar() if show_progressbar else nullcontext()
    with bar, dask.config.set(num_workers=n_threads):
        if not (isinstance(collection, da.Array) and _in_process(collection)):
            return dask.compute(collection)[0]
        # Each block is put in its place as soon as it is done: joined at
        # the end, all would be there twice.
        result = np.empty(collection.shape, collection.dtype)
        da.store(collection, result, lock=False)
        return result


def _in_process(collection: da.Array) -> bool:
    """Whether dask computes in this process, where all share memory."""
    scheduler = dask.base.get_scheduler(collections=[collection])
    return scheduler in (dask.threaded.get, dask.local.get_sync)


def client_in_use() -> Any:
    """Return the client of the cluster that dask computes on, or None."""
    distributed = sys.modules.get("distributed")
    if distributed is None:
        return None
    client = getattr(dask.base.get_scheduler(), "__self__", None)
    return client if isinstance(client, distributed.Client) else None
