# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measured scans as training data, read block by block.

Axes: ``y`` and ``x`` navigation rows and columns (of which there may be
fewer), ``N`` the points of a scan, one row after the other, ``c`` classes.
A line is a row or a column of points, across the longer navigation axis.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

import dask.array as da
import numpy as np

from kikuchipy_symml import symmetry
from kikuchipy_symml.pattern import ViewSpec, canonical_views
from kikuchipy_symml.pattern._blocks import in_blocks
from kikuchipy_symml.pattern._checks import navigation_shape

# Blocks of patterns in memory at a time, among which patterns are shuffled.
POOL = 8


@dataclass(frozen=True)
class Scan:
    """One scan, its points in one row.

    Parameters
    ----------
    patterns
        Blocks of whole patterns, with one or two navigation axes.
    pc
        Projection centres, shape (3,) or (N, 3).
    classes
        Class of each point, -1 where it is left out, shape (N,).
    lines
        Number of the line of each point, shape (N,).
    """

    patterns: da.Array
    pc: np.ndarray
    classes: np.ndarray
    lines: np.ndarray

    @classmethod
    def of(cls, signal, classes, mask, pc) -> "Scan":
        """Return the scan in a signal whose every part was checked."""
        shape = navigation_shape(signal) or (1,)
        patterns = signal.data
        if patterns.ndim == 2:
            patterns = patterns[None]
        if mask is not None:
            classes = np.where(mask, -1, classes)
        lines = np.indices(shape)[int(np.argmax(shape))]
        return cls(
            patterns=in_blocks(patterns),
            pc=pc if pc.ndim == 1 else pc.reshape(-1, 3),
            classes=classes.ravel(),
            lines=lines.ravel(),
        )

    def blocks(self, chosen: np.ndarray) -> list[tuple]:
        """Return the number of each block with a chosen point, and the
        points in it.

        Parameters
        ----------
        chosen
            Points to read, shape (N,).

        Returns
        -------
        blocks
            Tuples of the index of a block, the points to read, and their
            places in the block.
        """
        shape = self.patterns.shape[:-2]
        points = np.arange(chosen.size).reshape(shape)
        starts = [np.r_[0, np.cumsum(c)] for c in self.patterns.chunks[:-2]]
        out = []
        for block in np.ndindex(*self.patterns.numblocks[:-2]):
            here = points[
                tuple(
                    slice(s[i], s[i + 1])
                    for s, i in zip(starts, block, strict=True)
                )
            ].ravel()
            places = np.flatnonzero(chosen[here])
            if places.size:
                out.append((block, here[places], places))
        return out

    def read(self, block: tuple, places: np.ndarray) -> np.ndarray:
        """Return some patterns of one block."""
        patterns = self.patterns.blocks[block].compute()
        return patterns.reshape(-1, *patterns.shape[-2:])[places]


def entries(
    scans: Sequence[Scan],
    chosen: Sequence[np.ndarray],
    rng: np.random.Generator | None,
) -> Iterator[tuple[int, int, np.ndarray]]:
    """Yield the scan, the point and the pattern of each chosen point, in
    random order if there is a generator of one."""
    blocks = [
        (i, *block)
        for i, scan in enumerate(scans)
        for block in scan.blocks(chosen[i])
    ]
    if rng is not None:
        blocks = [blocks[i] for i in rng.permutation(len(blocks))]
    # Held out patterns need no shuffling, so one block is enough there.
    for start in range(0, len(blocks), 1 if rng is None else POOL):
        pool: list[tuple[int, int, np.ndarray]] = []
        for i, block, points, places in blocks[start:][
            : 1 if rng is None else POOL
        ]:
            patterns = scans[i].read(block, places)
            pool += zip([i] * len(points), points, patterns, strict=True)
        if rng is not None:
            pool = [pool[i] for i in rng.permutation(len(pool))]
        yield from pool


def batches(
    scans: Sequence[Scan],
    chosen: Sequence[np.ndarray],
    batch_size: int,
    view: ViewSpec,
    signal_mask: np.ndarray | None,
    rng: np.random.Generator | None = None,
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield the views, their classes, and whether they can be used."""
    stream = entries(scans, chosen, rng)
    while batch := list(islice(stream, batch_size)):
        of_scan = np.array([i for i, _, _ in batch])
        points = np.array([point for _, point, _ in batch])
        views = np.empty((len(batch), view.size, view.size, 2), np.float32)
        valid = np.empty(len(batch), bool)
        classes = np.empty(len(batch), int)
        for i in np.unique(of_scan):
            here = np.flatnonzero(of_scan == i)
            scan = scans[i]
            pc = scan.pc if scan.pc.ndim == 1 else scan.pc[points[here]]
            patterns = np.stack([batch[k][2] for k in here])
            views[here], valid[here] = canonical_views(
                patterns, pc, view, signal_mask
            )
            classes[here] = scan.classes[points[here]]
        yield views, classes, valid


def ahead(batches: Iterator[tuple]) -> Iterator[tuple]:
    """Yield the same, with the next one worked out meanwhile."""
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, batches, None)
        while (batch := coming.result()) is not None:
            coming = pool.submit(next, batches, None)
            yield batch


def counts_of(scans, chosen, level: str) -> np.ndarray:
    """Return the number of chosen patterns of each class."""
    counts = np.zeros(len(symmetry.class_names(level)), dtype=int)
    for scan, i in zip(scans, chosen, strict=True):
        counts += np.bincount(scan.classes[i], minlength=counts.size)
    return counts


def counts_by_name(scans, chosen, level: str) -> dict[str, int]:
    counts = counts_of(scans, chosen, level)
    names = symmetry.class_names(level)
    return {names[i]: int(counts[i]) for i in np.flatnonzero(counts)}
