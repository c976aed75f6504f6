# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The signal of saliency maps, which HyperSpy saves and loads."""

from typing import TYPE_CHECKING, Any

import dask
import numpy as np
from hyperspy._signals.lazy import LazySignal
from hyperspy._signals.signal2d import Signal2D
from hyperspy.signal import BaseSignal
from matplotlib.colors import Normalize

from kikuchipy_symml.classify._bands_used import BandsUsed, line_styles
from kikuchipy_symml.classify._compute import computed
from kikuchipy_symml.symmetry import class_names

if TYPE_CHECKING:  # pragma: no cover
    import matplotlib.axes

NODE = "Symmetry_explanation"
# Columns of the details, before those of the bands: (nx, ny, nz, weight,
# a, b, c) of each.
OF, AGAINST, P_OF, P_AGAINST, LOG_ODDS, FIRST_BAND = range(6)
PER_BAND = 7


class SymmetryExplanation(Signal2D):
    """Maps of what a network looked at in each pattern.

    Made by :func:`~kikuchipy_symml.explain_symmetry`. The maps have the
    navigation and signal axes of the patterns. Where they are positive,
    what is seen there speaks for the class explained, where negative
    against it. Maps of patterns that were left out are NaN, those of
    patterns that cannot be used 0.

    Saved by HyperSpy, as ``explanation.save("explanation.hspy")``, and
    loaded by ``hyperspy.api.load("explanation.hspy")``. Slicing by
    ``inav`` and ``isig`` keeps what is known of each pattern.
    """

    _signal_type = "SymmetryExplanation"
    _signal_dimension = 2

    def __repr__(self) -> str:
        known = self._known
        asked = known.of or "the most probable class"
        if known.against:
            asked += f" against {known.against}"
        return (
            f"<{type(self).__name__}: {asked} ({known.level}) by "
            f"{known.method}, dimensions: {self._dimensions}>"
        )

    @property
    def _dimensions(self) -> str:
        navigation = ", ".join(map(str, self.axes_manager.navigation_shape))
        signal = ", ".join(map(str, self.axes_manager.signal_shape))
        return f"({navigation}|{signal})"

    @property
    def _known(self) -> Any:
        if not self.metadata.has_item(NODE):
            raise AttributeError(
                "This signal was not made by explain_symmetry(): its "
                f"metadata has no node {NODE}"
            )
        return self.metadata.get_item(NODE)

    def _detail(self, columns: int | slice) -> np.ndarray:
        details = self._known.details
        shape = self.axes_manager.navigation_shape[::-1]
        array = np.asarray(details.data)
        found = array.shape[:-1] if shape else ()
        if found != shape:
            raise ValueError(
                f"What is known of patterns of navigation shape {found} does "
                f"not fit the maps any more, whose navigation shape is {shape}"
            )
        return array.reshape(*shape, -1)[..., columns]

    @property
    def level(self) -> str:
        """Level of symmetry of the classes."""
        return self._known.level

    @property
    def method(self) -> str:
        """Method that made the maps."""
        return self._known.method

    @property
    def model(self) -> str:
        """Name of the model."""
        return self._known.model

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of all classes of the level."""
        return class_names(self.level)

    @property
    def class_id(self) -> np.ndarray:
        """Index of the class explained, of the navigation shape; -1 where
        a pattern was left out or cannot be used."""
        return _as_integer(self._detail(OF))

    @property
    def against_id(self) -> np.ndarray:
        """Index of the class that it is compared with; -1 for all
        others."""
        return _as_integer(self._detail(AGAINST))

    @property
    def probability(self) -> np.ndarray:
        """Probability of the class explained, of the navigation shape."""
        return self._detail(P_OF)

    @property
    def probability_against(self) -> np.ndarray:
        """Probability of what it is compared with."""
        return self._detail(P_AGAINST)

    @property
    def log_odds(self) -> np.ndarray:
        """Natural logarithm of the ratio of the two, of the navigation
        shape: what the maps explain."""
        return self._detail(LOG_ODDS)

    @property
    def bands(self) -> BandsUsed:
        """The bands that the network used, if it works on bands.

        Raises
        ------
        ValueError
            If the network works on no bands, or they were not asked for.
        """
        values = self._detail(slice(FIRST_BAND, None))
        if values.shape[-1] == 0:
            raise ValueError(
                f"There are no bands: the model {self.model!r} works on "
                "none, or explain_symmetry() was called with bands=False"
            )
        values = values.reshape(*values.shape[:-1], -1, PER_BAND)
        return BandsUsed(
            normals=values[..., :3],
            weights=values[..., 3],
            lines=values[..., 4:],
            extent=self._extent,
        )

    @property
    def _extent(self) -> tuple[float, float, float, float]:
        extent = []
        for axis in self.axes_manager.signal_axes:
            half = axis.scale / 2
            extent += sorted((axis.low_value - half, axis.high_value + half))
        return tuple(extent)

    def plot(self, *args: Any, **kwargs: Any) -> None:
        """Plot with a navigator, in HyperSpy's way.

        Parameters
        ----------
        *args, **kwargs
            As for HyperSpy's signals of two dimensions. If not told
            otherwise, red is positive, blue negative, and white zero.
        """
        kwargs.setdefault("cmap", "RdBu_r")
        kwargs.setdefault("norm", Symmetric)
        super().plot(*args, **kwargs)

    def plot_over(
        self,
        signal: BaseSignal,
        index: tuple[int, ...] | None = None,
        *,
        n_bands: int = 0,
        axes: "matplotlib.axes.Axes | None" = None,
    ) -> "matplotlib.axes.Axes":
        """Plot the map of one pattern over the pattern.

        Parameters
        ----------
        signal
            The patterns explained.
        index
            Of the pattern in order (y, x). If not given, the one in the
            navigator of *signal*.
        n_bands
            Number of the bands used to draw, those with the highest
            weights.
        axes
            To plot in. If not given, of a new figure.

        Returns
        -------
        axes
            With the class explained and its probability as title.

        Raises
        ------
        ValueError
            If the signal has other dimensions.
        """
        import matplotlib.pyplot as plt

        ours, theirs = self.axes_manager.shape, signal.axes_manager.shape
        if ours != theirs:
            raise ValueError(
                f"The signal's dimensions {theirs} must be those of the "
                f"explanation, {ours}"
            )
        if index is None:
            index = signal.axes_manager.indices[::-1]
        if axes is None:
            _, axes = plt.subplots(figsize=(4, 4.2), layout="constrained")
        pattern, map_ = (np.asarray(s.data[index]) for s in (signal, self))
        left, right, top, bottom = self._extent
        extent = (left, right, bottom, top)
        axes.imshow(pattern, cmap="gray", extent=extent)
        # Of a pattern that was left out nothing is known.
        map_ = np.nan_to_num(map_)
        highest = np.quantile(np.abs(map_), 0.995) or 1
        strength = np.clip(map_ / highest, -1, 1)
        axes.imshow(
            strength,
            cmap="RdBu_r",
            vmin=-1,
            vmax=1,
            alpha=0.75 * np.abs(strength) ** 0.7,
            extent=extent,
            interpolation="bilinear",
        )
        if n_bands:
            from matplotlib.collections import LineCollection

            segments, weights = self.bands.segments(index, n_bands)
            colors, widths = line_styles(weights)
            axes.add_collection(
                LineCollection(list(segments), color=colors, linewidths=widths)
            )
        axes.set(xlim=extent[:2], ylim=extent[2:], xticks=[], yticks=[])
        axes.set_title(self._title(index))
        return axes

    def _title(self, index: tuple[int, ...]) -> str:
        of = int(self.class_id[index])
        if of < 0:
            return "left out"
        names, against = self.class_names, int(self.against_id[index])
        title = f"{names[of]} {self.probability[index]:.2f}"
        if against >= 0:
            p = self.probability_against[index]
            title += f" against {names[against]} {p:.2f}"
        return title

    def _slicer(self, slices, isNavigation=None, out=None):
        sliced = super()._slicer(slices, isNavigation, out)
        target = sliced if out is None else out
        if isNavigation and self.metadata.has_item(NODE):
            details = self._known.details._slicer(slices, True)
            target.metadata.get_item(NODE).details = details
        return sliced


class LazySymmetryExplanation(LazySignal, SymmetryExplanation):
    """Maps that are not computed yet, see :class:`SymmetryExplanation`.

    What is known of each pattern is not computed yet either: every look
    at it computes all maps anew. ``compute()`` does all of it once.
    """

    _lazy = True

    def compute(
        self,
        close_file: bool = False,
        show_progressbar: bool | None = None,
        **kwargs: Any,
    ) -> None:
        """Compute the maps and what is known of each pattern.

        Parameters
        ----------
        close_file, show_progressbar, **kwargs
            As for HyperSpy's lazy signals.
        """
        if self.metadata.has_item(NODE) and self._known.details._lazy:
            details = self._known.details
            # Together, as they come from the same work.
            both = [self.data, details.data]  # type: ignore[has-type]
            with dask.config.set(kwargs):
                self.data, details.data = computed(both, show_progressbar)
            details.compute(show_progressbar=False)
            show_progressbar = False
        super().compute(close_file, show_progressbar, **kwargs)


class Symmetric(Normalize):
    """Colors that reach as far on both sides of zero."""

    _low: float | None = None
    _high: float | None = None

    def __init__(self, vmin=None, vmax=None, clip=False):
        super().__init__(vmin, vmax, clip)
        self._low, self._high = vmin, vmax

    @property
    def _half(self) -> float | None:
        known = [abs(i) for i in (self._low, self._high) if i is not None]
        return max(known, default=None)

    def _set(self, name: str, value: float | None) -> None:
        before = self._half
        setattr(self, name, value)
        if self._half != before and hasattr(self, "callbacks"):
            self._changed()  # type: ignore[attr-defined]

    @property
    def vmin(self) -> float | None:
        return None if self._half is None else -self._half

    @vmin.setter
    def vmin(self, value: float | None) -> None:
        self._set("_low", value)

    @property
    def vmax(self) -> float | None:
        return self._half

    @vmax.setter
    def vmax(self, value: float | None) -> None:
        self._set("_high", value)


def _as_integer(values: np.ndarray) -> np.ndarray:
    return np.nan_to_num(values, nan=-1).astype(int)
