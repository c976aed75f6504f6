# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""
Scans larger than memory
========================

Classify a lazy signal, now or later, in bounded memory.
"""

import tempfile
import time
from pathlib import Path

import dask.array as da
import kikuchipy as kp
import numpy as np
from kikuchipy.signals import LazyEBSD

import kikuchipy_symml
from kikuchipy_symml import data

# %%
# A scan on disk. It is small, so that this example is quick: a simulated one,
# set side by side with itself.
tile = data.simulated_scan(["Ni", "Fe (Im-3m)"], (15, 20))
patterns = da.tile(tile.data, (2, 2, 1, 1)).rechunk((10, 20, 60, 60))
file = Path(tempfile.mkdtemp()) / "scan.h5"
LazyEBSD(patterns, detector=tile.detector).save(file)

# %%
# Loaded lazily, no pattern is in memory.
s = kp.load(file, lazy=True)
s

# %%
# Patterns are read and classified block by block. What is kept of each one is
# 230 probabilities, 920 bytes.
start = time.perf_counter()
phases = s.classify_symmetry()
seconds = time.perf_counter() - start
print(f"{phases.phase_id.size / seconds:.0f} patterns a second")
_ = phases.plot()

# %%
# With ``compute=False`` nothing is read yet. The result is a dask array, which
# goes along with dask's other work: to compute only a part of it, store it, or
# have a cluster do it (``dask.distributed.Client`` made beforehand is all it
# takes).
later = s.classify_symmetry(compute=False)
later

# %%
corner = later[:3, :4].compute()
print(corner.shape, np.allclose(corner.sum(axis=-1), 1, atol=1e-4))

# %%
# Stored and read back, it gives the same phases at any level, in another
# session, too.
da.to_npy_stack(file.with_suffix(""), later, axis=0)
stored = da.from_npy_stack(file.with_suffix(""))
again = kikuchipy_symml.compute_symmetry_results(stored, s, "laue_group")
again
