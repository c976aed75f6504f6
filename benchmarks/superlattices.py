# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""How often a found lattice is but a part of the whole, and how often that
is told.

    python benchmarks/superlattices.py recipes/default.yaml --directory DIR

prints, for patterns of random crystals never trained on, how many times as
many vectors the reciprocal lattice of the crystal has as the likeliest one
that explains the bands, and for each how often the layer that looks for weak
bands tells the whole one. Of the checkpoint in DIR (or of ``--checkpoint``),
with the camera of the recipe.
"""

import keras
import numpy as np
from bands_found import BATCH, batch, started

from kikuchipy_symml.models.layers._superlattice_classes import (
    BASES,
    MEMBERS,
)
from kikuchipy_symml.training._auxiliary import UNKNOWN
from kikuchipy_symml.training._detector import _superlattice_targets


def main() -> None:
    """Print the table."""
    trainer, shards, batches = started(__doc__.splitlines()[0])
    network = trainer.network
    layer = network.get_layer("superlattices")
    basis, _, *rest = layer.input

    def weigh(x):
        seen = layer.see(*x)
        return layer.scores(layer.features(*seen), seen[1])

    told = keras.layers.Lambda(weigh)
    model = keras.Model(network.input, [basis, told([basis, *rest])])
    wanted, scores = [], []
    for i in range(batches):
        views, truth = batch(trainer.recipe, shards, i)
        basis, told = [np.asarray(a) for a in model.predict_on_batch(views)]
        wanted.append(_superlattice_targets(truth, basis))
        scores.append(told)
    wanted, scores = np.concatenate(wanted), np.concatenate(scores)
    known = wanted[:, 0] > UNKNOWN + 1
    best = scores.argmax(axis=1)
    right = np.all(MEMBERS[best] == wanted, axis=1)
    same = np.all(wanted[:, None] == MEMBERS, axis=2)
    times = np.rint(1 / np.abs(np.linalg.det(BASES))).astype(int)
    times = np.where(same.any(axis=1), times[same.argmax(axis=1)], 0)
    print(f"{batches * BATCH} patterns of unseen random crystals")
    print("Vectors of the crystal     patterns  whole one told")
    for name, which in (
        ("as many", known & (times == 1)),
        ("twice as many", known & (times == 2)),
        ("three times", known & (times == 3)),
        ("four times", known & (times == 4)),
        ("eight times", known & (times == 8)),
        ("more, or by other ways", known & (times == 0)),
        ("all of these", known),
        ("others than those found", ~known),
    ):
        share = f"{right[which].mean():16.0%}" if which[known].any() else ""
        print(f"{name:26s}{which.mean():9.0%}{share}")


if __name__ == "__main__":
    main()
