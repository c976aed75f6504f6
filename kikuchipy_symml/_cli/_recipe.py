# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Arguments that commands on recipes share."""

import argparse
from pathlib import Path

from kikuchipy_symml._cli._output import CommandLineError


def add_recipe_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the recipe and the directory of a training run."""
    parser.add_argument("recipe", type=Path, help="recipe, a YAML file")
    parser.add_argument(
        "--directory",
        type=Path,
        default=None,
        help="where crystals, checkpoint and log are kept (default: "
        "runs/NAME, NAME being the recipe's)",
    )


def read_recipe(args: argparse.Namespace):
    """Return the recipe and the directory asked for."""
    recipe = load_recipe(args.recipe)
    return recipe, args.directory or Path("runs") / recipe.name


def load_recipe(path: Path):
    """Return the recipe in a file."""
    from kikuchipy_symml.training import Recipe

    if not path.is_file():
        raise CommandLineError(f"There is no recipe {str(path)!r}")
    try:
        return Recipe.load(path)
    except ValueError as e:
        raise CommandLineError(str(e)) from e
