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
    normals share the mirror lines of a square, so each matrix falls into
    blocks, at three sixteenths of the cost.
    """

    def build(self, input_shape):
        self.fine = _Quarters(
            self.view, self.azimuths, self.tilts, self.tilt_step
        )
        # Where something was seen varies slowly: half the resolution.
        self.coarse = _Quarters(
            self.view,
            self.azimuths // 2,
            self.tilts // 2,
            self.tilt_step * (self.tilts - 1) / (self.tilts // 2 - 1),
            binning=2,
        )
        self.built = True

    def call(self, views):
        total = self.means(views[..., 0])
        seen = ops.average_pool(views[..., 1:], 2, 2)[..., 0]
        seen = self.coarse.project(seen)
        seen = ops.repeat(ops.repeat(seen, 2, axis=1), 2, axis=2)
        seen = ops.clip(seen, 0.0, 1.0)
        mean = total / ops.sqrt(seen + 0.02) * ops.cast(seen > 0.12, "float32")
        spread = ops.sqrt(ops.mean(ops.square(mean), axis=(1, 2)) + 1e-9)
        return ops.stack([mean / spread[:, None, None], seen], axis=-1)

    def means(self, image):
        """Means of an image (B, y, x) along great circles, (B, P, A)."""
        return self.fine.project(image)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.azimuths, self.tilts, 2)


class _Quarters:
    """The map from a view to means along great circles, by quarters of
    both; arguments as of :func:`_quarters`."""

    def __init__(self, view, azimuths, tilts, step, binning=1):
        self.shape = azimuths // 2, tilts // 2
        self.half, self.whole, diagonal, other = _quarters(
            view, azimuths, tilts, step, binning
        )
        self.diagonal = [ops.convert_to_tensor(block) for block in diagonal]
        self.other = ops.convert_to_tensor(other)

    def project(self, image):
        """Means along great circles, (B, P, A), of an image (B, y, x)."""
        h = image.shape[1] // 2
        n, m = self.shape
        a = image[:, :h, :h]
        b = ops.flip(image[:, :h, h:], axis=2)
        c = ops.flip(image[:, h:, :h], axis=1)
        d = ops.flip(image[:, h:, h:], axis=(1, 2))
        even, odd_x, odd_y, odd = _parities(a, b, c, d)
        even = self._on_diagonal(even, *self.diagonal[:2])
        odd = self._on_diagonal(odd, *self.diagonal[2:])
        both = ops.concatenate([odd_x, _turned(odd_y)], axis=0)
        both = ops.matmul(_taken(both, self.whole), self.other)
        odd_x, odd_y = ops.split(ops.reshape(both, (-1, n, m)), 2, axis=0)
        odd_y = -ops.flip(odd_y, axis=1)
        # The four images of the first quarter of the normals.
        q, x, y, xy = _parities(even, odd_x, odd_y, odd)
        # Mirror in x: azimuth a -> pi - a. Both: tilt t -> -t.
        upper = ops.concatenate([q, ops.flip(x, axis=1)], axis=1)
        lower = ops.concatenate([xy, ops.flip(y, axis=1)], axis=1)
        return ops.concatenate([ops.flip(lower, axis=2), upper], axis=2)

    def _on_diagonal(self, part, even, odd):
        n, m = self.shape
        turned = _turned(part)
        even, odd = [
            ops.reshape(
                ops.matmul(_taken(image, self.half), block),
                (-1, (n + 1) // 2, m),
            )
            for image, block in (
                (part + turned, even),
                (part - turned, odd),
            )
        ]
        rest = ops.flip((even - odd)[:, : n // 2], axis=1)
        return ops.concatenate([even + odd, rest], axis=1)


def _turned(images):
    """Images (B, y, x) mirrored in the diagonal."""
    return ops.transpose(images, (0, 2, 1))


def _taken(images, pixels):
    """Some pixels of images (B, y, x), (B, N)."""
    n = images.shape[1] * images.shape[2]
    return ops.take(ops.reshape(images, (-1, n)), pixels, axis=1)


def _parities(a, b, c, d):
    """Even and odd parts under the mirrors in x and y (self-inverse up to
    a factor of four): even in both, odd in x, odd in y, odd in both."""
    return a + b + c + d, a - b + c - d, a + b - c - d, a - b - c + d


@lru_cache(maxsize=4)
def _quarters(
    view: ViewSpec, azimuths: int, tilts: int, step: float, binning: int
) -> tuple[np.ndarray, np.ndarray, list[np.ndarray], np.ndarray]:
    """The linear map from a quarter of the view to a quarter of the
    normals, for each parity under the mirrors in x and y.

    The mirror in the diagonal transposes the quarter of the view and
    turns round the azimuths of that of the normals. It divides what is
    even, and what is odd, in both x and y once more, and takes the other
    two parities to each other.

    Returns
    -------
    half, whole
        Pixels of half a quarter of the view, and of a whole one, that any
        great circle crosses.
    diagonal
        From half the pixels to half the azimuths: of what is even in x
        and y the even and the odd part, then of what is odd in both.
    other
        From all pixels to all azimuths, of what is odd in x and even in y.
    """
    blocks = _parity_blocks(view, azimuths, tilts, step, binning)
    n, m = azimuths // 2, tilts // 2
    h = view.size // binning // 2
    blocks = blocks.reshape(4, h, h, n, m)
    # None crosses the corners of the view.
    crossed = np.any(blocks, axis=(0, 3, 4))
    half = np.triu(crossed)
    # The diagonal is its own image.
    share = np.where(np.eye(h, dtype=bool), 0.25, 0.5)[half]
    share = share.astype(np.float32)[:, None, None]
    diagonal = []
    for block in blocks[[0, 3], :, :, : (n + 1) // 2]:
        image = block.swapaxes(0, 1)
        for part in (block + image, block - image):
            diagonal.append((part[half] * share).reshape(len(share), -1))
    return (
        np.flatnonzero(half),
        np.flatnonzero(crossed),
        diagonal,
        blocks[1][crossed].reshape(-1, n * m),
    )


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
    x = np.clip((v[..., 0] * scale + 1) / 2 * size - 0.5, 0, size - 1)
    y = np.clip((1 - v[..., 1] * scale) / 2 * size - 0.5, 0, size - 1)
    ix, iy = [np.minimum(i.astype(int), size - 2) for i in (x, y)]
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
        self.columns = ops.convert_to_tensor(share.T.astype("float32"))
        # Few pixels make one: to take those is quicker than a product.
        few = int(np.count_nonzero(share, axis=1).max())
        which = np.argsort(share == 0, axis=1, kind="stable")[:, :few]
        weights = np.take_along_axis(share, which, axis=1)
        self.rows = list(
            zip(
                which.T.astype("int32"),
                weights.T.astype("float32"),
                strict=True,
            )
        )
        self.built = True

    def call(self, views):
        rows = sum(
            ops.take(views, which, axis=1) * weights[:, None, None]
            for which, weights in self.rows
        )
        # A product all the same: else XLA works out all of this anew for
        # each use of a pixel, at twice the time of great circles.
        both = ops.matmul(ops.transpose(rows, (0, 3, 1, 2)), self.columns)
        mean, seen = both[:, 0], both[:, 1]
        inside = ops.cast(seen > 0.5, "float32")
        mean = mean / ops.maximum(seen, 0.5) * inside
        return ops.stack([mean, inside], axis=-1)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.size, self.size, 2)
