# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much of what is wrong can hardly be seen.

    python benchmarks/visible.py default --directory DIR

draws nine patterns each of crystals of the library, as the evaluation does
but others, and sorts them in two ways: by the strength of the reflections by
which the crystal's lattice is told from those of smaller cells, relative to
its strongest one; and by how near its lattice is to one of higher symmetry.
Printed are how many patterns are of such crystals, and the share of single
patterns and of fused nines with the right Bravais lattice. DIR is where
crystals are kept.
"""

import numpy as np
from fusion import TOGETHER, fuse_nines, started

from kikuchipy_symml import symmetry
from kikuchipy_symml.crystals import Crystal, split
from kikuchipy_symml.crystals._metric import (
    ANGLE_MARGIN,
    LENGTH_MARGIN,
    is_clear,
)
from kikuchipy_symml.simulation._order import strength_of_lattice
from kikuchipy_symml.training._batches import draw_set

SETS = {
    "train": "training crystals, new orientations",
    "seen_type": "unseen crystals, seen structure type",
    "unseen_type": "unseen structure types",
}
STRENGTHS = (0.05, 0.1, 0.2, 0.4)
# In units of the margins within which lattices are near.
MARGINS = (0.1, 0.3, 1.0)


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
        crystals = [split()[part][int(k)] for k in drawn]
        print(f"{title:44s}patterns   right   fused")
        for sort in (by_strength, by_nearness):
            kinds, names = sort(crystals)
            for kind, name in enumerate(names):
                some = kinds[grain] == kind
                if some.any():
                    line(name, some, right, fused)
        line("all", np.full(len(grain), True), right, fused)


def line(
    name: str, some: np.ndarray, right: np.ndarray, fused: np.ndarray
) -> None:
    """Print how often some of the nines are right."""
    single = right[np.repeat(some, TOGETHER)].mean()
    print(
        f"  {name:42s}{some.mean():8.1%}{single:8.1%}"
        f"{fused[some].mean():8.1%}",
        flush=True,
    )


def by_strength(crystals: list[Crystal]) -> tuple[np.ndarray, list[str]]:
    """Kind of each crystal by the reflections that tell its lattice from
    those of smaller cells, and names of the kinds."""
    strengths = [strength_of_lattice(crystal) for crystal in crystals]
    edges = ["0.00", *[f"{i:.2f}" for i in STRENGTHS]]
    names = [
        f"superlattices {low} to {high}"
        for low, high in zip(edges, edges[1:], strict=False)
    ]
    names.append(f"superlattices {edges[-1]} or more")
    return np.digitize(strengths, STRENGTHS), names


def by_nearness(crystals: list[Crystal]) -> tuple[np.ndarray, list[str]]:
    """Kind of each crystal by how near its lattice is to one of higher
    symmetry, and names of the kinds."""
    clear = [
        [is_clear(c.matrix, c.space_group, margin) for margin in MARGINS]
        for c in crystals
    ]
    names = [
        f"higher symmetry within {100 * m * LENGTH_MARGIN:.1f} %, "
        f"{m * ANGLE_MARGIN:.1f} degrees"
        for m in MARGINS
    ]
    return np.sum(clear, axis=1), [*names, "clear of higher symmetry"]


if __name__ == "__main__":
    main()
