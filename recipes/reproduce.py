# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Train the first steps of a recipe anew and compare with its record.

    git show 9e1772a:recipes/default.npz > before.npz
    git show 9e1772a:kikuchipy_symml/weights/default.symml > before.symml
    python recipes/begin.py recipes/history/default_23.yaml before.npz \\
        before.symml -o start.npz
    python recipes/reproduce.py recipes/default.yaml --directory DIR \\
        --resume-from start.npz

trains 200 steps in the new directory DIR (crystals that are there already
are used), from the checkpoint where the recorded training went on, and
prints the recorded loss of every 20 steps beside the one found. Exits with
an error if they differ by more than the rounding of another machine's
arithmetic.
"""

import argparse
import csv
import sys
from pathlib import Path

import numpy as np

from kikuchipy_symml.training import Recipe, train

STEPS = 200
# Rounding grows from step to step; another seed differs by ten times this.
TOLERANCE = 0.02


def losses(path: Path, first: int) -> dict[int, float]:
    """Losses of a log after a step."""
    with open(path, newline="") as f:
        lines = {int(i["step"]): float(i["loss"]) for i in csv.DictReader(f)}
    return {k: v for k, v in lines.items() if first < k <= first + STEPS}


def main() -> None:
    """Reproduce the recipe named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--resume-from", type=Path, help="checkpoint")
    args = parser.parse_args()
    if (args.directory / "checkpoint.npz").exists():
        sys.exit(
            f"{args.directory} holds a training run; give a new directory"
        )

    recipe = Recipe.load(args.recipe)
    first = 0
    if args.resume_from is not None:
        with np.load(args.resume_from) as saved:
            first = int(saved["step"])
    record = losses(
        args.recipe.with_name(f"{args.recipe.stem}_losses.csv"), first
    )
    if not record:
        sys.exit(
            f"There is no record of the {STEPS} steps after step {first}: "
            "give the checkpoint from which the recipe goes on"
        )
    train(
        recipe,
        args.directory,
        steps=first + STEPS,
        resume_from=args.resume_from,
    )
    found = losses(args.directory / "losses.csv", first)
    print(" step  recorded     found")
    for step, loss in record.items():
        print(f"{step:5d}  {loss:8.5f}  {found[step]:8.5f}")
    worst = max(abs(found[step] - loss) for step, loss in record.items())
    print(f"Largest difference {worst:.5f}, allowed {TOLERANCE}")
    sys.exit(worst > TOLERANCE)


if __name__ == "__main__":
    main()
