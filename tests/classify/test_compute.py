# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import dask
import dask.array as da
import numpy as np
import pytest

from kikuchipy_symml.classify._compute import computed


@pytest.fixture
def blocks():
    """Forty blocks of 100 kB, each with numbers of its own."""
    rng = da.random.default_rng(0)
    return rng.random((4000, 250), chunks=(100, 250), dtype=np.float32)


@pytest.mark.parametrize("scheduler", [None, "sync", "processes", "pool"])
def test_wherever_dask_computes(blocks, scheduler):
    """Other processes cannot put blocks in their place here."""
    few = blocks[:300]
    expected = few.compute(scheduler="sync")
    if scheduler == "pool":
        scheduler = ThreadPoolExecutor(2)
    with dask.config.set(scheduler=scheduler):
        found = computed(few, show_progressbar=False)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, expected)


def test_result_is_there_once(blocks):
    tracemalloc.start()
    try:
        result = computed(blocks, show_progressbar=False)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1.6 * result.nbytes


def test_of_several():
    found = computed([dask.delayed(3), dask.delayed(4)], False)
    assert found == [3, 4]
