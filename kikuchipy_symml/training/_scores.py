# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""How well probabilities name the symmetry."""

from dataclasses import dataclass

import numpy as np

from kikuchipy_symml import symmetry


@dataclass(frozen=True)
class Scores:
    """Scores on a set of patterns at one level of symmetry.

    Parameters
    ----------
    patterns, classes
        Number of patterns, and of classes among them.
    top_1, top_2
        Share of patterns whose class is the most probable one, and is
        among the two most probable ones.
    macro
        Mean over classes of the share of their patterns for which the
        class is the most probable one.
    calibration_error
        Expected calibration error with 15 bins of equal width (Guo et
        al., Proc. Mach. Learn. Res. 70 (2017) 1321).
    confusion
        Number of patterns of each class (rows) that were given each
        class (columns), shape (C, C).
    """

    patterns: int
    classes: int
    top_1: float
    top_2: float
    macro: float
    calibration_error: float
    confusion: np.ndarray

    def to_dict(self) -> dict:
        """Return the numbers, rounded, without the confusion matrix."""
        return {
            "patterns": self.patterns,
            "classes": self.classes,
            "top_1": round(self.top_1, 4),
            "top_2": round(self.top_2, 4),
            "macro": round(self.macro, 4),
            "calibration_error": round(self.calibration_error, 4),
        }


def score(
    probabilities: np.ndarray, space_groups: np.ndarray, level: str
) -> Scores:
    """Score probabilities of space groups at a level of symmetry.

    Parameters
    ----------
    probabilities
        Shape (N, 230).
    space_groups
        True space group number of each pattern, shape (N,).
    level
        One of :data:`kikuchipy_symml.symmetry.LEVELS`.

    Returns
    -------
    scores
        The scores.
    """
    p = symmetry.sum_to_level(probabilities, level)
    true = symmetry.class_index(level)[np.asarray(space_groups) - 1]
    ranked = np.argsort(-p, axis=1, kind="stable")
    right = ranked[:, 0] == true
    present = np.unique(true)
    confusion = np.zeros((p.shape[1], p.shape[1]), dtype=int)
    np.add.at(confusion, (true, ranked[:, 0]), 1)
    return Scores(
        patterns=len(true),
        classes=len(present),
        top_1=float(right.mean()),
        top_2=float((ranked[:, :2] == true[:, None]).any(axis=1).mean()),
        macro=float(np.mean([right[true == i].mean() for i in present])),
        calibration_error=calibration_error(p.max(axis=1), right),
        confusion=confusion,
    )


def calibration_error(
    confidence: np.ndarray, right: np.ndarray, bins: int = 15
) -> float:
    """Return the expected calibration error.

    Parameters
    ----------
    confidence
        Probability given to the chosen class, shape (N,).
    right
        Whether the chosen class is the true one, shape (N,).
    bins
        Number of bins of equal width.
    """
    which = np.minimum((np.asarray(confidence) * bins).astype(int), bins - 1)
    gap = 0.0
    for i in np.unique(which):
        here = which == i
        gap += here.mean() * abs(confidence[here].mean() - right[here].mean())
    return float(gap)
