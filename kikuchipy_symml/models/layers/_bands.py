# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bands: peaks of the map over plane normals."""

import numpy as np
from keras import ops

from ._base import (
    GeometryLayer,
    dense,
    gather,
    normals_at,
    patches,
    pool_square,
    register,
    top_of_parabola,
    without_doubles,
    wrap,
)


@register
class Bands(GeometryLayer):
    """The strongest peaks of the map over normals.

    Input (B, P, A, 2) from :class:`GreatCircles`. Output: normals (B, T,
    3), features (B, T, F) that hold the map around each peak, strength
    (B, T), zero where there are fewer peaks than T.
    """

    half_azimuth, half_tilt, pad = 4, 6, 6

    def __init__(self, view, azimuths, tilts, count=36, **kwargs):
        super().__init__(view, azimuths, tilts, **kwargs)
        self.count = count

    def get_config(self) -> dict:
        return super().get_config() | {"count": self.count}

    def call(self, maps):
        p, a, pad = self.azimuths, self.tilts, self.pad
        mean, seen = maps[..., :1], maps[..., 1]
        padded = wrap(mean, pad)
        local = pool_square(padded, 2 * pad + 1, ops.average_pool)
        score = mean - 0.5 * local
        around = pool_square(wrap(score, 2), 5, ops.max_pool)
        seen_enough = seen > 0.15
        peak = (score[..., 0] >= around[..., 0]) & seen_enough
        ranked = ops.where(peak, score[..., 0], -1e3)
        best, index = ops.top_k(ops.reshape(ranked, (-1, p * a)), self.count)
        strength = ops.maximum(best, 0.0)
        row, column = index // a, index % a

        patch = self._patch(padded, row, column)
        middle, side = patch.shape[-1] // 2, 2 * self.half_tilt + 1
        up, down = patch[..., middle - side], patch[..., middle + side]
        left, right = patch[..., middle - 1], patch[..., middle + 1]
        top = patch[..., middle]
        d_row = top_of_parabola(up, top, down)
        d_column = top_of_parabola(left, top, right)

        azimuth = (ops.cast(row, "float32") + 0.5 + d_row) * (np.pi / p)
        tilt = (ops.cast(column, "float32") - (a - 1) / 2 + d_column) * (
            self.tilt_step
        )
        normals = normals_at(azimuth, tilt)
        covered = gather(ops.reshape(seen, (-1, p * a)), index)
        rank = ops.broadcast_to(
            ops.linspace(0.0, 1.0, self.count), ops.shape(strength)
        )
        extra = ops.stack(
            [strength, covered, ops.abs(tilt), d_row, d_column, rank], axis=-1
        )
        features = ops.concatenate([patch, extra], axis=-1)
        features = features * ops.cast(strength > 0, "float32")[..., None]
        return normals, features, strength

    def _patch(self, padded, row, column):
        half = self.half_azimuth, self.half_tilt
        return patches(padded, row, column, half, self.pad)

    def compute_output_shape(self, s):
        n = (2 * self.half_azimuth + 1) * (2 * self.half_tilt + 1) + 6
        return (
            (s[0], self.count, 3),
            (s[0], self.count, n),
            (s[0], self.count),
        )


