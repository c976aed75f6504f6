# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Patterns drawn and viewed per second on all cores, and band profiles.

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
    BandStack,
    Camera,
    Variety,
    band_profiles,
    draw_patterns,
)

BATCH = 64
CAMERA = Camera(
    pixels=(64, 64),
    aspect_ratio=(1.0, 1.0),
    grain=(0.0, 0.4),
    shade=(0.0, 0.15),
)
VARIETY = Variety(strain=0.02, scale=0.15, strength=0.35, profile=(0.5, 1.1))
# The view of the default recipe.
VIEW = ViewSpec(size=120)


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
    numbers = np.array([c.space_group for c in crystals])

    def profile(i: int) -> object:
        return band_profiles(crystals[i % len(crystals)])

    stack = BandStack.of([profile(i) for i in range(len(crystals))])
    which = np.arange(BATCH) % len(crystals)

    def draw(i: int) -> tuple:
        rng = np.random.default_rng(i)
        varied = stack[which].varied(rng, numbers[which], VARIETY)
        return draw_patterns(rng, varied, np.arange(BATCH), CAMERA)

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


if __name__ == "__main__":
    main()
