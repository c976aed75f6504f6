# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reciprocal lattices that explain the bands."""

from itertools import combinations

import keras
import numpy as np
from keras import ops

from ._base import gather, register
from ._cells import SHAPE, selling, volume_of

# The highest index that a band may have in a reduced basis.
MAX_INDEX = 5
# Range of the logarithm of lengths of what is no band.
LOG_RANGE = 1.5


@register
class Lattices(keras.layers.Layer):
    """What the likeliest reciprocal lattices say about each band.

    The order of a band that shows is a vector of the reciprocal lattice:
    its direction is well known, its length from the width of the band is
    not. Of four vectors that add up to zero the directions alone give
    all ratios of lengths, so every four bands make a lattice. Those whose
    lengths agree best with the widths are weighed by the likelihood of all
    bands, the best are refined by least squares and weighed again.

    Input: normals (B, T, 3), strength (B, T) as a probability, highest
    first, widths (B, T) from :class:`ReadWidths`. Output (B, T, 12):
    logarithm of the length of the shortest vector along the normal,
    averaged over lattices, its spread, how likely the band belongs to one,
    and which order shows; for the likeliest lattice the lengths of the
    shortest vector and of the one that shows, whether the band belongs to
    it, the volume of its cell, and how well it explains all bands. And
    (B, 54): the shape of the cell of the likeliest lattice and of all, by
    the parameters of Selling, of which the Bravais lattice makes some zero
    and some equal; zero where there are no bands. And the basis of the
    likeliest lattice (B, 3 vectors, 3) with the indices in it of the shortest
    vector along each normal (B, T, 3).
    """

    # Standard deviations of normals, in radians, and of the logarithm of
    # lengths.
    sigma = np.float32(np.deg2rad(1.0))
    off = np.float32(0.12)
    orders = (1, 2, 3, 4)

    def __init__(self, seeds=20, weighed=160, refined=12, rounds=3, **kwargs):
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)
        self.seeds = seeds
        self.weighed = weighed
        self.refined = refined
        self.rounds = rounds

    def get_config(self) -> dict:
        config = super().get_config()
        config.pop("dtype")
        return config | {
            "seeds": self.seeds,
            "weighed": self.weighed,
            "refined": self.refined,
            "rounds": self.rounds,
        }

    def call(self, normals, strength, widths):
        bands = FoundBands(normals, strength, widths)
        basis = _reduced(self._seeds(normals, widths), 2)
        score = self._explain(basis, bands, np.float32(1.2))[0]
        _, best = ops.top_k(score, min(self.refined, basis.shape[1]))
        basis = gather(basis, best)

        def better(_, basis):
            explained = self._explain(basis, bands)
            return _reduced(self._refined(basis, bands, *explained[1:]), 1)

        # Loops, as to compile each round anew takes long.
        basis = ops.fori_loop(0, self.rounds, better, basis)
        explained = self._explain(basis, bands)
        features, indices = self._features(basis, bands, *explained)
        best = ops.argmax(explained[0], axis=-1)[:, None]
        return (
            features,
            self._cells(basis, explained[0]) * any_band(strength),
            gather(basis, best)[:, 0],
            indices,
        )

    def _seeds(self, normals, widths):
        """Bases, (B, K, 3 vectors, 3), of lattices of which four bands are
        vectors that add up to zero."""
        n = min(self.seeds, normals.shape[1])
        normals, widths = normals[:, :n], widths[:, :n]
        cross = ops.cross(normals[:, :, None], normals[:, None])
        volumes = ops.matmul(
            ops.reshape(cross, (-1, n * n, 3)),
            ops.transpose(normals, (0, 2, 1)),
        )
        # Patterns last: whole rows are far quicker to take.
        volumes = ops.transpose(ops.reshape(ops.abs(volumes), (-1, n**3)))
        lengths = ops.transpose(widths)
        four = np.array(list(combinations(range(n), 4)), dtype="int32")
        # By Cramer's rule each length goes with the volume of the others.
        others = np.stack([np.delete(four, i, axis=1) for i in range(4)], 1)
        others = others @ np.array([n * n, n, 1], dtype="int32")
        three, others = np.unique(others, return_inverse=True)
        others = others.reshape(-1, 4).astype("int32")
        ratios = ops.log(ops.take(volumes, three, axis=0) + 1e-4)
        ratio = [ops.take(ratios, others[:, i], axis=0) for i in range(4)]
        scale = [
            ops.take(lengths, four[:, i], axis=0) - ratio[i] for i in range(4)
        ]
        mean = sum(scale) / 4
        spread = ops.sqrt(sum(ops.square(s - mean) for s in scale) / 4)
        high = ops.maximum(
            ops.maximum(scale[0], scale[1]), ops.maximum(scale[2], scale[3])
        )
        low = ops.minimum(
            ops.minimum(scale[0], scale[1]), ops.minimum(scale[2], scale[3])
        )
        middle = (4 * mean - high - low) / 2
        size = sum(ratio) + 3 * middle
        # Of lattices that are as good the one with fewer vectors has more
        # to say.
        rank = spread + 0.2 * size
        least = ops.minimum(
            ops.minimum(ratio[0], ratio[1]), ops.minimum(ratio[2], ratio[3])
        )
        rank = ops.where(least > np.log(0.0201), rank, 1e3)
        # The best of each of as many groups: to sort all takes as long as
        # the rest.
        kept = min(self.weighed, len(four))
        each = -(-len(four) // kept)
        rank = ops.pad(
            rank, [(0, each * kept - len(four)), (0, 0)], constant_values=1e4
        )
        best = _lowest(ops.reshape(rank, (each, kept, -1)))
        best = best * kept + np.arange(kept, dtype="int32")[:, None]
        best = ops.transpose(ops.minimum(best, len(four) - 1))
        # Of the chosen all is worked out once more.
        which = ops.take(ops.convert_to_tensor(four), best, axis=0)
        vectors = gather(normals, which)
        volume = ops.stack(
            [
                volume_of(*[vectors[:, :, j] for j in range(4) if j != i])
                for i in range(4)
            ],
            axis=-1,
        )
        ratio = ops.log(volume + 1e-4)
        scale = gather(widths, which) - ratio
        high, low = ops.max(scale, axis=-1), ops.min(scale, axis=-1)
        middle = (ops.sum(scale, axis=-1) - high - low) / 2
        length = ops.exp(ratio + middle[..., None])
        return (vectors * length[..., None])[:, :, :3]

    def _explain(self, basis, bands, loose=np.float32(1)):
        """How well lattices explain the bands, (B, K); the logarithm of
        the density at each band, (B, K, T); its indices, each (B, K, T),
        and the square of the length of that vector."""
        a, b, c = [basis[:, :, i] for i in range(3)]
        dual = ops.stack(
            [ops.cross(b, c), ops.cross(c, a), ops.cross(a, b)], axis=2
        )
        volume = ops.abs(ops.sum(dual[:, :, 0] * a, axis=-1)) + 1e-9
        k = basis.shape[1]
        t = bands.normals.shape[1]
        across = ops.transpose(bands.normals, (0, 2, 1))

        def along(vectors):
            dots = ops.matmul(ops.reshape(vectors, (-1, 3 * k, 3)), across)
            dots = ops.reshape(dots, (-1, k, 3, t))
            return [dots[:, :, i] for i in range(3)]

        shares, parts = along(dual), along(basis)
        highest = ops.maximum(
            ops.maximum(ops.abs(shares[0]), ops.abs(shares[1])),
            ops.abs(shares[2]),
        )
        shares = [s / (highest + 1e-12) for s in shares]
        metric = [
            ops.sum(x * y, axis=-1)[..., None]
            for x, y in ((a, a), (b, b), (c, c), (a, b), (a, c), (b, c))
        ]
        lengths = bands.lengths[:, None]
        sigma, off = self.sigma * loose, self.off * loose
        density = ops.full_like(highest, -1e9)
        indices = [ops.zeros_like(highest)] * 3
        square = ops.ones_like(highest)
        for m in range(1, MAX_INDEX + 1):
            x, y, z = [ops.round(m * s) for s in shares]
            q = (
                x * x * metric[0]
                + y * y * metric[1]
                + z * z * metric[2]
                + 2
                * (x * y * metric[3] + x * z * metric[4] + y * z * metric[5])
            )
            q = ops.maximum(q, 1e-12)
            dot = x * parts[0] + y * parts[1] + z * parts[2]
            # Twice the versine is the square of a small angle.
            angle = 2 - 2 * ops.abs(dot) / ops.sqrt(q)
            log_off = lengths - 0.5 * ops.log(q)
            d = -0.5 * (angle / sigma**2 + ops.square(log_off / off))
            better = d > density
            density = ops.where(better, d, density)
            new = (x, y, z)
            indices = [
                ops.where(better, i, j)
                for i, j in zip(new, indices, strict=True)
            ]
            square = ops.where(better, q, square)
        # The vectors up to the longest but some are as likely.
        cell = ops.log(volume)[..., None] - 3 * bands.longest[:, None, None]
        norm = (2 * np.pi) ** 2.5 / 3 * sigma**2 * off
        density = density + cell - np.log(norm)
        share = bands.share[:, None]
        other = (1 - share) / np.float32(2 * np.pi * LOG_RANGE)
        total = ops.log(other + share * ops.exp(ops.minimum(density, 30.0)))
        return ops.sum(total, axis=-1), density, indices, square

    def _refined(self, basis, bands, density, indices, square):
        """Bases by least squares."""
        share = ops.sigmoid(density)
        length = ops.sqrt(square)
        normals = bands.normals[:, None]
        h = ops.stack(indices, axis=-1)
        vector = ops.matmul(h, basis)
        sign = ops.sign(ops.sum(vector * normals, axis=-1))
        wide = share / ops.square(self.sigma * length)
        deep = share / ops.square(self.off * length)
        outer = normals[..., :, None] * normals[..., None, :]
        eye = np.eye(3, dtype="float32")
        weight = wide[..., None, None] * (eye - outer)
        weight = weight + deep[..., None, None] * outer
        k, t = h.shape[1:3]
        pairs = ops.reshape(h[..., :, None] * h[..., None, :], (-1, k, t, 9))
        weight = ops.reshape(weight, (-1, k, t, 9))
        matrix = ops.matmul(ops.transpose(weight, (0, 1, 3, 2)), pairs)
        # From (component, component; index, index) to (index, component).
        matrix = ops.reshape(matrix, (-1, k, 3, 3, 3, 3))
        matrix = ops.transpose(matrix, (0, 1, 4, 2, 5, 3))
        matrix = ops.reshape(matrix, (-1, k, 9, 9))
        target = (deep * sign * ops.exp(bands.lengths)[:, None])[..., None]
        wanted = ops.matmul(ops.transpose(h, (0, 1, 3, 2)), target * normals)
        start = ops.reshape(basis, (-1, k, 9))
        found = _solve(matrix, ops.reshape(wanted, (-1, k, 9)), start)
        return ops.reshape(found, (-1, k, 3, 3))

    def _features(self, basis, bands, score, density, indices, square):
        divisor = ops.ones_like(square)
        for m in range(2, MAX_INDEX + 1):
            whole = [ops.abs(i / m - ops.round(i / m)) < 0.01 for i in indices]
            divides = whole[0] & whole[1] & whole[2]
            divisor = ops.where(divides, float(m), divisor)
        shown = 0.5 * ops.log(square)
        first = shown - ops.log(divisor)
        lengths = bands.lengths[:, None]
        share = bands.share[:, None]
        odds = density + ops.log(share / (1 - share))
        belongs = ops.sigmoid(odds + np.log(2 * np.pi * LOG_RANGE))
        # Bands share errors, so their evidence counts half.
        weight = ops.softmax(0.5 * score, axis=-1)[..., None] * belongs
        total = ops.sum(weight, axis=1)

        def mean(x):
            return ops.sum(weight * x, axis=1) / (total + 1e-3)

        average = mean(first)
        spread = ops.sqrt(mean(ops.square(first - average[:, None])) + 1e-6)
        order = [
            ops.sum(
                weight
                * ops.exp(-ops.square((lengths - first - np.log(m)) / 0.25)),
                axis=1,
            )
            for m in np.array(self.orders, dtype="float32")
        ]
        best = ops.argmax(score, axis=-1)[:, None]

        def of_best(x):
            return gather(x, best)[:, 0]

        belongs = of_best(belongs)
        a, b, c = [gather(basis, best)[:, 0, i] for i in range(3)]
        size = ops.log(volume_of(a, b, c) + 1e-9)[:, None]
        whole = ops.ones_like(belongs)
        explained = gather(score, best) / bands.normals.shape[1]
        first_index = ops.stack(
            [of_best(i / divisor) for i in indices], axis=-1
        )
        features = ops.stack(
            [
                average * total,
                spread * total,
                total,
                *order,
                of_best(first) * belongs,
                of_best(shown) * belongs,
                belongs,
                size * whole,
                explained * whole,
            ],
            axis=-1,
        )
        return features, first_index

    def _cells(self, basis, score):
        """The shape of the cell of the likeliest lattice and the average
        over all, (B, 54)."""
        shapes = selling(basis)
        weight = ops.softmax(0.5 * score, axis=-1)[..., None]
        best = gather(shapes, ops.argmax(score, axis=-1)[:, None])[:, 0]
        return ops.concatenate([best, ops.sum(weight * shapes, 1)], axis=-1)

    def compute_output_shape(
        self, normals_shape, strength_shape, widths_shape
    ):
        b, t = normals_shape[:2]
        return (b, t, 12), (b, 2 * SHAPE), (b, 3, 3), (b, t, 3)


def any_band(strength):
    """One where any band was found, (B, 1): of nothing, rounding would make
    a lattice."""
    return ops.cast(ops.max(strength, axis=1, keepdims=True) > 0, "float32")


class FoundBands:
    """What is known of the bands: normals (B, T, 3), logarithm of their
    lengths and the probability of being one, each (B, T)."""

    def __init__(self, normals, strength, lengths):
        self.normals = normals
        self.lengths = lengths
        self.share = ops.clip(strength, 0.02, 0.9)
        # All but the longest seventh.
        some = max(1, normals.shape[1] // 7)
        self.longest = ops.top_k(lengths, some)[0][:, -1]


def _lowest(values):
    """Where along the first axis the first of the lowest is.

    One after the other, as XLA takes ten times as long for ``argmin``.
    """
    lowest = values[0]
    where = ops.zeros_like(lowest, dtype="int32")
    for i in range(1, values.shape[0]):
        lower = values[i] < lowest
        lowest = ops.where(lower, values[i], lowest)
        where = ops.where(lower, i, where)
    return where


def _reduced(basis, passes: int):
    """Shorter bases (B, K, 3 vectors, 3) of the same lattices."""
    pairs = np.array([(1, 0), (2, 0), (2, 1), (0, 1), (0, 2), (1, 2)])
    one, two = np.eye(3, dtype="float32")[pairs.T][..., None]

    def shorter(i, basis):
        i = i % len(pairs)
        long = ops.take(one, i, axis=0)
        vector = ops.sum(long * basis, axis=2, keepdims=True)
        other = ops.sum(ops.take(two, i, axis=0) * basis, 2, keepdims=True)
        square = ops.sum(other * other, axis=-1, keepdims=True)
        dot = ops.sum(vector * other, axis=-1, keepdims=True)
        times = ops.round(dot / (square + 1e-12))
        return basis - long * times * other

    return ops.fori_loop(0, passes * len(pairs), shorter, basis)


def _solve(matrix, wanted, found, steps: int = 9):
    """Solve symmetric equations by conjugate gradients, from a guess.

    matrix (B, K, n, n), wanted and found (B, K, n).
    """
    diagonal = ops.diagonal(matrix, axis1=-2, axis2=-1)
    diagonal = diagonal + 1e-6 * ops.mean(diagonal, -1, keepdims=True) + 1e-6

    def times(x):
        return ops.matmul(matrix, x[..., None])[..., 0]

    left = wanted - times(found)
    step = left / diagonal
    along = ops.sum(left * step, -1, keepdims=True)

    def nearer(_, state):
        found, left, way, along = state
        seen = times(way)
        far = along / (ops.sum(way * seen, -1, keepdims=True) + 1e-9)
        found = found + far * way
        left = left - far * seen
        step = left / diagonal
        before, along = along, ops.sum(left * step, -1, keepdims=True)
        return found, left, step + along / (before + 1e-9) * way, along

    start = (found, left, step, along)
    return ops.fori_loop(0, steps, nearer, start)[0]
