# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Crystals made per second on one core.

Run with ``python benchmarks/random_crystals.py [number of crystals]``.
"""

import argparse
import time

import numpy as np

from kikuchipy_symml.crystals._decorate import decorated
from kikuchipy_symml.crystals._random import random_crystal
from kikuchipy_symml.crystals._wyckoff import (
    BRAVAIS_LATTICES,
    wyckoff_positions,
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("n", nargs="?", type=int, default=560)
    n = parser.parse_args().n
    rng = np.random.default_rng(1)

    start = time.process_time()
    for space_group in range(1, 231):
        wyckoff_positions(space_group)
    elapsed = time.process_time() - start
    print(f"Wyckoff positions of all space groups, once: {elapsed:.1f} s")

    crystals = []
    spent = dict.fromkeys(BRAVAIS_LATTICES, 0.0)
    for k in range(n):
        lattice = BRAVAIS_LATTICES[k % len(BRAVAIS_LATTICES)]
        start = time.process_time()
        crystals.append(random_crystal(rng, bravais_lattice=lattice))
        spent[lattice] += time.process_time() - start
    for lattice, seconds in spent.items():
        count = len(range(BRAVAIS_LATTICES.index(lattice), n, 14))
        if count:
            print(f"  {lattice}: {count / seconds:.0f} a second")
    print(f"random_crystal: {n / sum(spent.values()):.0f} a second and core")

    start = time.process_time()
    for crystal in crystals:
        decorated(crystal, rng)
    elapsed = time.process_time() - start
    print(f"decorated: {n / elapsed:.0f} a second and core")


if __name__ == "__main__":
    main()
