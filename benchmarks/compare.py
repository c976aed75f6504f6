# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which of several models to evaluate.

    python benchmarks/compare.py default average.symml next.symml -d DIR

draws nine patterns each of training crystals and of random crystals that none
of them was trained on, by the recipe of the first, and prints for each model
the share of single patterns and of fused nines with the right Bravais lattice,
the mean confidence, and the mean negative logarithm of the probability of the
right one. These are other patterns than those of the evaluation, so that a
model may be chosen by them. DIR keeps the random crystals.
"""

import argparse

from fusion import TOGETHER, fuse_nines, line

from kikuchipy_symml import load_model
from kikuchipy_symml.training import recipe_of
from kikuchipy_symml.training._batches import draw_set
from kikuchipy_symml.training._evaluation import trained_on
from kikuchipy_symml.training._shards import Shards


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("models", nargs="+", help="names or paths")
    parser.add_argument("-d", "--directory", required=True)
    parser.add_argument("--patterns", type=int, default=2700)
    args = parser.parse_args()
    models = [load_model(model) for model in args.models]
    recipe = recipe_of(models[0])
    shards = Shards(recipe, args.directory)
    known = frozenset().union(*[trained_on(model) for model in models])
    for title, name in (
        ("training crystals", "train"),
        ("random crystals", "random"),
    ):
        views, space_groups, _ = draw_set(
            recipe,
            shards.to_score(name, known),
            seed=779,
            patterns=args.patterns,
            per_grain=TOGETHER,
        )
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
