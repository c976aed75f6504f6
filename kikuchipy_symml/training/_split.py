# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is held out of measured scans.

Neighbouring patterns of a scan are near-copies of each other, so what is
held out for scoring is whole scans, or whole regions of scans, with the
rows of points next to them left out of training, too. Axes as in
:mod:`._scans`.
"""

from collections.abc import Sequence

import numpy as np

from ._scans import Scan

SPLITS = ("scan", "region", "pattern")


def split_patterns(
    scans: Sequence[Scan], validation: float, rng: np.random.Generator
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return the points to train on and those held out, (N,) a scan, at
    random, with the same share of each class in each scan."""
    train, held_out = [], []
    for scan in scans:
        held = np.zeros(scan.classes.size, bool)
        for c in np.unique(scan.classes[scan.classes >= 0]):
            points = rng.permutation(np.flatnonzero(scan.classes == c))
            held[points[: round(validation * points.size)]] = True
        train.append((scan.classes >= 0) & ~held)
        held_out.append(held)
    return train, held_out


def split_groups(
    scans: Sequence[Scan],
    split: str,
    validation: float,
    rng: np.random.Generator,
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return the points to train on and those held out, (N,) a scan.

    Groups, that is scans or strips, are held out at random until each
    class has its share, rare classes first, and never so that a class
    has nothing left to train on.
    """
    n_classes = 1 + max(int(scan.classes.max()) for scan in scans)
    # Number of patterns of each line and class.
    counts = []
    for scan in scans:
        here = scan.classes >= 0
        table = np.zeros((scan.lines[-1] + 1, n_classes), int)
        np.add.at(table, (scan.lines[here], scan.classes[here]), 1)
        counts.append(table)
    groups = [
        (i, lines)
        for i, table in enumerate(counts)
        for lines in (
            [slice(None)]
            if split == "scan"
            else strips(len(table), validation)
        )
    ]
    held = [np.zeros(len(table), bool) for table in counts]
    group_counts = np.array([counts[i][lines].sum(0) for i, lines in groups])
    total = group_counts.sum(0)
    out = np.zeros(n_classes, int)
    for c in np.argsort((group_counts > 0).sum(0), kind="stable"):
        candidates = np.flatnonzero(group_counts[:, c])
        for g in rng.permutation(candidates):
            i, lines = groups[g]
            if held[i][lines].all():
                continue
            after = out[c] + group_counts[g, c]
            wanted = validation * total[c]
            if out[c] and after - wanted > wanted - out[c]:
                continue
            held[i][lines] = True
            left = sum(
                table[_to_train(h)].sum(0)
                for table, h in zip(counts, held, strict=True)
            )
            if np.any((left == 0) & (total > 0)):
                held[i][lines] = False
                continue
            out = out + group_counts[g]
    return (
        [
            (scan.classes >= 0) & _to_train(h)[scan.lines]
            for scan, h in zip(scans, held, strict=True)
        ],
        [
            (scan.classes >= 0) & h[scan.lines]
            for scan, h in zip(scans, held, strict=True)
        ],
    )


def strips(n_lines: int, validation: float) -> list[slice]:
    """Return the strips of a scan: about two make the share to hold out,
    as far as there are lines."""
    n = min(n_lines, int(np.ceil(2 / min(validation, 1 - validation))))
    edges = np.linspace(0, n_lines, n + 1).round().astype(int)
    return [slice(a, b) for a, b in zip(edges[:-1], edges[1:], strict=True)]


def _to_train(held: np.ndarray) -> np.ndarray:
    """Return the lines to train on, given those held out: not these, nor
    the lines next to them."""
    near = held.copy()
    near[1:] |= held[:-1]
    near[:-1] |= held[1:]
    return ~near
