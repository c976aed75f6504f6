# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""A camera with all the faults of a real one.

Axes: ``N`` patterns, ``M`` master patterns, ``y`` and ``x`` detector rows
and columns.
"""

from dataclasses import asdict, dataclass, fields

import numba as nb
import numpy as np

from ._sphere import _lambert_xy, point_spacing, random_rotations

# Columns of the table of what the camera does to each pattern.
_CONTRAST, _GAMMA, _EDGES, _BLUR, _NOISE, _SHOT = range(6)
_BUMP, _BUMP_X, _BUMP_Y, _BUMP_WIDTH, _SLOPE_X, _SLOPE_Y = range(6, 12)
_DEAD, _SATURATION, _SCREEN, _LEVELS = range(12, 16)
_N_COLUMNS = 16


@dataclass(frozen=True)
class Camera:
    """Ranges from which the camera of each pattern is drawn.

    Each range is (lowest, highest), drawn uniformly, unless said
    otherwise.

    Parameters
    ----------
    pixels
        Pixels along the shorter side of the detector.
    aspect_ratio
        Width divided by height.
    pcx, pcy, pcz
        Projection centre in Bruker's convention.
    pc_error
        Standard deviation of the error of the projection centre that
        the user gives.
    contrast
        Standard deviation of the bands relative to the background,
        drawn on a logarithmic scale.
    gamma
        Strength of a quadratic response to the bands.
    edges
        Strength of excess and deficiency lines.
    blur
        Standard deviation of the blur in pixels.
    noise
        Standard deviation of the noise relative to that of the bands,
        drawn on a logarithmic scale. The grain of a poorly corrected
        screen is part of it: in a single pattern the two look the same.
    bump
        Height of the diffuse background's maximum over its rim.
    slope
        Linear shading of the detector from rim to rim.
    dead
        Share of dead or hot pixels.
    saturation
        Saturation of the brightest pixels: 20 times this share of the
        range of grey levels is cut off at its top.
    round_screen
        Probability that a round screen vignettes the corners.
    low_depth
        Probability that a pattern has only 16 to 64 grey levels; all
        others have 256.
    """

    pixels: tuple[int, int] = (44, 100)
    aspect_ratio: tuple[float, float] = (1.0, 1.34)
    pcx: tuple[float, float] = (0.4, 0.6)
    pcy: tuple[float, float] = (0.1, 0.6)
    pcz: tuple[float, float] = (0.42, 0.85)
    pc_error: float = 0.006
    contrast: tuple[float, float] = (0.03, 0.4)
    gamma: tuple[float, float] = (0.0, 0.15)
    edges: tuple[float, float] = (-0.1, 0.6)
    blur: tuple[float, float] = (0.2, 1.2)
    noise: tuple[float, float] = (0.1, 1.6)
    bump: tuple[float, float] = (0.0, 1.5)
    slope: tuple[float, float] = (-0.4, 0.4)
    dead: tuple[float, float] = (0.0, 0.002)
    saturation: tuple[float, float] = (0.0, 0.01)
    round_screen: float = 0.1
    low_depth: float = 0.1

    def __post_init__(self) -> None:
        for f in fields(self):
            value = getattr(self, f.name)
            is_range = isinstance(f.default, tuple)
            numbers = value if is_range else (value,)
            if (
                not isinstance(numbers, tuple)
                or len(numbers) != 1 + is_range
                or not all(isinstance(i, int | float) for i in numbers)
                or not numbers[0] <= numbers[-1]
            ):
                expected = (
                    "two numbers, the lower one first"
                    if is_range
                    else "a number"
                )
                raise ValueError(f"{f.name} must be {expected}, not {value!r}")
        # Drawn on a logarithmic scale, or divided by.
        for name in (
            "pixels",
            "aspect_ratio",
            "pcz",
            "contrast",
            "blur",
            "noise",
        ):
            if not getattr(self, name)[0] > 0:
                raise ValueError(
                    f"{name} must be positive, not {getattr(self, name)}"
                )
        for name in ("round_screen", "low_depth"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(
                    f"{name} must be a probability, not {getattr(self, name)}"
                )

    @classmethod
    def from_dict(cls, settings: dict) -> "Camera":
        """Return a camera from a recipe's settings.

        Raises
        ------
        ValueError
            If a setting is unknown or out of range.
        """
        known = {f.name for f in fields(cls)}
        unknown = set(settings) - known
        if unknown:
            raise ValueError(
                f"Unknown camera settings {sorted(unknown)}; known are "
                f"{sorted(known)}"
            )
        return cls(
            **{
                k: tuple(v) if isinstance(v, list) else v
                for k, v in settings.items()
            }
        )

    def to_dict(self) -> dict:
        """Return the settings as a dictionary for a recipe."""
        return asdict(self)


def draw_patterns(
    rng: np.random.Generator,
    masters: np.ndarray,
    which: np.ndarray,
    camera: Camera,
    rotations: np.ndarray | None = None,
    per_camera: int = 1,
) -> tuple[np.ndarray, np.ndarray, float]:
    """Draw patterns as one detector of random make would record them.

    Parameters
    ----------
    rng
        Source of all randomness.
    masters
        Master patterns as from :func:`master_from_bands`, shape (M, 4,
        size, size), of any real data type: each is scaled to a standard
        deviation of one. Or only the intensity on the upper and on the
        lower hemisphere, shape (M, 2, size, size): then there are no
        excess and deficiency lines.
    which
        Index of the master pattern of each pattern, shape (N,).
    camera
        What to draw from. The pixel count and aspect ratio are drawn
        once for all patterns.
    rotations
        From the detector's frame (right, up, forward) to the crystal's,
        shape (N, 3, 3). Drawn uniformly if not given.
    per_camera
        Number of consecutive patterns that share everything but the
        orientation and the noise, such as those of one grain.

    Returns
    -------
    patterns
        Shape (N, y, x), float32, 0 to 1.
    pc
        Projection centres that a user would give, shape (N, 3).
    aspect_ratio
        Width of the detector divided by its height.
    """
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
    given = pc + rng.normal(0, camera.pc_error, pc.shape)
    table = _draw_table(rng, camera, groups)
    pc, given, table = (
        np.repeat(i, per_camera, axis=0)[:n] for i in (pc, given, table)
    )
    if rotations is None:
        rotations = random_rotations(rng, n)
    patterns = np.empty((n, ny, nx), dtype=np.float32)
    _draw(
        masters,
        np.asarray(which, dtype=np.int64),
        _inverse_standard_deviation(masters, which),
        np.ascontiguousarray(rotations, dtype=np.float32),
        pc.astype(np.float32),
        np.float32(aspect_ratio),
        table.astype(np.float32),
        rng.integers(0, 2**31 - 1, n),
        patterns,
    )
    return patterns, given, aspect_ratio


def _inverse_standard_deviation(
    masters: np.ndarray, which: np.ndarray
) -> np.ndarray:
    out = np.ones(len(masters), dtype=np.float32)
    for i in np.unique(which):
        # Every fourth point is plenty, and the projection is equal-area.
        part = masters[i, 0, ::4, ::4].astype(np.float32)
        out[i] = 1 / max(part.std(), 1e-6)
    return out


def _draw_table(
    rng: np.random.Generator, camera: Camera, n: int
) -> np.ndarray:
    def log_uniform(low, high):
        return np.exp(rng.uniform(np.log(low), np.log(high), n))

    table = np.zeros((n, _N_COLUMNS))
    table[:, _CONTRAST] = log_uniform(*camera.contrast)
    table[:, _GAMMA] = rng.uniform(*camera.gamma, n)
    table[:, _EDGES] = rng.uniform(*camera.edges, n)
    table[:, _BLUR] = rng.uniform(*camera.blur, n)
    table[:, _NOISE] = log_uniform(*camera.noise)
    table[:, _SHOT] = rng.uniform(0, 1, n)
    table[:, _BUMP] = rng.uniform(*camera.bump, n)
    table[:, _BUMP_X] = rng.normal(0.5, 0.15, n)
    table[:, _BUMP_Y] = rng.normal(0.4, 0.2, n)
    table[:, _BUMP_WIDTH] = rng.uniform(0.25, 0.7, n)
    table[:, _SLOPE_X] = rng.uniform(*camera.slope, n)
    table[:, _SLOPE_Y] = rng.uniform(*camera.slope, n)
    table[:, _DEAD] = rng.uniform(*camera.dead, n)
    table[:, _SATURATION] = rng.uniform(*camera.saturation, n)
    screen = rng.uniform(0.95, 1.25, n)
    table[:, _SCREEN] = np.where(
        rng.random(n) < camera.round_screen, screen, 0
    )
    table[:, _LEVELS] = np.where(
        rng.random(n) < camera.low_depth, rng.integers(16, 65, n), 256
    )
    return table


@nb.njit(cache=True, nogil=True, inline="always")
def _next(state):
    """Step of Marsaglia's xorshift generator (J. Stat. Softw. 8 (2003)
    14), three shifts of 32 bits."""
    # Numba shifts in 64 bits: the upper half has to be cut off.
    state ^= (state << np.uint64(13)) & np.uint64(0xFFFFFFFF)
    state ^= state >> np.uint64(17)
    state ^= (state << np.uint64(5)) & np.uint64(0xFFFFFFFF)
    return state


@nb.njit(cache=True, nogil=True, inline="always")
def _normal(bits):
    """A normal number from 32 random bits: four bytes, summed. Ends at
    3.5 standard deviations."""
    byte = np.uint64(255)
    total = (
        (bits & byte)
        + ((bits >> np.uint64(8)) & byte)
        + ((bits >> np.uint64(16)) & byte)
        + (bits >> np.uint64(24))
    )
    # Four bytes: mean 4 x 127.5, variance 4 x (256^2 - 1) / 12.
    return (np.float32(total) - np.float32(510)) * np.float32(1 / 147.8)


@nb.njit(cache=True, nogil=True, fastmath={"contract", "reassoc", "arcp"})
def _draw(
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
        e = p[_EDGES] * k if channels == 4 else np.float32(0)
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
                value += p[_GAMMA] * value * abs(value)
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
        _gaussian(image, p[_BLUR], line)
        _record(image, p, np.uint64(seeds[i]))


@nb.njit(cache=True, nogil=True, fastmath={"contract", "reassoc", "arcp"})
def _gaussian(image, sigma, line):
    """Blur in place by a Gaussian window of at most nine pixels."""
    ny, nx = image.shape
    half = min(4, int(np.ceil(2.5 * sigma)))
    weights = np.empty(half + 1, dtype=np.float32)
    total = np.float32(0)
    for k in range(half + 1):
        weights[k] = np.exp(-0.5 * (k / sigma) ** 2)
        total += weights[k] * (1 if k == 0 else 2)
    weights /= total
    for r in range(ny):
        for c in range(nx):
            line[c] = image[r, c]
        for c in range(nx):
            s = weights[0] * line[c]
            for k in range(1, half + 1):
                s += weights[k] * (
                    line[max(c - k, 0)] + line[min(c + k, nx - 1)]
                )
            image[r, c] = s
    for c in range(nx):
        for r in range(ny):
            line[r] = image[r, c]
        for r in range(ny):
            s = weights[0] * line[r]
            for k in range(1, half + 1):
                s += weights[k] * (
                    line[max(r - k, 0)] + line[min(r + k, ny - 1)]
                )
            image[r, c] = s


@nb.njit(cache=True, nogil=True, fastmath={"contract", "reassoc", "arcp"})
def _record(image, p, seed):
    """Turn the intensity of the bands into grey levels, in place."""
    ny, nx = image.shape
    mean = image.mean()
    std = image.std() + np.float32(1e-6)
    state = _next(_next(seed | np.uint64(1)))
    # The diffuse background is a product of one function of x and one
    # of y.
    fall = np.float32(-0.5) / p[_BUMP_WIDTH] ** 2
    across = np.empty(nx, dtype=np.float32)
    for c in range(nx):
        across[c] = np.exp(fall * ((c + 0.5) / nx - p[_BUMP_X]) ** 2)
    lowest = np.float32(np.inf)
    highest = np.float32(-np.inf)
    for r in range(ny):
        y = np.float32((r + 0.5) / ny)
        down = p[_BUMP] * np.exp(fall * (y - p[_BUMP_Y]) ** 2)
        for c in range(nx):
            x = np.float32((c + 0.5) / nx)
            light = (1 + down * across[c]) * (
                1
                + p[_SLOPE_X] * (x - np.float32(0.5))
                + p[_SLOPE_Y] * (y - np.float32(0.5))
            )
            # Counting noise grows as the root of the signal, read-out
            # noise does not grow.
            noise = p[_NOISE] * (1 - p[_SHOT] + p[_SHOT] / np.sqrt(light))
            state = _next(state)
            value = (image[r, c] - mean) / std + noise * _normal(state)
            value = light * (1 + p[_CONTRAST] * value)
            if p[_SCREEN] > 0:
                d2 = 4 * (
                    (x - np.float32(0.5)) ** 2 + (y - np.float32(0.5)) ** 2
                )
                if d2 > p[_SCREEN] ** 2:
                    value = np.float32(0)
            image[r, c] = value
            lowest = min(lowest, value)
            highest = max(highest, value)
    # Saturation: the top of the range is cut off.
    highest -= p[_SATURATION] * 20 * (highest - lowest)
    levels = p[_LEVELS] - 1
    scale = levels / (highest - lowest)
    for r in range(ny):
        for c in range(nx):
            value = np.floor((image[r, c] - lowest) * scale + np.float32(0.5))
            image[r, c] = min(max(value, np.float32(0)), levels) / levels
    for _ in range(int(p[_DEAD] * ny * nx)):
        state = _next(state)
        r = (state >> np.uint64(2)) % np.uint64(ny)
        c = (state >> np.uint64(14)) % np.uint64(nx)
        image[r, c] = np.float32(state & np.uint64(1))
