# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The mapping of a model over the patterns of a scan, block by block.

Axes: ``y`` and ``x`` navigation rows and columns (of which there may be
fewer), ``i`` and ``j`` detector rows and columns, ``c`` the coordinates of
a projection centre, ``k`` the results of a pattern, such as the
probabilities of the space groups.

Threads: every block is one dask task. Making views is plain code on one
core, without Python's lock, and several tasks do it at once. So do they
with the network: it spreads over all cores by itself, but parts of it run
on one, and while one task is there the others use the rest.
"""

from collections.abc import Callable
from dataclasses import dataclass

import dask.array as da
import numpy as np

from kikuchipy_symml.models import SymmetryModel
from kikuchipy_symml.models._model import BATCH_SIZE
from kikuchipy_symml.pattern import canonical_views
from kikuchipy_symml.pattern._blocks import in_blocks

N_SPACE_GROUPS = 230
# From so many patterns on it pays to compile the network.
COMPILED_FROM = 10_000


def map_probabilities(
    patterns: np.ndarray | da.Array,
    pc: np.ndarray,
    model: SymmetryModel,
    *,
    navigation_mask: np.ndarray | None = None,
    signal_mask: np.ndarray | None = None,
    batch_size: int | None = None,
) -> da.Array:
    """Return the probability of each space group in each point, lazily.

    Parameters
    ----------
    patterns
        Patterns of the navigation shape and (i, j), with zero to two
        navigation dimensions.
    pc
        Projection centres in Bruker's convention, of shape (3,) or of
        the navigation shape and (3,).
    model
        The model. Only its name or path and hash enter the task graph.
    navigation_mask
        True for points to leave out.
    signal_mask
        True for detector pixels to leave out.
    batch_size
        Number of patterns to pass through the network at a time.

    Returns
    -------
    probabilities
        Dask array of the navigation shape and (230,), float32. Rows of
        points that the mask leaves out are NaN. Rows of patterns that
        cannot be used (constant or not finite) are 0.
    """
    n_points = np.prod(patterns.shape[:-2], dtype=int)
    if navigation_mask is not None:
        n_points -= np.count_nonzero(navigation_mask)
    task = _BlockClassifier(
        model,
        signal_mask,
        batch_size or BATCH_SIZE,
        compiled=bool(n_points >= COMPILED_FROM),
    )
    return map_blocks(
        task,
        patterns,
        pc,
        navigation_mask,
        N_SPACE_GROUPS,
        "symmetry-probabilities",
    )


def map_blocks(
    task: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray],
    patterns: np.ndarray | da.Array,
    pc: np.ndarray,
    navigation_mask: np.ndarray | None,
    n_results: int,
    token: str,
) -> da.Array:
    """Return what a task finds in each pattern, lazily.

    Parameters
    ----------
    task
        Given the patterns of a block, their projection centres and a mask
        that is True for patterns to leave out, returns the results.
    patterns, pc, navigation_mask
        See :func:`map_probabilities`.
    n_results
        Number of results of each pattern.
    token
        What dask calls the task.

    Returns
    -------
    results
        Dask array of the navigation shape and (n_results,), float32.
    """
    if patterns.ndim == 2:
        mask = None if navigation_mask is None else navigation_mask[None]
        return map_blocks(task, patterns[None], pc, mask, n_results, token)[0]

    patterns = in_blocks(patterns)
    chunks = patterns.chunks[:-2]
    shape = patterns.shape[:-2]
    if pc.ndim == 1:
        pc = da.broadcast_to(pc, (*shape, 3), chunks=(*chunks, (3,)))
    else:
        pc = da.from_array(pc, chunks=(*chunks, (3,)))
    if navigation_mask is None:
        mask = da.zeros(shape, chunks=chunks, dtype=bool)
    else:
        mask = da.from_array(navigation_mask, chunks=chunks)

    axes = "yx"[: len(shape)]
    return da.blockwise(
        task,
        axes + "k",
        patterns,
        axes + "ij",
        pc,
        axes + "c",
        mask,
        axes,
        new_axes={"k": n_results},
        concatenate=True,
        name=None,
        token=token,
        meta=np.empty((0,) * (len(shape) + 1), dtype=np.float32),
    )


@dataclass(frozen=True)
class _BlockClassifier:
    """The task of one block: pickled, it holds no signal and no network,
    only the model's path."""

    model: SymmetryModel
    signal_mask: np.ndarray | None
    batch_size: int
    compiled: bool

    def __call__(
        self, patterns: np.ndarray, pc: np.ndarray, mask: np.ndarray
    ) -> np.ndarray:
        result = np.full((mask.size, N_SPACE_GROUPS), np.nan, np.float32)
        patterns = patterns.reshape(mask.size, *patterns.shape[-2:])
        pc = pc.reshape(mask.size, 3)
        points = np.flatnonzero(~mask)
        for start in range(0, points.size, self.batch_size):
            batch = points[start : start + self.batch_size]
            views, valid = canonical_views(
                patterns[batch], pc[batch], self.model.view, self.signal_mask
            )
            result[batch] = 0
            if not valid.all():
                batch, views = batch[valid], views[valid]
            result[batch] = self.model.predict(
                views, self.batch_size, compiled=self.compiled
            )
        return result.reshape(*mask.shape, N_SPACE_GROUPS)
