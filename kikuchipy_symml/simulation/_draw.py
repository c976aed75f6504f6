# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Patterns of crystals, as a camera records them.

They are drawn from master patterns, or straight from the bands of a
crystal. The latter is as quick, needs no master pattern, and each pattern
may be of a crystal of its own.

Axes: ``N`` patterns, ``M`` crystals, ``R`` bands of each, ``T`` angles from
the plane, ``y`` and ``x`` detector rows and columns.
"""

import numba as nb
import numpy as np

from ._camera import (
    BLUR,
    EDGES,
    GAMMA,
    Camera,
    blur,
    draw_table,
    record,
)
from ._rest import Rest
from ._sphere import _bilinear, _lambert_xy, point_spacing, random_rotations
from ._stack import BandStack

# Samples of each band's profile on either side of its plane.
_SAMPLES = 64


def draw_patterns(
    rng: np.random.Generator,
    source: np.ndarray | BandStack,
    which: np.ndarray,
    camera: Camera,
    rotations: np.ndarray | None = None,
    per_camera: int = 1,
    rest: Rest | None = None,
) -> tuple[np.ndarray, np.ndarray, float]:
    """Draw patterns as one detector of random make would record them.

    Parameters
    ----------
    rng
        Source of all randomness.
    source
        The bands of some crystals. Or master patterns as from
        :func:`master_from_bands`, shape (M, 4, size, size), of any real
        data type: each is scaled to a standard deviation of one. Or only
        the intensity on the upper and on the lower hemisphere, shape (M,
        2, size, size): then there are no excess and deficiency lines.
    which
        Index of the crystal of each pattern, shape (N,).
    camera
        What to draw from. The pixel count and aspect ratio are drawn
        once for all patterns.
    rotations
        From the detector's frame (right, up, forward) to the crystal's,
        shape (N, 3, 3). Drawn uniformly if not given.
    per_camera
        Number of consecutive patterns that share everything but the
        orientation and the noise, such as those of one grain.
    rest
        What is added to the bands of the crystals, which `source` must
        then be.

    Returns
    -------
    patterns
        Shape (N, y, x), float32, 0 to 1.
    pc
        Projection centres that a user would give, shape (N, 3).
    aspect_ratio
        Width of the detector divided by its height.

    Raises
    ------
    ValueError
        If there is a rest, and the source is master patterns.
    """
    if rest is not None and not isinstance(source, BandStack):
        raise ValueError(
            "What is added to bands goes with a source that is a BandStack, "
            f"not master patterns of shape {np.shape(source)}"
        )
    n = len(which)
    short = int(rng.integers(camera.pixels[0], camera.pixels[1] + 1))
    aspect_ratio = float(rng.uniform(*camera.aspect_ratio))
    ny, nx = short, int(round(short * aspect_ratio))
    aspect_ratio = nx / ny

    groups = -(-n // per_camera)
    pc = np.column_stack(
        [
            rng.uniform(*getattr(camera, name), groups)
            for name in ("pcx", "pcy", "pcz")
        ]
    )
    error = rng.uniform(*camera.pc_error, groups)
    given = pc + error[:, None] * rng.normal(size=pc.shape)
    table = draw_table(rng, camera, short, groups).astype(np.float32)
    pc, given, table = (
        np.repeat(i, per_camera, axis=0)[:n] for i in (pc, given, table)
    )
    if rotations is None:
        rotations = random_rotations(rng, n)
    which = np.asarray(which, dtype=np.int64)
    rotations = np.ascontiguousarray(rotations, dtype=np.float32)
    seeds = rng.integers(0, 2**31 - 1, n)
    patterns = np.empty((n, ny, nx), dtype=np.float32)
    setting = (pc.astype(np.float32), np.float32(aspect_ratio), table, seeds)
    if isinstance(source, BandStack):
        normals = np.einsum("nij,nri->nrj", rotations, source.normals[which])
        _draw_bands(
            which,
            np.ascontiguousarray(normals, dtype=np.float32),
            source.reach,
            source.bragg,
            np.asarray(source.profiles, dtype=np.float32),
            *_rest_of(rest, which, rotations),
            *setting,
            patterns,
        )
    else:
        _draw_masters(
            source,
            which,
            _inverse_standard_deviation(source, which),
            rotations,
            *setting,
            patterns,
        )
    return patterns, given, aspect_ratio


def _rest_of(
    rest: Rest | None, which: np.ndarray, rotations: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Master patterns, none if there is no rest, and from the detector's
    frame to that of the master pattern of each pattern."""
    if rest is None:
        return np.empty((0, 2, 1, 1), dtype=np.float32), rotations
    turned = rest.to_unstrained()[which] @ rotations
    masters = np.ascontiguousarray(rest.masters, dtype=np.float32)
    return masters, np.ascontiguousarray(turned, dtype=np.float32)


def _inverse_standard_deviation(
    masters: np.ndarray, which: np.ndarray
) -> np.ndarray:
    out = np.ones(len(masters), dtype=np.float32)
    for i in np.unique(which):
        # Every fourth point is plenty, and the projection is equal-area.
        part = masters[i, 0, ::4, ::4].astype(np.float32)
        out[i] = 1 / max(part.std(), 1e-6)
    return out


