# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The projection centre of a scan, whose crystals nobody knows."""

import warnings
from numbers import Integral
from pathlib import Path

import dask.array as da
import numpy as np
from kikuchipy.detectors import EBSDDetector
from kikuchipy.signals import EBSD

from kikuchipy_symml.models import SymmetryModel, load_model
from kikuchipy_symml.models._viewpoint import (
    RANGE,
    find_viewpoint,
    grid_axes,
    log_order,
)
from kikuchipy_symml.pattern import canonical_views
from kikuchipy_symml.pattern._checks import (
    check_navigation_mask,
    check_signal,
    check_signal_mask,
    navigation_shape,
    signal_shape,
)
from kikuchipy_symml.pattern._view import LARGEST_PC, SMALLEST_PCZ


def find_projection_centre(
    signal: EBSD,
    model: str | Path | SymmetryModel = "default",
    *,
    pc_range: tuple[tuple[float, float], ...] = RANGE,
    n_patterns: int = 12,
    navigation_mask: np.ndarray | None = None,
    signal_mask: np.ndarray | None = None,
    seed: int = 0,
    show_progressbar: bool | None = None,
) -> EBSDDetector:
    r"""Find the projection centre of a scan without knowing its phases.

    Parameters
    ----------
    signal
        EBSD patterns, in memory or lazy, of one or more phases of which
        at least one has a high symmetry. Take the static background off
        first: what the detector adds to all patterns alike may look
        symmetric from somewhere else. The projection centre in
        ``signal.detector`` plays no part. None of it is changed.
    model
        Name of a model that comes with the package, see
        :func:`~kikuchipy_symml.list_models`, path of a model file, or a
        model.
    pc_range
        Lowest and highest PCx, PCy and PCz to try, in Bruker's
        convention.
    n_patterns
        Number of patterns to look at. They are drawn from the whole scan:
        the more orientations they show, the better.
    navigation_mask
        Boolean array of the navigation shape, True for patterns to leave
        out.
    signal_mask
        Boolean array of the signal shape, True for detector pixels to
        leave out.
    seed
        Seed of the drawing.
    show_progressbar
        Whether to show a progress bar. If not given, HyperSpy's
        preference ``hs.preferences.General.show_progressbar``.

    Returns
    -------
    detector
        A copy of the signal's detector, or a new one if it has none, with
        one projection centre, the one found.

    Raises
    ------
    TypeError
        If the signal or model is of another kind.
    ValueError
        If something given does not fit, before any pattern is read, or
        no pattern drawn can be used.
    FileNotFoundError
        If there is no file at a path given as model.

    Warns
    -----
    UserWarning
        If the patterns show no more than an orthorhombic symmetry from
        any point: then it is likely the wrong one. Also if it is at the
        edge of the range.

    See Also
    --------
    classify_symmetry
    kikuchipy.signals.EBSD.hough_indexing_optimize_pc
        Finer, once a phase is known.

    Notes
    -----
    What is highest at the projection centre is

    .. math::

        S = \frac{1}{N} \sum_{i=1}^{N} \sum_s p_i(s) \log_2 |G_s|

    with the probabilities :math:`p_i` that the model gives to the crystal
    systems :math:`s` of pattern :math:`i`, and the number of operations
    :math:`|G_s|` of their holohedries. Points 0.04 detector heights apart
    are tried with a few patterns, the best of them with all, and the
    simplex method (Nelder & Mead, Comput. J. 7 (1965) 308) follows up the
    best of these. ``benchmarks/projection_centre.py`` measures how far
    from the true one it ends.

    All patterns are taken to have one projection centre. In a scan so
    wide that this is not so, find it for parts of it (``signal.inav``).

    Examples
    --------
    >>> import kikuchipy as kp
    >>> import kikuchipy_symml
    >>> s = kp.data.nickel_ebsd_small()
    >>> s.remove_static_background()  # doctest: +SKIP
    >>> s.detector = s.find_projection_centre()  # doctest: +SKIP
    >>> s.detector.pc_average  # doctest: +SKIP
    [0.425 0.213 0.501]
    """
    check_signal(signal)
    ranges = _check_range(pc_range)
    grid_axes(ranges, signal_shape(signal))
    is_integer = isinstance(n_patterns, Integral)
    if not is_integer or isinstance(n_patterns, bool) or n_patterns < 1:
        raise ValueError(
            f"n_patterns must be a positive integer, not {n_patterns!r}"
        )
    navigation_mask = check_navigation_mask(navigation_mask, signal)
    signal_mask = check_signal_mask(signal_mask, signal)
    model = load_model(model)

    patterns = _drawn(signal, navigation_mask, n_patterns, seed)
    middle = ranges.mean(axis=1)
    _, valid = canonical_views(patterns, middle, model.view, signal_mask)
    if not valid.any():
        raise ValueError(
            f"None of the {len(patterns)} patterns drawn can be used: they "
            "are constant, or hold NaN or infinite values"
        )
    pc, score = find_viewpoint(
        patterns[valid],
        model,
        ranges,
        signal_mask=signal_mask,
        show_progressbar=show_progressbar,
    )
    _warn_of_doubt(pc, score, ranges)
    shape = signal_shape(signal)
    detector = getattr(signal, "detector", None)
    if detector is None or tuple(detector.shape) != shape:
        detector = EBSDDetector(shape=shape)
    detector = detector.deepcopy()
    detector.pc = pc
    return detector


