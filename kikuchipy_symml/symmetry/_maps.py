# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Maps to look at: symmetries, confidence, probabilities, and the most
probable classes beside each pattern.

Axes: ``y`` and ``x`` rows and columns of points (a line of points is one
row), ``c`` classes.
"""

from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Patch

from kikuchipy_symml.symmetry._colors import distinct_color

if TYPE_CHECKING:  # pragma: no cover
    from kikuchipy.signals import EBSD

    from kikuchipy_symml.symmetry._phase_list import SymmetryPhaseList

# Of points that are not indexed, as in orix
NOT_INDEXED = (1.0, 1.0, 1.0)
# Brightness of a point of confidence 0, where that of 1 is full
DARKEST = 0.2
# More entries in a legend, or maps in a figure, cannot be told apart
MAX_LEGEND = 30
MAX_MAPS = 30


def plot(
    phases: "SymmetryPhaseList", overlay: bool, confidence: bool
) -> Figure:
    """Draw the map of phases; see :meth:`SymmetryPhaseList.plot`."""
    if not phases.navigation_shape:
        figure, bars = plt.subplots(layout="constrained", figsize=(5, 3))
        draw_bars(bars, phases, (), 5)
        return figure
    ny, nx = np.atleast_2d(phases.phase_id).shape
    wide = nx > 2 * ny
    shape = ((2, 1) if wide else (1, 2)) if confidence else (1, 1)
    handles = _handles(phases)
    n_columns = 4 if confidence else 3
    n_rows = -(-len(handles) // n_columns)
    figure, axes = plt.subplots(
        *shape,
        squeeze=False,
        layout="constrained",
        figsize=_figure_size(ny, nx, shape, legend_rows=n_rows),
    )
    left = axes.flat[0]
    _show(left, phases, map_colors(phases, overlay))
    left.set_title(title_of(phases))
    figure.legend(
        handles=handles,
        loc="outside lower center",
        ncols=n_columns,
        frameon=False,
    )
    if confidence:
        right = axes.flat[1]
        image = _show(right, phases, _seen(phases, phases.confidence))
        right.set_title("Confidence")
        _colorbar(right, image)
    return figure


def plot_probabilities(
    phases: "SymmetryPhaseList", names: tuple[str, ...]
) -> Figure:
    """Draw one map a class; see
    :meth:`SymmetryPhaseList.plot_probabilities`.
    """
    if not phases.navigation_shape:
        raise ValueError(
            "A single pattern has no maps of probabilities; plot() shows "
            "its most probable classes"
        )
    indices = phases._indices_of(names) if names else list(phases.ids)
    if not indices:
        raise ValueError(
            "No point is indexed; give names of classes, such as "
            f"{phases.class_names[-1]!r}"
        )
    if len(indices) > MAX_MAPS:
        raise ValueError(
            f"{len(indices)} classes are too many to draw, the most is "
            f"{MAX_MAPS}: give the names of some"
        )
    ny, nx = np.atleast_2d(phases.phase_id).shape
    n_columns = min(len(indices), 1 if nx > 4 * ny else 3)
    shape = (-(-len(indices) // n_columns), n_columns)
    figure, axes = plt.subplots(
        *shape,
        squeeze=False,
        layout="constrained",
        figsize=_figure_size(ny, nx, shape),
    )
    for axis in axes.flat[len(indices) :]:
        axis.set_axis_off()
    for axis, i in zip(axes.flat, indices, strict=False):
        values = _seen(phases, phases.probabilities[..., i])
        image = _show(axis, phases, values)
        axis.set_title(f"Probability of {phases._phase_at(i).name}")
        _colorbar(axis, image)
    return figure


def browse(
    phases: "SymmetryPhaseList", signal: "EBSD", n_classes: int
) -> Figure:
    """Plot a signal and bars that follow its navigator; see
    :meth:`SymmetryPhaseList.browse`.
    """
    from kikuchipy.draw import get_rgb_navigator

    shape = signal.axes_manager.navigation_shape[::-1]
    if tuple(shape) != phases.navigation_shape:
        raise ValueError(
            f"The signal has navigation shape {tuple(shape)}, the phases "
            f"were found in a scan of {phases.navigation_shape}"
        )
    if n_classes < 1:
        raise ValueError(f"Cannot show {n_classes} classes, at least 1")
    manager = signal.axes_manager
    if len(shape) == 2:
        signal.plot(navigator=get_rgb_navigator(map_colors(phases, True)))
    else:
        signal.plot()

    figure, axes = plt.subplots(layout="constrained", figsize=(5, 3))

    def update() -> None:
        # HyperSpy's indices are (x, y)
        draw_bars(axes, phases, manager.indices[::-1], n_classes)
        figure.canvas.draw_idle()

    def stop(_event=None) -> None:
        if update in manager.events.indices_changed.connected:
            manager.events.indices_changed.disconnect(update)

    manager.events.indices_changed.connect(update, [])
    figure.canvas.mpl_connect("close_event", stop)
    update()
    return figure


def draw_bars(
    axes: Axes,
    phases: "SymmetryPhaseList",
    point: tuple[int, ...],
    n_classes: int,
) -> None:
    """Draw the most probable classes of a point, the first one on top."""
    probabilities = phases.probabilities[tuple(point)]
    order = np.argsort(-probabilities, kind="stable")[:n_classes]
    axes.clear()
    place = np.arange(order.size)
    names = [phases._phase_at(i).name for i in order]
    colors = [color_of(phases, i) for i in order]
    bars = axes.barh(place, probabilities[order], color=colors)
    axes.bar_label(bars, fmt="%.2f", padding=3)
    axes.set_yticks(place, names)
    axes.invert_yaxis()
    axes.set_xlim(0, 1.12)
    axes.set_xticks(np.linspace(0, 1, 6))
    axes.set_xlabel("Probability")
    axes.spines[["top", "right"]].set_visible(False)
    chosen = phases.phase_id[tuple(point)]
    found = "not indexed" if chosen == -1 else phases._phase_at(chosen).name
    where = f" in (y, x) = {tuple(map(int, point))}" if len(point) == 2 else ""
    axes.set_title(f"{title_of(phases)}{where}: {found}")


def map_colors(phases: "SymmetryPhaseList", overlay: bool) -> np.ndarray:
    """Return the colors of all points, shape (y, x, 3), 0 to 1.

    With an overlay, brightness goes from 20 % where the confidence is 0
    to 100 % where it is 1, whatever the confidences in the map. (The
    overlays of orix go from the lowest to the highest.)
    """
    phase_id = np.atleast_2d(phases.phase_id)
    confidence = np.atleast_2d(phases.confidence)
    colors = np.empty((*phase_id.shape, 3))
    colors[:] = NOT_INDEXED
    for i, _ in phases:
        here = phase_id == i
        colors[here] = color_of(phases, i)
        if overlay:
            brightness = DARKEST + (1 - DARKEST) * confidence[here]
            colors[here] *= brightness[:, np.newaxis]
    return colors


def color_of(phases: "SymmetryPhaseList", index: int) -> tuple:
    """Return the color of a class: its phase's own, unless candidates
    share one, as all do that orix was not told the colors of.
    """
    if phases._candidates is not None:
        own = [phase.color for _, phase in phases._candidates]
        if len(set(own)) < len(own):
            return to_rgb(distinct_color(int(index)))
    return phases._phase_at(index).color_rgb


def title_of(phases: "SymmetryPhaseList") -> str:
    """Return what the classes are, such as "Bravais lattice"."""
    if phases._candidates is not None:
        return "Candidate"
    return phases.level.replace("_", " ").capitalize()


def _handles(phases: "SymmetryPhaseList") -> list[Patch]:
    """Return legend entries, the most frequent phase first."""
    share = {i: np.mean(phases.phase_id == i) for i, _ in phases}
    frequent = sorted(share, key=lambda i: -share[i])
    handles = [
        Patch(
            facecolor=color_of(phases, i),
            label=f"{phases[i].name}, {share[i]:.1%}",
        )
        for i in frequent[:MAX_LEGEND]
    ]
    rest = sum(share[i] for i in frequent[MAX_LEGEND:])
    if rest:
        n = len(frequent) - MAX_LEGEND
        label = f"{n} others, {rest:.1%}"
        handles.append(Patch(facecolor="none", edgecolor="none", label=label))
    missed = np.mean(phases.phase_id == -1)
    if missed:
        handles.append(
            Patch(
                facecolor=NOT_INDEXED,
                edgecolor="gray",
                label=f"not indexed, {missed:.1%}",
            )
        )
    return handles


def _seen(phases: "SymmetryPhaseList", values: np.ndarray) -> np.ndarray:
    """Return values, NaN where there was no pattern to go by."""
    return np.where(np.any(phases.probabilities, axis=-1), values, np.nan)


def _colorbar(axes: Axes, image: AxesImage) -> None:
    # As high as the map, which that of the figure is not
    inset = axes.inset_axes((1.03, 0, 0.04, 1))
    axes.figure.colorbar(image, cax=inset)


def _show(
    axes: Axes, phases: "SymmetryPhaseList", values: np.ndarray
) -> AxesImage:
    """Show colors, or values from 0 to 1, with the scan's distances."""
    shape = phases.navigation_shape
    kwargs: dict[str, Any] = {"cmap": "viridis", "vmin": 0, "vmax": 1}
    if len(shape) == 1:
        values = values if values.ndim == 3 else np.atleast_2d(values)
        axes.set_yticks([])
        kwargs["aspect"] = "auto"
        dy, dx = 1.0, phases._step_sizes[0]
    else:
        dy, dx = phases._step_sizes
    ny, nx = values.shape[:2]
    extent = (-dx / 2, (nx - 0.5) * dx, (ny - 0.5) * dy, -dy / 2)
    image = axes.imshow(
        values, interpolation="nearest", extent=extent, **kwargs
    )
    unit = {"um": "µm"}.get(phases._scan_unit, phases._scan_unit)
    axes.set_xlabel(f"x / {unit}")
    if len(shape) == 2:
        axes.set_ylabel(f"y / {unit}")
    return image


def _figure_size(
    ny: int, nx: int, shape: tuple[int, int], legend_rows: int = 0
) -> tuple[float, float]:
    """Return the size in inches of a figure with so many maps."""
    width = {1: 5.5, 2: 3.8}.get(shape[1], 2.8)
    height = width * float(np.clip(ny / nx, 0.15, 1.6))
    return (
        (width + 1.0) * shape[1],
        (height + 1.05) * shape[0] + 0.24 * legend_rows + 0.15,
    )
