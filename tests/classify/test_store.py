# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Results that go to a file as they come, and runs that go on."""

import subprocess
import sys
import time

import dask
import dask.array as da
import h5py
import numpy as np
import pytest

from kikuchipy_symml.classify import (
    _mapping,
    _store,
    classify_symmetry,
    compute_symmetry_results,
)
from kikuchipy_symml.pattern import _blocks

QUIET = {"show_progressbar": False}


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(_blocks, "BLOCK_PATTERNS", 4)


@pytest.fixture
def work(monkeypatch):
    """Numbers of patterns in the blocks that go through the network."""
    done = []
    views = _mapping.canonical_views

    def counted(patterns, *args):
        done.append(len(patterns))
        return views(patterns, *args)

    monkeypatch.setattr(_mapping, "canonical_views", counted)
    return done


@pytest.fixture(params=[".h5", ".zarr"])
def store(request, tmp_path):
    if request.param == ".zarr":
        pytest.importorskip("zarr")
    return tmp_path / f"probabilities{request.param}"


def read(store):
    if store.suffix == ".h5":
        with h5py.File(store) as file:
            return file["probabilities"][()]
    return da.from_zarr(str(store), component="probabilities").compute()


class Interrupting:
    """Ctrl-C in place of the n-th block."""

    def __init__(self, n, function):
        self.left, self.function = n, function

    def __call__(self, *args):
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt
        return self.function(*args)


@pytest.mark.parametrize("lazy", [False, True])
def test_result_is_the_same(make_signal, model_file, store, lazy):
    signal = make_signal((5, 6, 24, 30))
    expected = classify_symmetry(signal, model_file, **QUIET)
    if lazy:
        signal = signal.as_lazy()
    phases = classify_symmetry(signal, model_file, store=store, **QUIET)
    np.testing.assert_array_equal(phases.phase_id, expected.phase_id)
    np.testing.assert_array_equal(
        read(store), expected.at_level("space_group").probabilities
    )


def test_goes_on_where_it_was_interrupted(
    make_signal, model_file, store, monkeypatch, work
):
    signal = make_signal((6, 4, 24, 30)).as_lazy()
    signal.data = signal.data.rechunk((1, 4, 24, 30))
    expected = classify_symmetry(signal, model_file, **QUIET)
    assert len(work) == 6
    work.clear()
    with monkeypatch.context() as patch, dask.config.set(num_workers=1):
        patch.setattr(
            _mapping,
            "canonical_views",
            Interrupting(3, _mapping.canonical_views),
        )
        with pytest.raises(KeyboardInterrupt):
            classify_symmetry(signal, model_file, store=store, **QUIET)
    finished = ~np.isnan(read(store)).any(axis=-1)
    assert finished.sum() == 3 * 4

    work.clear()
    phases = classify_symmetry(signal, model_file, store=store, **QUIET)
    assert len(work) == 3
    np.testing.assert_array_equal(phases.probabilities, expected.probabilities)
    # Finished, it only reads, at any level
    work.clear()
    again = classify_symmetry(
        signal, model_file, "laue_group", store=store, **QUIET
    )
    assert not work
    assert again.level == "laue_group"


def test_finished_blocks_are_not_read(make_signal, model_file, store):
    signal = make_signal((6, 4, 24, 30)).as_lazy()
    signal.data = signal.data.rechunk((1, 4, 24, 30))
    classify_symmetry(signal, model_file, store=store, **QUIET)

    # But for some, to tell that they are the same
    def fail(block, block_info=None):
        if block_info[0]["chunk-location"][0] not in (0, 2, 5):
            raise AssertionError("read")
        return block

    signal.data = signal.data.map_blocks(fail, dtype=signal.data.dtype)
    classify_symmetry(signal, model_file, store=store, **QUIET)


def test_masked_points_are_not_missing(make_signal, model_file, store, work):
    signal = make_signal((5, 6, 24, 30))
    mask = np.zeros((5, 6), dtype=bool)
    mask[2:, 3:] = True
    options = {"store": store, "navigation_mask": mask, **QUIET}
    first = classify_symmetry(signal, model_file, **options)
    assert np.array_equal(first.phase_id == -1, mask)
    work.clear()
    second = classify_symmetry(signal, model_file, **options)
    assert not work
    np.testing.assert_array_equal(second.phase_id, first.phase_id)


@pytest.mark.parametrize("navigation", [(), (7,)])
def test_fewer_dimensions(make_signal, model_file, store, navigation):
    signal = make_signal((*navigation, 24, 30))
    expected = classify_symmetry(signal, model_file, **QUIET)
    phases = classify_symmetry(signal, model_file, store=store, **QUIET)
    np.testing.assert_array_equal(phases.probabilities, expected.probabilities)


