# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much of what is wrong are superlattices that hardly show.

    python benchmarks/visible.py default --directory DIR

draws nine patterns each of crystals of the library, as the evaluation does
but others, and sorts them by the strength of the reflections by which the
crystal's lattice is told from those of smaller cells, relative to its
strongest one. Printed are how many patterns are of such crystals, and the
share of single patterns and of fused nines with the right Bravais lattice.
DIR is where crystals are kept.
"""

import numpy as np
from fusion import TOGETHER, fuse_nines, started

from kikuchipy_symml import symmetry
from kikuchipy_symml.crystals import split
from kikuchipy_symml.simulation._order import strength_of_lattice
from kikuchipy_symml.training._batches import draw_set

SETS = {
    "train": "training crystals, new orientations",
    "seen_type": "unseen crystals, seen structure type",
    "unseen_type": "unseen structure types",
}
BINS = (0, 0.05, 0.1, 0.2, 0.4, np.inf)


def main() -> None:
    """Print the tables."""
    model, recipe, shards, patterns = started(__doc__, 4536)
    lattice = symmetry.class_index("bravais_lattice")
    for i, (part, title) in enumerate(SETS.items()):
        views, space_groups, which = draw_set(
            recipe,
            shards.library(part),
            seed=880 + i,
            patterns=patterns,
            per_grain=TOGETHER,
        )
        p = model.predict(views)
        right, fused = [
            symmetry.sum_to_level(q, "bravais_lattice").argmax(axis=1)
            == lattice[numbers - 1]
            for q, numbers in (
                (p, space_groups),
                (fuse_nines(p), space_groups[::TOGETHER]),
            )
        ]
        drawn, grain = np.unique(which[::TOGETHER], return_inverse=True)
        crystals = list(split()[part])
        strength = [strength_of_lattice(crystals[k]) for k in drawn]
        strength = np.array(strength)[grain]
        print(f"{title}\n{'strength':14s}patterns   right   fused")
        for low, high in zip(BINS[:-1], BINS[1:], strict=True):
            some = (strength >= low) & (strength < high)
            if some.any():
                till = f"to {high:.2f}" if np.isfinite(high) else ""
                print(
                    f"{low:.2f} {till:9s}{some.mean():8.1%}"
                    f"{right[np.repeat(some, TOGETHER)].mean():8.1%}"
                    f"{fused[some].mean():8.1%}"
                )
        print(
            f"{'all':14s}{1:8.0%}{right.mean():8.1%}{fused.mean():8.1%}",
            flush=True,
        )


if __name__ == "__main__":
    main()
