# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Maps of many patterns, averaged in the frame of the crystal."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import dask.array as da
import numpy as np
from hyperspy._signals.signal2d import Signal2D
from kikuchipy.detectors import EBSDDetector
from orix.crystal_map import CrystalMap, Phase
from scipy.ndimage import map_coordinates

from kikuchipy_symml.classify._crystal_frame import (
    crystal_to_detector,
    pc_of_points,
)
from kikuchipy_symml.classify._symmetry_elements import (
    bracketed,
    laue_matrices,
    zone_axes,
)

if TYPE_CHECKING:  # pragma: no cover
    import matplotlib.axes

# Directions of which fewer looks were taken have no average
MIN_LOOKS = 3


@dataclass(frozen=True, eq=False)
class CrystalAverage:
    """An average over patterns, on the sphere of a crystal's directions.

    Parameters
    ----------
    phase
        The phase.
    values
        Mean in each direction of the upper hemisphere in stereographic
        projection, shape (size, size): x to the right, y up. NaN outside
        of it and where too few patterns looked.
    looks
        How many values each is a mean of, of the same shape.
    n_patterns
        Number of patterns.
    """

    phase: Phase
    values: np.ndarray
    looks: np.ndarray
    n_patterns: int

    def __repr__(self) -> str:
        return (
            f"<{type(self).__name__} of {self.n_patterns} patterns of "
            f"{self.phase.name}>"
        )

    def plot(
        self,
        axes: "matplotlib.axes.Axes | None" = None,
        *,
        highest_index: int = 1,
        cmap: str = "RdBu_r",
        signed: bool = True,
    ) -> "matplotlib.axes.Axes":
        """Plot in stereographic projection, zone axes named.

        Parameters
        ----------
        axes
            To plot in. If not given, of a new figure.
        highest_index
            Zone axes [uvw] with indices up to this are named.
        cmap
            Name of a map of colors of matplotlib.
        signed
            Whether the middle of the colors is zero.

        Returns
        -------
        axes
            With the plot.
        """
        import matplotlib.pyplot as plt
        from matplotlib.patheffects import withStroke

        if axes is None:
            _, axes = plt.subplots(figsize=(4.5, 4.5), layout="constrained")
        low, high = np.nanquantile(self.values, (0.005, 0.995))
        if signed:
            high = max(abs(low), abs(high))
            low = -high
        axes.imshow(
            self.values,
            cmap=cmap,
            vmin=low,
            vmax=high,
            extent=(-1, 1, -1, 1),
            interpolation="bilinear",
        )
        axes.add_patch(plt.Circle((0, 0), 1, fill=False, color="black"))
        stroke = [withStroke(linewidth=2, foreground="white")]
        for uvw, (x, y, z) in zip(
            *zone_axes(self.phase, highest_index), strict=True
        ):
            # On the rim, one of the two directions
            on_rim = abs(z) < 1e-6
            if z < -1e-6 or (on_rim and (y < -1e-6 or (y < 1e-6 and x < 0))):
                continue
            place = np.array([x, y]) / (1 + z)
            axes.plot(*place, "o", ms=3, color="black", clip_on=False)
            axes.annotate(
                bracketed(uvw),
                place,
                xytext=(3, 3),
                textcoords="offset points",
                fontsize=8,
                path_effects=stroke,
                annotation_clip=False,
            )
        axes.set(xlim=(-1.05, 1.05), ylim=(-1.05, 1.05), aspect="equal")
        axes.set_axis_off()
        return axes


