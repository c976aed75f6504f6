# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a model says of master patterns of many beams, beside sums of bands.

    python benchmarks/dynamical.py default

draws patterns of each crystal of ``recipes/dynamical_masters.npz`` thrice, in
the same orientations and with the camera of the model's recipe: from its
bands, as most patterns for training are, from its master pattern of many
beams (or, with ``--ebsdsim``, from that of the file), and
from bands again whose profiles are those that sum to that master pattern
best: what there is in it that is not bands is not in these.
Printed is the share of patterns with the right Bravais lattice, and what is
said most often, and how the master patterns of bands correlate with that of
many beams. The crystals are among those that models are trained with,
so this tells how far the simulation of bands is from many beams, not
how well a model does on crystals that it has never seen.
"""

import argparse

import numpy as np

from kikuchipy_symml import load_model, symmetry
from kikuchipy_symml.crystals import library
from kikuchipy_symml.models import SymmetryModel
from kikuchipy_symml.pattern import canonical_views
from kikuchipy_symml.simulation import (
    Bands,
    BandStack,
    Camera,
    band_profiles,
    draw_patterns,
    many_beam_master,
    master_from_bands,
)
from kikuchipy_symml.simulation._sphere import lambert_directions
from kikuchipy_symml.training import recipe_of
from kikuchipy_symml.training._masters import dynamical_masters

# Distances from a plane in Bragg angles, between which fitted profiles are
# straight; and how much smaller they are made, for they overlap.
KNOTS = np.array(
    [0, 0.3, 0.55, 0.75, 0.9, 1, 1.1, 1.25, 1.45, 1.75, 2.1, 2.5, 3]
)
RIDGE = 3e-3

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


def fitted(bands: Bands, master: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the correlation of the sum of bands with one hemisphere of a
    dynamical master pattern, and the sum of the same bands with profiles
    that are fitted to it, one for each family of planes."""
    size = master.shape[-1]
    directions = lambert_directions(size).reshape(-1, 3)
    wanted = master.astype(float).ravel()
    wanted = (wanted - wanted.mean()) / wanted.std()
    maps = []
    for family in np.unique(bands.family):
        members = np.flatnonzero(bands.family == family)
        off = np.abs(directions @ bands.normals[members].T)
        off /= bands.bragg[members[0]]
        for k in range(len(KNOTS) - 1):
            hat = np.eye(len(KNOTS))[k]
            maps.append(np.interp(off, KNOTS, hat, right=0).sum(axis=1))
    maps = np.array(maps)
    maps -= maps.mean(axis=1, keepdims=True)
    products = maps @ maps.T
    ridge = RIDGE * np.trace(products) / len(products)
    best = np.linalg.solve(
        products + ridge * np.eye(len(products)), maps @ wanted
    )
    summed = master_from_bands(bands, size)[0].ravel()
    correlation = np.corrcoef(summed, wanted)[0, 1]
    image = (best @ maps).astype(np.float32).reshape(size, size)
    # Bands are the same in opposite directions.
    return correlation, np.stack([image, image[::-1, ::-1]])


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
    parser.add_argument(
        "--ebsdsim",
        action="store_true",
        help="take the master patterns of the file, by ebsdsim",
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
    print(
        f"{'crystal':24s}{'lattice':8s}{'bands':>13s}{'many beams':>13s}"
        f"{'fitted bands':>14s}{'correlation':>14s}{'fitted':>8s}"
    )
    for i, name in list(enumerate(known.names))[args.after :]:
        right = of[known.space_groups[i] - 1]
        energy = float(known.energies[i])
        bands = band_profiles(crystals[name], energy)
        master = (
            known.masters[i]
            if args.ebsdsim
            else many_beam_master(crystals[name], energy)
        )
        correlation, sum_fitted = fitted(bands, master[0])
        sources = (BandStack.of([bands]), master[None], sum_fitted[None])
        line, shares = "", []
        for source in sources:
            said = told(model, source, camera, args.patterns)
            shares.append(np.mean(said == right))
            most = LATTICES[np.bincount(said, minlength=14).argmax()]
            line += f"{shares[-1]:9.0%}  {most}"
        after = np.corrcoef(sum_fitted[0].ravel(), master[0].ravel())[0, 1]
        print(
            f"{name:24s}{LATTICES[right]:8s}{line}{correlation:13.2f}"
            f"{after:10.2f}",
            flush=True,
        )
        total.append([*shares, correlation, after])
    *shares, correlation, after = np.mean(total, axis=0)
    line = "".join(f"{share:9.0%}    " for share in shares)
    print(f"{'mean':32s}{line}{correlation:13.2f}{after:10.2f}")


if __name__ == "__main__":
    main()