def test_chunks_that_are_not_regular(make_signal, model_file, store):
    signal = make_signal((7, 5, 24, 30)).as_lazy()
    signal.data = signal.data.rechunk(((1, 4, 2), (2, 3), 24, 30))
    expected = classify_symmetry(signal, model_file, **QUIET)
    phases = classify_symmetry(signal, model_file, store=store, **QUIET)
    np.testing.assert_allclose(
        phases.probabilities, expected.probabilities, atol=1e-6
    )


def test_other_scan_or_model(signal, make_signal, model_file, store):
    classify_symmetry(signal, model_file, store=store, **QUIET)
    with pytest.raises(ValueError, match=r"\(3, 4, 230\), not of \(2, 4"):
        classify_symmetry(
            make_signal((2, 4, 24, 30)), model_file, store=store, **QUIET
        )
    pc = signal.detector.pc
    signal.detector.pc = (0.4, 0.3, 0.61)
    with pytest.raises(ValueError, match="another geometry and masks"):
        classify_symmetry(signal, model_file, store=store, **QUIET)
    signal.detector.pc = pc
    signal.data[-1, -1] += 1
    with pytest.raises(ValueError, match="other patterns"):
        classify_symmetry(signal, model_file, store=store, **QUIET)


def test_file_of_something_else(signal, model_file, store):
    if store.suffix == ".h5":
        with h5py.File(store, "w") as file:
            file["scan"] = 1
    else:
        import zarr

        zarr.open_group(store, mode="w").create_group("scan")
    with pytest.raises(ValueError, match=r"no store .*\['scan'\]"):
        classify_symmetry(signal, model_file, store=store, **QUIET)


def test_file_that_cannot_be_opened(signal, model_file, tmp_path):
    store = tmp_path / "p.h5"
    store.write_bytes(b"no HDF5 at all")
    with pytest.raises(OSError, match=r"p\.h5' cannot be opened .*delete"):
        classify_symmetry(signal, model_file, store=store, **QUIET)


def test_probabilities_that_do_not_arrive(
    signal, model_file, tmp_path, monkeypatch
):
    """As with workers that write to a folder of their own."""
    monkeypatch.setattr(_store, "computed", lambda *_: None)
    with pytest.raises(OSError, match=r"not in '/.*p\.h5'"):
        classify_symmetry(signal, model_file, store=tmp_path / "p.h5", **QUIET)


def test_stores_that_cannot_be(signal, model_file, tmp_path):
    with pytest.raises(ValueError, match=r"\.zarr, \.h5 or .*result\.npy"):
        classify_symmetry(signal, model_file, store=tmp_path / "result.npy")
    with pytest.raises(ValueError, match="compute=True"):
        classify_symmetry(
            signal, model_file, store=tmp_path / "a.h5", compute=False
        )
    assert not list(tmp_path.iterdir())


def test_zarr_of_what_was_deferred(make_signal, model_file, tmp_path):
    """dask's own way: streamed, nothing of it in memory."""
    pytest.importorskip("zarr")
    signal = make_signal((6, 4, 24, 30)).as_lazy()
    expected = classify_symmetry(signal, model_file, **QUIET)
    deferred = classify_symmetry(signal, model_file, compute=False)
    path = str(tmp_path / "p.zarr")
    deferred.to_zarr(path)
    phases = compute_symmetry_results(da.from_zarr(path), signal, **QUIET)
    np.testing.assert_array_equal(phases.probabilities, expected.probabilities)


KILLED = """
import sys
import dask, kikuchipy as kp, numpy as np
from kikuchipy_symml.classify import _mapping, classify_symmetry
from kikuchipy_symml.pattern import _blocks
_blocks.BLOCK_PATTERNS = 4
model, store = sys.argv[1:]
views = _mapping.canonical_views
left = 3
def slow(*args):
    global left
    left -= 1
    if left < 0:
        print("three", flush=True)
        sys.stdin.read()
    return views(*args)
_mapping.canonical_views = slow
patterns = np.random.default_rng(4).integers(0, 255, (24, 24, 30))
s = kp.signals.EBSD(patterns.astype("uint8"))
s.detector.pc = (0.4, 0.3, 0.6)
with dask.config.set(num_workers=1):
    classify_symmetry(s, model, store=store, show_progressbar=False)
"""


def test_killed(make_signal, model_file, store, work):
    """Outright, so that nothing can be put in order."""
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, model_file, store],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline() == "three\n"
        process.kill()
    for _ in range(100):
        if process.poll() is not None:
            break
        time.sleep(0.1)
    signal = make_signal((24, 24, 30))
    phases = classify_symmetry(signal, model_file, store=store, **QUIET)
    assert len(work) == 3
    expected = classify_symmetry(signal, model_file, **QUIET)
    np.testing.assert_array_equal(phases.probabilities, expected.probabilities)
