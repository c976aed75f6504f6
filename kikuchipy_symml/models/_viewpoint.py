# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The point from which patterns show most symmetry.

Seen from a wrong point the angles between bands are wrong, and hardly ever
so that the crystal gains symmetry.

Axes: ``C`` projection centres, ``N`` patterns.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.optimize import minimize
from tqdm.auto import tqdm

from kikuchipy_symml import symmetry
from kikuchipy_symml._progress import progress_bar
from kikuchipy_symml.models._model import BATCH_SIZE, SymmetryModel
from kikuchipy_symml.pattern import canonical_views

# What most cameras have, in Bruker's convention
RANGE = ((0.38, 0.62), (0.1, 0.7), (0.36, 0.84))
# Distance of the first projection centres to try, in detector heights.
# Symmetry is lost within half of that to all sides.
_STEP = 0.04
# Points of the grid of the first: some ten minutes
_MOST = 20_000
# Of the first, only these many patterns are looked at, ...
_FIRST_PATTERNS = 4
# ... and so many of the best are looked at with all patterns ...
_SECOND = 100
# ... and followed up to the nearest summit.
_THIRD = 3
_EVALUATIONS = 60


@cache
def log_order(system: str) -> float:
    """Binary logarithm of the number of operations of the holohedry of a
    crystal system."""
    phase = symmetry.phase_of("crystal_system", system)
    return float(np.log2(phase.point_group.order))


def _steps(shape: tuple[int, ...]) -> np.ndarray:
    """Return the steps in PCx, PCy and PCz."""
    return np.array([_STEP * shape[0] / shape[1], _STEP, _STEP])


def grid_axes(ranges: np.ndarray, shape: tuple[int, ...]) -> list[np.ndarray]:
    """Return the PCx, PCy and PCz to try first.

    Parameters
    ----------
    ranges
        As of :func:`find_viewpoint`.
    shape
        Of the detector, (rows, columns).

    Raises
    ------
    ValueError
        If they make too many projection centres.
    """
    counts = np.ceil(np.diff(ranges)[:, 0] / _steps(shape)).astype(int)
    n_all = int(np.prod(counts + 1.0))
    if n_all > _MOST:
        raise ValueError(
            f"The ranges {ranges.tolist()} of PCx, PCy and PCz have {n_all} "
            f"projection centres to try, more than {_MOST}: narrow them"
        )
    return [
        np.linspace(low, high, n + 1)
        for (low, high), n in zip(ranges, counts, strict=True)
    ]


def find_viewpoint(
    patterns: np.ndarray,
    model: SymmetryModel,
    ranges: np.ndarray,
    *,
    signal_mask: np.ndarray | None = None,
    show_progressbar: bool | None = None,
) -> tuple[np.ndarray, float]:
    """Find the projection centre of some patterns.

    Parameters
    ----------
    patterns
        Shape (N, y, x).
    model
        The model.
    ranges
        Lowest and highest PCx, PCy and PCz, shape (3, 2).
    signal_mask, show_progressbar
        See :func:`~kikuchipy_symml.find_projection_centre`.

    Returns
    -------
    pc
        Shape (3,), in Bruker's convention.
    score
        Expected binary logarithm of the number of operations.

    Raises
    ------
    ValueError
        If the ranges are too wide to be searched.
    """
    shape = patterns.shape[1:]
    axes = grid_axes(ranges, shape)
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    few = patterns[:_FIRST_PATTERNS]
    n_second = min(_SECOND, len(grid)) if len(few) < len(patterns) else 0
    with progress_bar(
        total=len(grid) * len(few)
        + (n_second + _THIRD * _EVALUATIONS) * len(patterns),
        show=show_progressbar,
        desc="Projection centre",
        unit="view",
    ) as bar:
        symmetry_of = Symmetry(model, signal_mask, bar)
        scores = symmetry_of(few, grid)
        best = grid[np.argsort(-scores, kind="stable")]
        if n_second:
            best = best[:n_second]
            scores = symmetry_of(patterns, best)
            best = best[np.argsort(-scores, kind="stable")]
        found = [
            minimize(
                lambda pc: -symmetry_of(patterns, pc[None])[0],
                start,
                method="Nelder-Mead",
                bounds=ranges,
                options={
                    "initial_simplex": _simplex(
                        start, _steps(shape) / 2, ranges
                    ),
                    "maxfev": _EVALUATIONS,
                    "xatol": 1e-3,
                    "fatol": 1e-3,
                },
            )
            for start in best[:_THIRD]
        ]
        bar.total = bar.n
        bar.refresh()
    top = min(found, key=lambda result: result.fun)
    return top.x, -float(top.fun)


@dataclass(frozen=True)
class Symmetry:
    """How much symmetry patterns show from different points."""

    model: SymmetryModel
    signal_mask: np.ndarray | None
    bar: tqdm

    def __call__(self, patterns: np.ndarray, pc: np.ndarray) -> np.ndarray:
        """Return the score of each projection centre, (C,)."""
        n = len(patterns)
        systems = symmetry.class_names("crystal_system")
        logs = [log_order(system) for system in systems]
        score = np.empty(len(pc) * n)
        # Pattern after pattern of one projection centre
        for start in range(0, len(score), BATCH_SIZE):
            i = np.arange(start, min(start + BATCH_SIZE, len(score)))
            views, _ = canonical_views(
                patterns[i % n], pc[i // n], self.model.view, self.signal_mask
            )
            probabilities = symmetry.sum_to_level(
                self.model.predict(views), "crystal_system"
            )
            score[i] = probabilities @ logs
            self.bar.update(len(i))
        return score.reshape(len(pc), n).mean(axis=1)


def _simplex(
    start: np.ndarray, step: np.ndarray, ranges: np.ndarray
) -> np.ndarray:
    """Four corners, those beside the start on the side of the middle."""
    towards = np.where(start > ranges.mean(axis=1), -1, 1)
    return start + np.vstack([np.zeros(3), np.diag(towards * step)])
