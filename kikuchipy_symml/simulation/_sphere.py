# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Master patterns on the square Lambert projection of a hemisphere.

By Friedel's law the profiles of :mod:`._bands` are the same in opposite
directions, so one hemisphere holds them all. The projection is that of
kikuchipy and EMsoft (Callahan & De Graef, Microsc. Microanal. 19 (2013)
1255).
"""

import numba as nb
import numpy as np

from ._bands import Bands


def random_rotations(rng: np.random.Generator, n: int) -> np.ndarray:
    """Return uniformly distributed rotation matrices.

    Parameters
    ----------
    rng
        Source of random numbers.
    n
        Number of rotations.

    Returns
    -------
    rotations
        Shape (n, 3, 3), float32.
    """
    q = rng.normal(size=(n, 4))
    q /= np.linalg.norm(q, axis=1, keepdims=True)
    w, x, y, z = q.T
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
        [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
        [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
    ]
    return np.stack([np.stack(r, axis=-1) for r in rows], axis=-2).astype(
        np.float32
    )


def lambert_directions(size: int) -> np.ndarray:
    """Directions of the points of a square Lambert projection.

    Parameters
    ----------
    size
        Points along each side, odd, so that the pole is one of them.

    Returns
    -------
    directions
        Unit vectors of the upper hemisphere, (size, size, 3), float32.
    """
    u = np.linspace(-1, 1, size)
    x, y = np.meshgrid(u, u)
    steep = np.abs(y) > np.abs(x)
    major = np.where(steep, y, x)
    minor = np.where(steep, x, y)
    safe = np.where(major == 0, 1, major)
    angle = np.pi / 4 * minor / safe
    z = 1 - major**2
    r = np.sign(major) * np.sqrt(np.clip(1 - z**2, 0, None))
    a, b = r * np.cos(angle), r * np.sin(angle)
    return np.stack(
        [np.where(steep, b, a), np.where(steep, a, b), z], axis=-1
    ).astype(np.float32)


def lambert_positions(
    directions: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Positions of directions on a square Lambert projection, the inverse
    of :func:`lambert_directions`.

    Parameters
    ----------
    directions
        Unit vectors of the upper hemisphere, shape (..., 3).

    Returns
    -------
    x, y
        -1 to 1 along each side, shape (...).
    """
    x, y, z = np.moveaxis(directions, -1, 0)
    r = np.sqrt(np.clip(1 - z, 0, None))
    steep = np.abs(y) > np.abs(x)
    major = np.where(steep, y, x)
    minor = np.where(steep, x, y)
    a = np.sign(major) * r
    b = a * 4 / np.pi * np.arctan(minor / np.where(major == 0, 1, major))
    return np.where(steep, b, a), np.where(steep, a, b)


@nb.njit(cache=True, nogil=True)
def point_spacing(size: int) -> float:
    """Mean angle in radians between neighbouring points of a square
    Lambert projection with so many points along each side."""
    return np.sqrt(2 * np.pi) / size


@nb.njit(cache=True, nogil=True, inline="always")
def _lambert_xy(x, y, z):
    """Position on the projection, -1 to 1 a side, of a unit vector or of
    its opposite, whichever is up."""
    if z < 0:
        x, y, z = -x, -y, -z
    r = np.sqrt(max(np.float32(0), 1 - z))
    if abs(x) >= abs(y):
        if x == 0:
            return np.float32(0), np.float32(0)
        s = np.float32(4 / np.pi) * np.arctan(y / x)
        return (r, r * s) if x > 0 else (-r, -r * s)
    s = np.float32(4 / np.pi) * np.arctan(x / y)
    return (r * s, r) if y > 0 else (-r * s, -r)


def master_from_bands(bands: Bands, size: int = 241) -> np.ndarray:
    """Sum the bands of a crystal to a master pattern.

    Parameters
    ----------
    bands
        The bands.
    size
        Points along each side of the projection, odd.

    Returns
    -------
    master
        Shape (4, size, size), float32. First the intensity, relative to
        that between the bands, minus one, as a mean over the width of a
        point across each band. Then the three components of
        the vector field whose projection on the direction of the
        incident beam is the intensity of the excess and deficiency
        lines: bands parallel to the beam have none, others a bright and
        a dark edge.
    """
    profiles = bands.tapered()
    reach, averaged = _average(bands.reach, profiles, point_spacing(size))
    # The edges are smooth as they are.
    sine = reach[:, None] * np.linspace(0, 1, averaged.shape[1])
    width = 0.3 * bands.bragg[:, None] + 0.004
    edge = np.exp(-0.5 * ((sine - bands.bragg[:, None]) / width) ** 2)
    edge *= np.minimum(1, sine / (0.5 * bands.bragg[:, None]))
    edge *= np.ptp(profiles, axis=1)[:, None]
    edge[:, -1] = 0
    return _summed(
        lambert_directions(size), bands.normals, reach, averaged, edge
    )