def _drawn(
    signal: EBSD, navigation_mask: np.ndarray | None, n: int, seed: int
) -> np.ndarray:
    """Some patterns of a scan in memory, shape (N, y, x)."""
    shape = navigation_shape(signal)
    allowed = np.arange(int(np.prod(shape, dtype=int)))
    if navigation_mask is not None:
        allowed = np.flatnonzero(~navigation_mask)
    rng = np.random.default_rng(seed)
    points = np.sort(rng.permutation(allowed)[:n])
    data = signal.data
    if not shape:
        patterns = data[None]
    elif isinstance(data, da.Array):
        # Reads the blocks that hold them, no others.
        patterns = data.vindex[np.unravel_index(points, shape)]
    else:
        patterns = data[np.unravel_index(points, shape)]
    if isinstance(patterns, da.Array):
        patterns = patterns.compute()
    # The first few are to be from all over the scan as well
    return patterns[rng.permutation(len(points))]


def _check_range(pc_range) -> np.ndarray:
    try:
        ranges = np.array(pc_range, dtype=float)
    except (TypeError, ValueError):
        ranges = np.empty(0)
    if (
        ranges.shape != (3, 2)
        or not np.isfinite(ranges).all()
        or np.any(ranges[:, 0] > ranges[:, 1])
        or np.abs(ranges).max() > LARGEST_PC
        or ranges[2, 0] < SMALLEST_PCZ
    ):
        raise ValueError(
            "pc_range must be the lowest and highest PCx, PCy and PCz as "
            f"fractions of the detector's sides, such as {RANGE}, not "
            f"{pc_range!r}"
        )
    return ranges


def _warn_of_doubt(pc: np.ndarray, score: float, ranges: np.ndarray) -> None:
    place = f"({pc[0]:.3f}, {pc[1]:.3f}, {pc[2]:.3f})"
    if score < log_order("orthorhombic"):
        warnings.warn(
            f"The projection centre {place} is in doubt: from no point do "
            "the patterns show more than an orthorhombic symmetry. Either "
            "no phase has more, or the patterns are too poor, or it is out "
            "of the range",
            stacklevel=3,
        )
    edge = np.isclose(pc[:, None], ranges, rtol=0, atol=1e-3).any(axis=1)
    edge &= np.diff(ranges)[:, 0] > 0
    if edge.any():
        names = ", ".join(np.array(["PCx", "PCy", "PCz"])[edge])
        warnings.warn(
            f"The projection centre {place} is at the edge of the range of "
            f"{names}: try a wider pc_range",
            stacklevel=3,
        )
