# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a checkpoint to a model file."""

import csv
from pathlib import Path

import keras

from kikuchipy_symml.models import make_card, save_model
from kikuchipy_symml.models._network import build_network

from ._loop import Trainer
from ._recipe import Recipe
from ._shards import Shards


def export(
    recipe: Recipe,
    checkpoint: str | Path,
    path: str | Path,
    shards: Shards,
) -> None:
    """Write the averaged weights of a checkpoint to a model file.

    Parameters
    ----------
    recipe
        The recipe that was trained.
    checkpoint
        Checkpoint from :func:`train`.
    path
        Model file to write, ending in ``.symml``.
    shards
        The crystals that were trained on. The card lists them, and those
        of recipes that this one went on from, so that an evaluation can
        leave them out.

    Raises
    ------
    ValueError
        If the checkpoint is of another network.
    """
    trainer = Trainer(recipe)
    trainer.restore(checkpoint)
    # The network that users get computes in single precision whatever
    # it was trained in.
    keras.config.set_dtype_policy("float32")
    network = build_network(recipe.view, **recipe.network)
    with trainer.averaged():
        network.set_weights(trainer.network.get_weights())
    log = Path(checkpoint).with_name("log.csv")
    last = {}
    if log.exists():
        with open(log, newline="") as f:
            last = (list(csv.DictReader(f)) or [{}])[-1]
    card = make_card(
        recipe.name,
        recipe.view,
        description=(
            "Attention among bands and zone axes, steered by rotation-"
            "invariant relations; trained on simulated patterns with "
            "many-beam band profiles."
        ),
        training_set={
            "recipe": recipe.to_dict(),
            "steps": trainer.step,
            "patterns": trainer.step * recipe.optimiser.batch,
            "minutes": round(trainer.seconds / 60, 1),
            "last_log_line": last,
            "crystals": sorted(
                trainer.trained_on.union(shards.trained_on(trainer.step))
            ),
        },
    )
    save_model(network, card, path)
