# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the symmetry of a crystal shows in its patterns."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from hyperspy.api import plot
from hyperspy.drawing.markers import Markers
from kikuchipy.signals import EBSD
from orix.crystal_map import CrystalMap, Phase

from kikuchipy_symml.classify._crystal_frame import (
    crystal_to_detector,
    pc_of_points,
)
from kikuchipy_symml.classify._detector_maps import clipped, lines_of
from kikuchipy_symml.classify._symmetry_elements import (
    SAME,
    bracketed,
    mirror_normals,
    name_of,
    rotation_axes,
    zone_axes,
)
from kikuchipy_symml.pattern._checks import (
    check_signal,
    navigation_shape,
    signal_shape,
)

if TYPE_CHECKING:  # pragma: no cover
    import matplotlib.axes

MIRROR, AXIS, ZONE = "#7ae582", "#ffb703", "white"
# Number of sides of the usual symbol of an axis; a lens for two
SIDES = {2: 2, 3: 3, 4: 4, 6: 6}
SIZE = 130  # Of symbols, in square points


@dataclass
class _Elements:
    """What is seen in one pattern, in units of the signal axes."""

    mirrors: list[np.ndarray] = field(default_factory=list)  # (2, 2) each
    axes: dict[int, list[tuple[float, float]]] = field(
        default_factory=lambda: {fold: [] for fold in SIDES}
    )
    zones: list[tuple[float, float]] = field(default_factory=list)
    names: list[tuple[tuple[float, float], str]] = field(default_factory=list)


class SymmetryOverlay:
    """Rotation axes, mirror planes and zone axes in the patterns of a scan.

    Made by :func:`symmetry_overlay`.

    Parameters
    ----------
    elements
        What is seen in each pattern, an object array of the navigation
        shape.
    """

    def __init__(self, elements: np.ndarray) -> None:
        self._elements = elements

    def __repr__(self) -> str:
        shape = self._elements.shape
        return f"<{type(self).__name__} of patterns {shape}>"

    def names(self, index: tuple[int, ...] = ()) -> list[str]:
        """Return the names of the axes in one pattern.

        Parameters
        ----------
        index
            Of the pattern in order (y, x).
        """
        return [name for _, name in self._elements[index].names]

    def markers(self) -> list[Markers]:
        """Return all of it as markers for HyperSpy.

        Returns
        -------
        markers
            Lines along mirror planes, the usual symbols of two-, three-,
            four- and sixfold axes, points at other zone axes, and names.
            To be given to ``add_marker()`` of the patterns or of their
            explanation.
        """
        made: list[Markers] = []
        mirrors = self._each(lambda e: np.reshape(e.mirrors, (-1, 2, 2)))
        if _any(mirrors):
            made.append(
                plot.markers.Lines(
                    mirrors, color=MIRROR, linewidths=1.5, linestyle="--"
                )
            )
        for fold in SIDES:
            places = self._each(lambda e: np.reshape(e.axes[fold], (-1, 2)))
            if _any(places):
                made.append(_symbols(fold, places))
        zones = self._each(lambda e: np.reshape(e.zones, (-1, 2)))
        if _any(zones):
            made.append(
                plot.markers.Points(zones, sizes=8, color=ZONE, ec="black")
            )
        places = self._each(
            lambda e: np.reshape([place for place, _ in e.names], (-1, 2))
        )
        if _any(places):
            names = self._each(
                lambda e: np.array([f"  {n}" for _, n in e.names])
            )
            made.append(
                plot.markers.Texts(
                    places,
                    texts=names,
                    color=ZONE,
                    sizes=(1,),
                    horizontalalignment="left",
                    verticalalignment="bottom",
                )
            )
        return made

    def plot(
        self, axes: "matplotlib.axes.Axes", index: tuple[int, ...] = ()
    ) -> None:
        """Draw what is in one pattern in axes of matplotlib.

        Parameters
        ----------
        axes
            With the pattern, as :meth:`SymmetryExplanation.plot_over
            <kikuchipy_symml.SymmetryExplanation.plot_over>` gives them.
        index
            Of the pattern in order (y, x).
        """
        from matplotlib.collections import LineCollection
        from matplotlib.patheffects import withStroke

        found = self._elements[index]
        axes.add_collection(
            LineCollection(
                list(found.mirrors),
                color=MIRROR,
                linewidths=1.2,
                linestyle="--",
            )
        )
        marks = {2: "d", 3: "^", 4: "s", 6: "h"}
        for fold, places in found.axes.items():
            x, y = np.reshape(places, (-1, 2)).T
            axes.scatter(
                x,
                y,
                s=SIZE * 0.6,
                color=AXIS,
                marker=marks[fold],
                ec="black",
                zorder=3,
            )
        x, y = np.reshape(found.zones, (-1, 2)).T
        axes.scatter(x, y, s=14, color=ZONE, ec="black", zorder=3)
        stroke = [withStroke(linewidth=2, foreground="black")]
        for place, name in found.names:
            axes.annotate(
                name,
                place,
                xytext=(5, 5),
                textcoords="offset points",
                color=ZONE,
                fontsize=9,
                path_effects=stroke,
                annotation_clip=True,
            )

    def _each(self, what: Any) -> np.ndarray:
        """Return what is in each pattern in HyperSpy's order (x, y)."""
        shape = self._elements.shape
        if not shape:
            return what(self._elements[()])
        out = np.empty(shape[::-1], dtype=object)
        for index in np.ndindex(shape):
            out[index[::-1]] = what(self._elements[index])
        return out