@nb.njit(cache=True, nogil=True, fastmath={"contract", "reassoc", "arcp"})
def _draw_masters(
    masters,
    which,
    scale,
    rotations,
    pc,
    aspect_ratio,
    table,
    seeds,
    out,
):
    n, ny, nx = out.shape
    line = np.empty(max(ny, nx), dtype=np.float32)
    channels, size, _ = masters.shape[1:]
    half = np.float32((size - 1) / 2)
    last = np.float32(size - 1.001)
    spacing = np.float32(point_spacing(size))
    for i in range(n):
        p = table[i]
        rot = rotations[i]
        master = masters[which[i]]
        k = scale[which[i]]
        # The beam comes from above, and it is the edge of a band that
        # lies towards it that is bright.
        e = p[EDGES] * k if channels == 4 else np.float32(0)
        bx, by, bz = rot[0, 1] * e, rot[1, 1] * e, rot[2, 1] * e
        image = out[i]
        image[:] = 0
        # A pixel records the mean over its area. Interpolation between
        # the points of the master is a mean over about 1.5 of them.
        distance = np.sqrt(pc[i, 2] ** 2 + (pc[i, 1] - np.float32(0.5)) ** 2)
        points = max(1, int(round(1 / (ny * distance * 1.5 * spacing))))
        for r in range(ny * points):
            dy = (pc[i, 1] - (r + np.float32(0.5)) / (ny * points)) / pc[i, 2]
            for c in range(nx * points):
                dx = (
                    ((c + np.float32(0.5)) / (nx * points) - pc[i, 0])
                    * aspect_ratio
                    / pc[i, 2]
                )
                q = 1 / np.sqrt(dx * dx + dy * dy + np.float32(1))
                x = (rot[0, 0] * dx + rot[0, 1] * dy + rot[0, 2]) * q
                y = (rot[1, 0] * dx + rot[1, 1] * dy + rot[1, 2]) * q
                z = (rot[2, 0] * dx + rot[2, 1] * dy + rot[2, 2]) * q
                m = master[0]
                if channels == 2 and z < 0:
                    # kikuchipy's lower hemisphere is seen from above.
                    m = master[1]
                    z = -z
                u, v = _lambert_xy(x, y, z)
                u = min((u + 1) * half, last)
                v = min((v + 1) * half, last)
                a, b = int(v), int(u)
                f, g = np.float32(v - a), np.float32(u - b)
                w00 = (1 - f) * (1 - g)
                w01 = (1 - f) * g
                w10 = f * (1 - g)
                w11 = f * g
                value = k * (
                    w00 * m[a, b]
                    + w01 * m[a, b + 1]
                    + w10 * m[a + 1, b]
                    + w11 * m[a + 1, b + 1]
                )
                value += p[GAMMA] * value * abs(value)
                if channels == 4:
                    # The field of edges is odd, so the half that is not
                    # stored has the other sign. It is smooth enough for
                    # its nearest point.
                    if f > 0.5:
                        a += 1
                    if g > 0.5:
                        b += 1
                    edge = (
                        bx * master[1, a, b]
                        + by * master[2, a, b]
                        + bz * master[3, a, b]
                    )
                    value += edge if z >= 0 else -edge
                image[r // points, c // points] += value
        blur(image, p[BLUR], line)
        record(image, p, np.uint64(seeds[i]))


@nb.njit(cache=True, nogil=True, fastmath={"contract", "reassoc", "arcp"})
def _integral(area, profile, step, sine):
    """Integral of an even profile from zero to a sine."""
    last = len(profile) - 1
    t = min(abs(sine) / step, np.float32(last))
    m = min(int(t), last - 1)
    f = np.float32(t - m)
    low = profile[m]
    total = area[m] + f * low + f * f / 2 * (profile[m + 1] - low)
    return total * step if sine >= 0 else -total * step


@nb.njit(cache=True, nogil=True, fastmath={"contract", "reassoc", "arcp"})
def _signed_profile(profile, reach, bragg, width, edges, area, out):
    """Fill `out` with the profile of a band from one side to the other, as
    means over a window, with its excess and deficiency lines; return the
    sine at which it ends."""
    last = len(profile) - 1
    step = reach / last
    area[0] = 0
    lowest = highest = profile[0]
    for m in range(1, last + 1):
        area[m] = area[m - 1] + (profile[m - 1] + profile[m]) / 2
        lowest = min(lowest, profile[m])
        highest = max(highest, profile[m])
    end = reach + width / 2
    middle = len(out) // 2
    # One bright edge and one dark one at the Bragg angle.
    spread = np.float32(0.3) * bragg + np.float32(0.004)
    edges *= highest - lowest
    for j in range(middle + 1):
        sine = end * j / middle
        mean = (
            _integral(area, profile, step, sine + width / 2)
            - _integral(area, profile, step, sine - width / 2)
        ) / width
        off = (sine - bragg) / spread
        edge = edges * np.exp(np.float32(-0.5) * off * off)
        edge *= min(np.float32(1), 2 * sine / bragg)
        out[middle + j] = mean + edge
        out[middle - j] = mean - edge
    out[0] = out[2 * middle] = 0
    return end


@nb.njit(cache=True, nogil=True, fastmath={"contract", "reassoc", "arcp"})
def _add_master(image, master, turned, pc, aspect_ratio):
    """Add both hemispheres of a master pattern, looked up along directions
    of the detector's frame, to an image. One point of it is the mean over
    about a pixel."""
    ny, nx = image.shape
    half = np.float32(0.5)
    for r in range(ny):
        dy = (pc[1] - (r + half) / ny) / pc[2]
        for c in range(nx):
            dx = ((c + half) / nx - pc[0]) * aspect_ratio / pc[2]
            x = turned[0, 0] * dx + turned[0, 1] * dy + turned[0, 2]
            y = turned[1, 0] * dx + turned[1, 1] * dy + turned[1, 2]
            z = turned[2, 0] * dx + turned[2, 1] * dy + turned[2, 2]
            q = 1 / np.sqrt(x * x + y * y + z * z)
            m = master[0]
            if z < 0:
                # kikuchipy's lower hemisphere is seen from above.
                m = master[1]
                z = -z
            u, v = _lambert_xy(x * q, y * q, z * q)
            image[r, c] += _bilinear(m, u, v)


@nb.njit(cache=True, nogil=True, fastmath={"contract", "reassoc", "arcp"})
def _draw_bands(
    which,
    normals,
    reach,
    bragg,
    profiles,
    rest,
    turned,
    pc,
    aspect_ratio,
    table,
    seeds,
    out,
):
    n, ny, nx = out.shape
    n_bands, n_angles = profiles.shape[1:]
    line = np.empty(max(ny, nx), dtype=np.float32)
    area = np.empty(n_angles, dtype=np.float32)
    signed = np.empty(2 * _SAMPLES + 1, dtype=np.float32)
    inverse = np.empty((ny, nx), dtype=np.float32)
    half = np.float32(0.5)
    for i in range(n):
        p = table[i]
        image = out[i]
        image[:] = 0
        k = which[i]
        # Steps from column to column, and the first one.
        dx_step = aspect_ratio / (nx * pc[i, 2])
        dx_first = (half / nx - pc[i, 0]) * aspect_ratio / pc[i, 2]
        dx_last = dx_first + (nx - 1) * dx_step
        dx_most = max(abs(dx_first), abs(dx_last))
        # Of the lengths of directions, the same for all bands.
        for r in range(ny):
            dy = (pc[i, 1] - (r + half) / ny) / pc[i, 2]
            for c in range(nx):
                dx = dx_first + c * dx_step
                inverse[r, c] = 1 / np.sqrt(1 + dx * dx + dy * dy)
        for b in range(n_bands):
            if reach[k, b] <= 0:
                continue
            x, y, z = normals[i, b]
            # A pixel records the mean over its area. It is seen under a
            # smaller angle where the band is off the detector's normal.
            width = (1 - z * z) / (ny * pc[i, 2])
            width = max(width, np.float32(1e-3))
            # The beam comes from above, and it is the edge of a band that
            # lies towards it that is bright.
            end = _signed_profile(
                profiles[k, b],
                reach[k, b],
                bragg[k, b],
                width,
                p[EDGES] * y,
                area,
                signed,
            )
            scale = _SAMPLES / end
            for r in range(ny):
                dy = (pc[i, 1] - (r + half) / ny) / pc[i, 2]
                off = y * dy + z
                away = 1 + dy * dy
                # Columns that the band may cross.
                most = end * np.sqrt(away + dx_most * dx_most)
                if abs(x) * dx_step * nx < 1e-6:
                    if abs(off) > most:
                        continue
                    first, last = 0, nx - 1
                else:
                    one = ((-off - most) / x - dx_first) / dx_step
                    two = ((-off + most) / x - dx_first) / dx_step
                    low, high = min(one, two), max(one, two)
                    if high < 0 or low > nx - 1:
                        continue
                    first = int(max(low, np.float32(0)))
                    last = int(min(high + 1, np.float32(nx - 1)))
                for c in range(first, last + 1):
                    dx = dx_first + c * dx_step
                    t = (x * dx + off) * inverse[r, c] + end
                    t *= scale
                    if 0 < t < 2 * _SAMPLES:
                        m = int(t)
                        f = np.float32(t - m)
                        image[r, c] += signed[m] + f * (
                            signed[m + 1] - signed[m]
                        )
        if len(rest) > 0:
            _add_master(image, rest[k], turned[i], pc[i], aspect_ratio)
        mean = image.mean()
        per_std = 1 / (image.std() + np.float32(1e-6))
        for r in range(ny):
            for c in range(nx):
                value = (image[r, c] - mean) * per_std
                image[r, c] = value + p[GAMMA] * value * abs(value)
        blur(image, p[BLUR], line)
        record(image, p, np.uint64(seeds[i]))
