# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the shape of a cell says about the Bravais lattice."""

import numpy as np
from keras import ops

# Numbers that tell the shape of a cell.
SHAPE = 27


def volume_of(a, b, c):
    """Of the cell of three vectors, each (..., 3)."""
    return ops.abs(ops.sum(ops.cross(a, b) * c, axis=-1))


def selling(basis):
    """What tells the Bravais lattice of cells (B, K, 3 vectors, 3): the six
    parameters of Selling over a power of the volume, in an order that does
    not depend on that of the vectors; which of them are zero and which
    equal, (B, K, 27).

    B. Delaunay, Z. Kristallogr. 84 (1933) 109.
    """
    first = np.array([0, 0, 0, 1, 1, 2])
    second = np.array([1, 2, 3, 2, 3, 3])
    a, b, c = [basis[:, :, i] for i in range(3)]
    volume = volume_of(a, b, c) + 1e-9
    basis = basis / (volume ** np.float32(1 / 3))[..., None, None]
    four = ops.concatenate([basis, -ops.sum(basis, 2, keepdims=True)], axis=2)

    def products(four):
        dots = ops.matmul(four, ops.transpose(four, (0, 1, 3, 2)))
        dots = ops.reshape(dots, (-1, dots.shape[1], 16))
        return ops.take(dots, first * 4 + second, axis=-1)

    def shorter(_, four):
        dots = products(four)
        worst = ops.argmax(dots, axis=-1)
        one = ops.one_hot(ops.take(first, worst), 4)[..., None]
        two = ops.one_hot(ops.take(second, worst), 4)[..., None]
        obtuse = ops.max(dots, axis=-1) < 1e-4
        vector = ops.sum(one * four, axis=2, keepdims=True)
        change = (1 - 3 * one - two) * vector
        return four + ops.where(obtuse[..., None, None], 0.0, change)

    four = ops.fori_loop(0, 16, shorter, four)
    edges = ops.clip(-products(four), 0.0, 4.0)
    # Opposite edges of the tetrahedron, the smaller first, and pairs by sum.
    left, right = edges[..., :3], edges[..., :2:-1]
    pairs = ops.stack(
        [ops.minimum(left, right), ops.maximum(left, right)], axis=-1
    )
    order = ops.argsort(ops.sum(pairs, axis=-1), axis=-1)
    pairs = ops.take_along_axis(pairs, order[..., None], axis=-2)
    edges = ops.reshape(pairs, (-1, pairs.shape[1], 6))
    i, j = np.triu_indices(6, 1)
    apart = ops.take(edges, i, axis=-1) - ops.take(edges, j, axis=-1)
    near = [ops.exp(-ops.square(x / 0.06)) for x in (edges, apart)]
    return ops.concatenate([edges, *near], axis=-1)
