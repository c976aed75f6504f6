# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""A few points for each grain, and from them back to all points.

Axes: ``p`` points of the scan, in order; ``d`` navigation dimensions.
"""

import numpy as np
from orix.crystal_map import CrystalMap, PhaseList
from orix.quaternion import Rotation
from scipy.ndimage import distance_transform_edt
from scipy.spatial import cKDTree


def sample_grains(labels: np.ndarray, n_points: int = 5) -> np.ndarray:
    """Return a mask of all points but a few in each grain.

    The patterns of a grain show one crystal, so what a few of them tell
    of its phase and orientation is true of all. They lie away from the
    boundary, where patterns of two grains overlap, and as far from each
    other as this allows.

    Parameters
    ----------
    labels
        Integers of the navigation shape, one or two dimensions, such as
        from :func:`~kikuchipy_symml.label_grains`. Points with a
        negative label are in no grain, and none of them is left out.
    n_points
        Number of points in a grain. Smaller grains keep all they have.

    Returns
    -------
    mask
        Boolean array of the navigation shape, True for points to leave
        out, as :func:`~kikuchipy_symml.classify_symmetry` takes it.

    Raises
    ------
    ValueError
        If *labels* are not integers in one or two dimensions, or
        *n_points* is not positive.

    See Also
    --------
    fill_grains

    Examples
    --------
    >>> import numpy as np
    >>> from kikuchipy_symml.classify import sample_grains
    >>> labels = np.array([0, 0, 0, 0, 0, 0, 0, 1, 1, 1])
    >>> sample_grains(labels, 1).astype(int)
    array([0, 1, 1, 1, 1, 1, 1, 1, 1, 0])
    """
    labels = _as_labels(labels)
    if n_points < 1:
        raise ValueError(f"Cannot take {n_points} points of a grain")
    # Grains in order, their points beside each other
    order = np.argsort(labels, axis=None, kind="stable")
    order = order[np.count_nonzero(labels < 0) :]
    mask = (labels >= 0).ravel()
    if not order.size:
        return mask.reshape(labels.shape)
    first = np.unique(labels.ravel()[order], return_index=True)[1]
    size = np.diff(first, append=order.size)
    places = np.stack(np.unravel_index(order, labels.shape), axis=-1)
    depth = _depth(labels).ravel()[order]
    deep = depth >= np.repeat(np.maximum.reduceat(depth, first), size) / 2
    # How good a point is as the next one: first the deepest, then the
    # deep one that is furthest from those there are, at last any
    merit = depth
    nearest = np.full(order.size, np.inf)
    for _ in range(min(n_points, int(size.max()))):
        best = np.repeat(np.maximum.reduceat(merit, first), size)
        # The first of those that are as good
        hits = np.flatnonzero(merit == best)
        grain = np.searchsorted(first, hits, side="right")
        chosen = hits[np.unique(grain, return_index=True)[1]]
        mask[order[chosen[merit[chosen] >= 0]]] = False
        apart = places - np.repeat(places[chosen], size, axis=0)
        nearest = np.minimum(nearest, np.sum(apart**2, axis=-1))
        merit = np.where(deep, nearest, 0.5)
        merit[nearest == 0] = -1  # There already
    return mask.reshape(labels.shape)


def fill_grains(
    xmap: CrystalMap, labels: np.ndarray, *, scores_prop: str = "scores"
) -> CrystalMap:
    """Return a map in which all points of a grain have what was found in
    some of them.

    The phase of a grain is the one whose indexed points in it have the
    highest sum of scores. Every point takes the orientation and score of
    the nearest indexed point of that phase in its grain.

    Parameters
    ----------
    xmap
        Map of the full navigation shape, such as from
        :func:`merge_indexed_maps`, in which points are not indexed (-1)
        but a few in each grain, see :func:`sample_grains`.
    labels
        The labels of the same grains. Points with negative labels stay
        as they are, and so do grains without an indexed point.
    scores_prop
        Name of the property that phases are compared by.

    Returns
    -------
    xmap
        A starting point for :meth:`kikuchipy.signals.EBSD.refine_orientation`,
        which follows the orientation within a grain: see
        :func:`refinement_masks`. Scores are those of the points that
        orientations were taken from.

    Raises
    ------
    ValueError
        If *labels* are not integers of the map's shape, or points of the
        map are not in the data.

    See Also
    --------
    sample_grains
    """
    labels = _as_labels(labels)
    if not xmap.is_in_data.all() or xmap.shape != labels.shape:
        raise ValueError(
            f"Labels of shape {labels.shape} do not fit a map of shape "
            f"{xmap.shape} with {np.count_nonzero(~xmap.is_in_data)} points "
            "that are not in the data"
        )
    region = labels.ravel()
    found = np.flatnonzero((xmap.phase_id >= 0) & (region >= 0))
    rows = np.arange(region.size)
    if found.size:
        rows = _sources(xmap, labels, found, scores_prop)
    phase_id = xmap.phase_id[rows]
    present = np.unique(phase_id[phase_id >= 0])
    return CrystalMap(
        rotations=Rotation(xmap.rotations.data[rows]),
        phase_id=phase_id,
        x=xmap.x,
        y=xmap.y,
        phase_list=PhaseList({int(i): xmap.phases[int(i)] for i in present}),
        prop={name: np.asarray(v)[rows] for name, v in xmap.prop.items()},
        scan_unit=xmap.scan_unit,
    )


def _sources(
    xmap: CrystalMap, labels: np.ndarray, found: np.ndarray, scores_prop: str
) -> np.ndarray:
    """Return which point each point takes its phase from, shape (p,)."""
    region = labels.ravel()
    scores = np.asarray(xmap.prop[scores_prop]).reshape(region.size, -1)[:, 0]
    names, grain = np.unique(region, return_inverse=True)
    ids, phase = np.unique(xmap.phase_id[found], return_inverse=True)
    total = np.full((names.size, ids.size), -np.inf)
    total[grain[found], phase] = 0
    np.add.at(total, (grain[found], phase), scores[found])
    wins = total.argmax(axis=1)
    sources = found[phase == wins[grain[found]]]

    # Grains lie in planes so far apart that the nearest is in one's own
    places = np.stack(np.unravel_index(np.arange(region.size), labels.shape))
    height = grain * (1.0 + sum(labels.shape))
    points = np.vstack([places, height]).T
    has_any = np.isin(grain, grain[sources]) & (region >= 0)
    rows = np.arange(region.size)
    nearest = cKDTree(points[sources]).query(points[has_any])[1]
    rows[has_any] = sources[nearest]
    return rows


def _depth(labels: np.ndarray) -> np.ndarray:
    """Return the distance of points to the boundary, 0 beside it."""
    beside = np.zeros(labels.shape, dtype=bool)
    for axis in range(labels.ndim):
        differs = np.diff(labels, axis=axis) != 0
        before = [(0, 0)] * labels.ndim
        after = [(0, 0)] * labels.ndim
        before[axis], after[axis] = (0, 1), (1, 0)
        beside |= np.pad(differs, before) | np.pad(differs, after)
    if not beside.any():
        # One grain: the middle of the scan is as good as any other place
        beside = np.pad(beside, 1, constant_values=True)
        inner = distance_transform_edt(~beside)
        return inner[(slice(1, -1),) * labels.ndim]
    return distance_transform_edt(~beside)


def _as_labels(labels: np.ndarray) -> np.ndarray:
    labels = np.asarray(labels)
    if labels.dtype.kind not in "iu" or labels.ndim not in (1, 2):
        raise ValueError(
            "Labels must be integers in one or two dimensions, not of data "
            f"type {labels.dtype} in {labels.ndim}"
        )
    # Differences of unsigned ones would overflow
    return labels.astype(np.int64, copy=False)
