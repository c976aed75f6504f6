# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""What models say of the metals that most patterns are of.

    python benchmarks/metals.py default
    python benchmarks/metals.py default other.symml --patterns 96

solves elements of the three simple structures with many beams, at 20 keV
and for half, once and twice the depth that electrons come from, draws
patterns with the camera of the first model's recipe, and prints how many of
them have the right Bravais lattice, and what is said most often. All models
get the same patterns. The elements are among those that models are trained
with: this is to choose between models by, not a measure of how well they do
on other crystals.
"""

import argparse

import numpy as np

from kikuchipy_symml import load_model, symmetry
from kikuchipy_symml.crystals import library, split
from kikuchipy_symml.pattern import canonical_views
from kikuchipy_symml.simulation import (
    draw_patterns,
    escape_depth,
    many_beam_master,
)
from kikuchipy_symml.training import recipe_of

METALS = {
    "cF": ("Ag", "Au", "Ca", "Co (Fm-3m)", "Fe (Fm-3m)", "Ir", "Pb", "Pd"),
    "cI": ("Cr", "Mo", "Na", "Nb", "V", "W (Im-3m)"),
    "hP": ("Co (P63/mmc)", "Mg", "Ti (P63/mmc)", "Zn"),
}
ENERGY = 20.0
DEPTHS = (0.5, 1.0, 2.0)
LATTICES = symmetry.class_names("bravais_lattice")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("models", nargs="+", help="names or files")
    parser.add_argument(
        "--patterns", type=int, default=64, help="of each metal and depth"
    )
    args = parser.parse_args()
    models = [load_model(name) for name in args.models]
    camera = recipe_of(models[0]).camera
    crystals = library()
    trained = {crystal.name for crystal in split()["train"]}
    for name in sum(METALS.values(), ()):
        if name not in trained:
            raise ValueError(f"{name} is kept for evaluation")
    print(f"{'metal':14s}{'lattice':9s}" + "  ".join(args.models))
    for lattice, names in METALS.items():
        shares = []
        for name in names:
            views = views_of(
                crystals[name], camera, args.patterns, models[0].view
            )
            line = []
            for model in models:
                told = symmetry.sum_to_level(
                    model.predict(views), "bravais_lattice"
                ).argmax(axis=1)
                right = told == LATTICES.index(lattice)
                depths = right.reshape(len(DEPTHS), -1).mean(axis=1)
                most = LATTICES[np.bincount(told, minlength=14).argmax()]
                line.append([*depths, most])
            shares.append([parts[:-1] for parts in line])
            print(
                f"{name:14s}{lattice:9s}"
                + "  ".join(
                    " ".join(f"{share:4.0%}" for share in depths) + f" {most}"
                    for *depths, most in line
                ),
                flush=True,
            )
        print(
            f"{'mean':14s}{lattice:9s}"
            + "  ".join(
                " ".join(f"{share:4.0%}" for share in depths) + "   "
                for depths in np.mean(shares, axis=0)
            ),
            flush=True,
        )


def views_of(crystal, camera, patterns: int, view) -> np.ndarray:
    """Views of a crystal, as many for each of the depths."""
    rng = np.random.default_rng(1)
    masters = np.stack(
        [
            many_beam_master(
                crystal, ENERGY, depth=share * escape_depth(crystal, ENERGY)
            )
            for share in DEPTHS
        ]
    )
    which = np.repeat(np.arange(len(DEPTHS)), patterns)
    drawn, pc, aspect_ratio = draw_patterns(rng, masters, which, camera)
    return canonical_views(drawn, pc, view, aspect_ratio=aspect_ratio)[0]


if __name__ == "__main__":
    main()
