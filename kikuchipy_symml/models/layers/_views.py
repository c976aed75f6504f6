# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the view to the map over plane normals."""

from functools import lru_cache

import keras
import numpy as np
from keras import ops

from kikuchipy_symml.pattern._view import ViewSpec

from ._base import GeometryLayer, register


@register
class GreatCircles(GeometryLayer):
    """Mean intensity along every great circle that crosses the view.

    Input (B, y, x, 2): intensity and where it was seen. Output (B, P, A,
    2): mean intensity, scaled as a signal-to-noise ratio, and share of
    the arc that was seen. Normals have the azimuth (i + 1/2) pi / P and
    tilts from -(radius - 2) to +(radius - 2) degrees out of the plane
    of the view.

    Both are linear maps of the view. The grid of pixels and that of
    normals share two mirror lines, so the matrix falls into four blocks
    of even and odd parts, at a quarter of the cost.
    """

    def build(self, input_shape):
        self.blocks = ops.convert_to_tensor(
            _parity_blocks(
                self.view, self.azimuths, self.tilts, self.tilt_step
            )
        )
        # Where something was seen varies slowly: half the resolution.
        self.coarse = ops.convert_to_tensor(
            _parity_blocks(
                self.view,
                self.azimuths // 2,
                self.tilts // 2,
                self.tilt_step * (self.tilts - 1) / (self.tilts // 2 - 1),
                binning=2,
            )
        )
        self.built = True

    def call(self, views):
        total = self._project(views[..., 0], self.blocks, self.azimuths)
        seen = ops.average_pool(views[..., 1:], 2, 2)[..., 0]
        seen = self._project(seen, self.coarse, self.azimuths // 2)
        seen = ops.repeat(ops.repeat(seen, 2, axis=1), 2, axis=2)
        seen = ops.clip(seen, 0.0, 1.0)
        mean = total / ops.sqrt(seen + 0.02) * ops.cast(seen > 0.12, "float32")
        spread = ops.sqrt(ops.mean(ops.square(mean), axis=(1, 2)) + 1e-9)
        return ops.stack([mean / spread[:, None, None], seen], axis=-1)

    @staticmethod
    def _project(image, blocks, azimuths):
        n = image.shape[1]
        h = n // 2
        a = image[:, :h, :h]
        b = ops.flip(image[:, :h, h:], axis=2)
        c = ops.flip(image[:, h:, :h], axis=1)
        d = ops.flip(image[:, h:, h:], axis=(1, 2))
        tilts = blocks.shape[-1] * 4 // azimuths
        # Four products are quicker than one of a stack, by a tenth.
        parts = [
            ops.reshape(
                ops.matmul(ops.reshape(part, (-1, h * h)), blocks[i]),
                (-1, azimuths // 2, tilts // 2),
            )
            for i, part in enumerate(_parities(a, b, c, d))
        ]
        # The four images of the first quarter of the normals.
        q, x, y, xy = _parities(*parts)
        # Mirror in x: azimuth a -> pi - a. Both: tilt t -> -t.
        upper = ops.concatenate([q, ops.flip(x, axis=1)], axis=1)
        lower = ops.concatenate([xy, ops.flip(y, axis=1)], axis=1)
        return ops.concatenate([ops.flip(lower, axis=2), upper], axis=2)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.azimuths, self.tilts, 2)


def _parities(a, b, c, d):
    """Even and odd parts under the mirrors in x and y (self-inverse up to
    a factor of four)."""
    return a + b + c + d, a - b + c - d, a + b - c - d, a - b - c + d


@lru_cache(maxsize=4)
def _parity_blocks(
    view: ViewSpec, azimuths: int, tilts: int, step: float, binning: int = 1
) -> np.ndarray:
    """The linear map from a quarter of the view to a quarter of the
    normals, for each of the four parities, (4, pixels, normals)."""
    size = view.size // binning
    azimuth = (np.arange(azimuths // 2) + 0.5) * np.pi / azimuths
    tilt = (np.arange(tilts // 2) + 0.5) * step
    azimuth, tilt = [
        i.ravel() for i in np.meshgrid(azimuth, tilt, indexing="ij")
    ]
    ca, sa, ct, st = (
        np.cos(azimuth),
        np.sin(azimuth),
        np.cos(tilt),
        np.sin(tilt),
    )
    # The point of the great circle next to the middle of the view, and
    # the direction along it from there.
    near = np.stack([-ca * st, -sa * st, ct], axis=-1)
    along = np.stack([-sa, ca, np.zeros_like(ca)], axis=-1)
    radius = np.deg2rad(view.radius)
    reach = np.arccos(np.minimum(1, np.cos(radius) / ct))
    full = int(np.ceil(2 * radius / view.pixel * 1.5 / binning))
    t = (np.arange(full) + 0.5) / full * 2 - 1
    v = (
        np.cos(reach[:, None] * t)[..., None] * near[:, None]
        + np.sin(reach[:, None] * t)[..., None] * along[:, None]
    )
    edge = 2 * np.sin(radius / 2)
    scale = np.sqrt(2 / (1 + v[..., 2])) / edge
    x = np.clip((v[..., 0] * scale + 1) / 2 * size - 0.5, 0, size - 1.001)
    y = np.clip((1 - v[..., 1] * scale) / 2 * size - 0.5, 0, size - 1.001)
    ix, iy = x.astype(int), y.astype(int)
    fx, fy = x - ix, y - iy
    h = size // 2
    n = len(azimuth)
    weights = np.zeros((4, n, h * h), dtype=np.float32)
    rows = np.broadcast_to(np.arange(n)[:, None], ix.shape)
    for dx, wx in ((0, 1 - fx), (1, fx)):
        for dy, wy in ((0, 1 - fy), (1, fy)):
            jx, jy = ix + dx, iy + dy
            right, low = jx >= h, jy >= h
            jx = np.where(right, size - 1 - jx, jx)
            jy = np.where(low, size - 1 - jy, jy)
            np.add.at(
                weights,
                (right + 2 * low, rows, jy * h + jx),
                (wx * wy / full).astype(np.float32),
            )
    blocks = np.stack(_parities(*weights)) / 4
    return np.ascontiguousarray(blocks.swapaxes(1, 2))


@register
class Shrink(keras.layers.Layer):
    """The view (B, y, x, 2) with fewer pixels, each the mean over its
    area."""

    def __init__(self, size: int, **kwargs):
        super().__init__(**kwargs)
        self.size = size

    def get_config(self) -> dict:
        return super().get_config() | {"size": self.size}

    def build(self, input_shape):
        n, m = input_shape[1], self.size
        if not 1 <= m <= n:
            raise ValueError(
                f"A view of {n} pixels a side cannot be shrunk to {m}"
            )
        # Where each pixel begins and ends, in pixels of the input.
        first = np.arange(m)[:, None] * n / m
        overlap = np.minimum(first + n / m, np.arange(n) + 1)
        overlap = overlap - np.maximum(first, np.arange(n))
        share = np.clip(overlap, 0, None) * m / n
        self.share = ops.convert_to_tensor(share.astype("float32"))
        self.built = True

    def call(self, views):
        n, m = views.shape[1], self.size
        rows = ops.matmul(self.share, ops.reshape(views, (-1, n, 2 * n)))
        rows = ops.reshape(rows, (-1, m, n, 2))
        columns = ops.matmul(self.share, rows)
        seen = ops.cast(columns[..., 1:] > 0.5, "float32")
        mean = columns[..., :1] / ops.maximum(columns[..., 1:], 0.5)
        return ops.concatenate([mean * seen, seen], axis=-1)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.size, self.size, 2)
