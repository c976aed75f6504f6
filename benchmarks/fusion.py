# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much more several patterns of a crystal say than one.

    python benchmarks/fusion.py default --directory DIR

draws nine patterns each of training crystals and of random crystals that are
never trained on, in orientations of their own, and fuses the nine with
different correlations between their evidence. Printed are the share of single
patterns and of fused nines with the right Bravais lattice, the mean
confidence, and the mean negative logarithm of the probability of the right
one, which is smallest where the confidence is honest. These are other
patterns than those of the evaluation. DIR keeps the random crystals.
"""

import argparse

import numpy as np

from kikuchipy_symml import load_model, symmetry
from kikuchipy_symml.symmetry._fuse import CORRELATION, fuse_regions
from kikuchipy_symml.training import recipe_of
from kikuchipy_symml.training._batches import draw_set
from kikuchipy_symml.training._shards import Shards

TOGETHER = 9


def line(tag: str, p: np.ndarray, space_groups: np.ndarray) -> str:
    """Return what probabilities of space groups come to."""
    p = symmetry.sum_to_level(p, "bravais_lattice")
    true = symmetry.class_index("bravais_lattice")[space_groups - 1]
    right = np.mean(p.argmax(axis=1) == true)
    surprise = -np.log(p[np.arange(len(p)), true] + 1e-9).mean()
    return f"{tag:20s}{right:9.1%}{p.max(axis=1).mean():12.1%}{surprise:10.2f}"


def fuse_nines(p: np.ndarray, correlation: float = CORRELATION) -> np.ndarray:
    """Return what nine patterns say together, of all one after the other."""
    nine = np.arange(len(p)) // TOGETHER
    return fuse_regions(p, nine, correlation=correlation)


def started(description: str, patterns: int) -> tuple:
    """The model, its recipe, the crystals and the number of patterns, with
    its default, that the command line asks for."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("model", help="name or path")
    parser.add_argument("--directory", required=True)
    parser.add_argument("--patterns", type=int, default=patterns)
    args = parser.parse_args()
    model = load_model(args.model)
    recipe = recipe_of(model)
    return model, recipe, Shards(recipe, args.directory), args.patterns


def main() -> None:
    model, recipe, shards, patterns = started(__doc__, 5400)
    for name, shard in (
        ("training crystals", shards.library("train")),
        ("random crystals", shards.held_out()),
    ):
        views, space_groups, _ = draw_set(
            recipe, shard, seed=778, patterns=patterns, per_grain=TOGETHER
        )
        p = model.predict(views)
        print(f"{name:20s}{'right':>9s}{'confidence':>12s}{'-log p':>10s}")
        print(line("single", p, space_groups), flush=True)
        for correlation in (0, 0.2, 0.35, 0.5, 0.65, 0.8, 1):
            fused = fuse_nines(p, correlation)
            tag = f"{TOGETHER} fused, {correlation}"
            print(line(tag, fused, space_groups[::TOGETHER]), flush=True)


if __name__ == "__main__":
    main()
