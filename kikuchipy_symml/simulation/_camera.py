# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""A camera with all the faults of a real one.

Axes: ``N`` patterns, ``y`` and ``x`` detector rows and columns.
"""

from dataclasses import asdict, dataclass, fields

import numba as nb
import numpy as np

# Columns of the table of what the camera does to each pattern.
_CONTRAST, GAMMA, EDGES, BLUR, _NOISE, _SHOT = range(6)
_BUMP, _BUMP_X, _BUMP_Y, _BUMP_WIDTH, _SLOPE_X, _SLOPE_Y = range(6, 12)
_DEAD, _SATURATION, _SCREEN, _LEVELS = range(12, 16)
_GRAIN, _GRAIN_SIZE, _SHADE, _SHADE_SIZE = range(16, 20)
_N_COLUMNS = 20


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
        drawn on a logarithmic scale.
    grain
        Standard deviation, relative to that of the bands, of noise that is
        alike over several pixels: the grain of a screen, what is left of
        a static background.
    grain_size
        Size of that grain in pixels, drawn on a logarithmic scale.
    shade
        Standard deviation of the logarithm of an uneven brightness that is
        no slope and no bump: dust, scratches, a poor flat field.
    shade_size
        Size of its patches as a share of the detector's shorter side.
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
    pc_error: tuple[float, float] = (0.006, 0.006)
    contrast: tuple[float, float] = (0.03, 0.4)
    gamma: tuple[float, float] = (0.0, 0.15)
    edges: tuple[float, float] = (-0.1, 0.6)
    blur: tuple[float, float] = (0.2, 1.2)
    noise: tuple[float, float] = (0.1, 1.6)
    grain: tuple[float, float] = (0.0, 0.0)
    grain_size: tuple[float, float] = (1.5, 8.0)
    shade: tuple[float, float] = (0.0, 0.0)
    shade_size: tuple[float, float] = (0.15, 0.4)
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
            "grain_size",
            "shade_size",
        ):
            if not getattr(self, name)[0] > 0:
                raise ValueError(
                    f"{name} must be positive, not {getattr(self, name)}"
                )
        for name in ("pc_error", "grain", "shade"):
            if getattr(self, name)[0] < 0:
                raise ValueError(
                    f"{name} must not be negative, not {getattr(self, name)}"
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


def log_uniform(
    rng: np.random.Generator, low: float, high: float, n: int
) -> np.ndarray:
    """Return random numbers whose logarithm is uniformly distributed."""
    return np.exp(rng.uniform(np.log(low), np.log(high), n))


def draw_table(
    rng: np.random.Generator, camera: Camera, short: int, n: int
) -> np.ndarray:
    """Draw what the camera does to each of `n` patterns with so many
    pixels along the shorter side; one row for each."""
    table = np.zeros((n, _N_COLUMNS))
    table[:, _CONTRAST] = log_uniform(rng, *camera.contrast, n)
    table[:, GAMMA] = rng.uniform(*camera.gamma, n)
    table[:, EDGES] = rng.uniform(*camera.edges, n)
    table[:, BLUR] = rng.uniform(*camera.blur, n)
    table[:, _NOISE] = log_uniform(rng, *camera.noise, n)
    table[:, _SHOT] = rng.uniform(0, 1, n)
    table[:, _BUMP] = rng.uniform(*camera.bump, n)
    table[:, _BUMP_X] = rng.normal(0.5, 0.15, n)
    table[:, _BUMP_Y] = rng.normal(0.4, 0.2, n)
    table[:, _BUMP_WIDTH] = rng.uniform(0.25, 0.7, n)
    table[:, _SLOPE_X] = rng.uniform(*camera.slope, n)
    table[:, _SLOPE_Y] = rng.uniform(*camera.slope, n)
    table[:, _GRAIN] = rng.uniform(*camera.grain, n)
    table[:, _GRAIN_SIZE] = log_uniform(rng, *camera.grain_size, n)
    table[:, _SHADE] = rng.uniform(*camera.shade, n)
    table[:, _SHADE_SIZE] = short * rng.uniform(*camera.shade_size, n)
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
def blur(image, sigma, line):
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
def _add_patches(field, size, amount, state):
    """Add a smooth random field: normal numbers on a grid of some width in
    pixels, joined linearly."""
    ny, nx = field.shape
    gy, gx = int(ny / size) + 2, int(nx / size) + 2
    grid = np.empty((gy, gx), dtype=np.float32)
    for i in range(gy):
        for j in range(gx):
            state = _next(state)
            # A mean over random parts of a cell has 4 / 9 of the variance.
            grid[i, j] = amount * np.float32(1.5) * _normal(state)
    # The grid lies anywhere.
    state = _next(state)
    byte = np.uint64(255)
    y0 = np.float32(state & byte) / np.float32(256)
    x0 = np.float32((state >> np.uint64(8)) & byte) / np.float32(256)
    for r in range(ny):
        y = min(r / size + y0, np.float32(gy - 1.001))
        a = int(y)
        f = np.float32(y - a)
        for c in range(nx):
            x = min(c / size + x0, np.float32(gx - 1.001))
            b = int(x)
            g = np.float32(x - b)
            field[r, c] += (1 - f) * (
                (1 - g) * grid[a, b] + g * grid[a, b + 1]
            ) + f * ((1 - g) * grid[a + 1, b] + g * grid[a + 1, b + 1])
    return state


@nb.njit(cache=True, nogil=True, fastmath={"contract", "reassoc", "arcp"})
def record(image, p, seed):
    """Turn the intensity of the bands into grey levels, in place."""
    ny, nx = image.shape
    mean = image.mean()
    std = image.std() + np.float32(1e-6)
    state = _next(_next(seed | np.uint64(1)))
    grain = np.zeros_like(image)
    if p[_GRAIN] > 0:
        state = _add_patches(grain, p[_GRAIN_SIZE], p[_GRAIN], state)
    shade = np.zeros_like(image)
    if p[_SHADE] > 0:
        state = _add_patches(shade, p[_SHADE_SIZE], p[_SHADE], state)
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
            value += grain[r, c]
            value = light * (1 + p[_CONTRAST] * value)
            if p[_SHADE] > 0:
                value *= np.exp(shade[r, c])
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
