# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lattices of which a known one is but a part.

Classes are the ways to add vectors to a reciprocal lattice so that it has
twice or three times as many: 7 and 13. Hypotheses are the lattices that may
be the whole one: none, one or several classes added.
"""

from itertools import product
from math import gcd

import numpy as np
from keras import ops


def _classes() -> np.ndarray:
    """What superlattices add to a reciprocal lattice of which every second
    or every third vector is known: of each of the ways to do so, 7 and 13,
    the shortest vector of all that are new, in terms of the basis, (20, 3).
    """
    found = []
    for n in (2, 3):
        known = set()
        for v in product(range(n), repeat=3):
            opposite = tuple(-i % n for i in v)
            if any(v) and opposite not in known:
                known.add(v)
                found.append([(i - n if 2 * i > n else i) / n for i in v])
    return np.array(found)


CLASSES = _classes()
HALVES = 7
# Half or third of each two classes, as features of the pair.
_HALF = np.arange(len(CLASSES)) < HALVES
KINDS = np.stack(
    [_HALF[:, None] & _HALF, _HALF[:, None] & ~_HALF]
    + [~_HALF[:, None] & _HALF, ~_HALF[:, None] & ~_HALF],
    axis=-1,
).astype("float32")


def new_vectors(count: int) -> np.ndarray:
    """New vectors of each class in terms of the basis, one of each pair of
    opposite ones, the shortest in a cubic lattice, (20, count, 3)."""
    ways = []
    around = np.array(list(product(range(-3, 4), repeat=3)))
    for k, start in enumerate(CLASSES):
        vectors = start + around
        # Of a half, the opposite vector is of the same class.
        if k < HALVES:
            first = vectors[np.arange(len(vectors)), (start != 0).argmax()]
            vectors = vectors[first > 0]
        # Of equal ones no one first comes at random
        order = np.argsort(np.square(vectors).sum(axis=1), kind="stable")
        ways.append(vectors[order[:count]])
    return np.array(ways)


def known_vectors(count: int) -> np.ndarray:
    """Vectors of the known lattice itself, none a multiple of another, the
    shortest in a cubic lattice, (count, 3)."""
    vectors = [
        v
        for v in product(range(-3, 4), repeat=3)
        if v > (0, 0, 0) and gcd(*v) == 1
    ]
    vectors.sort(key=lambda v: sum(i * i for i in v))
    return np.array(vectors[:count])


def hypotheses() -> tuple[np.ndarray, np.ndarray]:
    """Lattices that may be the whole one: bases in terms of that of the
    known one, (H, 3, 3), and which classes are in each, (H, 20). None, each
    of the classes alone, each three halves of which one is the sum of the
    others, and all halves."""
    halves = [tuple(np.rint(2 * v).astype(int) % 2) for v in CLASSES[:7]]
    sets = [()] + [(k,) for k in range(len(CLASSES))]
    for i in range(HALVES):
        for j in range(i + 1, HALVES):
            both = (np.array(halves[i]) + halves[j]) % 2
            k = halves.index(tuple(both))
            if k > j:
                sets.append((i, j, k))
    sets.append(tuple(range(HALVES)))
    members = np.zeros((len(sets), len(CLASSES)), dtype="float32")
    bases = []
    for members_of, those in zip(members, sets, strict=True):
        members_of[list(those)] = 1
        basis = np.eye(3)
        for k in those:
            # The new vector takes the place of one that it makes up for.
            share = CLASSES[k] @ np.linalg.inv(basis)
            part = share - np.rint(share)
            if np.abs(part).max() > 0.1:
                basis[np.abs(part).argmax()] = part @ basis
        bases.append(basis)
    return np.array(bases, dtype="float32"), members


BASES, MEMBERS = hypotheses()
COUNT = MEMBERS.sum(axis=1)
# As many vectors as the known lattice has, or twice, three, four or eight
# times as many.
TIMES = np.stack(
    [
        COUNT == 0,
        (COUNT == 1) & (MEMBERS[:, :HALVES].sum(axis=1) == 1),
        MEMBERS[:, HALVES:].sum(axis=1) == 1,
        COUNT == 3,
        COUNT == HALVES,
    ],
    axis=1,
).astype("float32")


def class_of(indices, n: int):
    """One for the class that vectors (..., 3) divided by n are of, (...,
    classes); for none, if that is a vector of the lattice itself."""
    classes = CLASSES[:HALVES] if n == 2 else CLASSES[HALVES:]
    rest = np.rint(classes * n).astype("float32") % n
    # Remainders as the digits of a number
    places = np.array([1, n, n * n], dtype="float32")
    found = ops.mod(ops.round(indices), float(n))
    found = ops.sum(found * places, axis=-1)[..., None]
    signs = (rest,) if n == 2 else (rest, -rest % n)
    return sum(
        ops.cast(ops.abs(found - r @ places) < 0.5, "float32") for r in signs
    )
