# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Average the weights of models of one network.

    python recipes/average.py before.symml after.symml -o average.symml

The card is that of the last model, with the crystals that any was trained
on, and names all by their hashes. Where they were trained on from one start,
the average is often better than any (Wortsman et al., Model soups, ICML 2022,
arXiv 2203.05482). A model that is named twice counts twice.
"""

import argparse
from pathlib import Path

from kikuchipy_symml.models import load_model, save_model


def main() -> None:
    """Average the models named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", type=Path, nargs="+")
    parser.add_argument("-o", "--output", type=Path, required=True)
    args = parser.parse_args()
    if len(args.models) < 2:
        parser.error("There is nothing to average: give two models or more")

    models = [load_model(path) for path in args.models]
    weights = [model.network.get_weights() for model in models]
    shapes = [[w.shape for w in of_model] for of_model in weights]
    for path, its in zip(args.models, shapes, strict=True):
        if its != shapes[0]:
            parser.error(
                f"{args.models[0]} and {path} are different networks: "
                f"their weights have the shapes {shapes[0]} and {its}"
            )
    averaged = [sum(same) / len(same) for same in zip(*weights, strict=True)]
    network = models[-1].network
    network.set_weights(averaged)
    card = dict(models[-1].card)
    trained_on = [model.card["training_set"]["crystals"] for model in models]
    card["training_set"] = card["training_set"] | {
        "crystals": sorted(set().union(*trained_on)),
        "average_of": [model.sha256 for model in models],
    }
    save_model(network, card, args.output)


if __name__ == "__main__":
    main()
