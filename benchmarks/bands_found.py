# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many of the bands that a network finds are bands of the crystal.

    python benchmarks/bands_found.py recipes/default.yaml --directory DIR

prints it for the layer that was trained to find bands, of the checkpoint in
DIR (or of ``--checkpoint``), for the one that sets them right, if there is
one, and for the highest peaks of the same map over plane normals. The
patterns are of random crystals never trained on, with the camera of the
recipe.
"""

import argparse
from pathlib import Path

import keras
import numpy as np

from kikuchipy_symml.models._network import found_bands
from kikuchipy_symml.models.layers import Bands
from kikuchipy_symml.pattern import canonical_views
from kikuchipy_symml.simulation import draw_patterns, random_rotations
from kikuchipy_symml.training import Recipe, Shards
from kikuchipy_symml.training._auxiliary import Truth
from kikuchipy_symml.training._loop import Trainer

BATCH = 64
RANKS = (1, 4, 8, 16, 28)


def batch(recipe: Recipe, shards: Shards, number: int) -> tuple:
    """Views of unseen random crystals, and the truth about them."""
    rng = np.random.default_rng([recipe.seed, 6, number])
    shard = shards.held_out()
    which = rng.integers(len(shard.names), size=BATCH)
    rotations = random_rotations(rng, BATCH)
    patterns, pc, aspect_ratio = draw_patterns(
        rng, shard.source, which, recipe.camera, rotations
    )
    views, _ = canonical_views(
        patterns, pc, recipe.view, aspect_ratio=aspect_ratio
    )
    stack = shard.source[which]
    return views, Truth.of(stack, rotations, pc, aspect_ratio)


def angles_off(truth: Truth, normals: np.ndarray) -> np.ndarray:
    """Angle in degrees from each normal to the next plane of the crystal,
    (N, T)."""
    cosine = np.abs(normals @ truth.normals.swapaxes(1, 2))
    cosine *= (truth.angles[..., 0] > 0)[:, None]
    return np.rad2deg(np.arccos(np.clip(cosine.max(axis=2), 0, 1)))


def started(description: str) -> tuple[Trainer, Shards, int]:
    """The trainer and the crystals that the command line names, and the
    number of batches."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("--batches", type=int, default=8)
    args = parser.parse_args()

    trainer = Trainer(Recipe.load(args.recipe))
    trainer.restore(args.checkpoint or args.directory / "checkpoint.npz")
    shards = Shards(trainer.recipe, args.directory / "crystals")
    return trainer, shards, args.batches


def main() -> None:
    trainer, shards, batches = started(__doc__.splitlines()[0])
    layer = trainer.network.get_layer("bands")
    maps = trainer.network.get_layer("great_circles").output
    peaks = Bands(
        layer.view.to_dict(),
        layer.azimuths,
        layer.tilts,
        count=layer.count,
        name="peaks",
    )
    ways = {"highest peaks": peaks(maps), "trained layer": layer.output}
    # Networks that do not set them right give what the layer found.
    found = found_bands(trainer.network)
    if found[0] is not layer.output[0]:
        ways["set right"] = found
    see = keras.Model(trainer.network.input, list(ways.values()))
    off = {name: [] for name in ways}
    for i in range(batches):
        views, truth = batch(trainer.recipe, shards, i)
        for name, (normals, _, strength) in zip(
            ways, see.predict_on_batch(views), strict=True
        ):
            angle = angles_off(truth, np.asarray(normals))
            angle[np.asarray(strength) == 0] = 90.0
            off[name].append(angle)
    print(f"{batches * BATCH} patterns of unseen random crystals")
    print("Share within 2 degrees of a plane of the crystal, of the first")
    print(f"{'':16s}" + "".join(f"{n:>7d}" for n in RANKS))
    for name, parts in off.items():
        angle = np.concatenate(parts)
        print(
            f"{name:16s}"
            + "".join(f"{np.mean(angle[:, :n] < 2):7.1%}" for n in RANKS)
            + f"   median of these {np.median(angle[angle < 2]):.2f} degrees"
        )


if __name__ == "__main__":
    main()
