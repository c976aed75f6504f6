# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a model says of full dynamical simulations, beside sums of bands.

    python benchmarks/dynamical.py default

draws patterns of each crystal of ``recipes/dynamical_masters.npz`` twice, in
the same orientations and with the camera of the model's recipe: from its
dynamical master pattern, and from its bands, as patterns for training are.
Printed is the share of patterns with the right Bravais lattice, and what is
said most often. The crystals are among those that models are trained with,
so this tells how far the simulation of bands is from the dynamical one, not
how well a model does on crystals that it has never seen.
"""

import argparse

import numpy as np

from kikuchipy_symml import load_model, symmetry
from kikuchipy_symml.crystals import library
from kikuchipy_symml.models import SymmetryModel
from kikuchipy_symml.pattern import canonical_views
from kikuchipy_symml.simulation import (
    BandStack,
    Camera,
    band_profiles,
    draw_patterns,
)
from kikuchipy_symml.training import recipe_of
from kikuchipy_symml.training._masters import dynamical_masters

LATTICES = symmetry.class_names("bravais_lattice")


def told(
    model: SymmetryModel,
    source: np.ndarray | BandStack,
    camera: Camera,
    n: int,
) -> np.ndarray:
    """Return the Bravais lattice said of each of n patterns of a crystal."""
    rng = np.random.default_rng(1)
    patterns, pc, aspect_ratio = draw_patterns(
        rng, source, np.zeros(n, dtype=int), camera
    )
    views, _ = canonical_views(
        patterns, pc, model.view, aspect_ratio=aspect_ratio
    )
    probabilities = model.predict(views)
    return symmetry.sum_to_level(probabilities, "bravais_lattice").argmax(1)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("model", help="name or path")
    parser.add_argument("--patterns", type=int, default=128)
    parser.add_argument(
        "--masters", type=int, help="take only the first ones of the set"
    )
    parser.add_argument(
        "--after", type=int, default=0, help="leave out the first ones"
    )
    args = parser.parse_args()
    model = load_model(args.model)
    camera = recipe_of(model).camera
    known = dynamical_masters()
    if args.masters is not None:
        known = known.first(args.masters)
    crystals = library()
    of = symmetry.class_index("bravais_lattice")
    total = []
    print(f"{'crystal':24s}{'lattice':8s}{'bands':>13s}{'dynamical':>13s}")
    for i, name in list(enumerate(known.names))[args.after :]:
        right = of[known.space_groups[i] - 1]
        bands = band_profiles(crystals[name], float(known.energies[i]))
        sources = (BandStack.of([bands]), known.masters[[i]])
        line, shares = "", []
        for source in sources:
            said = told(model, source, camera, args.patterns)
            shares.append(np.mean(said == right))
            most = LATTICES[np.bincount(said, minlength=14).argmax()]
            line += f"{shares[-1]:9.0%}  {most}"
        print(f"{name:24s}{LATTICES[right]:8s}{line}", flush=True)
        total.append(shares)
    line = "".join(f"{share:9.0%}    " for share in np.mean(total, axis=0))
    print(f"{'mean':32s}{line}")


if __name__ == "__main__":
    main()
