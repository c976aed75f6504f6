# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the checkpoint of a network that of a larger or a smaller one.

    python recipes/resize.py before.yaml before.npz after.yaml -o start.npz

The larger one may have more blocks, of attention and before its last layer,
and look for lattices and tell all tokens what they are. What is new begins by
changing nothing, so the larger network gives what the one before gave. The
smaller one keeps the first blocks, and has to be trained on.
The size of the map over normals and numbers of tokens may differ; all other
settings of the networks must be the same.
"""

import argparse
from pathlib import Path

import keras
import numpy as np

from kikuchipy_symml.models._network import layers_trained_ahead
from kikuchipy_symml.training import Recipe
from kikuchipy_symml.training._loop import Trainer


def main() -> None:
    """Resize the checkpoint named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("before", type=Path, help="recipe")
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("after", type=Path, help="recipe of the other")
    parser.add_argument("-o", "--output", type=Path, required=True)
    args = parser.parse_args()

    recipes = [Recipe.load(path) for path in (args.before, args.after)]
    depths = [recipe.network["depth"] for recipe in recipes]
    before, after = [Trainer(recipe) for recipe in recipes]
    before.restore(args.checkpoint)
    for i in range(*depths):
        # What the last layers of a new block add is nothing at first.
        attention = after.network.get_layer(f"attention_{i}")
        for layer in (attention.out, after.network.get_layer(f"dense_{i}_2")):
            for v in layer.weights:
                v.assign(v * 0)
    old, new = [variables(trainer) for trainer in (before, after)]
    # Layers that are trained ahead begin anew if they are of another size
    anew = {
        layer.name
        for layer in layers_trained_ahead(after.network)
        for key, variable in new.items()
        if key[0] == layer.name and key in old
        if not fits(tuple(old[key].shape), tuple(variable.shape))
    }
    for key, variable in new.items():
        if key[0] in anew:
            continue
        source = source_of(key, old, depths[0])
        if source is not None:
            variable.assign(filled(old[source], variable.shape))
        elif key[2] == "average":
            variable.assign(new[*key[:2], "value"])
    after.step, after.seconds = before.step, before.seconds
    after.trained_on = before.trained_on
    after.save(args.output)


def variables(trainer: Trainer) -> dict:
    """Variables of a trainer by the name of the layer, the place among the
    layer's weights and what they are: the value, its average, ..."""
    found = {}
    by_path = {}
    fixed = layers_trained_ahead(trainer.network)
    for layer in trainer.trunk.layers + fixed:
        for i, v in enumerate(layer.weights):
            found[layer.name, i, "value"] = v
            by_path[v.path.replace("/", "_")] = layer.name, i
    for v in trainer.optimiser.variables:
        name = v.path.partition("/")[2]
        path, _, kind = name.rpartition("_")
        if path in by_path:
            found[*by_path[path], kind] = v
        else:
            found[name, 0, "optimiser"] = v
    return found


def fits(old: tuple, new: tuple) -> bool:
    """Whether a variable differs by rows for new inputs at most."""
    return old[1:] == new[1:] and old[:1] <= new[:1]


def filled(variable, shape: tuple) -> np.ndarray:
    """Value of a variable, with rows of zero for inputs that are new."""
    value = np.array(keras.ops.convert_to_numpy(variable))
    missing = shape[0] - len(value) if value.ndim else 0
    return (
        np.pad(value, [(0, missing)] + [(0, 0)] * (value.ndim - 1))
        if missing
        else value
    )


def source_of(key: tuple, old: dict, depth: int) -> tuple | None:
    """Key of the old variable that a new one begins with."""
    name, i, kind = key
    if key in old:
        return key
    # What was told at the end is told after as many blocks.
    told = name.removesuffix(f"_{depth}")
    if name.startswith("tell_") and told != name:
        told = "norm" if told == "tell_norm" else told
        return (told, i, kind) if (told, i, kind) in old else None
    return None


if __name__ == "__main__":
    main()
