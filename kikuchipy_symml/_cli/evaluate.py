# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""``evaluate``: score a model on crystals it did and did not see."""

import argparse
import json
from dataclasses import replace
from pathlib import Path

from kikuchipy_symml._cli._output import CommandLineError, replacing
from kikuchipy_symml._cli._recipe import load_recipe


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("model", help="name of a model, or a .symml file")
    parser.add_argument(
        "--patterns",
        type=int,
        default=2016,
        help="about how many patterns of each simulated set",
    )
    parser.add_argument(
        "--data",
        type=Path,
        default=Path("../shared/data"),
        help="directory with emsoft_masters.h5 and measured.h5; sets that "
        "are not there are left out",
    )
    parser.add_argument(
        "--recipe",
        type=Path,
        default=None,
        help="take the crystals and the camera from this recipe, to compare "
        "models on the same patterns (default: the recipe in the model)",
    )
    parser.add_argument(
        "--directory",
        type=Path,
        default=None,
        help="where the crystals of the model's recipe are kept; made if "
        "not there (default: runs/NAME)",
    )
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        default=Path("evaluation"),
        help="directory for scores.json, table.txt and the confusion matrices",
    )
    parser.add_argument(
        "--force",
        action="store_true",
        help="overwrite an evaluation that is there",
    )


def run(args: argparse.Namespace) -> None:
    """Score the model, print the table, save scores and plots."""
    for pattern in (
        "scores.json",
        "table.txt",
        "ambiguities.txt",
        "confusion_*.png",
    ):
        for path in args.output.glob(pattern):
            if not args.force:
                raise CommandLineError(
                    f"{path} is there already; --force overwrites it"
                )
    if args.patterns < 9:
        raise CommandLineError(
            f"--patterns must be at least 9, not {args.patterns}"
        )
    from kikuchipy_symml._progress import progress_bar
    from kikuchipy_symml.models import load_model
    from kikuchipy_symml.training import (
        SETS,
        ambiguity_table,
        band_free_views,
        emsoft_set,
        evaluate_set,
        measured_set,
        plot_confusion,
        recipe_of,
        simulated_sets,
        table_of,
        trained_on,
    )

    model = load_model(args.model)
    if args.recipe is None:
        recipe = recipe_of(model)
    else:
        recipe = replace(load_recipe(args.recipe), view=model.view)
    seen = trained_on(model)
    directory = args.directory or Path("runs") / recipe.name

    def sets():
        yield from simulated_sets(recipe, directory, args.patterns, seen)
        path = args.data / "emsoft_masters.h5"
        if path.exists():
            yield emsoft_set(recipe, path, args.patterns, seen)
        path = args.data / "measured.h5"
        if path.exists():
            yield measured_set(path, model)

    band_free = model.predict(
        band_free_views(recipe, directory, args.patterns)
    )
    results = []
    with progress_bar(total=len(SETS), unit="set") as bar:
        for test in sets():
            results.append(evaluate_set(model, test, band_free))
            bar.update(1)
    tables = {
        "table.txt": table_of(results).lstrip("\n"),
        "ambiguities.txt": ambiguity_table(results),
    }
    print(*tables.values(), sep="\n\n")
    args.output.mkdir(parents=True, exist_ok=True)
    scores = {
        r.name: {
            "single": {k: v.to_dict() for k, v in r.single.items()},
            "fused": {k: v.to_dict() for k, v in r.fused.items()},
            "phases": r.phases,
            "rejection": round(r.rejection, 4),
        }
        for r in results
    }
    for result in results:
        name = f"confusion_{result.name}.png"
        with replacing(args.output / name, force=True) as path:
            plot_confusion(result, path)
    for name, table in tables.items():
        with replacing(args.output / name, force=True) as path:
            path.write_text(table + "\n")
    # Last, as it is what says that there is an evaluation
    with replacing(args.output / "scores.json", args.force) as path:
        path.write_text(json.dumps(scores, indent=1))
    print(f"Scores and confusion matrices are in {args.output}")