@register
class FindBands(Bands):
    """Bands told from other peaks of the map over normals.

    A band with a dark middle has two peaks, one at each of its edges, and
    excess and deficiency lines shift those of any band. So what the map
    shows around each of its extrema is read by a small network, which
    tells whether there is a band and how far off its middle is. It is
    trained ahead of all other layers and is fixed from then on.

    Input and output as of :class:`Bands`; the strength is the probability
    that it is a band.
    """

    # Normals this close, in degrees, are of one band.
    same = 1.5

    def __init__(
        self, view, azimuths, tilts, count=28, extrema=64, width=48, **kwargs
    ):
        super().__init__(view, azimuths, tilts, count, **kwargs)
        self.extrema = extrema
        self.width = width

    def get_config(self) -> dict:
        return super().get_config() | {
            "extrema": self.extrema,
            "width": self.width,
        }

    def build(self, maps_shape):
        n = (2 * self.half_azimuth + 1) * (2 * self.half_tilt + 1) + 2
        w = self.width
        # A place is told as it is in the map: the sign of the contrast
        # says little about where the middle of a band is.
        self.hidden = [
            dense("hidden_0", n, w, "relu"),
            dense("hidden_1", w, w, "relu"),
        ]
        # Logit, and offsets along azimuths and tilts in cells.
        self.told = dense("told", w, 3)
        self.built = True
        self.trainable = False

    def find(self, maps):
        """Extrema of the map: what is around them (B, E, F), their row and
        column (B, E), and where there is one (B, E)."""
        p, a, pad = self.azimuths, self.tilts, self.pad
        mean, seen = maps[..., :1], maps[..., 1]
        padded = wrap(mean, pad)
        local = pool_square(padded, 2 * pad + 1, ops.average_pool)
        score = ops.abs(mean - 0.5 * local)
        around = pool_square(wrap(score, 1), 3, ops.max_pool)
        peak = (score[..., 0] >= around[..., 0]) & (seen > 0.15)
        ranked = ops.where(peak, score[..., 0], -1e3)
        best, index = ops.top_k(ops.reshape(ranked, (-1, p * a)), self.extrema)
        row, column = index // a, index % a
        patch = self._patch(padded, row, column)
        covered = gather(ops.reshape(seen, (-1, p * a)), index)
        tilt = self._tilt(ops.cast(column, "float32"))
        extra = ops.stack([covered, tilt], axis=-1)
        features = ops.concatenate([patch, extra], axis=-1)
        return features, row, column, best > 0

    def tell(self, features):
        """Logit of a band and offsets of its middle in cells, (B, E, 3)."""
        for layer in self.hidden:
            features = layer(features)
        return self.told(features)

    def normals(self, row, column):
        """Unit normals at places of the map, which need not be whole."""
        azimuth = (row + 0.5) * (np.pi / self.azimuths)
        tilt = self._tilt(column)
        return normals_at(azimuth, tilt)

    def call(self, maps):
        p, a, pad = self.azimuths, self.tilts, self.pad
        features, row, column, there = self.find(maps)
        told = self.tell(features)
        share = ops.sigmoid(told[..., 0]) * ops.cast(there, "float32")
        limit = self.half_azimuth - 1
        row = ops.cast(row, "float32") + ops.clip(told[..., 1], -limit, limit)
        column = ops.cast(column, "float32")
        column = column + ops.clip(told[..., 2], -limit, limit)
        normals = self.normals(row, column)
        share = without_doubles(normals, share, self.same)
        strength, which = ops.top_k(share, self.count)

        normals = gather(normals, which)
        row, column = gather(row, which), gather(column, which)
        # Beyond the seam the same normal has the opposite tilt.
        turns = ops.floor(row / p)
        row = row - p * turns
        odd = ops.abs(turns) > 0.5
        column = ops.where(odd, a - 1 - column, column)
        near_row = ops.clip(ops.round(row), 0, p - 1)
        near_column = ops.clip(ops.round(column), 0, a - 1)
        whole = [ops.cast(i, "int32") for i in (near_row, near_column)]
        patch = self._patch(wrap(maps[..., :1], pad), *whole)
        seen = ops.reshape(maps[..., 1], (-1, p * a))
        covered = gather(seen, whole[0] * a + whole[1])
        rank = ops.broadcast_to(
            ops.linspace(0.0, 1.0, self.count), ops.shape(strength)
        )
        tilt = ops.abs(self._tilt(column))
        extra = [
            strength,
            covered,
            tilt,
            row - near_row,
            column - near_column,
            rank,
        ]
        features = ops.concatenate([patch, ops.stack(extra, -1)], axis=-1)
        features = features * ops.cast(strength > 0, "float32")[..., None]
        return normals, features, strength

    def _tilt(self, column):
        return (column - (self.tilts - 1) / 2) * self.tilt_step
