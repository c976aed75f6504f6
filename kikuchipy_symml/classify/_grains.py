# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Regions of like patterns, found before anything is known of them.

Axes: ``y`` and ``x`` navigation rows and columns (a line of points is one
row, a single pattern one point), ``a`` and ``b`` detector rows and columns,
``i`` and ``j`` rows and columns of images.
"""

from dataclasses import dataclass
from itertools import pairwise
from numbers import Integral, Real

import dask.array as da
import numpy as np
from dask import delayed
from kikuchipy.signals import EBSD
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from kikuchipy_symml.classify._compute import computed
from kikuchipy_symml.classify._images import Flatten, common_part, without
from kikuchipy_symml.pattern._blocks import in_blocks
from kikuchipy_symml.pattern._checks import (
    check_navigation_mask,
    check_signal,
    check_signal_mask,
    navigation_shape,
    signal_shape,
)

# Places of what is known of a point: the similarity to the next one down,
# to the next one to the right, and to itself, which is 1
DOWN, RIGHT, ITSELF = range(3)
# Patterns in work at a time
BATCH_SIZE = 64
# Unlike patterns of n pixels have similarities of about 0 +- 1/sqrt(n).
# Like patterns may differ by TOLERANCE of these in their similarity, and
# must have more than CHANCE of them. Along a line of points there is no
# way around a missing link.
TOLERANCE = 2.0
TOLERANCE_LINE = 3.0
CHANCE = 2.5
# Pairs of neighbours to find what all patterns have in common.
SAMPLE = 64
# Smaller regions join the most similar one beside them, if it has at
# least this fraction of the similarity that its own patterns have.
FRAGMENT = 5
FRAGMENT_THRESHOLD = 0.5


def label_grains(
    signal: EBSD,
    *,
    threshold: float = 0.9,
    min_size: int = 1,
    navigation_mask: np.ndarray | None = None,
    signal_mask: np.ndarray | None = None,
    compute: bool = True,
    show_progressbar: bool | None = None,
) -> np.ndarray | da.Array:
    r"""Label the regions of a scan in which neighbours are alike.

    Nothing need be known of phases, orientations or the projection
    centre. The labels tell
    :meth:`SymmetryPhaseList.fuse()
    <kikuchipy_symml.SymmetryPhaseList.fuse>` which patterns are of one
    grain.

    Parameters
    ----------
    signal
        EBSD patterns, in memory or lazy, with at most two navigation
        dimensions. None of it is changed.
    threshold
        How alike neighbours in a region must be, as a fraction of the
        similarity between a pattern and its most similar neighbour: more
        than 0, at most 1. Higher values give more and smaller regions.
        With lower ones, patterns on boundaries, where two grains overlap,
        join the two.
    min_size
        Regions of fewer points get the label -1. By default none do.
    navigation_mask
        Boolean array of the navigation shape, True for patterns to leave
        out.
    signal_mask
        Boolean array of the signal shape, True for detector pixels to
        leave out, such as those outside of a round screen.
    compute
        Whether to do the work now. If not, a dask array is returned, and
        only a sample of the patterns is read now.
    show_progressbar
        Whether to show a progress bar. If not given, HyperSpy's
        preference ``hs.preferences.General.show_progressbar``.

    Returns
    -------
    labels
        Integers of the navigation shape. Regions are counted from 0 in
        order of their first points. -1 in points left out, with patterns
        that are constant or hold NaN or infinite values, or in regions
        of fewer than *min_size* points.

    Raises
    ------
    TypeError
        If the signal is of another kind.
    ValueError
        If something given does not fit, before any pattern is read. The
        message quotes it.
    OSError
        If patterns cannot be read from the file, which it names.

    See Also
    --------
    neighbour_similarities
        The numbers that this is decided by.

    Notes
    -----
    Neighbours :math:`a` and :math:`b` (left and right, up and down) with
    similarity :math:`s_{ab}` are linked where

    .. math::

        s_{ab} \geq \min(t m, m - 2 \sigma), \quad
        m = \max_c(s_{ac}, s_{bc}), \quad \sigma = 1 / \sqrt{n}

    over neighbours :math:`c` of either, with the threshold :math:`t` and
    the number :math:`n` of pixels of a binned pattern; :math:`\sigma` is
    the spread of similarities by chance, and :math:`s_{ab} \geq 2.5
    \sigma` is asked for as well (along a line, :math:`m - 3 \sigma`).
    Being relative to the highest similarity
    nearby, the rule is the same for regions of clear and of poor
    patterns. Regions are what links connect. It takes many missing links
    to part a region but a single wrong one to join two, so the rule is
    strict; regions of less than five points then join the most similar
    neighbouring one, if half as similar as its patterns are to each
    other.

    A boundary with a misorientation of a degree or so is not seen, and
    neither is a change within a region that is gradual. Patterns so
    noisy that neighbours have similarities of about 0.15 or less come in
    pieces: average them first, with
    ``signal.average_neighbour_patterns()`` of kikuchipy. What unlike
    patterns have in common is estimated from 64 pairs of neighbours and
    taken off, save in smaller scans: there, and in scans of very few
    grains, remove the static background first.

    The sample and then all patterns are read, block by block. Three
    numbers a point are kept in memory, beside some patterns at the edges
    of blocks.

    Examples
    --------
    >>> import kikuchipy as kp
    >>> import kikuchipy_symml
    >>> s = kp.data.nickel_ebsd_small()
    >>> s.remove_static_background(show_progressbar=False)
    >>> s.label_grains(show_progressbar=False)
    array([[0, 1, 1],
           [0, 1, 1],
           [0, 1, 1]])
    """
    threshold = _check_threshold(threshold)
    min_size = _check_min_size(min_size)
    similarities, pixels = _similarities(signal, navigation_mask, signal_mask)
    labels = da.map_blocks(
        _label,
        similarities,
        threshold,
        min_size,
        1 / np.sqrt(pixels),
        drop_axis=0,
        dtype=np.int64,
        meta=np.empty((0, 0), dtype=np.int64),
    ).reshape(navigation_shape(signal))
    return computed(labels, show_progressbar) if compute else labels


def neighbour_similarities(
    signal: EBSD,
    *,
    navigation_mask: np.ndarray | None = None,
    signal_mask: np.ndarray | None = None,
    compute: bool = True,
    show_progressbar: bool | None = None,
) -> np.ndarray | da.Array:
    """Return how similar each pattern is to the next ones.

    Parameters
    ----------
    signal
        EBSD patterns, in memory or lazy, with at most two navigation
        dimensions. None of it is changed.
    navigation_mask
        Boolean array of the navigation shape, True for patterns to leave
        out.
    signal_mask
        Boolean array of the signal shape, True for detector pixels to
        leave out.
    compute
        Whether to do the work now. If not, a dask array is returned, and
        only a sample of the patterns is read now.
    show_progressbar
        Whether to show a progress bar. If not given, HyperSpy's
        preference.

    Returns
    -------
    similarities
        32-bit floats from -1 to 1, of shape (number of navigation
        dimensions,) + navigation shape: similarity to the next pattern
        along each direction, in order (y, x). NaN where there is no next
        one, or one of the two was left out or cannot be used.

    Raises
    ------
    TypeError
        If the signal is of another kind.
    ValueError
        If something given does not fit, before any pattern is read.
    OSError
        If patterns cannot be read from the file, which it names.

    Notes
    -----
    These are the normalized dot products that kikuchipy gives, see
    :meth:`kikuchipy.signals.EBSD.get_neighbour_dot_product_matrices`,
    but of patterns binned to about 30 pixels along the longer side, with
    the background taken off, the contrast evened out, and without what
    all have in common whatever their grain. Patterns as they come are
    all alike, by their background.
    """
    similarities, _ = _similarities(signal, navigation_mask, signal_mask)
    shape = navigation_shape(signal)
    # A line of points is one row: only its direction x is one
    next_ones = similarities[2 - len(shape) : 2].reshape(len(shape), *shape)
    return computed(next_ones, show_progressbar) if compute else next_ones


def _similarities(
    signal: EBSD,
    navigation_mask: np.ndarray | None,
    signal_mask: np.ndarray | None,
) -> tuple[da.Array, int]:
    """Return the similarity of each pattern to the next down, to the next
    to the right and to itself, shape (3, y, x), NaN where there is none,
    and the number of pixels it is a mean of.
    """
    check_signal(signal)
    navigation_mask = check_navigation_mask(navigation_mask, signal)
    signal_mask = check_signal_mask(signal_mask, signal)

    patterns = signal.data
    for _ in range(4 - patterns.ndim):
        patterns = patterns[np.newaxis]
    patterns = in_blocks(patterns)
    chunks = patterns.chunks[:2]
    if navigation_mask is None:
        mask = da.zeros(patterns.shape[:2], chunks=chunks, dtype=bool)
    else:
        mask = navigation_mask.reshape(patterns.shape[:2])
        mask = da.from_array(mask, chunks=chunks)

    flatten = Flatten.of(signal_shape(signal), signal_mask)
    common = _sampled_common_part(patterns, navigation_mask, flatten)
    blocks = da.blockwise(
        _BlockComparer(flatten, common),
        "yx",
        patterns,
        "yxab",
        mask,
        "yx",
        adjust_chunks={"y": 1, "x": 1},
        concatenate=True,
        token="neighbour-similarities",
        meta=np.empty((0, 0), dtype=object),
    ).to_delayed()
    part, products = delayed(_part), delayed(_products)
    inner = [[part(block, "inner") for block in row] for row in blocks]
    down = [
        [
            products(part(block, "bottom"), part(below, "top"))
            for block, below in zip(*rows, strict=True)
        ]
        for rows in pairwise(blocks)
    ]
    right = [
        [
            products(part(block, "right"), part(beside, "left"))
            for block, beside in pairwise(row)
        ]
        for row in blocks
    ]
    similarities = da.from_delayed(
        delayed(_joined)(inner, down, right),
        shape=(3, *patterns.shape[:2]),
        dtype=np.float32,
    )
    return similarities, int(np.count_nonzero(flatten.seen))


def _sampled_common_part(
    patterns: da.Array, navigation_mask: np.ndarray | None, flatten: Flatten
) -> np.ndarray:
    """Return what images have in common, by a sample of the patterns."""
    shape = patterns.shape[:2]
    usable = np.ones(shape, dtype=bool)
    if navigation_mask is not None:
        usable = ~navigation_mask.reshape(shape)
    # Pairs along a row, or along a column where that is all there is
    dy, dx = (0, 1) if shape[1] > 1 else (1, 0)
    y, x = np.nonzero(
        usable[: shape[0] - dy, : shape[1] - dx] & usable[dy:, dx:]
    )
    # Of few patterns, the mean is mostly their own noise
    if y.size < SAMPLE // 2:
        return np.zeros(flatten.seen.shape, dtype=np.float32)
    n = min(y.size, SAMPLE)
    chosen = ((np.arange(n) + 0.5) * (y.size / n)).astype(int)
    y, x = y[chosen], x[chosen]
    # Now, as a part of the graph would keep blocks in memory until the
    # last one of the sample is there
    sample = patterns.vindex[
        np.concatenate([y, y + dy]), np.concatenate([x, x + dx])
    ].compute()
    return common_part(flatten(sample).reshape(2, n, *flatten.seen.shape))


@dataclass(frozen=True)
class _BlockComparer:
    """The task of one block: pickled, it holds no signal.

    It returns what is known within the block, and copies of the images
    at its edges to compare with those of the next blocks. Dask's overlap
    of blocks would keep many whole ones in memory, waiting for the next.
    """

    flatten: Flatten
    common: np.ndarray

    def __call__(self, patterns: np.ndarray, mask: np.ndarray) -> np.ndarray:
        flat = np.full((mask.size, self.common.size), np.nan, np.float32)
        patterns = patterns.reshape(mask.size, *patterns.shape[-2:])
        points = np.flatnonzero(~mask)
        for start in range(0, points.size, BATCH_SIZE):
            batch = points[start : start + BATCH_SIZE]
            images = without(self.common, self.flatten(patterns[batch]))
            flat[batch] = images.reshape(batch.size, -1)
        flat = flat.reshape(*mask.shape, -1)

        inner = np.full((3, *mask.shape), np.nan, dtype=np.float32)
        inner[DOWN, :-1] = _products(flat[:-1], flat[1:])
        inner[RIGHT, :, :-1] = _products(flat[:, :-1], flat[:, 1:])
        inner[ITSELF] = _products(flat, flat)
        block = np.empty((1, 1), dtype=object)
        block[0, 0] = {
            "inner": inner,
            "top": flat[0].copy(),
            "bottom": flat[-1].copy(),
            "left": flat[:, 0].copy(),
            "right": flat[:, -1].copy(),
        }
        return block


def _part(block: np.ndarray, name: str) -> np.ndarray:
    return block[0, 0][name]


def _products(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the dot product of each image with another."""
    return np.einsum("...p,...p->...", a, b)


