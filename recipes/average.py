# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Average the weights of two models of one network.

    python recipes/average.py before.symml after.symml -o average.symml

The card is that of the second model, with the crystals that either was trained
on, and names both by their hashes. Where
one was trained on from the other, the average is often better than either
(Wortsman et al., Model soups, ICML 2022, arXiv 2203.05482).
"""

import argparse
from pathlib import Path

from kikuchipy_symml.models import load_model, save_model


def main() -> None:
    """Average the models named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", type=Path, nargs=2)
    parser.add_argument("-o", "--output", type=Path, required=True)
    args = parser.parse_args()

    models = [load_model(path) for path in args.models]
    networks = [model.network for model in models]
    first, second = [network.get_weights() for network in networks]
    shapes = [[w.shape for w in weights] for weights in (first, second)]
    if shapes[0] != shapes[1]:
        parser.error(
            f"{args.models[0]} and {args.models[1]} are different networks: "
            f"their weights have the shapes {shapes[0]} and {shapes[1]}"
        )
    averaged = [(a + b) / 2 for a, b in zip(first, second, strict=True)]
    networks[1].set_weights(averaged)
    card = dict(models[1].card)
    trained_on = [model.card["training_set"]["crystals"] for model in models]
    card["training_set"] = card["training_set"] | {
        "crystals": sorted(set().union(*trained_on)),
        "average_of": [model.sha256 for model in models],
    }
    save_model(networks[1], card, args.output)


if __name__ == "__main__":
    main()
