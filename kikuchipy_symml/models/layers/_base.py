# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the layers share: the grid of plane normals, and reading maps."""

import keras
import numpy as np
from keras import ops

from kikuchipy_symml.pattern._view import ViewSpec

register = keras.saving.register_keras_serializable("kikuchipy_symml")


class GeometryLayer(keras.layers.Layer):
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


def dense(name: str, size: int, units: int, activation=None, **kwargs):
    """A layer that takes `size` features, built: those that a layer uses
    within must be, as it may be loaded before it is called."""
    layer = keras.layers.Dense(units, activation, name=name, **kwargs)
    layer.build((None, None, size))
    return layer


def wrap(x, pad: int):
    """Pad a map (B, P, A, ...) over the seam: beyond half a turn stands
    the opposite normal, with the opposite tilt. Zero beyond the tilts."""
    before = ops.flip(x[:, -pad:], axis=2)
    after = ops.flip(x[:, :pad], axis=2)
    x = ops.concatenate([before, x, after], axis=1)
    widths = [(0, 0), (0, 0), (pad, pad)] + [(0, 0)] * (len(x.shape) - 3)
    return ops.pad(x, widths)


def pool_square(x, size: int, pool, padding: str = "valid"):
    """Pool over squares, one axis after the other."""
    return pool(pool(x, (size, 1), 1, padding), (1, size), 1, padding)


def patches(padded, row, column, half: tuple[int, int], pad: int):
    """What a map that was padded by :func:`wrap` shows around whole places
    (B, ...), as far as `half` of its rows and columns to either side, (B,
    ..., F)."""
    high, wide = padded.shape[1:3]
    di, dj = [np.arange(-h, h + 1) for h in half]
    offsets = (di[:, None] * wide + dj).ravel().astype("int32")
    centre = (row + pad) * wide + column + pad
    flat = ops.reshape(padded, (-1, high * wide))
    return gather(flat, centre[..., None] + offsets)


def gather(flat, index):
    """Rows of flat (B, K, ...) at index (B, ...)."""
    shape, width = index.shape[1:], flat.shape[2:]
    # All patterns in one long row: several times as fast as taking along
    # an axis.
    first = ops.arange(ops.shape(flat)[0], dtype="int32") * flat.shape[1]
    index = ops.reshape(index, (-1, int(np.prod(shape)))) + first[:, None]
    out = ops.take(ops.reshape(flat, (-1, *width)), index, axis=0)
    return ops.reshape(out, (-1, *shape, *width))


def without_doubles(normals, share, degrees: float):
    """Probabilities (B, N) of bands with normals (B, N, 3), zero for those
    that are as good as the same as a likelier one."""
    cosine = ops.matmul(normals, ops.transpose(normals, (0, 2, 1)))
    same = ops.abs(cosine) > np.cos(np.deg2rad(degrees))
    better = share[:, None, :] > share[:, :, None]
    return ops.where(ops.any(same & better, axis=2), 0.0, share)


def normals_at(azimuth, tilt):
    """Unit normals of planes at an azimuth and a tilt."""
    cosine = ops.cos(tilt)
    return ops.stack(
        [cosine * ops.cos(azimuth), cosine * ops.sin(azimuth), ops.sin(tilt)],
        axis=-1,
    )


def top_of_parabola(low, mid, high):
    """Offset of the top of the parabola through three points."""
    curvature = low + high - 2 * mid
    safe = ops.where(ops.abs(curvature) < 1e-6, -1.0, curvature)
    return ops.clip(0.5 * (low - high) / safe, -0.5, 0.5)
