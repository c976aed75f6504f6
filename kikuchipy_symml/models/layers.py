# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keras layers that see bands, poles and the angles between them.

A band is the trace of a lattice plane: a great circle of directions. The
mean intensity along every great circle that crosses the view is a map
over plane normals, in which a band is a peak (:class:`GreatCircles`). The
peaks are picked as tokens (:class:`Bands`), and so are the directions in
which many bands cross (:class:`Poles`). All that the rest of the network
knows about directions are quantities that no rotation changes: angles
between tokens, and what the map shows where a rotation about one token
takes another (:class:`Relations`).

Axes: ``B`` patterns, ``y`` and ``x`` view rows and columns, ``P`` azimuths
and ``A`` tilts of plane normals, ``T`` bands, ``Z`` poles, ``N = T + Z``
tokens.
"""

from functools import lru_cache

import keras
import numpy as np
from keras import ops

from kikuchipy_symml.pattern._view import ViewSpec, view_directions

_register = keras.saving.register_keras_serializable("kikuchipy_symml")


class _Geometry(keras.layers.Layer):
    """A layer without weights that needs full precision."""

    def __init__(self, view: dict, azimuths: int, tilts: int, **kwargs):
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)
        self.view = ViewSpec.from_dict(dict(view))
        # Quarters of maps, also at half the resolution.
        for name, value in (
            ("size of the view", self.view.size),
            ("azimuths", azimuths),
            ("tilts", tilts),
        ):
            if value < 8 or value % 4:
                raise ValueError(
                    f"{name} must be a multiple of 4, at least 8, not {value}"
                )
        self.azimuths = azimuths
        self.tilts = tilts

    def get_config(self) -> dict:
        config = super().get_config()
        config.pop("dtype")
        return config | {
            "view": self.view.to_dict(),
            "azimuths": self.azimuths,
            "tilts": self.tilts,
        }

    @property
    def tilt_step(self) -> float:
        """Angle in radians between neighbouring tilts of the normals.

        A plane tilted by more than the radius of the view does not cross
        it; close to that it only touches the rim.
        """
        return 2 * np.deg2rad(self.view.radius - 2) / (self.tilts - 1)


@_register
class GreatCircles(_Geometry):
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
        parts = _parities(a, b, c, d)
        parts = ops.reshape(ops.stack(parts), (4, -1, h * h))
        out = ops.matmul(parts, blocks)
        tilts = blocks.shape[-1] * 4 // azimuths
        out = ops.reshape(out, (4, -1, azimuths // 2, tilts // 2))
        # The four images of the first quarter of the normals.
        q, x, y, xy = _parities(*[out[i] for i in range(4)])
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


def _wrap(x, pad: int):
    """Pad a map (B, P, A, ...) over the seam: beyond half a turn stands
    the opposite normal, with the opposite tilt. Zero beyond the tilts."""
    before = ops.flip(x[:, -pad:], axis=2)
    after = ops.flip(x[:, :pad], axis=2)
    x = ops.concatenate([before, x, after], axis=1)
    widths = [(0, 0), (0, 0), (pad, pad)] + [(0, 0)] * (len(x.shape) - 3)
    return ops.pad(x, widths)


def _pool(x, size: int, pool):
    """Pool over squares, one axis after the other."""
    return pool(pool(x, (size, 1), 1), (1, size), 1)


def _gather(flat, index):
    """Rows of flat (B, K, ...) at index (B, ...)."""
    shape, width = index.shape[1:], flat.shape[2:]
    # All patterns in one long row: several times as fast as taking along
    # an axis.
    first = ops.arange(ops.shape(flat)[0], dtype="int32") * flat.shape[1]
    index = ops.reshape(index, (-1, int(np.prod(shape)))) + first[:, None]
    out = ops.take(ops.reshape(flat, (-1, *width)), index, axis=0)
    return ops.reshape(out, (-1, *shape, *width))


def _normal(azimuth, tilt):
    """Unit normals of planes at an azimuth and a tilt."""
    cosine = ops.cos(tilt)
    return ops.stack(
        [cosine * ops.cos(azimuth), cosine * ops.sin(azimuth), ops.sin(tilt)],
        axis=-1,
    )


def _parabola(low, mid, high):
    """Offset of the top of the parabola through three points."""
    curvature = low + high - 2 * mid
    safe = ops.where(ops.abs(curvature) < 1e-6, -1.0, curvature)
    return ops.clip(0.5 * (low - high) / safe, -0.5, 0.5)


@_register
class Bands(_Geometry):
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
        padded = _wrap(mean, pad)
        local = _pool(padded, 2 * pad + 1, ops.average_pool)
        score = mean - 0.5 * local
        around = _pool(_wrap(score, 2), 5, ops.max_pool)
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
        d_row = _parabola(up, top, down)
        d_column = _parabola(left, top, right)

        azimuth = (ops.cast(row, "float32") + 0.5 + d_row) * (np.pi / p)
        tilt = (ops.cast(column, "float32") - (a - 1) / 2 + d_column) * (
            self.tilt_step
        )
        normals = _normal(azimuth, tilt)
        covered = _gather(ops.reshape(seen, (-1, p * a)), index)
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
        """What a padded map shows around whole places."""
        wide = self.tilts + 2 * self.pad
        high = self.azimuths + 2 * self.pad
        di = np.arange(-self.half_azimuth, self.half_azimuth + 1)
        dj = np.arange(-self.half_tilt, self.half_tilt + 1)
        offsets = (di[:, None] * wide + dj).ravel().astype("int32")
        centre = (row + self.pad) * wide + column + self.pad
        flat = ops.reshape(padded, (-1, high * wide))
        return _gather(flat, centre[..., None] + offsets)

    def compute_output_shape(self, s):
        n = (2 * self.half_azimuth + 1) * (2 * self.half_tilt + 1) + 6
        return (
            (s[0], self.count, 3),
            (s[0], self.count, n),
            (s[0], self.count),
        )


@_register
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
        shape = (None, self.extrema, n)
        # A place is told as it is in the map: the sign of the contrast
        # says little about where the middle of a band is.
        self.hidden = [
            keras.layers.Dense(self.width, "relu", name=f"hidden_{i}")
            for i in range(2)
        ]
        # Logit, and offsets along azimuths and tilts in cells.
        self.told = keras.layers.Dense(3, name="told")
        for layer in self.hidden:
            layer.build(shape)
            shape = (None, self.extrema, self.width)
        self.told.build(shape)
        self.built = True
        self.trainable = False

    def find(self, maps):
        """Extrema of the map: what is around them (B, E, F), their row and
        column (B, E), and where there is one (B, E)."""
        p, a, pad = self.azimuths, self.tilts, self.pad
        mean, seen = maps[..., :1], maps[..., 1]
        padded = _wrap(mean, pad)
        local = _pool(padded, 2 * pad + 1, ops.average_pool)
        score = ops.abs(mean - 0.5 * local)
        around = _pool(_wrap(score, 1), 3, ops.max_pool)
        peak = (score[..., 0] >= around[..., 0]) & (seen > 0.15)
        ranked = ops.where(peak, score[..., 0], -1e3)
        best, index = ops.top_k(ops.reshape(ranked, (-1, p * a)), self.extrema)
        row, column = index // a, index % a
        patch = self._patch(padded, row, column)
        covered = _gather(ops.reshape(seen, (-1, p * a)), index)
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
        return _normal(azimuth, tilt)

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
        # Of those that are one, the likeliest is kept.
        cosine = ops.matmul(normals, ops.transpose(normals, (0, 2, 1)))
        same = ops.abs(cosine) > np.cos(np.deg2rad(self.same))
        better = share[:, None, :] > share[:, :, None]
        beaten = ops.any(same & better, axis=2)
        share = ops.where(beaten, 0.0, share)
        strength, which = ops.top_k(share, self.count)

        normals = _gather(normals, which)
        row, column = _gather(row, which), _gather(column, which)
        # Beyond the seam the same normal has the opposite tilt.
        turns = ops.floor(row / p)
        row = row - p * turns
        odd = ops.abs(turns) > 0.5
        column = ops.where(odd, a - 1 - column, column)
        near_row = ops.clip(ops.round(row), 0, p - 1)
        near_column = ops.clip(ops.round(column), 0, a - 1)
        whole = [ops.cast(i, "int32") for i in (near_row, near_column)]
        patch = self._patch(_wrap(maps[..., :1], pad), *whole)
        seen = ops.reshape(maps[..., 1], (-1, p * a))
        covered = _gather(seen, whole[0] * a + whole[1])
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


@_register
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


@_register
class Profiles(keras.layers.Layer):
    """Profile across each band, as fine as the view allows.

    Input: normals (B, T, 3), strength (B, T), views (B, y, x, 2). Output
    (B, T, F): mean intensity along the circles at equal angles from the
    great circle of each band, scaled to a mean square of one over all
    bands. The width of a band is twice its Bragg angle, so the lengths of
    reciprocal lattice vectors are in it, and the centring with them.
    """

    samples = 64

    def __init__(self, view: dict, count: int = 17, step: float = 0.7, **kw):
        kw["dtype"] = "float32"
        super().__init__(**kw)
        self.view = ViewSpec.from_dict(dict(view))
        self.count = count
        self.step = step

    def get_config(self) -> dict:
        config = super().get_config()
        config.pop("dtype")
        return config | {
            "view": self.view.to_dict(),
            "count": self.count,
            "step": self.step,
        }

    def call(self, normals, strength, views):
        n = self.view.size
        radius = np.float32(np.deg2rad(self.view.radius))
        nx, ny, nz = [normals[..., i : i + 1] for i in range(3)]
        # The point of the great circle next to the middle of the view,
        # and the direction along it from there.
        flat = ops.sqrt(ops.maximum(1 - nz * nz, 1e-6))
        near = [-nx * nz / flat, -ny * nz / flat, flat]
        along = [-ny / flat, nx / flat]
        reach = ops.arccos(ops.minimum(np.cos(radius) / flat, 0.999999))
        u = (np.arange(self.samples) + 0.5) / self.samples * 2 - 1
        angle = reach * u.astype("float32")
        c, s = ops.cos(angle), ops.sin(angle)
        circle = [
            near[0] * c + along[0] * s,
            near[1] * c + along[1] * s,
            near[2] * c,
        ]
        offset = (np.arange(self.count) - (self.count - 1) / 2) * self.step
        offset = np.deg2rad(offset).astype("float32")
        co, so = np.cos(offset), np.sin(offset)
        # Axes: B, T, samples along, offsets across.
        x, y, z = [
            a[..., None] * co + b[..., None] * so
            for a, b in zip(circle, (nx, ny, nz), strict=True)
        ]
        scale = ops.sqrt(2 / (1 + z)) * (
            n / 2 / (2 * np.sin(radius / 2))
        ).astype("float32")
        column = ops.cast(x * scale + n / 2, "int32")
        row = ops.cast(n / 2 - y * scale, "int32")
        index = ops.clip(row, 0, n - 1) * n + ops.clip(column, 0, n - 1)
        found = _gather(ops.reshape(views, (-1, n * n, 2)), index)
        total = ops.mean(found, axis=2)
        seen = total[..., 1]
        mean = total[..., 0] / ops.sqrt(seen + 0.02)
        there = ops.cast(strength > 0, "float32")[..., None]
        mean = mean * ops.cast(seen > 0.12, "float32") * there
        spread = ops.sqrt(
            ops.mean(ops.square(mean), axis=(1, 2), keepdims=True) + 1e-9
        )
        return mean / spread

    def compute_output_shape(self, normals_shape, strength_shape, views_shape):
        return (*normals_shape[:2], self.count)


@_register
class Poles(_Geometry):
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
        around = ops.max_pool(crossing[..., None], 5, 1, padding="same")
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
        patch = _gather(both, centre[..., None] + offsets)
        side, middle = len(d), len(offsets) // 2
        z = patch[..., 0]
        d_row = _parabola(
            z[..., middle - side], z[..., middle], z[..., middle + side]
        )
        d_column = _parabola(
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


@_register
class Relations(_Geometry):
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
        mean = _pool(_wrap(maps[..., :1], 1), 3, ops.max_pool)
        both = ops.concatenate([mean, maps[..., 1:]], axis=-1)
        both = ops.reshape(both, (-1, p * a, 2))
        along = cosine[..., None] * axes[:, :, None]
        cross = ops.cross(
            ops.broadcast_to(axes[:, :, None], ops.shape(along)),
            ops.broadcast_to(normals[:, None], ops.shape(along)),
        )
        away = normals[:, None] - along
        turned = ops.stack(
            [
                along + away * np.cos(r) + cross * np.sin(r)
                for r in np.deg2rad(self.turns).astype("float32")
            ],
            axis=3,
        )
        x, y, s = turned[..., 0], turned[..., 1], turned[..., 2]
        azimuth = ops.arctan2(y, x)
        opposite = azimuth < 0
        azimuth = ops.where(opposite, azimuth + np.pi, azimuth)
        s = ops.where(opposite, -s, s)
        tilt = ops.arcsin(ops.clip(s, -1.0, 1.0))
        row = ops.cast(ops.floor(azimuth * (p / np.pi)), "int32")
        row = ops.clip(row, 0, p - 1)
        column = ops.cast(ops.floor(tilt / self.tilt_step + a / 2), "int32")
        inside = ops.cast((column >= 0) & (column < a), "float32")
        column = ops.clip(column, 0, a - 1)
        value = _gather(both, row * a + column)
        shown = value[..., 0] * inside
        seen = value[..., 1] * inside
        return ops.concatenate([shown, seen], axis=-1)

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


@_register
class PairAttention(keras.layers.Layer):
    """Attention among tokens, steered by what relates each pair.

    Besides the usual softmax there is a second, unnormalised sum that can
    count: how many tokens stand at this angle. What the pairs hold also
    flows into the tokens directly.
    """

    def __init__(self, heads=8, **kwargs):
        super().__init__(**kwargs)
        self.heads = heads

    def get_config(self) -> dict:
        return super().get_config() | {"heads": self.heads}

    def build(self, x_shape, pairs_shape, present_shape):
        width = x_shape[-1]
        if width % self.heads:
            raise ValueError(
                f"The width {width} of the tokens must be a multiple of the "
                f"number of heads, {self.heads}"
            )
        self.qkv = keras.layers.Dense(3 * width, dtype=self.dtype_policy)
        self.steer = keras.layers.Dense(
            2 * self.heads, dtype=self.dtype_policy
        )
        self.out = keras.layers.Dense(width, dtype=self.dtype_policy)
        self.qkv.build(x_shape)
        self.steer.build(pairs_shape)
        both = width + self.heads * pairs_shape[-1]
        self.out.build((*x_shape[:-1], both))
        self.built = True

    def call(self, x, pairs, present):
        n, width = x.shape[1:]
        h = self.heads
        qkv = ops.reshape(self.qkv(x), (-1, n, 3, h, width // h))
        q, k, v = [ops.transpose(qkv[:, :, i], (0, 2, 1, 3)) for i in range(3)]
        logits = ops.matmul(q, ops.transpose(k, (0, 1, 3, 2)))
        logits = logits * (width // h) ** -0.5
        steer = ops.transpose(self.steer(pairs), (0, 3, 1, 2))
        there = present[:, None, None, :]
        soft = ops.softmax(logits + steer[:, :h] + (there - 1) * 1e4)
        count = ops.sigmoid(logits + steer[:, h:]) * there * (1 / 8)
        mixed = ops.matmul(soft + count, v)
        mixed = ops.reshape(ops.transpose(mixed, (0, 2, 1, 3)), (-1, n, width))
        # (B, N, h, N) @ (B, N, N, F): pair features seen by each token.
        weights = ops.transpose(soft + count, (0, 2, 1, 3))
        related = ops.reshape(
            ops.matmul(weights, pairs), (-1, n, h * pairs.shape[-1])
        )
        return self.out(ops.concatenate([mixed, related], axis=-1))

    def compute_output_shape(self, x_shape, pairs_shape, present_shape):
        return x_shape


@_register
class PairUpdate(keras.layers.Layer):
    """Features of pairs (B, N, N, F) that take up those of their tokens
    (B, N, W): such as that two bands at a right angle are equally wide."""

    def __init__(self, activation="silu", **kwargs):
        super().__init__(**kwargs)
        self.activation = keras.activations.get(activation)

    def get_config(self) -> dict:
        name = keras.activations.serialize(self.activation)
        return super().get_config() | {"activation": name}

    def build(self, pairs_shape, x_shape):
        width = pairs_shape[-1]
        dtype = self.dtype_policy
        self.of_pair = keras.layers.Dense(width, dtype=dtype)
        self.of_first = keras.layers.Dense(width, use_bias=False, dtype=dtype)
        self.of_second = keras.layers.Dense(width, use_bias=False, dtype=dtype)
        # It begins by changing nothing.
        self.out = keras.layers.Dense(
            width, kernel_initializer="zeros", dtype=dtype
        )
        self.of_pair.build(pairs_shape)
        self.of_first.build(x_shape)
        self.of_second.build(x_shape)
        self.out.build(pairs_shape)
        self.built = True

    def call(self, pairs, x):
        first = self.of_first(x)[:, :, None]
        second = self.of_second(x)[:, None]
        inner = self.activation(self.of_pair(pairs) + first + second)
        return pairs + self.out(inner)

    def compute_output_shape(self, pairs_shape, x_shape):
        return pairs_shape


@_register
class Present(keras.layers.Layer):
    """One where there is a token, zero where its strength is zero."""

    def call(self, strength):
        return ops.cast(strength > 0, self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return input_shape


@_register
class MeanOverPresent(keras.layers.Layer):
    """Mean of tokens (B, N, F) over those present (B, N)."""

    def call(self, x, present):
        total = ops.sum(x * present[..., None], axis=1)
        return total / (ops.sum(present, axis=1)[:, None] + 1e-3)

    def compute_output_shape(self, x_shape, present_shape):
        return (x_shape[0], x_shape[2])
