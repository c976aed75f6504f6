# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two worker processes of dask.distributed."""

import os
import signal as signals
import threading
import time

import numpy as np
import pytest

from kikuchipy_symml.classify import (
    _mapping,
    classify_symmetry,
    compute_symmetry_results,
    explain_symmetry,
)
from kikuchipy_symml.pattern import _blocks

distributed = pytest.importorskip("distributed")

QUIET = {"show_progressbar": False}

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture
def scan(make_signal, monkeypatch):
    """24 rows in 12 blocks."""
    monkeypatch.setattr(_blocks, "BLOCK_PATTERNS", 10)
    signal = make_signal((24, 5, 24, 30))
    lazy = signal.as_lazy()
    lazy.data = lazy.data.rechunk((2, 5, 24, 30))
    return lazy


@pytest.fixture
def expected(scan, model_file):
    """What threads of this process find, without the client."""
    import dask

    with dask.config.set(scheduler="threads"):
        return classify_symmetry(scan, model_file, "space_group", **QUIET)


def state_of_worker():
    """In a worker: networks read, traces of each, TensorFlow's threads."""
    import tensorflow as tf

    from kikuchipy_symml.models._model import _NETWORKS

    traces = [
        network.forward.traced.experimental_get_tracing_count()
        for network in _NETWORKS.values()
    ]
    return traces, tf.config.threading.get_intra_op_parallelism_threads()


def test_same_answer_and_one_network_each(
    cluster_client, scan, expected, model_file
):
    for _ in range(2):
        phases = classify_symmetry(scan, model_file, "space_group", **QUIET)
        np.testing.assert_array_equal(phases.phase_id, expected.phase_id)
        np.testing.assert_allclose(
            phases.probabilities, expected.probabilities, rtol=0, atol=1e-6
        )
    deferred = classify_symmetry(scan, model_file, compute=False)
    phases = compute_symmetry_results(deferred, scan, **QUIET)
    np.testing.assert_array_equal(
        phases.phase_id, expected.at_level("bravais_lattice").phase_id
    )
    states = cluster_client.run(state_of_worker)
    assert len(states) == 2
    # One network, traced once though the blocks' last batches differ, and
    # no more threads than the worker has. A worker that starts slowly may
    # come too late to get any block.
    used = [state for state in states.values() if state[0]]
    assert used and all(state == ([1], 1) for state in used)


def test_progress(cluster_client, scan, model_file, capsys):
    classify_symmetry(scan, model_file, show_progressbar=True)
    assert "100%" in capsys.readouterr().out


def test_store(cluster_client, scan, expected, model_file, tmp_path):
    pytest.importorskip("zarr")
    path = tmp_path / "p.zarr"
    for _ in range(2):
        phases = classify_symmetry(
            scan, model_file, "space_group", store=path, **QUIET
        )
        np.testing.assert_allclose(
            phases.probabilities, expected.probabilities, rtol=0, atol=1e-6
        )
    with pytest.raises(ValueError, match=r"store to '.*p\.zarr' instead"):
        classify_symmetry(scan, model_file, store=tmp_path / "p.h5")


def test_explanation(cluster_client, scan, model_file):
    import dask

    few = scan.inav[:2, :6]
    with dask.config.set(scheduler="threads"):
        expected = explain_symmetry(few, model_file, bands=False, **QUIET)
    found = explain_symmetry(few, model_file, bands=False, **QUIET)
    np.testing.assert_array_equal(found.class_id, expected.class_id)
    scale = np.abs(expected.data).max()
    assert scale > 0
    np.testing.assert_allclose(
        found.data, expected.data, rtol=0, atol=1e-4 * scale
    )


class Diary(distributed.WorkerPlugin):
    """Write down each block that is classified, in a file per process."""

    name = "diary"

    def __init__(self, folder):
        self.folder = folder

    def setup(self, worker):
        classify = _mapping._BlockClassifier.__call__

        def noted(task, *args):
            result = classify(task, *args)
            with open(self.folder / f"{os.getpid()}.txt", "a") as file:
                file.write("block\n")
            time.sleep(0.5)
            return result

        _mapping._BlockClassifier.__call__ = noted


def test_killed_worker_costs_its_own_blocks_only(
    cluster_client, scan, expected, model_file, tmp_path
):
    """The last test: a new worker takes the place of the killed one."""
    cluster_client.register_plugin(Diary(tmp_path))
    workers = {w.pid for w in cluster_client.cluster.workers.values()}
    killed = []

    def kill():
        """Whichever has done a block first, while more are to be done."""
        while not killed:
            done = {int(path.stem) for path in tmp_path.glob("*.txt")}
            for pid in list(done & workers)[:1]:
                os.kill(pid, signals.SIGKILL)
                killed.append(pid)
            time.sleep(0.02)

    threading.Thread(target=kill, daemon=True).start()
    phases = classify_symmetry(scan, model_file, "space_group", **QUIET)
    assert killed, (workers, list(tmp_path.iterdir()))
    np.testing.assert_allclose(
        phases.probabilities, expected.probabilities, rtol=0, atol=1e-6
    )
    blocks = {
        int(path.stem): path.read_text().count("\n")
        for path in tmp_path.glob("*.txt")
    }
    # All that was done twice is what the killed one had done
    assert 12 <= sum(blocks.values()) <= 12 + blocks[killed[0]]
    assert len(blocks) > 1
