# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""
A cluster of workers
====================

Classify with several processes or machines, and lose nothing when a run is
interrupted.

This needs two packages more: ``pip install "kikuchipy_symml[distributed]"``.
"""

import tempfile
from pathlib import Path

import kikuchipy as kp
from dask.distributed import Client
from distributed import SubprocessCluster

import kikuchipy_symml  # noqa: F401
from kikuchipy_symml import data

# %%
# A scan on a disk that all workers see, in chunks of whole patterns.
folder = Path(tempfile.mkdtemp())
tile = data.simulated_scan(["Ni", "Fe (Im-3m)"], (16, 20)).as_lazy()
tile.data = tile.data.rechunk((4, 20, 60, 60))
tile.save(folder / "scan.h5")
s = kp.load(folder / "scan.h5", lazy=True)

# %%
# Two workers on this machine, each a process with one thread. On a cluster
# with SLURM it is ``SLURMCluster(...)`` of dask-jobqueue in place of the first
# line, see :doc:`/scaling`; nothing else changes.
cluster = SubprocessCluster(
    n_workers=2, threads_per_worker=1, worker_kwargs={"dashboard": False}
)
client = Client(cluster)

# %%
# While there is a client, dask computes with its workers. Each one reads the
# model file once and takes blocks of patterns; only results travel.
#
# With a store, each block is written as soon as it is done.
store = folder / "probabilities.zarr"
phases = s.classify_symmetry(store=store)
phases

# %%
# If the run is interrupted, the same call goes on with the blocks that are
# missing. Here none is, so that it only reads, for another level.
s.classify_symmetry(level="laue_group", store=store)

# %%
# The client and its workers are not needed for what follows.
client.close()
cluster.close()
_ = phases.plot()
