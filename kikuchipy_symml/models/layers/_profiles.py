# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the view shows along each band and across it."""

import keras
import numpy as np
from keras import ops

from kikuchipy_symml.pattern._view import ViewSpec

from ._base import dense, gather, register, without_doubles


class ProfileLayer(keras.layers.Layer):
    """A layer that looks along circles at equal angles from the great
    circle of each band.

    Parameters
    ----------
    view
        Settings of the view.
    count
        Number of circles.
    step
        Degrees from one to the next.
    """

    # Places along each circle.
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

    def straightened(self, normals, views):
        """What views (B, y, x, 2) show along bands (B, T, 3), from one end
        to the other, and across them, (B, T, samples, count, 2)."""
        n = self.view.size
        radius = np.float32(np.deg2rad(self.view.radius))
        near, along, flat = band_frame(normals)
        reach = ops.arccos(ops.minimum(np.cos(radius) / flat, 0.999999))
        u = (np.arange(self.samples) + 0.5) / self.samples * 2 - 1
        angle = reach * u.astype("float32")
        c, s = ops.cos(angle), ops.sin(angle)
        circle = [a * c + b * s for a, b in zip(near, along, strict=True)]
        offset = (np.arange(self.count) - (self.count - 1) / 2) * self.step
        offset = np.deg2rad(offset).astype("float32")
        co, so = np.cos(offset), np.sin(offset)
        # Axes: B, T, samples along, offsets across.
        x, y, z = [
            a[..., None] * co + normals[..., i, None, None] * so
            for i, a in enumerate(circle)
        ]
        scale = ops.sqrt(2 / (1 + z)) * (
            n / 2 / (2 * np.sin(radius / 2))
        ).astype("float32")
        column = ops.cast(x * scale + n / 2, "int32")
        row = ops.cast(n / 2 - y * scale, "int32")
        index = ops.clip(row, 0, n - 1) * n + ops.clip(column, 0, n - 1)
        return gather(ops.reshape(views, (-1, n * n, 2)), index)


def band_frame(normals):
    """The point of the great circle of each band (..., 3) next to the
    middle of the view, the direction along it from there, and the cosine
    of the tilt; components of their own, each (..., 1)."""
    nx, ny, nz = [normals[..., i : i + 1] for i in range(3)]
    flat = ops.sqrt(ops.maximum(1 - nz * nz, 1e-6))
    near = [-nx * nz / flat, -ny * nz / flat, flat]
    along = [-ny / flat, nx / flat, ops.zeros_like(nz)]
    return near, along, flat


def _contrast(total, strength):
    """Means of the view over places that were seen in part, (B, T, ...,
    2), scaled to a mean square of one over all bands that are there."""
    seen = total[..., 1]
    mean = total[..., 0] / ops.sqrt(seen + 0.02)
    there = ops.cast(strength > 0, "float32")
    there = ops.reshape(
        there, (-1, *strength.shape[1:], *[1] * (mean.ndim - 2))
    )
    mean = mean * ops.cast(seen > 0.12, "float32") * there
    axes = tuple(range(1, mean.ndim))
    spread = ops.sqrt(
        ops.mean(ops.square(mean), axis=axes, keepdims=True) + 1e-9
    )
    return mean / spread


@register
class Profiles(ProfileLayer):
    """Profile across each band, as fine as the view allows.

    Input: normals (B, T, 3), strength (B, T), views (B, y, x, 2). Output
    (B, T, F): mean intensity along the circles at equal angles from the
    great circle of each band, scaled to a mean square of one over all
    bands. The width of a band is twice its Bragg angle, so the lengths of
    reciprocal lattice vectors are in it, and the centring with them.
    """

    def call(self, normals, strength, views):
        found = self.straightened(normals, views)
        return _contrast(ops.mean(found, axis=2), strength)

    def compute_output_shape(self, normals_shape, strength_shape, views_shape):
        return (*normals_shape[:2], self.count)


@register
class RefineBands(ProfileLayer):
    """Bands, set right by what the whole view shows along each.

    The map over plane normals is coarse, so bands that are found in it are
    off by a good part of a degree, which blurs their profiles and misleads
    the lattices. Here the view along each band is straightened, and a small
    network tells from the piece at each part of its length how far the
    normal is off, and whether there is a band at all. It is trained ahead
    of all other layers but the one that finds bands, and is fixed from
    then on.

    Input: normals (B, T, 3), features (B, T, F), strength (B, T), views (B,
    y, x, 2). Output: the same without the views, the likeliest band first.
    """

    # Parts of the length of a band.
    parts = 8
    # Normals this close, in degrees, are of one band.
    same = 1.0
    # A normal is moved by no more than that, in degrees.
    furthest = 2.5

    def __init__(self, view: dict, width: int = 64, **kwargs):
        super().__init__(view, **kwargs)
        self.width = width

    def get_config(self) -> dict:
        return super().get_config() | {"width": self.width}

    def build(
        self, normals_shape, features_shape, strength_shape, views_shape
    ):
        w = self.width
        size = self.parts * (self.count + 1) + 2
        self.hidden = [
            dense("hidden_0", size, w, "silu"),
            dense("hidden_1", w, w, "silu"),
        ]
        # Logit, and by how many degrees the normal is off towards the
        # middle of the view and along the band.
        self.told = dense("told", w, 3)
        self.built = True
        self.trainable = False

    def look(self, normals, strength, views):
        """What the view shows along each band, (B, T, F)."""
        found = self.straightened(normals, views)
        t = normals.shape[1]
        found = ops.reshape(
            found,
            (-1, t, self.parts, self.samples // self.parts, self.count, 2),
        )
        total = ops.mean(found, axis=3)
        mean = _contrast(total, strength)
        seen = ops.mean(total[..., 1], axis=-1)
        mean = ops.reshape(mean, (-1, t, self.parts * self.count))
        tilt = normals[..., 2:] ** 2
        return ops.concatenate(
            [mean, seen, strength[..., None], tilt], axis=-1
        )

    def tell(self, shown):
        """Logit of a band, and by how many degrees its normal is off towards
        the middle of the view and along the band, (B, T, 3)."""
        for layer in self.hidden:
            shown = layer(shown)
        return self.told(shown)

    def call(self, normals, features, strength, views):
        told = self.tell(self.look(normals, strength, views))
        there = ops.cast(strength > 0, "float32")
        share = ops.sigmoid(told[..., 0]) * there
        off = ops.clip(told[..., 1:], -self.furthest, self.furthest)
        off = np.float32(np.deg2rad(1.0)) * off
        near, along, _ = band_frame(normals)
        moved = (
            normals
            + off[..., :1] * ops.concatenate(near, axis=-1)
            + off[..., 1:] * ops.concatenate(along, axis=-1)
        )
        moved = moved / ops.norm(moved, axis=-1, keepdims=True)
        share = without_doubles(moved, share, self.same)
        share, which = ops.top_k(share, share.shape[1])
        features = gather(features, which)
        features = features * ops.cast(share > 0, "float32")[..., None]
        return gather(moved, which), features, share

    def compute_output_shape(
        self, normals_shape, features_shape, strength_shape, views_shape
    ):
        return normals_shape, features_shape, strength_shape
