# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""How well crystals with small and with large cells are told, as bands and
as many beams.

    python benchmarks/cells.py default
    python benchmarks/cells.py default other.symml --crystals 3

takes structures of the training crystals with other elements and axial
ratios, some of each Bravais lattice with primitive cells of some volumes,
and simulates each at 20 keV twice: as a sum of bands, as most training
patterns are, and with many beams. It prints how many of the patterns, drawn
with the camera of the first model's recipe, have the right Bravais lattice.
All models get the same patterns. The decorations are of a seed that no
recipe has, but structure types are those of training: this is to choose
between models by, not a measure of how well they do on other structures.
"""

import argparse
from collections.abc import Iterator

import numpy as np

from kikuchipy_symml import load_model, symmetry
from kikuchipy_symml.crystals import Crystal, decorated, split
from kikuchipy_symml.crystals._metric import primitive_cells
from kikuchipy_symml.pattern import canonical_views
from kikuchipy_symml.simulation import (
    BandStack,
    band_profiles,
    draw_patterns,
    many_beam_master,
)
from kikuchipy_symml.simulation._order import strength_of_order
from kikuchipy_symml.training import recipe_of

ENERGY = 20.0
# Primitive cells in cubic ångström, from each to the next.
VOLUMES = (0.0, 80.0, 160.0, 320.0, 700.0)
LATTICES = symmetry.class_names("bravais_lattice")
SEED = 90_000


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("models", nargs="+", help="names or files")
    parser.add_argument(
        "--crystals",
        type=int,
        default=2,
        help="of each Bravais lattice and range of volumes",
    )
    parser.add_argument(
        "--patterns", type=int, default=32, help="of each crystal"
    )
    args = parser.parse_args()
    models = [load_model(name) for name in args.models]
    recipe = recipe_of(models[0])
    print(f"{'primitive cell':18s}{'crystals':>8s}  " + "  ".join(args.models))
    print(" " * 28 + "  ".join(["bands  many beams"] * len(models)))
    for low, high in zip(VOLUMES, VOLUMES[1:], strict=False):
        shares = []
        for i, crystal in enumerate(
            crystals_of(low, high, args.crystals, recipe.crystals.order)
        ):
            truth = LATTICES[lattice_of(crystal)]
            sources = (
                BandStack.of([band_profiles(crystal, ENERGY)]),
                many_beam_master(crystal, ENERGY, half_width=70)[None],
            )
            views = [
                views_of(source, recipe.camera, args.patterns, models[0], i)
                for source in sources
            ]
            shares.append(
                [[right(m, v, truth) for v in views] for m in models]
            )
        print(
            f"{low:5.0f} to {high:4.0f} Å³   {len(shares):8d}  "
            + "  ".join(
                f"{bands:5.1%}  {beams:10.1%}"
                for bands, beams in np.mean(shares, axis=0)
            ),
            flush=True,
        )


def lattice_of(crystal: Crystal) -> int:
    return int(
        symmetry.class_index("bravais_lattice")[crystal.space_group - 1]
    )


def cell_of(crystal: Crystal) -> float:
    return crystal.volume / primitive_cells(crystal.space_group)


def crystals_of(
    low: float, high: float, number: int, order: float
) -> Iterator[Crystal]:
    """Decorated crystals of each Bravais lattice with cells of some
    volumes, whose order can be seen; of a lattice without such structures
    none."""
    rng = np.random.default_rng([SEED, int(high)])
    by_lattice: list[list[Crystal]] = [[] for _ in LATTICES]
    for crystal in split()["train"]:
        if low < cell_of(crystal) <= high:
            by_lattice[lattice_of(crystal)].append(crystal)
    for structures in by_lattice:
        found = 0
        for i in rng.permutation(len(structures)):
            if found == number:
                break
            try:
                crystal = decorated(structures[i], rng)
            except (RuntimeError, ValueError):
                # Some types take no other elements.
                continue
            if (
                low < cell_of(crystal) <= high
                and strength_of_order(crystal) >= order
            ):
                found += 1
                yield crystal


def views_of(source, camera, patterns: int, model, seed: int) -> np.ndarray:
    """Views of one crystal in random orientations, the same ones whatever
    it is simulated as."""
    rng = np.random.default_rng([SEED, seed])
    drawn, pc, aspect_ratio = draw_patterns(
        rng, source, np.zeros(patterns, dtype=int), camera
    )
    return canonical_views(drawn, pc, model.view, aspect_ratio=aspect_ratio)[0]


def right(model, views: np.ndarray, lattice: str) -> float:
    p = symmetry.sum_to_level(model.predict(views), "bravais_lattice")
    return float(np.mean(p.argmax(axis=1) == LATTICES.index(lattice)))


if __name__ == "__main__":
    main()
