# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bands that a network used, and their traces on the detector."""

from dataclasses import dataclass

import numpy as np
from hyperspy.api import plot
from hyperspy.drawing.markers import Markers

from kikuchipy_symml.classify._detector_maps import clipped

# Colors of what speaks for a class and against it
FOR, AGAINST = "#d7301f", "#2b6cb0"
# Width in points of the line of the band with the highest weight
WIDTH = 4.0


@dataclass(frozen=True, eq=False)
class BandsUsed:
    """The bands that a network used to decide on each pattern.

    Parameters
    ----------
    normals
        Unit normals of the planes in the detector's right, up and
        forward, of the navigation shape and (n, 3). NaN in points that
        were left out.
    weights
        How far each band speaks for the class explained (positive) or
        against it, of the navigation shape and (n,). 0 where fewer bands
        were found.
    lines
        Coefficients (a, b, c) of the middle line a x + b y + c = 0 of
        each band in units of the signal axes, of the navigation shape
        and (n, 3).
    extent
        Of the patterns, in units of the signal axes: (left, right, top,
        bottom).
    """

    normals: np.ndarray
    weights: np.ndarray
    lines: np.ndarray
    extent: tuple[float, float, float, float]

    def __repr__(self) -> str:
        *shape, n = self.weights.shape
        return f"<{type(self).__name__}: up to {n} in patterns {tuple(shape)}>"

    def strongest(self, n: int = 10) -> np.ndarray:
        """Return which bands have the highest weights of either sign.

        Parameters
        ----------
        n
            Number of bands.

        Returns
        -------
        index
            Of the navigation shape and (n,), the highest first.

        Raises
        ------
        ValueError
            If *n* is no positive integer.
        """
        if not isinstance(n, int | np.integer) or n < 1:
            raise ValueError(
                f"The number of bands must be a positive integer, not {n!r}"
            )
        size = np.nan_to_num(np.abs(self.weights))
        return np.argsort(-size, axis=-1, kind="stable")[..., :n]

    def segments(
        self, index: tuple[int, ...] = (), n: int = 10
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the strongest bands of one pattern as lines to draw.

        Parameters
        ----------
        index
            Of the pattern, in order (y, x).
        n
            Number of bands.

        Returns
        -------
        segments
            Both ends (x, y) of each line in units of the signal axes,
            shape (m, 2, 2), with at most *n* lines, the one with the
            highest weight last.
        weights
            Of these bands, shape (m,).
        """
        segments, weights = [], []
        for k in self.strongest(n)[index][::-1]:
            line, weight = self.lines[index][k], self.weights[index][k]
            if weight == 0 or not np.isfinite(line).all():
                continue
            segment = clipped(line.astype(float), self.extent)
            if segment is not None:
                segments.append(segment)
                weights.append(weight)
        return np.array(segments).reshape(-1, 2, 2), np.array(weights)

    def markers(self, n: int = 10) -> Markers:
        """Return the strongest bands as markers for HyperSpy.

        Parameters
        ----------
        n
            Number of bands in a pattern.

        Returns
        -------
        markers
            Lines along the middle of the bands, red for what speaks for
            the class, blue for what speaks against it, the wider the
            higher the weight. To be given to ``add_marker()`` of the
            patterns or of the explanation.
        """
        shape = self.weights.shape[:-1]
        # HyperSpy's order of navigation axes is (x, y).
        segments, colors, widths = (
            np.empty(shape[::-1], dtype=object) for _ in range(3)
        )
        for index in np.ndindex(shape):
            lines, weights = self.segments(index, n)
            here = index[::-1]
            segments[here] = lines
            colors[here], widths[here] = line_styles(weights)
        if not shape:
            segments, colors, widths = (
                i[()] for i in (segments, colors, widths)
            )
        return plot.markers.Lines(
            segments, color=colors, linewidths=widths, name="bands used"
        )


def line_styles(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return color, shape (m, 4), and width, shape (m,), of lines."""
    from matplotlib.colors import to_rgba_array

    share = np.abs(weights) / max(np.abs(weights).max(initial=0), 1e-30)
    colors = to_rgba_array([FOR if w > 0 else AGAINST for w in weights])
    return colors.reshape(-1, 4), 0.5 + (WIDTH - 0.5) * share
