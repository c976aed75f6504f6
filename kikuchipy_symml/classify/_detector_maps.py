# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the canonical view back to the detector's own pixels.

The inverse of :func:`kikuchipy_symml.pattern.canonical_views`, for
geometry only: what belongs to a direction in the view is put where the
detector saw that direction.

Axes: ``N`` patterns, ``i`` and ``j`` detector rows and columns, ``y`` and
``x`` view rows and columns, ``T`` lines.
"""

import numba as nb
import numpy as np

from kikuchipy_symml.pattern import ViewSpec, view_frame


def on_detector(
    maps: np.ndarray, pc: np.ndarray, spec: ViewSpec, shape: tuple[int, int]
) -> np.ndarray:
    """Return maps over the view as maps over the detector.

    Parameters
    ----------
    maps
        Maps over the view, shape (N, y, x).
    pc
        Projection centres in Bruker's convention, shape (N, 3).
    spec
        The view.
    shape
        Shape (i, j) of the detector, of square pixels.

    Returns
    -------
    on_detector
        Shape (N, i, j), float32, interpolated linearly; 0 in directions
        that are not in the view.
    """
    maps = np.ascontiguousarray(maps, dtype=np.float32)
    pc = np.asarray(pc, dtype=np.float64)
    out = np.zeros((len(maps), *shape), dtype=np.float32)
    frames = view_frame(pc, shape[1] / shape[0])
    edge = 2 * np.sin(np.deg2rad(spec.radius) / 2)
    _fill(maps, pc, frames, edge, np.cos(np.deg2rad(spec.radius)), out)
    return out


def detector_directions(pc: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Return the directions that a detector's pixels see.

    Parameters
    ----------
    pc
        Projection centre in Bruker's convention, shape (3,).
    shape
        Shape (i, j) of the detector, of square pixels.

    Returns
    -------
    directions
        Unit vectors in the detector's right, up and forward, shape (i,
        j, 3).
    """
    ny, nx = shape
    x = (np.arange(nx) + 0.5 - pc[0] * nx) / (pc[2] * ny)
    y = (pc[1] * ny - np.arange(ny) - 0.5) / (pc[2] * ny)
    v = np.stack([*np.meshgrid(x, y), np.ones(shape)], axis=-1)
    return v / np.linalg.norm(v, axis=-1, keepdims=True)


def lines_of(
    normals: np.ndarray, pc: np.ndarray, shape: tuple[int, int]
) -> np.ndarray:
    """Return the traces of planes on the detector.

    Parameters
    ----------
    normals
        Plane normals in the detector's right, up and forward, shape (N,
        T, 3).
    pc
        Projection centres in Bruker's convention, shape (N, 3).
    shape
        Shape (i, j) of the detector, of square pixels.

    Returns
    -------
    lines
        Coefficients (a, b, c) of the line a x + b y + c = 0 in pixels,
        counted from the middle of the first one, shape (N, T, 3).
    """
    ny, nx = shape
    pcx, pcy, pcz = (pc[:, k, np.newaxis] for k in range(3))
    a, b, c = np.moveaxis(normals, -1, 0)
    scale = pcz * ny
    rest = c * scale - a * (pcx * nx - 0.5) + b * (pcy * ny - 0.5)
    return np.stack([a, -b, rest], axis=-1)


def clipped(line: np.ndarray, extent: tuple) -> np.ndarray | None:
    """Return the part of a line inside of a rectangle.

    Parameters
    ----------
    line
        Coefficients (a, b, c) of a x + b y + c = 0.
    extent
        (left, right, top, bottom) of the rectangle.

    Returns
    -------
    segment
        Both ends, ((x, y), (x, y)), or None if the line passes by.
    """
    a, b, c = line
    x0, x1, y0, y1 = extent
    ends = []
    for x in (x0, x1):
        if abs(b) > 1e-12 and y0 <= (y := -(a * x + c) / b) <= y1:
            ends.append((x, y))
    for y in (y0, y1):
        if abs(a) > 1e-12 and x0 <= (x := -(b * y + c) / a) <= x1:
            ends.append((x, y))
    if len(ends) < 2:
        return None
    places = np.array(ends)
    # Through a corner, an end is found twice.
    far = np.argmax(np.linalg.norm(places - places[0], axis=1))
    return np.stack([places[0], places[far]])


@nb.njit(cache=True, nogil=True)
def _fill(maps, pc, frames, edge, rim, out):
    size = maps.shape[1]
    ny, nx = out.shape[1:]
    for n in range(maps.shape[0]):
        scale = pc[n, 2] * ny
        for i in range(ny):
            for j in range(nx):
                vx = (j + 0.5 - pc[n, 0] * nx) / scale
                vy = (pc[n, 1] * ny - i - 0.5) / scale
                length = np.sqrt(vx * vx + vy * vy + 1)
                a = (
                    frames[n, 0, 0] * vx
                    + frames[n, 0, 1] * vy
                    + frames[n, 0, 2]
                ) / length
                b = (
                    frames[n, 1, 0] * vx
                    + frames[n, 1, 1] * vy
                    + frames[n, 1, 2]
                ) / length
                d = (
                    frames[n, 2, 0] * vx
                    + frames[n, 2, 1] * vy
                    + frames[n, 2, 2]
                ) / length
                if d < rim:
                    continue
                stretch = np.sqrt(2 / (1 + d)) / edge
                x = (a * stretch + 1) / 2 * size - 0.5
                y = (1 - b * stretch) / 2 * size - 0.5
                if x < -0.5 or y < -0.5 or x > size - 0.5 or y > size - 0.5:
                    continue
                x = min(max(x, 0.0), size - 1.001)
                y = min(max(y, 0.0), size - 1.001)
                ix = int(x)
                iy = int(y)
                fx = x - ix
                fy = y - iy
                out[n, i, j] = (1 - fy) * (
                    (1 - fx) * maps[n, iy, ix] + fx * maps[n, iy, ix + 1]
                ) + fy * (
                    (1 - fx) * maps[n, iy + 1, ix]
                    + fx * maps[n, iy + 1, ix + 1]
                )
