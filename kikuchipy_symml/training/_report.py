# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Evaluations as tables and pictures."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from kikuchipy_symml import symmetry

from ._evaluation import SETS, Result


def table_of(results: Sequence[Result]) -> str:
    """Return the scores as a table, with the phases of the sets of which
    each phase matters below it.

    Parameters
    ----------
    results
        One for each set.
    """
    lines = []
    for result in results:
        n = result.single["bravais_lattice"].patterns
        lines.append(f"\n{SETS[result.name]} ({n} patterns)")
        lines.append(
            f"  {'level':16s} {'classes':>7s} {'top-1':>7s} {'top-2':>7s} "
            f"{'macro':>7s} {'ECE':>6s}   fused: {'top-1':>6s} {'top-2':>7s} "
            f"{'macro':>7s}"
        )
        for level in symmetry.LEVELS:
            one, fused = result.single[level], result.fused[level]
            lines.append(
                f"  {level:16s} {one.classes:7d} {one.top_1:7.1%} "
                f"{one.top_2:7.1%} {one.macro:7.1%} "
                f"{one.calibration_error:6.1%}          {fused.top_1:6.1%} "
                f"{fused.top_2:7.1%} {fused.macro:7.1%}"
            )
        lines.append(
            "  area under the ROC curve of the confidence, against patterns "
            f"without bands: {result.rejection:.3f}"
        )
        if result.name in ("emsoft", "measured"):
            lines.append(
                f"  {'phase':34s} {'lattice':8s} {'n':>4s} {'right':>6s} "
                "all fused"
            )
            for name, (true, count, right, found) in result.phases.items():
                lines.append(
                    f"  {name[:34]:34s} {true:8s} {count:4d} {right:6.0%} "
                    f"{found}"
                )
    return "\n".join(lines)


def plot_confusion(
    result: Result, path: str | Path, level: str = "bravais_lattice"
) -> None:
    """Save the confusion matrix of a set as a picture.

    Parameters
    ----------
    result
        The scores of the set.
    path
        Picture to write.
    level
        Level of symmetry.
    """
    from matplotlib.figure import Figure

    counts = result.single[level].confusion
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    names = symmetry.class_names(level)
    figure = Figure(figsize=(6.5, 6), layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(share, vmin=0, vmax=1, cmap="Blues")
    axes.set_xticks(range(len(names)), names, rotation=90)
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel("found")
    axes.set_ylabel("true")
    axes.set_title(SETS[result.name])
    for i, j in np.argwhere(share >= 0.005):
        axes.text(
            j,
            i,
            f"{100 * share[i, j]:.0f}",
            ha="center",
            va="center",
            fontsize=7,
            color="white" if share[i, j] > 0.6 else "black",
        )
    figure.colorbar(image, label="share of the true class", shrink=0.8)
    figure.savefig(path, dpi=150)
