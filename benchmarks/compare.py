# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of several models to evaluate.

    python benchmarks/compare.py default average.symml next.symml -d DIR

draws nine patterns each of training crystals, of random crystals that none
of the models was trained on, and of the crystals of
``recipes/dynamical_masters.npz`` from these dynamical master patterns, with
the camera of the first model's recipe and the detectors of the evaluation.
With ``--new 1946 1966`` also of the made-up crystals of these shards that none
was trained on. Prints for each model the share of single patterns and of fused
nines with the right Bravais lattice, the mean confidence, and the mean
negative logarithm of the probability of the right one. These are other
patterns than those of the evaluation, so that a model may be chosen by them.
DIR keeps the crystals.
"""

import argparse
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from fusion import TOGETHER, fuse_nines, line

from kikuchipy_symml import load_model
from kikuchipy_symml.training import recipe_of
from kikuchipy_symml.training._batches import draw_set
from kikuchipy_symml.training._evaluation import evaluated, trained_on
from kikuchipy_symml.training._shards import Shard, Shards


def crystals(
    shards: Shards, known: frozenset[str], new: range
) -> Iterator[tuple[str, list[Shard]]]:
    """Yield the title and the crystals of each set."""
    yield "training crystals", [shards.to_score("train", known)]
    yield "random crystals", [shards.to_score("random", known)]
    if new:
        some = [shards.made_up(number) for number in new]
        yield "new crystals", [shard.without(known) for shard in some]
    masters, shard = shards.dynamical()
    yield "dynamical masters", [replace(shard, source=masters)]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("models", nargs="+", help="names or paths")
    parser.add_argument("-d", "--directory", required=True)
    parser.add_argument("--patterns", type=int, default=2700)
    parser.add_argument(
        "--new",
        type=int,
        nargs=2,
        default=(0, 0),
        help="first shard of new crystals, and the one after the last",
    )
    args = parser.parse_args()
    models = [load_model(model) for model in args.models]
    recipe = evaluated(recipe_of(models[0]))
    shards = Shards(recipe, args.directory)
    known = frozenset().union(*[trained_on(model) for model in models])
    for title, some in crystals(shards, known, range(*args.new)):
        drawn = [
            draw_set(
                recipe,
                shard,
                seed=779 + i,
                patterns=args.patterns // len(some),
                per_grain=TOGETHER,
            )
            for i, shard in enumerate(some)
        ]
        views, space_groups = [
            np.concatenate(a) for a in list(zip(*drawn, strict=True))[:2]
        ]
        print(f"{title:20s}{'right':>9s}{'confidence':>12s}{'-log p':>10s}")
        for given, model in zip(args.models, models, strict=True):
            p = model.predict(views)
            fused = fuse_nines(p)
            print(given)
            print(line("  single", p, space_groups))
            print(
                line(f"  {TOGETHER} fused", fused, space_groups[::TOGETHER]),
                flush=True,
            )


if __name__ == "__main__":
    main()
