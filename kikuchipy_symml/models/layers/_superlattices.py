# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Weak bands between those that were found."""

import keras
import numpy as np
from keras import ops

from ._attention import AttentionBlocks, built_norm
from ._base import (
    GeometryLayer,
    dense,
    gather,
    patches,
    pool_square,
    register,
    wrap,
)
from ._cells import SHAPE, selling, volume_of
from ._lattices import (
    LOG_RANGE,
    MAX_INDEX,
    FoundBands,
    Lattices,
    any_band,
)
from ._poles import plane_angles
from ._superlattice_classes import (
    BASES,
    CLASSES,
    COUNT,
    HALVES,
    KINDS,
    MEMBERS,
    TIMES,
    class_of,
    known_vectors,
    new_vectors,
)

# Features of a band and a class, and which of them the band's strength is
_OF_BAND = 14
_STRENGTH = 8
# Standard deviation of refined normals, in radians
_SIGMA = np.float32(np.deg2rad(0.7))
# More than any vector is off: that of vectors that are of another class
_FAR = np.float32(1e3)


@register
class Superlattices(AttentionBlocks, GeometryLayer):
    """Whether weak bands say that the reciprocal lattice of the bands that
    were found is but a part of the whole one.

    Superlattice reflections and others of large cells are too weak to be
    found one by one. But the likeliest lattice says where they would be, if
    the crystal had any: of a lattice with twice as many vectors (there are
    7) or three times as many (13), the map over plane normals is read where
    the shortest vectors that are new point to. A small network tells from
    all of those how likely each of these lattices is. It is trained ahead
    of all others but those that the lattice comes from, and is fixed from
    then on.

    If there are blocks, it compares all that with what the map shows where
    vectors of the known lattice point to, is told the shape of the cell that
    each class would make, weighs the classes against each other, and tells
    how likely each lattice is as a whole, those of several classes too.

    If it is told by bands, another small network tells what each band that
    was found says for each class: how far it is off the next vector that the
    class adds and off the next of the known lattice.

    Input: basis of the likeliest lattice (B, 3 vectors, 3) and the indices
    of the bands in it (B, T, 3), from :class:`Lattices`; normals (B, T, 3),
    strength and widths (B, T), as that takes them; the map over normals
    (B, P, A, 2). Output (B, T, 3): how likely half the shortest vector along
    the normal is one of the whole lattice, and a third of it, and how much
    shorter the shortest is by that, as a logarithm. And (B, 59): the shape
    of the cell of the likeliest whole lattice and of all, as from
    :class:`Lattices`, and how likely it has as many vectors, twice, three,
    four or eight times as many; if there are blocks, also the mean and the
    largest of the features of the classes, (B, 59 + 2 width). All of that is
    zero where there are no bands.

    Parameters
    ----------
    view, azimuths, tilts
        As of the map.
    width
        Features of each class within.
    vectors
        New vectors of each class that are looked at.
    blocks
        Blocks of attention in which the classes are weighed against each
        other. If 0, each is told by itself.
    by_bands
        Features of each class and band that was found. If 0, all that is
        told of the bands is how much likelier the class makes them.
    """

    # Cells of the map to either side of where a vector points to.
    half = 2
    pad = 6

    def __init__(
        self,
        view,
        azimuths,
        tilts,
        width=32,
        vectors=24,
        blocks=0,
        by_bands=0,
        **kwargs,
    ):
        super().__init__(view, azimuths, tilts, **kwargs)
        self.width = width
        self.vectors = vectors
        self.blocks = blocks
        self.by_bands = by_bands
        self.ways = new_vectors(vectors).astype("float32")
        if blocks:
            known = known_vectors(vectors).astype("float32")
            self.ways = np.concatenate([self.ways, known[None]])

    def get_config(self) -> dict:
        return super().get_config() | {
            "width": self.width,
            "vectors": self.vectors,
            "blocks": self.blocks,
            "by_bands": self.by_bands,
        }

    def build(
        self,
        basis_shape,
        indices_shape,
        normals_shape,
        strength_shape,
        widths_shape,
        maps_shape,
    ):
        w, of_bands = self.width, self.by_bands
        size = (2 * self.half + 1) ** 2 + 11
        first = None if self.blocks else "silu"
        self.hidden = [
            dense("hidden_0", size, w, first),
            dense("hidden_1", w, w, "silu"),
        ]
        shape = SHAPE if self.blocks else 0
        self.joint = dense("joint", 2 * w + 4 + shape + 2 * of_bands, w, first)
        self.told = dense("told", w, 1)
        if self.blocks:
            self._build_comparison(size)
        if of_bands:
            self.bands = [
                dense("bands_0", _OF_BAND, of_bands, "silu"),
                dense("bands_1", of_bands, of_bands, "silu"),
            ]
        self.built = True
        self.trainable = False

    def _build_comparison(self, size: int):
        w = self.width
        tokens = (None, len(CLASSES), w)

        self.known = [
            dense("known_0", size, w, "silu"),
            dense("known_1", w, w, "silu"),
        ]
        self.compared = [
            dense(f"compared_{i}", 2 * w + SHAPE, w) for i in range(2)
        ]
        self.build_blocks(self.blocks, tokens, (1, *KINDS.shape), 2 * w)
        self.last_norm = built_norm("last_norm", tokens)
        self.last = dense("last", w, w, "silu")
        # At first the classes of a lattice have their say each by itself.
        size = 2 * w + SHAPE + TIMES.shape[1]
        self.whole = [
            dense("whole_0", size, w, "silu"),
            dense("whole_1", w, 1, kernel_initializer="zeros"),
        ]

    def see(self, basis, normals, strength, widths, maps) -> list:
        """All that the lattice is told by: what :meth:`look` and
        :meth:`shapes` give and, if it is told by bands, what
        :meth:`look_at_bands` does."""
        found = normals, strength, widths
        seen = [self.look(basis, *found, maps), self.shapes(basis)]
        if self.by_bands:
            seen.append(self.look_at_bands(basis, *found))
        return seen

    def shapes(self, basis):
        """The shape of the cell of the known lattice, and of all that may be
        the whole one, those of one class first, (B, H, 27)."""
        return selling(
            ops.matmul(ops.convert_to_tensor(BASES), basis[:, None])
        )

    def look(self, basis, normals, strength, widths, maps):
        """What the map shows where the new vectors of each class point to,
        and what the bands say for the class, (B, 20, vectors, F); if there
        are blocks, the same of the known lattice, for which the bands say
        nothing, as the 21st."""
        p, a, pad = self.azimuths, self.tilts, self.pad
        ways = ops.convert_to_tensor(self.ways.reshape(-1, 3))
        every = ops.matmul(ways, basis)
        length = ops.norm(every, axis=-1) + 1e-6
        unit = every / length[..., None]
        azimuth, tilt = plane_angles(unit[..., 0], unit[..., 1], unit[..., 2])
        row = azimuth * (p / np.pi) - 0.5
        column = tilt / self.tilt_step + (a - 1) / 2
        inside = ops.cast((column > -0.5) & (column < a - 0.5), "float32")
        near_row = ops.clip(ops.cast(ops.round(row), "int32"), 0, p - 1)
        near_column = ops.cast(ops.round(column), "int32")
        near_column = ops.clip(near_column, 0, a - 1)

        mean, seen = maps[..., :1], maps[..., 1]
        padded = wrap(mean, pad)
        local = pool_square(padded, 2 * pad + 1, ops.average_pool)
        contrast = wrap(mean - local, self.half)
        shown = patches(
            contrast, near_row, near_column, (self.half,) * 2, self.half
        )
        seen = gather(
            ops.reshape(seen, (-1, p * a)), near_row * a + near_column
        )

        volume = volume_of(*[basis[:, i] for i in range(3)])
        edge = ops.log(volume + 1e-9)[:, None] / 3
        log_length = ops.log(length)
        thirds = np.repeat(np.arange(len(self.ways)) >= HALVES, self.vectors)
        bands = ops.mean(strength, axis=-1, keepdims=True)
        nothing = ops.zeros_like(length)
        extra = [
            log_length,
            log_length - edge,
            row - ops.cast(near_row, "float32"),
            column - ops.cast(near_column, "float32"),
            seen,
            nothing + bands,
            nothing + thirds.astype("float32"),
        ]
        shown = ops.concatenate([shown, ops.stack(extra, axis=-1)], axis=-1)
        shown = ops.reshape(
            shown * inside[..., None],
            (-1, *self.ways.shape[:2], shown.shape[-1]),
        )
        evidence = self._evidence(basis, normals, strength, widths)
        if self.blocks:
            evidence = ops.pad(evidence, [(0, 0), (0, 1), (0, 0)])
        evidence = ops.repeat(evidence[:, :, None], self.vectors, axis=2)
        return ops.concatenate([shown, evidence], axis=-1)

    def _evidence(self, basis, normals, strength, widths):
        """What bands that were found say for each class, (B, 20, 4).

        A band that is no vector of the lattice, but one of those that a
        class adds, says much for that.
        """
        bands = FoundBands(normals, strength, widths)
        share = bands.share[..., None]
        other = (1 - share) / np.float32(2 * np.pi * LOG_RANGE)
        known, _ = self._densities(basis, bands, 1)
        known = other + share * ops.max(known, axis=-1, keepdims=True)
        ratios = []
        for n in (2, 3):
            density, vectors = self._densities(basis, bands, n)
            member = class_of(vectors, n)
            # Bands, their multiples and classes
            density = ops.max(density[..., None] * member, axis=2)
            ratios.append(share * density / known)
        ratio = ops.concatenate(ratios, axis=-1)
        gains = [
            ops.log(1 + np.float32(share) * ratio) for share in (0.03, 0.3)
        ]
        return ops.stack(
            [
                ops.sum(gains[0], axis=1),
                ops.sum(gains[1], axis=1),
                ops.max(gains[1], axis=1),
                ops.sum(ratio / (1 + ratio), axis=1),
            ],
            axis=-1,
        )

    def _densities(self, basis, bands, n: int):
        """Density of vectors along each band, of the lattice divided by n,
        (B, T, multiples), and their indices in that, (B, T, multiples, 3).
        """
        a, b, c = [basis[:, i] for i in range(3)]
        shares = _shares(basis, bands.normals)
        times = np.arange(1, MAX_INDEX * n + 1, dtype="float32")
        vectors = ops.round(shares[:, :, None] * times[:, None])
        length, angle = _polar(
            ops.matmul(vectors, basis[:, None]) / n, bands.normals[:, :, None]
        )
        off = bands.lengths[..., None] - ops.log(length)
        log_density = -0.5 * (
            angle / Lattices.sigma**2 + ops.square(off / Lattices.off)
        )
        cell = ops.log(volume_of(a, b, c) + 1e-9) - 3 * bands.longest
        norm = (2 * np.pi) ** 2.5 / 3 * Lattices.sigma**2 * Lattices.off
        log_density = log_density + cell[:, None, None] - np.log(norm)
        return ops.exp(ops.minimum(log_density, 30.0)), vectors

    def look_at_bands(self, basis, normals, strength, widths):
        """How far each band that was found is off the next of the vectors
        that each class adds, and off the next vector of the known lattice,
        (B, 20, T, 14)."""
        bands = FoundBands(normals, strength, widths)
        off = [self._off(basis, bands, n) for n in (2, 3)]
        off = ops.transpose(ops.concatenate(off, axis=2), (0, 2, 1, 3))
        a, b, c = [basis[:, i] for i in range(3)]
        edge = ops.log(volume_of(a, b, c) + 1e-9)[:, None] / 3
        every = ops.concatenate(
            [
                self._off(basis, bands, 1)[:, :, 0],
                ops.stack(
                    [
                        strength,
                        widths,
                        widths - edge,
                        widths - bands.longest[:, None],
                        ops.square(normals[..., 2]),
                    ],
                    axis=-1,
                ),
            ],
            axis=-1,
        )
        every = every[:, None] + ops.zeros_like(off[..., :1])
        of_half = (np.arange(len(CLASSES)) < HALVES).astype("float32")
        half = ops.zeros_like(off[..., :1]) + of_half[:, None, None]
        return ops.concatenate([off, every, half], axis=-1)

    def _off(self, basis, bands, n: int):
        """Angle and logarithm of the length between each band and the next
        vector of each class of the lattice divided by n, or of the lattice
        itself if that is 1, and how likely both are, twice,
        (B, T, classes, 4)."""
        shares = _shares(basis, bands.normals)
        least = None
        for times in range(1, MAX_INDEX * n + 1):
            vectors = ops.round(shares * times)
            length, angle = _polar(
                ops.matmul(vectors, basis) / n, bands.normals
            )
            angle = ops.maximum(angle, 0)
            off = bands.lengths - ops.log(length)
            cost = angle / _SIGMA**2 + ops.square(off / Lattices.off)
            new = [i[..., None] for i in (cost, angle, off)]
            if n > 1:
                new[0] = new[0] + _FAR * (1 - class_of(vectors, n))
                new = [i + ops.zeros_like(new[0]) for i in new]
            if least is None:
                least = new
            else:
                nearer = new[0] < least[0]
                least = [
                    ops.where(nearer, i, j)
                    for i, j in zip(new, least, strict=True)
                ]
        cost, angle, off = least
        degrees = ops.sqrt(angle + 1e-12) * np.float32(180 / np.pi)
        return ops.stack(
            [
                ops.minimum(degrees, 6.0) / 2,
                ops.clip(off, -1.5, 1.5) * 3,
                ops.log(1 + ops.minimum(cost, _FAR)),
                ops.exp(-ops.minimum(cost, 60.0) / 2),
            ],
            axis=-1,
        )

    def tell(self, *seen):
        """Logit of each class, (B, 20), from what :meth:`see` gives; if
        there are blocks, followed by a score of each lattice that may be the
        whole one, (B, 20 + H)."""
        shapes = seen[1]
        features = self.features(*seen)
        logits = self._logits(features)
        if not self.blocks:
            return logits
        scores = self.scores(features, shapes)
        return ops.concatenate([logits, scores], axis=-1)

    def _logits(self, features):
        return self.told(features)[..., 0]

    def scores(self, features, shapes):
        """Logarithm of how likely each lattice is the whole one, up to one
        number for all, (B, H)."""
        members = ops.convert_to_tensor(MEMBERS)
        scores = ops.matmul(self._logits(features), ops.transpose(members))
        if not self.blocks:
            return scores
        of_members = ops.matmul(
            ops.convert_to_tensor(MEMBERS / np.maximum(COUNT, 1)[:, None]),
            features,
        )
        of_all = ops.mean(features, axis=1, keepdims=True)
        of_all = of_all + ops.zeros_like(of_members)
        times = ops.zeros_like(shapes[..., :1]) + ops.convert_to_tensor(TIMES)
        x = ops.concatenate([of_members, of_all, shapes, times], axis=-1)
        for layer in self.whole:
            x = layer(x)
        return scores + x[..., 0]

    def features(self, shown, shapes, of_bands=None):
        """Features of the classes, (B, 20, width)."""
        n = len(CLASSES)
        classes = shown[:, :n]
        evidence = classes[:, :, 0, -4:]
        x = self.hidden[0](classes)
        if self.blocks:
            known = shown[:, n]
            for layer in self.known:
                known = layer(known)
            known = ops.concatenate([*_pooled(known, 1), shapes[:, 0]], -1)
            to_vectors, to_classes = [f(known) for f in self.compared]
            x = keras.activations.silu(x + to_vectors[:, None, None])
            evidence = ops.concatenate([evidence, shapes[:, 1 : n + 1]], -1)
        x = self.hidden[1](x)
        told = [*_pooled(x, 2), evidence]
        if self.by_bands:
            strength = of_bands[..., _STRENGTH, None]
            for layer in self.bands:
                of_bands = layer(of_bands)
            told += _pooled(of_bands * strength, 2)
        x = self.joint(ops.concatenate(told, axis=-1))
        if not self.blocks:
            return x
        x = x + to_classes[:, None]
        pairs = ops.convert_to_tensor(KINDS)[None]
        x = self.through_blocks(x, pairs, ops.ones((1, n)))
        return self.last(self.last_norm(x))

    def call(self, basis, indices, normals, strength, widths, maps):
        seen = self.see(basis, normals, strength, widths, maps)
        shapes = seen[1]
        features = self.features(*seen)
        weight = ops.softmax(self.scores(features, shapes), axis=-1)
        likely = ops.matmul(weight, ops.convert_to_tensor(MEMBERS))

        # Which class a half, or a third, of each index is of.
        half, third = class_of(indices, 2), class_of(indices, 3)
        shares = ops.matmul(half, likely[:, :HALVES, None])
        thirds = ops.matmul(third, likely[:, HALVES:, None])
        shorter = -np.log(2) * shares - np.log(3) * thirds
        bands = ops.concatenate([shares, thirds, shorter], axis=-1)

        best = ops.argmax(weight, axis=-1)[:, None]
        whole = [
            gather(shapes, best)[:, 0],
            ops.sum(weight[..., None] * shapes, axis=1),
            ops.matmul(weight, ops.convert_to_tensor(TIMES)),
        ]
        if self.blocks:
            whole += _pooled(features, 1)
        whole = ops.concatenate(whole, axis=-1)
        return bands, whole * any_band(strength)

    def compute_output_shape(self, basis_shape, indices_shape, *_):
        b = basis_shape[0]
        features = 2 * self.width if self.blocks else 0
        return (b, indices_shape[1], 3), (b, 2 * SHAPE + 5 + features)


def _pooled(x, axis: int) -> list:
    """Mean and largest."""
    return [ops.mean(x, axis=axis), ops.max(x, axis=axis)]


def _shares(basis, normals):
    """Directions of normals (B, T, 3) in terms of the basis; the largest of
    three is one."""
    a, b, c = [basis[:, i] for i in range(3)]
    dual = ops.stack(
        [ops.cross(b, c), ops.cross(c, a), ops.cross(a, b)], axis=2
    )
    shares = ops.matmul(normals, dual)
    return shares / (ops.max(ops.abs(shares), -1, keepdims=True) + 1e-12)


def _polar(vectors, normals):
    """Length of vectors (..., 3) and square of their small angle from
    normals."""
    length = ops.sqrt(ops.sum(ops.square(vectors), axis=-1) + 1e-12)
    dot = ops.sum(vectors * normals, axis=-1)
    return length, 2 - 2 * ops.abs(dot) / length