def sum_of_profiles(
    directions: np.ndarray,
    normals: np.ndarray,
    reach: np.ndarray,
    profiles: np.ndarray,
) -> np.ndarray:
    """Sum the bands of a crystal along the directions of a square
    projection, as the first component of :func:`master_from_bands`.

    Parameters
    ----------
    directions
        As from :func:`lambert_directions`, shape (size, size, 3).
    normals
        Of the planes, shape (R, 3).
    reach
        Sine at which each profile ends, shape (R,).
    profiles
        Tapered to zero at their ends, shape (R, T).

    Returns
    -------
    intensity
        Shape (size, size), float32.
    """
    size = len(directions)
    reach, averaged = _average(reach, profiles, point_spacing(size))
    no_edges = np.zeros_like(averaged)
    return _summed(directions, normals, reach, averaged, no_edges)[0]


def _summed(
    directions: np.ndarray,
    normals: np.ndarray,
    reach: np.ndarray,
    profiles: np.ndarray,
    edges: np.ndarray,
) -> np.ndarray:
    """Sum profiles and edges to a master pattern of four components."""
    master = np.zeros((4, *directions.shape[:2]), dtype=np.float32)
    _sum_bands(
        directions,
        normals,
        reach.astype(np.float32),
        profiles.astype(np.float32),
        edges.astype(np.float32),
        master,
    )
    return master


def _average(
    reach: np.ndarray, profiles: np.ndarray, width: float
) -> tuple[np.ndarray, np.ndarray]:
    """Mean of symmetric profiles over windows of some width.

    Parameters
    ----------
    reach
        Sine at which each profile ends, shape (R,).
    profiles
        At equal steps of the sine from 0 to `reach`, linear between
        them, zero beyond, shape (R, T).
    width
        Of the window.

    Returns
    -------
    reach
        Sine at which each averaged profile ends, shape (R,).
    averaged
        At a fifth more equal steps from 0 to there.
    """
    n = profiles.shape[1]
    step = reach[:, None] / (n - 1)
    # The integral from 0, which is odd, as the profile is even.
    area = np.zeros_like(profiles)
    area[:, 1:] = np.cumsum(profiles[:, 1:] + profiles[:, :-1], axis=1) / 2
    rows = np.arange(len(reach))[:, None]

    def integral(sine):
        t = np.minimum(np.abs(sine) / step, n - 1)
        m = np.minimum(t.astype(int), n - 2)
        f = t - m
        low, high = profiles[rows, m], profiles[rows, m + 1]
        total = area[rows, m] + f * low + f**2 / 2 * (high - low)
        return np.sign(sine) * total * step

    longer = reach + width / 2
    sine = longer[:, None] * np.linspace(0, 1, n + n // 5)
    between = integral(sine + width / 2) - integral(sine - width / 2)
    return longer, between / width


@nb.njit(cache=True, nogil=True, fastmath={"contract", "reassoc", "arcp"})
def _sum_bands(directions, normals, reach, profiles, edges, out):
    size = directions.shape[0]
    last = profiles.shape[1] - 1
    steps = last / reach
    for i in range(size):
        for j in range(size):
            x, y, z = directions[i, j]
            total = np.float32(0)
            vx = np.float32(0)
            vy = np.float32(0)
            vz = np.float32(0)
            for k in range(normals.shape[0]):
                d = normals[k, 0] * x + normals[k, 1] * y + normals[k, 2] * z
                t = abs(d) * steps[k]
                if t < last:
                    m = int(t)
                    f = np.float32(t - m)
                    total += profiles[k, m] + f * (
                        profiles[k, m + 1] - profiles[k, m]
                    )
                    e = edges[k, m] + f * (edges[k, m + 1] - edges[k, m])
                    if d < 0:
                        e = -e
                    vx += e * normals[k, 0]
                    vy += e * normals[k, 1]
                    vz += e * normals[k, 2]
            out[0, i, j] = total
            out[1, i, j] = vx
            out[2, i, j] = vy
            out[3, i, j] = vz


@nb.njit(cache=True, nogil=True, inline="always")
def _bilinear(image, x, y):
    """Value of an image at a position given as -1 to 1 a side."""
    size = image.shape[0]
    half = np.float32((size - 1) / 2)
    u = min((x + 1) * half, np.float32(size - 1.001))
    v = min((y + 1) * half, np.float32(size - 1.001))
    i = int(v)
    j = int(u)
    f = np.float32(v - i)
    g = np.float32(u - j)
    return (image[i, j] * (1 - g) + image[i, j + 1] * g) * (1 - f) + (
        image[i + 1, j] * (1 - g) + image[i + 1, j + 1] * g
    ) * f


def sample_master(master: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Look up a master pattern along directions.

    Parameters
    ----------
    master
        One hemisphere, square Lambert, shape (size, size). Directions of
        the other one are looked up opposite.
    directions
        Unit vectors, shape (..., 3).

    Returns
    -------
    values
        Shape (...), float32.
    """
    flat = np.ascontiguousarray(directions, dtype=np.float32).reshape(-1, 3)
    out = np.empty(len(flat), dtype=np.float32)
    _sample(np.ascontiguousarray(master, dtype=np.float32), flat, out)
    return out.reshape(directions.shape[:-1])


@nb.njit(cache=True, nogil=True)
def _sample(master, directions, out):
    for k in range(len(out)):
        x, y = _lambert_xy(
            directions[k, 0], directions[k, 1], directions[k, 2]
        )
        out[k] = _bilinear(master, x, y)
