# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Average the weights of models of one network.

    python recipes/average.py before.symml after.symml -o average.symml

The card is that of the last model, with the crystals that any was trained
on, and names all by their hashes. Where they were trained on from one start,
the average is often better than any (Wortsman et al., Model soups, ICML 2022,
arXiv 2203.05482). A model that is named twice counts twice. Of blocks that
only the last model and some others have, the mean is that with models in which
they change nothing. Layers that are trained ahead of all others are the last
model's where they are not of the same size in all.
"""

import argparse
from pathlib import Path

import keras

from kikuchipy_symml.models import load_model, save_model
from kikuchipy_symml.models._network import layers_trained_ahead


def main() -> None:
    """Average the models named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", type=Path, nargs="+")
    parser.add_argument("-o", "--output", type=Path, required=True)
    args = parser.parse_args()
    if len(args.models) < 2:
        parser.error("There is nothing to average: give two models or more")

    models = [load_model(path) for path in args.models]
    weights = [
        {layer.name: layer.get_weights() for layer in model.network.layers}
        for model in models
    ]
    network = models[-1].network
    for name in ahead_of_another_size(weights, network):
        for its in weights:
            its[name] = weights[-1][name]
    for path, its in zip(args.models, weights, strict=True):
        differ = different_layers(its, weights[-1], network)
        if differ:
            parser.error(
                f"{path} and {args.models[-1]} are different networks: their "
                f"layers {differ} differ"
            )
    for layer in network.layers:
        those = [its[layer.name] for its in weights if layer.name in its]
        n = len(weights) if changes_nothing(layer) else len(those)
        layer.set_weights([sum(same) / n for same in zip(*those, strict=True)])
    card = dict(models[-1].card)
    trained_on = [model.card["training_set"]["crystals"] for model in models]
    card["training_set"] = card["training_set"] | {
        "crystals": sorted(set().union(*trained_on)),
        "average_of": [model.sha256 for model in models],
    }
    save_model(network, card, args.output)


def ahead_of_another_size(
    weights: list[dict], network: keras.Model
) -> list[str]:
    """Names of layers trained ahead that some models have of another size
    than the last one."""
    return [
        layer.name
        for layer in layers_trained_ahead(network)
        if any(
            shapes_of(its.get(layer.name, []))
            != shapes_of(weights[-1][layer.name])
            for its in weights
        )
    ]


def shapes_of(weights: list) -> list[tuple]:
    """Shapes of the weights of a layer."""
    return [w.shape for w in weights]


def changes_nothing(layer) -> bool:
    """Whether it is the last layer of a block that gives zero at first."""
    initialiser = getattr(layer, "kernel_initializer", None)
    return isinstance(initialiser, keras.initializers.Zeros)


def different_layers(its: dict, last: dict, network: keras.Model) -> list:
    """Names of layers that a model has otherwise than the last one, or lacks
    although these are not of blocks that end with zero at first."""
    names = {
        name
        for name in its
        if shapes_of(its[name]) != shapes_of(last.get(name, []))
    }
    lacking = [
        layer
        for layer in network.layers
        if layer.weights and layer.name not in its
    ]
    if not any(map(changes_nothing, lacking)):
        names.update(layer.name for layer in lacking)
    return sorted(names)


if __name__ == "__main__":
    main()
