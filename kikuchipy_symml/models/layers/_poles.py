# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Poles, and how bands and poles stand to each other."""

import numpy as np
from keras import ops

from kikuchipy_symml.pattern._view import ViewSpec, view_directions

from ._base import (
    GeometryLayer,
    gather,
    pool_square,
    register,
    top_of_parabola,
    wrap,
)


@register
class Poles(GeometryLayer):
    """Directions in the view in which many bands cross.

    Input: normals (B, T, 3) and strengths (B, T) of the bands, views (B,
    y, x, 2). Output: directions (B, Z, 3), features (B, Z, F) with the
    view around each pole, strength (B, Z).
    """

    width = np.float32(0.02)
    half = 3

    def __init__(self, view, azimuths, tilts, count=12, **kwargs):
        super().__init__(view, azimuths, tilts, **kwargs)
        self.count = count

    def get_config(self) -> dict:
        return super().get_config() | {"count": self.count}

    def build(self, normals_shape, strength_shape, views_shape):
        half = ViewSpec(size=self.view.size // 2, radius=self.view.radius)
        grid = view_directions(half)[..., 0, :]
        self.inside = ops.convert_to_tensor(
            np.isfinite(grid[..., 0]).astype("float32")
        )
        self.grid = ops.convert_to_tensor(np.nan_to_num(grid).reshape(-1, 3))
        self.built = True

    def call(self, normals, strength, views):
        n = self.view.size // 2
        weight = ops.sqrt(strength)
        dots = ops.matmul(self.grid, ops.transpose(normals, (0, 2, 1)))
        near = ops.exp(ops.square(dots) * (-0.5 / self.width**2))
        crossing = ops.matmul(near, weight[..., None])
        crossing = ops.reshape(crossing, (-1, n, n)) * self.inside
        image = ops.average_pool(views, 2, 2)
        crossing = crossing * image[..., 1]
        around = pool_square(crossing[..., None], 5, ops.max_pool, "same")
        peak = (crossing >= around[..., 0]) & (crossing > 0)
        ranked = ops.where(peak, crossing, -1.0)
        best, index = ops.top_k(ops.reshape(ranked, (-1, n * n)), self.count)
        strength = ops.maximum(best, 0.0)
        row, column = index // n, index % n

        pad = self.half
        wide = n + 2 * pad
        both = ops.stack([crossing, image[..., 0]], axis=-1)
        both = ops.pad(both, [(0, 0), (pad, pad), (pad, pad), (0, 0)])
        both = ops.reshape(both, (-1, wide * wide, 2))
        d = np.arange(-pad, pad + 1)
        offsets = (d[:, None] * wide + d).ravel().astype("int32")
        centre = (row + pad) * wide + column + pad
        patch = gather(both, centre[..., None] + offsets)
        side, middle = len(d), len(offsets) // 2
        z = patch[..., 0]
        d_row = top_of_parabola(
            z[..., middle - side], z[..., middle], z[..., middle + side]
        )
        d_column = top_of_parabola(
            z[..., middle - 1], z[..., middle], z[..., middle + 1]
        )
        edge = 2 * np.sin(np.deg2rad(self.view.radius) / 2)
        x = ((ops.cast(column, "float32") + 0.5 + d_column) / n * 2 - 1) * edge
        y = (1 - (ops.cast(row, "float32") + 0.5 + d_row) / n * 2) * edge
        rho2 = ops.minimum(x * x + y * y, 3.9)
        scale = ops.sqrt(1 - rho2 / 4)
        directions = ops.stack([x * scale, y * scale, 1 - rho2 / 2], axis=-1)
        directions = directions / ops.norm(directions, axis=-1, keepdims=True)
        image_patch = patch[..., 1]
        # Rotation about a pole turns the patch: keep what it does not
        # change, the mean over rings and its spread.
        rings = np.round(np.hypot(d[:, None], d)).astype(int).ravel()
        means = [
            ops.mean(ops.take(image_patch, np.flatnonzero(rings == k), -1), -1)
            for k in range(pad + 1)
        ]
        features = ops.stack([*means, strength, ops.sqrt(rho2)], axis=-1)
        features = features * ops.cast(strength > 0, "float32")[..., None]
        return directions, features, strength

    def compute_output_shape(self, normals_shape, strength_shape, views_shape):
        b = normals_shape[0]
        return (
            (b, self.count, 3),
            (b, self.count, self.half + 3),
            (b, self.count),
        )


@register
class Relations(GeometryLayer):
    """What rotations leave unchanged about each pair of tokens.

    Input: normals (B, T, 3), directions of poles (B, Z, 3), their
    strengths, and the map over normals (B, P, A, 2). Output (B, N, N, F):
    the angle between the two, in overlapping bins; which kinds they are;
    for two bands, how many others cross where they do; and for a token
    and a band, what the map shows where a rotation by a half, a third, a
    quarter and a sixth of a turn about the token takes the band. A
    symmetry axis takes bands to bands.
    """

    turns = (180.0, 120.0, 90.0, 60.0)
    zone_widths = (0.018,)

    def __init__(self, view, azimuths, tilts, bins=32, **kwargs):
        super().__init__(view, azimuths, tilts, **kwargs)
        self.bins = bins

    def get_config(self) -> dict:
        return super().get_config() | {"bins": self.bins}

    def call(self, normals, poles, strength, pole_strength, maps):
        t, z = normals.shape[1], poles.shape[1]
        tokens = ops.concatenate([normals, poles], axis=1)
        cosine = ops.matmul(tokens, ops.transpose(tokens, (0, 2, 1)))
        angle = ops.arccos(ops.clip(ops.abs(cosine), 0.0, 0.999999))
        step = np.pi / 2 / (self.bins - 1)
        centres = np.arange(self.bins, dtype="float32") * step
        bins = ops.exp(
            -0.5 * ops.square((angle[..., None] - centres) / (0.9 * step))
        )
        kind = np.zeros((1, t + z, t + z, 3), dtype="float32")
        kind[:, :t, t:, 0] = kind[:, t:, :t, 1] = kind[:, t:, t:, 2] = 1
        kind = ops.broadcast_to(kind, (ops.shape(bins)[0], *kind.shape[1:]))

        weight = ops.sqrt(strength)
        zone = ops.cross(normals[:, :, None], normals[:, None])
        zone = zone / (ops.norm(zone, axis=-1, keepdims=True) + 1e-3)
        zone = ops.reshape(zone, (-1, t * t, 3))
        off = ops.square(ops.matmul(zone, ops.transpose(normals, (0, 2, 1))))
        crossing = [
            ops.matmul(ops.exp(off * (-0.5 / w**2)), weight[..., None])
            for w in self.zone_widths
        ]
        crossing = ops.concatenate(crossing, -1)
        crossing = ops.reshape(crossing, (-1, t, t, len(self.zone_widths)))
        crossing = ops.pad(crossing * 0.3, [(0, 0), (0, z), (0, z), (0, 0)])

        shown = self._after_turns(tokens, normals, cosine[:, :, :t], maps)
        shown = ops.pad(shown, [(0, 0), (0, 0), (0, z), (0, 0)])
        return ops.concatenate([bins, kind, crossing, shown], axis=-1)

    def _after_turns(self, axes, normals, cosine, maps):
        """Map values where turns about each axis take each normal."""
        p, a = self.azimuths, self.tilts
        # A band within a cell or so of the place counts as there.
        mean = pool_square(wrap(maps[..., :1], 1), 3, ops.max_pool)
        both = ops.concatenate([mean, maps[..., 1:]], axis=-1)
        both = ops.reshape(both, (-1, p * a, 2))
        along = cosine[..., None] * axes[:, :, None]
        cross = ops.cross(
            ops.broadcast_to(axes[:, :, None], ops.shape(along)),
            ops.broadcast_to(normals[:, None], ops.shape(along)),
        )
        away = normals[:, None] - along
        # Turns before normals: compiled, the rest is four times as quick.
        turned = ops.stack(
            [
                along + away * np.cos(r) + cross * np.sin(r)
                for r in np.deg2rad(self.turns).astype("float32")
            ],
            axis=2,
        )
        azimuth, tilt = plane_angles(
            turned[..., 0], turned[..., 1], turned[..., 2]
        )
        row = ops.cast(ops.floor(azimuth * (p / np.pi)), "int32")
        row = ops.clip(row, 0, p - 1)
        column = ops.cast(ops.floor(tilt / self.tilt_step + a / 2), "int32")
        inside = ops.cast((column >= 0) & (column < a), "float32")
        column = ops.clip(column, 0, a - 1)
        value = gather(both, row * a + column)
        shown = value[..., 0] * inside
        seen = value[..., 1] * inside
        found = ops.concatenate([shown, seen], axis=2)
        return ops.transpose(found, (0, 1, 3, 2))

    def compute_output_shape(
        self,
        normals_shape,
        poles_shape,
        strength_shape,
        pole_strength_shape,
        maps_shape,
    ):
        n = normals_shape[1] + poles_shape[1]
        width = self.bins + 3 + len(self.zone_widths) + 2 * len(self.turns)
        return (normals_shape[0], n, n, width)


def plane_angles(x, y, z):
    """Azimuth from 0 to pi and tilt in radians of normals, of which either
    sign may be given.

    By polynomials (Abramowitz & Stegun, Handbook of Mathematical
    Functions, 4.4.49 and 4.4.45), within 1e-4: a hundredth of a cell, at a
    fraction of the time.
    """
    z = ops.where(y < 0, -z, z)
    x = ops.where(y < 0, -x, x)
    y = ops.abs(y)
    width = ops.abs(x)
    slope = ops.minimum(width, y) / ops.maximum(
        ops.maximum(width, y), np.float32(1e-12)
    )
    square = slope * slope
    series = np.float32(0.0208351)
    for term in (-0.0851330, 0.1801410, -0.3302995, 0.9998660):
        series = series * square + np.float32(term)
    azimuth = slope * series
    azimuth = ops.where(y > width, np.float32(np.pi / 2) - azimuth, azimuth)
    azimuth = ops.where(x < 0, np.float32(np.pi) - azimuth, azimuth)

    sine = ops.minimum(ops.abs(z), 1.0)
    series = np.float32(-0.0187293)
    for term in (0.0742610, -0.2121144, 1.5707288):
        series = series * sine + np.float32(term)
    tilt = np.float32(np.pi / 2) - ops.sqrt(1.0 - sine) * series
    return azimuth, ops.where(z < 0, -tilt, tilt)
