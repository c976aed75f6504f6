# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much better made-up crystals are told that were trained on.

    python benchmarks/memorised.py recipes/default.yaml --directory DIR

prints, for the checkpoint in DIR (or ``--checkpoint``), the share of patterns
with the right Bravais lattice, and the mean negative logarithm of the
probability of the right one: of random and of decorated crystals of shards
that are in use at the checkpoint's step, of shards that are not, if there are
any, and of random crystals never trained on. ``--batches`` of 64 patterns are
drawn of each shard and source, with the camera of the recipe.
"""

import numpy as np
from bands_found import BATCH, started

from kikuchipy_symml import symmetry
from kikuchipy_symml.training._batches import draw_set
from kikuchipy_symml.training._shards import SOURCES, Shard

# Of each kind
SHARDS = 4


def of_source(shard: Shard, source: str) -> Shard:
    """Crystals of a shard that are from one source."""
    others = np.flatnonzero(shard.sources != SOURCES.index(source))
    return shard.without({shard.identities[i] for i in others})


def main() -> None:
    """Print the table."""
    trainer, shards, batches = started(__doc__.splitlines()[0])
    in_use = shards.in_use(trainer.step)
    kinds = {"in use": in_use[:SHARDS]}
    crystals = trainer.recipe.crystals
    more = range(in_use.stop, crystals.skip + crystals.shards)[:SHARDS]
    if more:
        kinds["not in use"] = more
    sets = {
        f"{source}, shards {kind}": [
            of_source(shards.made_up(number), source) for number in numbers
        ]
        for kind, numbers in kinds.items()
        for source in ("random", "decorated")
    }
    sets["random, never trained on"] = [shards.held_out()] * SHARDS
    lattice = symmetry.class_index("bravais_lattice")
    print(f"Step {trainer.step}, {len(in_use)} shards in use")
    print(f"{'':28s}{'right':>7s}{'-log p':>9s}")
    with trainer.averaged():
        for name, parts in sets.items():
            right, surprise = [], []
            for i, shard in enumerate(parts):
                views, space_groups, _ = draw_set(
                    trainer.recipe,
                    shard,
                    seed=900 + i,
                    patterns=batches * BATCH,
                )
                p = symmetry.sum_to_level(
                    trainer.predict(views), "bravais_lattice"
                )
                true = lattice[space_groups - 1]
                right.append(p.argmax(axis=1) == true)
                surprise.append(-np.log(p[np.arange(len(p)), true] + 1e-9))
            print(
                f"{name:28s}{np.mean(right):7.1%}{np.mean(surprise):9.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
