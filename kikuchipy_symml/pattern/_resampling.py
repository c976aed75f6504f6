# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The work of making canonical views, compiled.

A view pixel is the mean over the directions in it, each of which is read
between the four nearest pixels of the detector.
"""

import numba as nb
import numpy as np

# Where the local mean is below this share of that of the whole pattern, the
# detector is taken as unlit.
_BLACK = 0.15


@nb.njit(cache=True, nogil=True, fastmath=False)
def fill_views(
    patterns,
    indices,
    keep,
    pc,
    aspect_ratio,
    frames,
    directions,
    background,
    contrast,
    clip,
    views,
    valid,
):
    size, _, samples, _ = directions.shape
    ny, nx = patterns.shape[1:]
    pattern = np.empty((ny, nx), dtype=np.float32)
    image = np.empty((size, size), dtype=np.float32)
    seen = np.empty((size, size), dtype=np.float32)
    # Most patterns of a scan have the projection centre of the one before
    # and are seen in the same part of the view: what follows from these
    # alone is made anew only when they change.
    last_pc = np.full(3, np.nan, dtype=np.float32)
    first = np.empty(size * size + 1, dtype=np.int32)
    place = np.empty(size * size * samples, dtype=np.int32)
    fraction = np.empty((size * size * samples, 2), dtype=np.float32)
    last_seen = np.full((size, size), np.float32(-1))
    weights = np.empty((2, size, size), dtype=np.float32)
    for i in indices:
        if not _usable(patterns[i], keep, pattern):
            continue
        if not _equal(pc[i], last_pc):
            _project(
                ny,
                nx,
                pc[i],
                aspect_ratio,
                frames[i],
                directions,
                first,
                place,
                fraction,
            )
            last_pc[:] = pc[i]
        count = _resample(
            pattern.ravel(),
            keep.ravel(),
            nx,
            samples,
            first,
            place,
            fraction,
            image.ravel(),
            seen.ravel(),
        )
        _leave_out_unlit(image, seen, count)
        if seen.sum() < 16:
            continue
        if not _equal(seen.ravel(), last_seen.ravel()):
            last_seen[:] = seen
            weights[0] = seen
            _blur(weights[0], background)
            weights[1] = seen
            _blur(weights[1], contrast)
        if not _even_out(image, seen, weights, background, contrast, clip):
            continue
        valid[i] = True
        for r in range(size):
            for c in range(size):
                views[i, r, c, 0] = image[r, c]
                views[i, r, c, 1] = seen[r, c]


@nb.njit(cache=True, nogil=True)
def _equal(a, b):
    for i in range(a.size):
        if a[i] != b[i]:
            return False
    return True


@nb.njit(cache=True, nogil=True)
def _usable(pattern, keep, out):
    """Copy a pattern, scaled to a range of one; False if it is constant
    or not finite, or its range is not."""
    lowest = np.inf
    highest = -np.inf
    for y in range(pattern.shape[0]):
        for x in range(pattern.shape[1]):
            if keep[y, x] > 0:
                value = float(pattern[y, x])
                if not np.isfinite(value):
                    return False
                lowest = min(lowest, value)
                highest = max(highest, value)
    if not highest > lowest:
        return False
    # At the ends of the scale of 64-bit floats, a range overflows or is
    # too small to divide by.
    if not 1e-300 < highest - lowest < np.inf:
        return False
    scale = 1 / (highest - lowest)
    for y in range(pattern.shape[0]):
        for x in range(pattern.shape[1]):
            if keep[y, x] > 0:
                out[y, x] = (float(pattern[y, x]) - lowest) * scale
            else:
                out[y, x] = 0
    return True


@nb.njit(cache=True, nogil=True, fastmath={"contract", "reassoc", "arcp"})
def _project(
    ny, nx, pc, aspect_ratio, frame, directions, first, place, fraction
):
    """Find the samples of each view pixel on the detector.

    Those of view pixel p are first[p] to first[p + 1]. Each lies between
    the detector pixel at its place (in the flat pattern) and the next
    ones, by a fraction of a pixel along x and y.
    """
    size, _, samples, _ = directions.shape
    x_scale = pc[2] * nx / aspect_ratio
    y_scale = pc[2] * ny
    x_zero = pc[0] * nx - 0.5
    y_zero = pc[1] * ny - 0.5
    n = 0
    for r in range(size):
        for c in range(size):
            first[r * size + c] = n
            if directions[r, c, 0, 2] != directions[r, c, 0, 2]:
                continue
            for s in range(samples):
                a = directions[r, c, s, 0]
                b = directions[r, c, s, 1]
                d = directions[r, c, s, 2]
                vz = a * frame[0, 2] + b * frame[1, 2] + d * frame[2, 2]
                if vz < 1e-3:
                    continue
                vx = a * frame[0, 0] + b * frame[1, 0] + d * frame[2, 0]
                vy = a * frame[0, 1] + b * frame[1, 1] + d * frame[2, 1]
                x = x_zero + x_scale * vx / vz
                y = y_zero - y_scale * vy / vz
                # Half a pixel beyond the outer pixel centres is still
                # on the detector.
                if x < -0.5 or y < -0.5 or x > nx - 0.5 or y > ny - 0.5:
                    continue
                x = min(max(x, np.float32(0)), np.float32(nx - 1.001))
                y = min(max(y, np.float32(0)), np.float32(ny - 1.001))
                ix = int(x)
                iy = int(y)
                place[n] = iy * nx + ix
                fraction[n, 0] = x - ix
                fraction[n, 1] = y - iy
                n += 1
    first[size * size] = n


@nb.njit(cache=True, nogil=True, fastmath={"contract", "reassoc", "arcp"})
def _resample(pattern, keep, nx, samples, first, place, fraction, image, seen):
    """Fill the view with bilinear samples of the pattern; return how many
    of its pixels were seen. All arrays are flat."""
    count = 0
    one = np.float32(1)
    # Exactly half is a tie that rounding must not decide.
    enough = np.float32(0.5001 * samples)
    for p in range(image.size):
        total = np.float32(0)
        weight = np.float32(0)
        for s in range(first[p], first[p + 1]):
            i = np.uint32(place[s])
            j = i + np.uint32(nx)
            fx = fraction[s, 0]
            fy = fraction[s, 1]
            w00 = (one - fx) * (one - fy) * keep[i]
            w01 = fx * (one - fy) * keep[i + np.uint32(1)]
            w10 = (one - fx) * fy * keep[j]
            w11 = fx * fy * keep[j + np.uint32(1)]
            weight += w00 + w01 + w10 + w11
            total += (
                w00 * pattern[i]
                + w01 * pattern[i + np.uint32(1)]
                + w10 * pattern[j]
                + w11 * pattern[j + np.uint32(1)]
            )
        if weight > enough:
            image[p] = total / weight
            seen[p] = 1
            count += 1
        else:
            image[p] = 0
            seen[p] = 0
    return count


@nb.njit(cache=True, nogil=True)
def _leave_out_unlit(image, seen, count):
    """Take what is black as not seen, in place.

    Round screens leave the corners of the detector unlit. Their sharp rim
    would outshine all bands.
    """
    size = image.shape[0]
    black = np.float32(_BLACK) * image.sum() / max(count, 1)
    unlit = np.zeros((size, size), dtype=np.bool_)
    found = False
    for r in range(size):
        for c in range(size):
            if seen[r, c] > 0 and image[r, c] < 2 * black:
                around = np.float32(0)
                weight = np.float32(0)
                for i in range(max(r - 1, 0), min(r + 2, size)):
                    for j in range(max(c - 1, 0), min(c + 2, size)):
                        around += image[i, j]
                        weight += seen[i, j]
                unlit[r, c] = around < black * weight
                found |= unlit[r, c]
    if not found:
        return
    for r in range(size):
        for c in range(size):
            if unlit[r, c]:
                # With the rim, which is partly lit.
                for i in range(max(r - 2, 0), min(r + 3, size)):
                    for j in range(max(c - 2, 0), min(c + 3, size)):
                        seen[i, j] = 0
                        image[i, j] = 0


@nb.njit(cache=True, nogil=True)
def _even_out(image, seen, weights, background, contrast, clip):
    """Take off the background and divide by the local standard
    deviation, in place; False if nothing varies. The weights are what was
    seen, blurred by either window."""
    size = image.shape[0]
    local = np.empty_like(image)
    # Near the rim the window is one-sided and leaves part of a steep
    # background; the second pass takes that off.
    for _ in range(2):
        local[:] = image
        _blur(local, background)
        for r in range(size):
            for c in range(size):
                if seen[r, c] > 0:
                    image[r, c] -= local[r, c] / weights[0, r, c]
    total = 0.0
    count = 0
    for r in range(size):
        for c in range(size):
            local[r, c] = image[r, c] * image[r, c]
            total += local[r, c]
            count += seen[r, c] > 0
    floor = np.float32(total / count)
    # float32 rounding of a range of one: below it nothing varied.
    if not floor > 1e-12:
        return False
    _blur(local, contrast)
    least = np.float32(0.05) * floor
    for r in range(size):
        for c in range(size):
            if seen[r, c] > 0:
                variance = local[r, c] / weights[1, r, c] + least
                value = image[r, c] / np.sqrt(variance)
                image[r, c] = min(max(value, -clip), clip)
    return True


@nb.njit(cache=True, nogil=True)
def _blur(image, sigma):
    """Blur in place with three box windows, close to a Gaussian with the
    standard deviation sigma in pixels. Zero outside."""
    size = image.shape[0]
    half = max(1, int(round((np.sqrt(4 * sigma * sigma + 1) - 1) / 2)))
    other = np.empty_like(image)
    # Down the columns only, where neighbours in a row are independent;
    # the rows have their turn as columns of the transposed image.
    for _ in range(2):
        _box(image, half, other)
        _box(other, half, image)
        _box(image, half, other)
        for r in range(size):
            for c in range(size):
                image[c, r] = other[r, c]


@nb.njit(cache=True, nogil=True)
def _box(image, half, out):
    """Mean over 2 half + 1 rows."""
    size = image.shape[0]
    scale = np.float32(1 / (2 * half + 1))
    total = np.zeros(size, dtype=np.float32)
    for r in range(min(half, size)):
        for c in range(size):
            total[c] += image[r, c]
    for r in range(size):
        if half <= r < size - half:
            for c in range(size):
                value = total[c] + image[r + half, c]
                out[r, c] = value * scale
                total[c] = value - image[r - half, c]
            continue
        if r + half < size:
            for c in range(size):
                total[c] += image[r + half, c]
        for c in range(size):
            out[r, c] = total[c] * scale
        if r >= half:
            for c in range(size):
                total[c] -= image[r - half, c]
