# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""How well the lengths of reciprocal lattice vectors are known.

    python benchmarks/lattices.py recipes/default.yaml --directory DIR

prints, for the bands that are found in patterns of random crystals never
trained on, how many of the Bragg angles told are right within a quarter: those
read off the widths, those of the lattices that explain the bands, and those
that the network tells at its end. Of the checkpoint in DIR (or of
``--checkpoint``), with the camera of the recipe.
"""

import keras
import numpy as np
from bands_found import BATCH, batch, started

from kikuchipy_symml.models._network import found_bands
from kikuchipy_symml.training._auxiliary import UNKNOWN

RIGHT = np.log(1.25)


def main() -> None:
    """Print the table."""
    trainer, shards, batches = started(__doc__.splitlines()[0])
    network = trainer.network
    normals, _, strength = found_bands(network)
    explained, _ = network.get_layer("lattices").output
    model = keras.Model(
        network.input,
        [
            normals,
            strength,
            network.get_layer("widths").output,
            explained,
            trainer.trunk.get_layer("tell_angles").output,
        ],
    )
    off: dict[str, list] = {}
    shares = []
    with trainer.averaged():
        for i in range(batches):
            views, truth = batch(trainer.recipe, shards, i)
            *found, widths, explained, told = [
                np.asarray(a) for a in model.predict_on_batch(views)
            ]
            wanted, _ = truth.targets(*found)
            known = wanted[..., 0] > UNKNOWN + 1
            lattice = explained[..., 7] / np.maximum(explained[..., 9], 1e-6)
            mean = explained[..., 0] / np.maximum(explained[..., 2], 1e-3)
            for name, angle, order in (
                ("strongest order, by width", widths, 0),
                ("strongest order, by network", told[..., 0], 0),
                ("first order, by network", told[..., 1], 1),
                ("first order, likeliest lattice", lattice, 1),
                ("first order, mean of lattices", mean, 1),
            ):
                error = np.abs(angle - wanted[..., order])
                off.setdefault(name, []).append(error[known])
                if name.endswith("likeliest lattice"):
                    shares += [
                        np.mean(e[k] < RIGHT)
                        for e, k in zip(error, known, strict=True)
                        if k.any()
                    ]
    print(f"{batches * BATCH} patterns of unseen random crystals")
    print(f"{'':32s}  right  median error")
    for name, parts in off.items():
        error = np.concatenate(parts)
        print(
            f"{name:32s}{np.mean(error < RIGHT):7.1%}"
            f"{np.expm1(np.median(error)):13.1%}"
        )
    whole = np.mean(np.array(shares) > 0.8)
    print(f"Lattice of more than 4 of 5 bands right: {whole:.0%} of patterns")


if __name__ == "__main__":
    main()
