# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Picture of what was found, with all classes in one."""

from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

if TYPE_CHECKING:  # pragma: no cover
    from kikuchipy_symml.symmetry import SymmetryPhaseList

# More bars than this cannot be told apart
MAX_BARS = 32


def plot_probabilities(phases: "SymmetryPhaseList") -> Figure:
    """Return a figure of the classes' probabilities and the confidence.

    Left, for each class the mean of its probability over all points
    that the network saw, beside the part of these points where it is
    the chosen one; right, how many points have which confidence.

    Parameters
    ----------
    phases
        Result of a scan of any dimension.
    """
    # Axes: (point, class)
    probabilities = phases.probabilities.reshape(-1, len(phases.class_names))
    phase_id = np.ravel(phases.phase_id)
    seen = np.isfinite(probabilities).all(axis=1)
    seen &= probabilities.sum(axis=1) > 0
    probabilities = probabilities[seen]
    n_points = max(len(probabilities), 1)
    mean = probabilities.sum(axis=0) / n_points
    chosen = np.array(
        [np.mean(phase_id[seen] == i) for i in range(mean.size)]
        if seen.any()
        else np.zeros(mean.size)
    )

    # The likeliest classes, in the level's own order
    shown = np.sort(np.argsort(-mean, kind="stable")[:MAX_BARS])
    names = [phases.class_names[i] for i in shown]
    place = np.arange(shown.size)

    figure, (left, right) = plt.subplots(
        ncols=2, figsize=(11, 4), width_ratios=(2, 1), layout="constrained"
    )
    left.bar(place - 0.2, mean[shown], 0.4, label="mean probability")
    left.bar(place + 0.2, chosen[shown], 0.4, label="part of the points")
    left.set_xticks(place, names, rotation=90 if shown.size > 14 else 0)
    left.set_xlabel(phases.level.replace("_", " "))
    left.set_ylim(0, 1)
    left.legend()
    right.hist(np.ravel(phases.confidence)[seen], bins=20, range=(0, 1))
    right.set_xlabel("confidence")
    right.set_ylabel("points")
    return figure