def _joined(
    inner: list[list[np.ndarray]],
    down: list[list[np.ndarray]],
    right: list[list[np.ndarray]],
) -> np.ndarray:
    """Return similarities (3, y, x) from those within blocks, those down
    to the next row of blocks and those to the right to the next column.
    """
    joined = np.block(inner)
    last_y = np.cumsum([row[0].shape[1] for row in inner]) - 1
    last_x = np.cumsum([block.shape[2] for block in inner[0]]) - 1
    for y, values in zip(last_y[:-1], down, strict=True):
        joined[DOWN, y] = np.concatenate(values)
    for j, x in enumerate(last_x[:-1]):
        joined[RIGHT, :, x] = np.concatenate([row[j] for row in right])
    return joined


def _label(
    similarities: np.ndarray, threshold: float, min_size: int, sigma: float
) -> np.ndarray:
    """Return labels (y, x) from similarities (3, y, x) that vary by sigma
    by chance.
    """
    down, right, itself = similarities  # DOWN, RIGHT, ITSELF
    shape = itself.shape
    point = np.arange(itself.size).reshape(shape)
    a = np.concatenate([point[:-1].ravel(), point[:, :-1].ravel()])
    b = np.concatenate([point[1:].ravel(), point[:, 1:].ravel()])
    s = np.concatenate([down[:-1].ravel(), right[:, :-1].ravel()])
    # No more is said of pairs that are alike by chance or, by NaN, not
    # known to be
    told = s >= CHANCE * sigma
    a, b, s = a[told], b[told], s[told]

    highest = np.zeros(itself.size, dtype=s.dtype)
    np.maximum.at(highest, a, s)
    np.maximum.at(highest, b, s)
    m = np.maximum(highest[a], highest[b])

    tolerance = TOLERANCE_LINE if 1 in shape else TOLERANCE
    linked = s >= np.minimum(threshold * m, m - tolerance * sigma)
    links = (np.ones(np.count_nonzero(linked)), (a[linked], b[linked]))
    graph = coo_array(links, shape=(itself.size, itself.size))
    _, labels = connected_components(graph, directed=False)

    near = s >= min(threshold, FRAGMENT_THRESHOLD) * m
    labels = _join_fragments(labels, a[near], b[near], (s / m)[near])

    usable = np.isfinite(itself).ravel()
    usable &= np.bincount(labels)[labels] >= min_size
    return _in_order(np.where(usable, labels, -1)).reshape(shape)


