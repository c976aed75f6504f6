# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Train the first steps of a recipe anew and compare with its record.

    python recipes/reproduce.py recipes/default.yaml --directory DIR

trains 200 steps in the new directory DIR (crystals that are there already
are used) and prints the recorded loss of every 20 steps beside the one
found. Exits with an error if they differ by more than the rounding of
another machine's arithmetic.
"""

import argparse
import csv
import sys
from pathlib import Path

from kikuchipy_symml.training import Recipe, train

STEPS = 200
# Rounding grows from step to step; another seed differs by ten times this.
TOLERANCE = 0.02


def losses(path: Path) -> dict[int, float]:
    """Losses of a log by step."""
    with open(path, newline="") as f:
        return {
            int(line["step"]): float(line["loss"])
            for line in csv.DictReader(f)
            if int(line["step"]) <= STEPS
        }


def main() -> None:
    """Reproduce the recipe named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--directory", type=Path, required=True)
    args = parser.parse_args()
    if (args.directory / "checkpoint.npz").exists():
        sys.exit(
            f"{args.directory} holds a training run; give a new directory"
        )

    recipe = Recipe.load(args.recipe)
    record = losses(args.recipe.with_name(f"{recipe.name}_losses.csv"))
    train(recipe, args.directory, steps=STEPS)
    found = losses(args.directory / "losses.csv")
    print("step  recorded     found")
    for step, loss in record.items():
        print(f"{step:4d}  {loss:8.5f}  {found[step]:8.5f}")
    worst = max(abs(found[step] - loss) for step, loss in record.items())
    print(f"Largest difference {worst:.5f}, allowed {TOLERANCE}")
    sys.exit(worst > TOLERANCE)


if __name__ == "__main__":
    main()