def symmetry_overlay(
    signal: EBSD, xmap: CrystalMap | None = None, *, highest_index: int = 1
) -> SymmetryOverlay:
    """Find where the symmetry of each crystal shows in its pattern.

    Parameters
    ----------
    signal
        EBSD patterns with a detector.
    xmap
        Phases with their point groups, and orientations, of the
        navigation shape: what indexing gives. If not given,
        ``signal.xmap``.
    highest_index
        Zone axes [uvw] with indices up to this are marked and named, 0
        for none but axes of symmetry. They need the lattice parameters
        of the phase.

    Returns
    -------
    overlay
        To look at beside the patterns or what explains them.

    Raises
    ------
    TypeError
        If the signal is of another kind.
    ValueError
        If there is no crystal map or detector, they do not fit the
        signal, or a phase has no point group.

    See Also
    --------
    kikuchipy_symml.explain_symmetry

    Notes
    -----
    An axis is named in the direction from the sample to the detector. An
    inversion axis has the symbol of its order, like a rotation axis.
    """
    check_signal(signal)
    is_integer = isinstance(highest_index, int | np.integer)
    if not is_integer or not 0 <= highest_index <= 9:
        raise ValueError(
            f"highest_index must be an integer from 0 to 9, not "
            f"{highest_index!r}"
        )
    xmap = signal.xmap if xmap is None else xmap
    shape = navigation_shape(signal)
    if not isinstance(xmap, CrystalMap):
        raise ValueError(
            "A crystal map with phases and orientations is needed, as xmap "
            f"or in signal.xmap, not {xmap!r}"
        )
    n = int(np.prod(shape))
    if not xmap.is_in_data.all() or xmap.size != n:
        raise ValueError(
            f"The crystal map has {xmap.size} points, expected all {n} of "
            f"the navigation shape {shape}"
        )
    detector = signal.detector
    pc = pc_of_points(detector, shape).reshape(-1, 3)
    rotations = xmap.rotations
    if rotations.ndim > 1:
        rotations = rotations[:, 0]
    turns = crystal_to_detector(rotations, detector).reshape(-1, 3, 3)
    axes = tuple(
        (axis.offset, axis.scale) for axis in signal.axes_manager.signal_axes
    )
    found = {
        i: _Finder(xmap.phases[i], highest_index, signal_shape(signal), axes)
        for i in np.unique(xmap.phase_id)
        if i >= 0
    }
    elements = np.empty(n, dtype=object)
    for k, i in enumerate(xmap.phase_id):
        elements[k] = found[i](turns[k], pc[k]) if i >= 0 else _Elements()
    return SymmetryOverlay(elements.reshape(shape))


class _Finder:
    """What there is to see of one phase, and where in a pattern."""

    def __init__(
        self,
        phase: Phase,
        highest_index: int,
        shape: tuple[int, int],
        axes: tuple[tuple[float, float], ...],
    ) -> None:
        if phase.point_group is None:
            raise ValueError(f"Phase {phase.name!r} has no point group")
        self.shape, self.scales = shape, axes
        self.mirrors = mirror_normals(phase)
        directions, self.folds, self.names = [], [], []
        for axis in rotation_axes(phase):
            for way in (axis.direction, -axis.direction):
                directions.append(way)
                self.folds.append(axis.fold)
                self.names.append(name_of(way, phase))
        for uvw, way in zip(*zone_axes(phase, highest_index), strict=True):
            known = np.array(directions).reshape(-1, 3) @ way
            if not np.any(known > np.cos(SAME)):
                directions.append(way)
                self.folds.append(0)
                self.names.append(bracketed(uvw))
        self.directions = np.array(directions).reshape(-1, 3)

    def __call__(self, turn: np.ndarray, pc: np.ndarray) -> _Elements:
        ny, nx = self.shape
        seen = _Elements()
        extent = (-0.5, nx - 0.5, -0.5, ny - 0.5)
        normals = self.mirrors @ turn
        for line in lines_of(normals[None], pc[None], self.shape)[0]:
            segment = clipped(line, extent)
            if segment is not None:
                seen.mirrors.append(self._in_units(segment))
        right, up, forward = (self.directions @ turn).T
        scale = pc[2] * ny
        for k in np.flatnonzero(forward > 1e-3):
            x = pc[0] * nx - 0.5 + scale * right[k] / forward[k]
            y = pc[1] * ny - 0.5 - scale * up[k] / forward[k]
            if not (-0.5 <= x <= nx - 0.5 and -0.5 <= y <= ny - 0.5):
                continue
            place = tuple(self._in_units(np.array([x, y])))
            fold = self.folds[k]
            (seen.axes[fold] if fold else seen.zones).append(place)
            if self.names[k]:
                seen.names.append((place, self.names[k]))
        return seen

    def _in_units(self, places: np.ndarray) -> np.ndarray:
        offset, scale = np.transpose(self.scales)
        return places * scale + offset


def _any(values: np.ndarray) -> bool:
    if values.dtype == object:
        return any(len(i) for i in values.ravel())
    return len(values) > 0


def _symbols(fold: int, places: np.ndarray) -> Markers:
    style = {"facecolor": AXIS, "edgecolor": "black"}
    if fold == 2:
        return plot.markers.Markers(
            "EllipseCollection",
            offsets=places,
            widths=(7,),
            heights=(14,),
            angles=(0,),
            units="points",
            **style,
        )
    return plot.markers.Markers(
        "RegularPolyCollection",
        offsets=places,
        numsides=SIDES[fold],
        rotation=np.pi / 4 if fold == 4 else 0,
        sizes=(SIZE,),
        **style,
    )
