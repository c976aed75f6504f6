# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Patterns drawn and viewed per second on all cores, and master patterns.

Run with ``python benchmarks/patterns.py [number of patterns]``. Nothing
else should run on the machine meanwhile.
"""

import argparse
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from kikuchipy_symml.crystals import random_crystal
from kikuchipy_symml.pattern import ViewSpec, canonical_views
from kikuchipy_symml.simulation import (
    Camera,
    band_profiles,
    draw_patterns,
    master_from_bands,
)

BATCH = 64
MASTER_SIZE = 201
CAMERA = Camera(pixels=(64, 64), aspect_ratio=(1.0, 1.0))
VIEW = ViewSpec()


def rate(work: Callable[[int], object], tasks: int, each: int) -> float:
    """Results per second of tasks shared by one thread for each core,
    where a task has so many results."""
    work(0)  # compiles
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        start = time.perf_counter()
        for _ in pool.map(work, range(tasks)):
            pass
        return tasks * each / (time.perf_counter() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("n", nargs="?", type=int, default=20 * BATCH)
    tasks = max(1, parser.parse_args().n // BATCH)

    rng = np.random.default_rng(1)
    crystals = [random_crystal(rng) for _ in range(28)]

    def make(i: int) -> np.ndarray:
        bands = band_profiles(crystals[i % len(crystals)])
        return master_from_bands(bands, MASTER_SIZE)

    def profile(i: int) -> object:
        return band_profiles(crystals[i % len(crystals)])

    masters = np.stack([make(i) for i in range(8)])
    masters *= 16 / masters[:, :1].std(axis=(2, 3), keepdims=True)
    masters = np.clip(np.round(masters), -127, 127).astype(np.int8)
    which = np.arange(BATCH) % len(masters)

    def draw(i: int) -> tuple:
        return draw_patterns(np.random.default_rng(i), masters, which, CAMERA)

    patterns, pc, _ = draw(0)

    def view(_: int) -> tuple:
        return canonical_views(patterns, pc, VIEW)

    def both(i: int) -> tuple:
        patterns, pc, _ = draw(i)
        return canonical_views(patterns, pc, VIEW)

    print(f"{os.cpu_count()} cores, a thread for each")
    for what, work in (
        ("drawn, 64 x 64 pixels", draw),
        (f"viewed, {VIEW.size} x {VIEW.size} pixels", view),
        ("drawn and viewed", both),
    ):
        print(f"{what}: {rate(work, tasks, BATCH):.0f} patterns/s")
    n = len(crystals)
    print(f"band profiles: {rate(profile, n, 1):.1f} random crystals/s")
    print(
        f"band profiles and master patterns, {MASTER_SIZE} x {MASTER_SIZE} "
        f"points: {rate(make, n, 1):.1f} random crystals/s"
    )


if __name__ == "__main__":
    main()
