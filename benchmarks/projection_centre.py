# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far from the true projection centre the search by symmetry ends.

    python benchmarks/projection_centre.py default --directory runs/default

looks for the projection centre of kikuchipy's nine measured patterns of
nickel, and of simulated patterns of crystals that models are not trained
with: some crystals of each crystal system, 12 patterns of each in random
orientations, recorded by the camera of the model's recipe at projection
centres within the range of the search. Printed are the errors in PCx, PCy
and PCz, in parts of the detector, and the symmetry that the patterns show
there and at the true one.
"""

import argparse
import time
import warnings
from pathlib import Path

import kikuchipy as kp
import numpy as np

from kikuchipy_symml import load_model, symmetry
from kikuchipy_symml._progress import progress_bar
from kikuchipy_symml.models._viewpoint import (
    RANGE,
    Symmetry,
    find_viewpoint,
)
from kikuchipy_symml.simulation import draw_patterns
from kikuchipy_symml.training import Shards, recipe_of

# As near as this, most patterns are classified as at the true one.
NEAR = 0.02


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("model", help="name or path")
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--crystals", type=int, default=3)
    parser.add_argument("--patterns", type=int, default=12)
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    model = load_model(args.model)
    recipe = recipe_of(model)
    ranges = np.array(RANGE)

    def show(what, patterns, pc):
        started = time.perf_counter()
        found, score = find_viewpoint(
            patterns, model, ranges, show_progressbar=False
        )
        seconds = time.perf_counter() - started
        with progress_bar(show=False) as bar:
            true = Symmetry(model, None, bar)(patterns, pc[None])[0]
        errors = found - pc
        print(
            f"{what:36s}"
            + "".join(f"{error:+8.3f}" for error in errors)
            + f"{score:9.2f}{true:7.2f}{seconds:8.0f} s",
            flush=True,
        )
        return np.abs(errors).max() < NEAR

    print(f"{'':36s}{'PCx':>8s}{'PCy':>8s}{'PCz':>8s}    found   true")
    s = kp.data.nickel_ebsd_small()
    s.remove_static_background(show_progressbar=False)
    patterns = s.data.reshape(-1, *s.data.shape[-2:])
    show("nickel, measured", patterns, np.array(s.detector.pc_average))

    shard = Shards(recipe, args.directory / "crystals").library("unseen_type")
    systems = symmetry.class_names("crystal_system")
    of = symmetry.class_index("crystal_system")[shard.space_groups - 1]
    rng = np.random.default_rng(1)
    near = {}
    for i, system in reversed(list(enumerate(systems))):
        members = np.flatnonzero(of == i)
        members = rng.choice(members, args.crystals, replace=False)
        near[system] = 0
        for crystal in members:
            patterns, pc, _ = draw_patterns(
                rng,
                shard.source[[crystal]],
                np.zeros(args.patterns, dtype=int),
                recipe.camera,
                per_camera=args.patterns,
            )
            what = f"{system}: {shard.names[crystal]}"
            near[system] += show(what, patterns, pc[0])
    print(f"Within {NEAR} of the true one:")
    for system, n in near.items():
        print(f"  {system:14s}{n} of {args.crystals}")


if __name__ == "__main__":
    main()
