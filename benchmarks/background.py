# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the window of the background does to views, and to a model's answers.

    python benchmarks/background.py default --directory DIR

draws patterns of random crystals that no model was trained on, with the
camera of the model's recipe, and prints for each window (in degrees, see
``ViewSpec.background``): the share of the power of the views that lies at
wavelengths beyond 16 degrees, which is more than any band is wide, for these
and for kikuchipy's nine measured patterns of nickel as they were recorded;
and the share of Bravais lattices that are right. The model was trained with
one window; others tell how much it depends on that.
"""

import argparse
import os
from dataclasses import replace
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import kikuchipy as kp
import numpy as np

from kikuchipy_symml import load_model, symmetry
from kikuchipy_symml.pattern import canonical_views
from kikuchipy_symml.training import Shards, recipe_of
from kikuchipy_symml.training._batches import draw_set


def slow_share(views: np.ndarray, radius: float) -> float:
    """Share of the power at wavelengths of more than 16 degrees."""
    image = views[..., 0]
    frequency = np.fft.fftfreq(image.shape[1], 2 * radius / image.shape[1])
    slow = np.hypot(frequency[:, None], frequency) < 1 / 16
    power = np.abs(np.fft.fft2(image)) ** 2
    return float(power[:, slow].sum() / power.sum())


def main() -> None:
    """Print a line for each window."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--patterns", type=int, default=512)
    args = parser.parse_args()

    model = load_model(args.model)
    recipe = recipe_of(model)
    held_out = Shards(recipe, args.directory / "crystals").held_out()
    nickel = kp.data.nickel_ebsd_small()
    lattice = symmetry.class_index("bravais_lattice")
    print(f"{model.name}, trained with {model.view.background:g} degrees")
    print("window  slow, simulated  slow, nickel  right")
    for window in (8.0, 6.0, 5.0, 4.0, 3.0):
        view = replace(model.view, background=window)
        views, numbers, _ = draw_set(
            replace(recipe, view=view), held_out, 103, args.patterns
        )
        measured, _ = canonical_views(
            nickel.data.reshape(-1, 60, 60),
            np.broadcast_to(nickel.detector.pc.reshape(-1, 3), (9, 3)),
            view,
        )
        found = symmetry.sum_to_level(model.predict(views), "bravais_lattice")
        right = found.argmax(axis=1) == lattice[numbers - 1]
        print(
            f"{window:6g}{slow_share(views, view.radius):17.0%}"
            f"{slow_share(measured, view.radius):14.0%}{right.mean():7.0%}"
        )


if __name__ == "__main__":
    main()
