# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""``simulate``: make the crystals of a recipe and their bands."""

import argparse

from kikuchipy_symml._cli._recipe import add_recipe_arguments, read_recipe


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_recipe_arguments(parser)
    parser.add_argument(
        "--first",
        type=int,
        default=None,
        help="first shard (default: that of the recipe)",
    )
    parser.add_argument(
        "--last",
        type=int,
        default=None,
        help="last shard plus one (default: all of the recipe)",
    )


def run(args: argparse.Namespace) -> None:
    """Make the shards that are not there yet."""
    from kikuchipy_symml._progress import progress_bar
    from kikuchipy_symml.training import Shards

    recipe, directory = read_recipe(args)
    shards = Shards(recipe, directory / "crystals")
    settings = recipe.crystals
    first = settings.skip if args.first is None else args.first
    last = args.last
    if last is None:
        last = settings.skip + settings.shards
    for part in ("train", "seen_type", "unseen_type"):
        print(f"library, {part}: {len(shards.library(part).names)} crystals")
    with progress_bar(total=last - first, unit="shard") as bar:
        for i in range(first, last):
            shards.made_up(i)
            for number, simple in shards.with_many_beams():
                if number == i:
                    shards.many_beams(i, simple)
            bar.update(1)
    print(f"Crystals are in {shards.directory}")
