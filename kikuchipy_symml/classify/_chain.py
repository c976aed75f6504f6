# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""From symmetries to orientations: masks for each phase's indexing, and
one map of what was indexed.

The indexing itself is kikuchipy's. What is here fills two gaps: which
patterns to try with which phases, and points that no phase was tried in,
which :func:`kikuchipy.indexing.merge_crystal_maps` cannot merge.
"""

from collections.abc import Iterable, Mapping

import numpy as np
from kikuchipy.indexing import merge_crystal_maps
from orix.crystal_map import (
    CrystalMap,
    PhaseList,
    create_coordinate_arrays,
)
from orix.quaternion import Rotation

from kikuchipy_symml.symmetry import SymmetryPhaseList


def indexing_masks(
    phases: SymmetryPhaseList,
    names: Iterable[str] | None = None,
    *,
    min_probability: float = 0.05,
) -> dict[str, np.ndarray]:
    """Return where to try each phase in dictionary indexing.

    A phase is tried in the points where it is the most probable one,
    where its probability is at least *min_probability*, and where the
    symmetry is not known: the points that are not indexed for lack of
    confidence.

    Parameters
    ----------
    phases
        Symmetries found in the scan, best as chosen among the candidates
        to index, see :meth:`SymmetryPhaseList.restrict_to()
        <kikuchipy_symml.SymmetryPhaseList.restrict_to>`.
    names
        Phases or classes to index. If not given, the candidates, or the
        phases found if there are none.
    min_probability
        Lower values try more phases in a point, and so take more time.
        1 tries one phase in each point that is indexed.

    Returns
    -------
    masks
        For each phase with any points, a boolean array of the navigation
        shape, True for points to leave out, as
        :meth:`kikuchipy.signals.EBSD.dictionary_indexing` takes it.
        Points left out of the classification are left out of all.

    Raises
    ------
    TypeError
        If *phases* are not what ``classify_symmetry()`` returns.
    ValueError
        If a name is not that of a class, or *min_probability* is not
        more than 0 and at most 1.

    See Also
    --------
    merge_indexed_maps, refinement_masks

    Examples
    --------
    Three patterns: cF, cF or cI, and one that is likely neither

    >>> import numpy as np
    >>> from kikuchipy_symml.classify import indexing_masks
    >>> from kikuchipy_symml.symmetry import SymmetryPhaseList
    >>> p = np.zeros((3, 230), dtype=np.float32)
    >>> p[:2, 225 - 1] = 1, 0.75
    >>> p[1:, [229 - 1, 194 - 1]] = [[0.25, 0], [0, 1]]
    >>> phases = SymmetryPhaseList(p)
    >>> masks = indexing_masks(phases, ["cF", "cI"])
    >>> masks["cF"]
    array([False, False,  True])
    >>> masks["cI"]
    array([ True, False,  True])
    """
    if not isinstance(phases, SymmetryPhaseList):
        raise TypeError(
            "Phases must be what classify_symmetry() returns, not "
            f"{type(phases).__name__}"
        )
    if not 0 < min_probability <= 1:
        raise ValueError(
            f"Lowest probability {min_probability} is not more than 0 and at "
            "most 1"
        )
    if names is None:
        restricted = phases.class_names if _has_candidates(phases) else ()
        names = restricted or phases.names
    elif isinstance(names, str):
        names = [names]
    masks = {}
    for name in names:
        likely = _probability_of(phases, name) >= min_probability
        mask = phases.navigation_mask(name) & ~likely
        if not mask.all():
            masks[name] = mask
    return masks


def refinement_masks(xmap: CrystalMap) -> dict[str, np.ndarray]:
    """Return the points of each phase in a map of several phases.

    Parameters
    ----------
    xmap
        Crystal map with all of its points in the data, such as from
        :func:`merge_indexed_maps`.

    Returns
    -------
    masks
        For each phase in the map, by its name, a boolean array of the
        map's shape, True for points of other phases and points that are
        not indexed, as
        :meth:`kikuchipy.signals.EBSD.refine_orientation` takes it.

    Raises
    ------
    ValueError
        If points of the map are not in the data.
    """
    if not xmap.is_in_data.all():
        raise ValueError(
            f"{np.count_nonzero(~xmap.is_in_data)} of "
            f"{xmap.is_in_data.size} points of the crystal map are not in "
            "the data: the shape of the scan is not known"
        )
    return {
        phase.name: (xmap.phase_id != i).reshape(xmap.shape)
        for i, phase in xmap.phases_in_data
        if i != -1
    }


def merge_indexed_maps(
    xmaps: Mapping[str, CrystalMap],
    masks: Mapping[str, np.ndarray],
    *,
    step_sizes: tuple[float, ...] | None = None,
    scores_prop: str = "scores",
    mean_n_best: int = 1,
) -> CrystalMap:
    """Return one map of the phase that matches best in each point.

    Parameters
    ----------
    xmaps
        Map of each phase, by its name, as returned from dictionary
        indexing or from refining with its mask.
    masks
        The masks of the same phases, of the full navigation shape.
    step_sizes
        Distance between points in each navigation direction, in order
        (y, x). If not given, 1 in each: a masked map does not always know
        it.
    scores_prop
        Name of the property to compare phases by.
    mean_n_best
        How many of the best scores in a point to take the mean of, see
        :func:`kikuchipy.indexing.merge_crystal_maps`.

    Returns
    -------
    xmap
        Of the full navigation shape. Points in none of the maps are not
        indexed (-1), with the identity as orientation and a score of 0.

    Raises
    ------
    ValueError
        If there are no maps, the names of maps and masks differ, or a
        mask is not boolean, of another shape than others or of another
        number of points than its map.

    Notes
    -----
    :func:`kikuchipy.indexing.merge_crystal_maps` does the work where
    there are two or more maps. By itself (kikuchipy 0.13) it raises an
    error for a point that is in no map, and takes no single map.
    """
    masks = _checked_masks(xmaps, masks)
    names = list(xmaps)
    shape = masks[names[0]].shape
    covered = ~np.logical_and.reduce([masks[name] for name in names])
    if len(names) == 1:
        merged = xmaps[names[0]]
    else:
        merged = merge_crystal_maps(
            [xmaps[name] for name in names],
            mean_n_best=mean_n_best,
            scores_prop=scores_prop,
            navigation_masks=[masks[name][covered] for name in names],
        )

    covered = covered.ravel()
    rotations = merged.rotations.data
    identity = np.zeros((covered.size, *rotations.shape[1:]))
    identity[..., 0] = 1
    identity[covered] = rotations
    phase_id = np.full(covered.size, -1)
    phase_id[covered] = merged.phase_id
    found = np.unique(phase_id[phase_id != -1])
    scores = np.asarray(merged.prop[scores_prop])
    all_scores = np.zeros((covered.size, *scores.shape[1:]), scores.dtype)
    all_scores[covered] = scores
    coordinates, _ = create_coordinate_arrays(
        shape, step_sizes or (1,) * len(shape)
    )
    return CrystalMap(
        rotations=Rotation(identity),
        phase_id=phase_id,
        phase_list=PhaseList({int(i): merged.phases[int(i)] for i in found}),
        prop={scores_prop: all_scores},
        scan_unit=merged.scan_unit,
        **coordinates,
    )


def _has_candidates(phases: SymmetryPhaseList) -> bool:
    return phases._candidates is not None


def _probability_of(phases: SymmetryPhaseList, name: str) -> np.ndarray:
    (index,) = phases._indices_of((name,))
    return phases.probabilities[..., index]


def _checked_masks(
    xmaps: Mapping[str, CrystalMap], masks: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    if not xmaps:
        raise ValueError("There are no maps to merge")
    if set(xmaps) != set(masks):
        raise ValueError(
            f"There are maps of {sorted(xmaps)}, but masks of {sorted(masks)}"
        )
    masks = {name: np.asarray(masks[name]) for name in xmaps}
    shapes = {mask.shape for mask in masks.values()}
    if len(shapes) > 1:
        raise ValueError(f"Masks have different shapes, {sorted(shapes)}")
    for name, mask in masks.items():
        if mask.dtype != bool:
            raise ValueError(
                f"The mask of {name!r} has data type {mask.dtype}, expected "
                "bool with True for points to leave out"
            )
        n = np.count_nonzero(~mask)
        if n != xmaps[name].size:
            raise ValueError(
                f"The mask of {name!r} leaves {n} points, its map has "
                f"{xmaps[name].size}"
            )
    return masks
