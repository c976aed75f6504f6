# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Colors for up to 230 classes that differ as much as can be."""

from functools import cache

import matplotlib.colors as mcolors
import numpy as np

# The ten that orix gives to the first ten phases of any list
_FIRST = tuple(
    f"tab:{name}"
    for name in (
        "blue orange green red purple brown pink gray olive cyan".split()
    )
)
# Never used: white is orix's color of points that are not indexed, and
# black is what a dark overlay turns every color into. Colors near them
# in lightness are no better.
_RESERVED = ("white", "black")
_LIGHTNESS = (0.25, 0.85)


@cache
def _distinct_colors(n: int) -> tuple[str, ...]:
    """Return *n* names of colors, each as far as possible from all
    before it. Names, since an orix phase takes no others.
    """
    names = np.array(list(mcolors.XKCD_COLORS))
    rgb = mcolors.to_rgba_array(names)[:, :3]
    lightness = rgb @ (0.299, 0.587, 0.114)
    fit = (lightness > _LIGHTNESS[0]) & (lightness < _LIGHTNESS[1])
    names, rgb = names[fit], rgb[fit]
    chosen = list(_FIRST)
    taken = mcolors.to_rgba_array([*_RESERVED, *_FIRST])[:, :3]
    nearest = np.min([_distance(rgb, color) for color in taken], axis=0)
    while len(chosen) < n:
        best = int(np.argmax(nearest))
        chosen.append(str(names[best]))
        nearest = np.minimum(nearest, _distance(rgb, rgb[best]))
    return tuple(chosen)


def _distance(rgb: np.ndarray, color: np.ndarray) -> np.ndarray:
    """Return squared distances to a color, weighted for the eye.

    The "redmean" formula, https://www.compuphase.com/cmetric.htm.
    """
    red = (rgb[:, 0] + color[0]) / 2
    squared = (rgb - color) ** 2
    weights = np.stack([2 + red, np.full_like(red, 4), 3 - red], axis=1)
    return np.sum(weights * squared, axis=1)


def distinct_color(index: int) -> str:
    """Return the name of the color of class *index*, 0 to 229."""
    return _distinct_colors(230)[index]
