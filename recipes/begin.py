# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make a checkpoint to go on from a model that has none, such as an average.

    python recipes/begin.py default.yaml default.npz default -o start.npz

puts the weights of the model into the checkpoint, which is of the same
network. Its step, its time and the momenta of the optimiser are kept.
"""

import argparse
from pathlib import Path

from resize import variables

from kikuchipy_symml import load_model
from kikuchipy_symml.training import Recipe
from kikuchipy_symml.training._loop import Trainer


def main() -> None:
    """Write the checkpoint named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipe", type=Path)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("model", help="name or path")
    parser.add_argument("-o", "--output", type=Path, required=True)
    args = parser.parse_args()

    trainer = Trainer(Recipe.load(args.recipe))
    trainer.restore(args.checkpoint)
    model = load_model(args.model)
    weights = model.network.get_weights()
    shapes = [w.shape for w in weights]
    expected = [tuple(v.shape) for v in trainer.network.weights]
    if shapes != expected:
        parser.error(
            f"{args.model} and {args.recipe} are different networks: their "
            f"weights have the shapes {shapes} and {expected}"
        )
    trainer.network.set_weights(weights)
    found = variables(trainer)
    for (name, i, kind), variable in found.items():
        if kind == "average":
            variable.assign(found[name, i, "value"])
    trainer.trained_on.update(model.card["training_set"]["crystals"])
    trainer.save(args.output)


if __name__ == "__main__":
    main()