def _join_fragments(
    labels: np.ndarray, a: np.ndarray, b: np.ndarray, likeness: np.ndarray
) -> np.ndarray:
    """Return labels with small regions joined to the large one that the
    likest pair (a, b) of points connects them to, if any.

    Each joins one region only, so none becomes a bridge between two.
    """
    order = np.argsort(likeness, kind="stable")
    a, b = a[order], b[order]
    a, b = np.concatenate([a, b]), np.concatenate([b, a])
    while True:
        large = np.bincount(labels)[labels] >= FRAGMENT
        joins = ~large[a] & large[b]
        if not joins.any():
            return labels
        joined = np.arange(labels.size)
        # Of all values set at one place, the last one stays
        joined[labels[a[joins]]] = labels[b[joins]]
        labels = joined[labels]


def _in_order(labels: np.ndarray) -> np.ndarray:
    """Return labels counted from 0 in order of their first points, where
    they are not negative.
    """
    out = np.full(labels.shape, -1, dtype=np.int64)
    inside = labels >= 0
    _, first, index = np.unique(
        labels[inside], return_index=True, return_inverse=True
    )
    rank = np.empty(first.size, dtype=np.int64)
    rank[np.argsort(first)] = np.arange(first.size)
    out[inside] = rank[index]
    return out


def _check_threshold(value: float) -> float:
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    if not is_number or not 0 < value <= 1:
        raise ValueError(
            "threshold must be a number greater than 0 and at most 1, not "
            f"{value!r}"
        )
    return float(value)


def _check_min_size(value: int) -> int:
    is_integer = isinstance(value, Integral) and not isinstance(value, bool)
    if not is_integer or value < 1:
        raise ValueError(f"min_size must be a positive integer, not {value!r}")
    return int(value)