def average_in_crystal(
    signal: Signal2D,
    xmap: CrystalMap,
    detector: EBSDDetector,
    *,
    size: int = 151,
    normalize: bool = True,
) -> dict[str, CrystalAverage]:
    """Average maps of many patterns in the frame of each crystal.

    Of what explains a symmetry, this shows which poles and bands of a
    phase carry it, whatever the orientation.

    Parameters
    ----------
    signal
        One map for each pattern: what
        :func:`~kikuchipy_symml.explain_symmetry` returns, or the
        patterns themselves, best without their background.
    xmap
        Phases with their point groups, and orientations, of the
        navigation shape of the signal.
    detector
        With its tilts and projection centre(s), and the shape of the
        maps.
    size
        Number of points along each side of the projection, odd.
    normalize
        Whether each map counts the same, being divided by the mean of
        its absolute values.

    Returns
    -------
    averages
        One for each phase in the map, by its name.

    Raises
    ------
    ValueError
        If the shapes do not fit, or *size* is no odd number of at least
        3.

    Notes
    -----
    Each direction is looked up in all patterns that see one equivalent
    to it by the Laue group of the phase, in these and in opposite
    directions: diffraction hardly tells them apart.
    """
    is_integer = isinstance(size, int | np.integer)
    if not is_integer or size < 3 or size % 2 == 0:
        raise ValueError(
            f"size must be an odd number of at least 3, not {size!r}"
        )
    manager = signal.axes_manager
    shape = tuple(manager.navigation_shape[::-1])
    map_shape = tuple(manager.signal_shape[::-1])
    if tuple(detector.shape) != map_shape:
        raise ValueError(
            f"The detector's shape {tuple(detector.shape)} must be that of "
            f"the maps, {map_shape}"
        )
    n = int(np.prod(shape))
    if xmap.size != n or not xmap.is_in_data.all():
        raise ValueError(
            f"The crystal map has {xmap.size} points, expected all {n} of "
            f"the navigation shape {shape}"
        )
    pc = pc_of_points(detector, shape).reshape(-1, 3)
    rotations = xmap.rotations
    if rotations.ndim > 1:
        rotations = rotations[:, 0]
    turns = crystal_to_detector(rotations, detector).reshape(-1, 3, 3)

    inside, directions = _hemisphere(size)
    phase_id = xmap.phase_id
    sums = {
        i: _Sums(xmap.phases[i], directions)
        for i in np.unique(phase_id[phase_id >= 0])
    }
    for k, values in _maps_at(signal.data, (phase_id >= 0).reshape(shape)):
        scale = np.abs(values).mean()
        if np.isfinite(scale) and scale > 0:
            values = values / scale if normalize else values
            sums[phase_id[k]].add(values, turns[k], pc[k])
    return {s.phase.name: s.average(inside) for s in sums.values()}


class _Sums:
    """Sums of the maps of one phase over looks in each direction."""

    def __init__(self, phase: Phase, directions: np.ndarray) -> None:
        self.phase = phase
        self.equivalent = np.einsum(
            "oab,nb->ona", laue_matrices(phase), directions
        )
        self.total = np.zeros(len(directions))
        self.looks = np.zeros(len(directions), dtype=int)
        self.used = 0

    def add(self, values, turn, pc) -> None:
        self.used += 1
        for group in self.equivalent:
            seen, found = _look_up(values, group @ turn, pc)
            self.total[seen] += found
            self.looks[seen] += 1

    def average(self, inside: np.ndarray) -> CrystalAverage:
        mean = np.full(inside.shape, np.nan)
        counts = np.zeros(inside.shape, dtype=int)
        counts[inside] = self.looks
        mean[inside] = np.where(
            self.looks >= MIN_LOOKS,
            self.total / np.maximum(self.looks, 1),
            np.nan,
        )
        return CrystalAverage(self.phase, mean, counts, self.used)


def _maps_at(
    data: da.Array | np.ndarray, wanted: np.ndarray
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the number of each point wanted and its map.

    Lazy signals may not fit into memory: each block is computed once.
    """
    numbers = np.arange(wanted.size).reshape(wanted.shape)
    regions: list = [...]
    if isinstance(data, da.Array):
        regions = da.core.slices_from_chunks(data.chunks[: wanted.ndim])
    for region in regions:
        here = wanted[region]
        if here.any():
            yield from zip(
                numbers[region][here],
                np.asarray(data[region])[here],
                strict=True,
            )


def _hemisphere(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return which points of a square are in the stereographic projection
    of the upper hemisphere, and their directions, shape (n, 3)."""
    u = np.linspace(-1, 1, size)
    x, y = np.meshgrid(u, -u)
    r2 = x**2 + y**2
    inside = r2 <= 1
    x, y, r2 = x[inside], y[inside], r2[inside]
    directions = np.stack([2 * x, 2 * y, 1 - r2], axis=1)
    return inside, directions / (1 + r2)[:, np.newaxis]


def _look_up(
    values: np.ndarray, directions: np.ndarray, pc: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return which directions, or their opposites, a detector sees, and
    the values of its map there."""
    ny, nx = values.shape
    right, up, forward = directions.T
    facing = np.abs(forward) > 1e-3
    safe = np.where(facing, forward, 1)
    x = pc[0] * nx - 0.5 + pc[2] * ny * right / safe
    y = pc[1] * ny - 0.5 - pc[2] * ny * up / safe
    seen = facing & (x >= 0) & (y >= 0) & (x <= nx - 1) & (y <= ny - 1)
    seen = np.flatnonzero(seen)
    return seen, map_coordinates(values, (y[seen], x[seen]), order=1)
