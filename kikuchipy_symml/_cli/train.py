# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""``train``: train a network from a recipe and write a model file."""

import argparse
from pathlib import Path

from kikuchipy_symml._cli._output import CommandLineError
from kikuchipy_symml._cli._recipe import add_recipe_arguments, read_recipe


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    add_recipe_arguments(parser)
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=None,
        help="model file to write at the end, ending in .symml (default: "
        "NAME.symml in the directory)",
    )
    parser.add_argument(
        "--steps",
        type=int,
        default=None,
        help="stop after so many steps in all; --force goes on from there",
    )
    parser.add_argument(
        "--minutes",
        type=float,
        default=None,
        help="stop after so many minutes; --force goes on from there",
    )
    parser.add_argument(
        "--resume-from",
        type=Path,
        default=None,
        help="checkpoint to go on from when the directory has none",
    )
    parser.add_argument(
        "--force",
        action="store_true",
        help="overwrite a model file that is there, as to go on from a run "
        "that was stopped",
    )


def run(args: argparse.Namespace) -> None:
    """Train, or go on training, and write the model file."""
    recipe, directory = read_recipe(args)
    output = args.output or directory / f"{recipe.name}.symml"
    if output.suffix != ".symml":
        raise CommandLineError(
            f"A model file ends in .symml, not {output.suffix!r}: {output}"
        )
    if output.exists() and not args.force:
        raise CommandLineError(
            f"{output} is there already; --force overwrites it"
        )
    if args.resume_from is not None and not args.resume_from.is_file():
        raise CommandLineError(f"There is no checkpoint {args.resume_from}")

    from kikuchipy_symml.training import Shards, export, train

    checkpoint = train(
        recipe,
        directory,
        steps=args.steps,
        minutes=args.minutes,
        resume_from=args.resume_from,
    )
    export(recipe, checkpoint, output, Shards(recipe, directory / "crystals"))
    print(f"Log: {directory / 'log.csv'}\nModel: {output}")
