# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The canonical view: what an ideal camera at the source point sees.

Every detector looks at the sphere of directions around the source point
from its own place, so the same crystal gives other pictures on other
detectors. The canonical view undoes this: it is an azimuthal equal-area
picture with a fixed angular scale, looking at the middle of what the
detector sees, with the background removed and the contrast evened out.

Axes: ``N`` patterns, ``y`` and ``x`` detector rows and columns, ``r`` and
``c`` view rows and columns.
"""

from dataclasses import asdict, dataclass
from functools import lru_cache

import numpy as np

from ._resampling import fill_views

MIN_PIXELS = 20
# Projection centres are fractions of the detector's sides. Values out of
# all proportion are pixels or micrometres, or do not fit 32-bit floats.
SMALLEST_PCZ = 1e-3
LARGEST_PC = 100

# Every data type is compiled anew, in seconds. Others become float64, to
# which each value is converted anyway.
_COMPILED = [np.dtype(i) for i in ("uint8", "uint16", "float32", "float64")]


@dataclass(frozen=True)
class ViewSpec:
    """The camera of the canonical view and its contrast settings.

    Parameters
    ----------
    size
        Pixels along each side. Must be even.
    radius
        Angle in degrees from the centre of the view to the middle of
        its edges. Directions further out are left out.
    background
        Standard deviation in degrees of the Gaussian window whose mean
        is taken off as background.
    contrast
        Standard deviation in degrees of the Gaussian window over which
        the contrast is evened out.
    clip
        Values beyond this many local standard deviations are clipped.
    """

    size: int = 80
    radius: float = 48.0
    background: float = 4.0
    contrast: float = 16.0
    clip: float = 4.0

    def __post_init__(self) -> None:
        if self.size < 16 or self.size % 2:
            raise ValueError(
                f"size must be an even number of at least 16, not {self.size}"
            )
        if not 10 <= self.radius <= 80:
            raise ValueError(
                f"radius must be 10 to 80 degrees, not {self.radius}"
            )
        for name in ("background", "contrast", "clip"):
            value = getattr(self, name)
            if not value > 0:
                raise ValueError(f"{name} must be positive, not {value}")

    @property
    def pixel(self) -> float:
        """Angle in radians across a pixel in the middle of the view."""
        return 4 * np.sin(np.deg2rad(self.radius) / 2) / self.size

    def to_dict(self) -> dict:
        """Return the settings as a dictionary for a model card."""
        return asdict(self)

    @classmethod
    def from_dict(cls, settings: dict) -> "ViewSpec":
        """Return the view that :meth:`to_dict` described.

        Raises
        ------
        ValueError
            If a setting is unknown or out of range.
        """
        try:
            return cls(**settings)
        except TypeError as e:
            raise ValueError(
                f"Not the settings of a canonical view: {settings} ({e})"
            ) from None


@lru_cache(maxsize=8)
def view_directions(spec: ViewSpec, oversampling: int = 1) -> np.ndarray:
    """Directions that the pixels of the view look along.

    Parameters
    ----------
    spec
        The view.
    oversampling
        Number of directions along each side of a pixel.

    Returns
    -------
    directions
        Unit vectors in the frame of the view (right, up, forward), shape
        (size, size, oversampling**2, 3), float32. NaN outside the
        radius of the view.

    Notes
    -----
    Azimuthal equal-area projection: a direction at the angle t from
    the middle stands at the radius 2 sin(t / 2).
    """
    n = spec.size * oversampling
    edge = 2 * np.sin(np.deg2rad(spec.radius) / 2)
    u = ((np.arange(n) + 0.5) / n * 2 - 1) * edge
    x, y = np.meshgrid(u, -u)
    rho2 = x**2 + y**2
    scale = np.sqrt(np.clip(1 - rho2 / 4, 0, None))
    v = np.stack([x * scale, y * scale, 1 - rho2 / 2], axis=-1)
    v = v.reshape(spec.size, oversampling, spec.size, oversampling, 3)
    v = v.swapaxes(1, 2).reshape(spec.size, spec.size, -1, 3)
    v = v.astype(np.float32)
    v[np.mean(v, axis=2)[..., 2] < np.cos(np.deg2rad(spec.radius))] = np.nan
    v.setflags(write=False)
    return v


def view_frame(pc: np.ndarray, aspect_ratio: float) -> np.ndarray:
    """Right, up and forward of the view in the frame of the detector.

    Parameters
    ----------
    pc
        Projection centre(s) in Bruker's convention, shape (..., 3).
    aspect_ratio
        Width of the detector divided by its height.

    Returns
    -------
    frames
        Rotation matrices with the axes of the view as rows, in the
        detector's right, up and forward, shape (..., 3, 3).
    """
    pcx, pcy, pcz = np.moveaxis(np.asarray(pc, dtype=np.float64), -1, 0)
    forward = np.stack([(0.5 - pcx) * aspect_ratio, pcy - 0.5, pcz], axis=-1)
    forward /= np.linalg.norm(forward, axis=-1, keepdims=True)
    right = np.cross([0.0, 1.0, 0.0], forward)
    right /= np.linalg.norm(right, axis=-1, keepdims=True)
    return np.stack([right, np.cross(forward, right), forward], axis=-2)


def canonical_views(
    patterns: np.ndarray,
    pc: np.ndarray,
    spec: ViewSpec,
    signal_mask: np.ndarray | None = None,
    aspect_ratio: float | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return patterns as the ideal camera would have seen them.

    Parameters
    ----------
    patterns
        Patterns of shape (N, y, x) and any real data type.
    pc
        Projection centre (PCx, PCy, PCz) in Bruker's convention, one
        for all patterns, shape (3,), or one for each, shape (N, 3).
    spec
        The view.
    signal_mask
        Detector pixels to leave out where True, shape (y, x). Black
        regions, such as the corners around a round screen, are left out
        without one.
    aspect_ratio
        Width of the detector divided by its height. If not given, its
        pixels are taken as square.

    Returns
    -------
    views
        Shape (N, size, size, 2), float32. The first channel is the
        background-free intensity in units of its local standard
        deviation, 0 where nothing was seen. The second is 1 where the
        detector saw that direction and 0 elsewhere.
    valid
        Whether a pattern can be used, shape (N,). Patterns that are
        constant or hold NaN or infinite values cannot, nor can those
        that cover fewer than 16 pixels of the view; their view is 0
        everywhere.

    Raises
    ------
    ValueError
        If the patterns are not real numbers, the shapes do not fit each
        other, a detector side has fewer than 20 pixels, a projection
        centre is not finite, lies in or behind the detector (PCz <= 0)
        or is no fraction of its sides (beyond 100, or PCz below 0.001),
        or the aspect ratio is not positive.
    """
    patterns = np.asarray(patterns)
    if patterns.ndim != 3:
        raise ValueError(
            f"Patterns must have the shape (N, y, x), not {patterns.shape}"
        )
    n, ny, nx = patterns.shape
    if min(ny, nx) < MIN_PIXELS:
        raise ValueError(
            f"Patterns of shape {(ny, nx)} are too small: at least "
            f"{MIN_PIXELS} pixels a side are needed"
        )
    if patterns.dtype.kind not in "buif":
        raise ValueError(
            f"Patterns must be real numbers, not {patterns.dtype}"
        )
    if patterns.dtype not in _COMPILED:
        patterns = patterns.astype(np.float64)
    patterns = np.ascontiguousarray(patterns)
    pc = np.asarray(pc, dtype=np.float64)
    if pc.shape not in [(3,), (n, 3)]:
        raise ValueError(
            f"Projection centres must have the shape (3,) or {(n, 3)}, not "
            f"{pc.shape}"
        )
    bad = ~np.isfinite(pc).all(axis=-1) | ~(pc[..., 2] > 0)
    if np.any(bad):
        raise ValueError(
            "Projection centres must be finite with PCz > 0, not "
            f"{pc[bad].reshape(-1, 3)[0].tolist()}"
        )
    bad = pc_out_of_proportion(pc)
    if np.any(bad):
        raise ValueError(
            "Projection centres must be fractions of the detector's sides, "
            f"up to {LARGEST_PC} and with PCz of {SMALLEST_PCZ} at least, "
            f"not {pc[bad].reshape(-1, 3)[0].tolist()}"
        )
    if signal_mask is None:
        keep = np.ones((ny, nx), dtype=np.float32)
    else:
        signal_mask = np.asarray(signal_mask)
        if signal_mask.shape != (ny, nx) or signal_mask.dtype != bool:
            raise ValueError(
                f"The signal mask must be boolean of shape {(ny, nx)}, not "
                f"{signal_mask.dtype} of shape {signal_mask.shape}"
            )
        keep = (~signal_mask).astype(np.float32)
    if aspect_ratio is None:
        aspect_ratio = nx / ny
    if not 0 < aspect_ratio < np.inf:
        raise ValueError(
            f"aspect_ratio must be finite and positive, not {aspect_ratio}"
        )

    views = np.zeros((n, spec.size, spec.size, 2), dtype=np.float32)
    valid = np.zeros(n, dtype=np.bool_)
    if n == 0:
        return views, valid
    pc = np.broadcast_to(pc, (n, 3))
    frames = view_frame(pc, aspect_ratio).astype(np.float32)
    oversampling = _oversampling(pc, ny, spec)
    for k in np.unique(oversampling):
        here = np.flatnonzero(oversampling == k)
        fill_views(
            patterns,
            here,
            keep,
            np.ascontiguousarray(pc, dtype=np.float32),
            np.float32(aspect_ratio),
            frames,
            view_directions(spec, int(k)),
            np.float32(np.deg2rad(spec.background) / spec.pixel),
            np.float32(np.deg2rad(spec.contrast) / spec.pixel),
            np.float32(spec.clip),
            views,
            valid,
        )
    return views, valid


def pc_out_of_proportion(pc: np.ndarray) -> np.ndarray:
    """Return which projection centres are no fractions of a detector's
    sides.

    Parameters
    ----------
    pc
        Projection centres in Bruker's convention, shape (..., 3).

    Returns
    -------
    out_of_proportion
        Boolean array of shape (...).
    """
    too_large = (np.abs(pc) > LARGEST_PC).any(axis=-1)
    return too_large | (pc[..., 2] < SMALLEST_PCZ)


def _oversampling(pc: np.ndarray, ny: int, spec: ViewSpec) -> np.ndarray:
    """Samples along a view pixel, so that none of a finer detector's
    pixels is skipped."""
    distance = np.linalg.norm(
        np.stack([pc[:, 1] - 0.5, pc[:, 2]], axis=-1), axis=-1
    )
    detector_pixel = 1 / ny / distance
    return np.clip(np.round(spec.pixel / detector_pixel), 1, 8).astype(int)
