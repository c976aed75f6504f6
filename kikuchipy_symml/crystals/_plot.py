# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""A drawing of one cell."""

import matplotlib.figure
import matplotlib.pyplot as plt
import numpy as np

from ._crystal import Crystal
from ._radii import RADII


def plot_cell(crystal: Crystal, ax=None) -> matplotlib.figure.Figure:
    """Draw the cell and its atoms; see :meth:`Crystal.plot`."""
    if ax is None:
        ax = plt.figure().add_subplot(projection="3d")
    corners = np.indices((2, 2, 2)).reshape(3, -1).T
    for i, corner in enumerate(corners):
        for other in corners[i + 1 :]:
            if np.abs(corner - other).sum() == 1:
                edge = np.array([corner, other]) @ crystal.matrix
                ax.plot(*edge.T, color="0.6", linewidth=1)

    # Atoms on faces, edges and corners show on every one of them.
    elements = np.array(crystal.elements)
    shifts = corners[:, np.newaxis]
    for element in dict.fromkeys(crystal.elements):
        xyz = crystal.positions[elements == element] % 1.0
        images = (xyz + shifts).reshape(-1, 3)
        images = images[np.all(images < 1 + 1e-4, axis=1)] @ crystal.matrix
        size = (30 * RADII[element]) ** 2 / 10
        ax.scatter(*images.T, s=size, label=element, edgecolors="k")
    ax.set_title(f"{crystal.name} ({crystal.bravais_lattice})")
    ax.set_aspect("equal")
    ax.set_axis_off()
    ax.legend()
    return ax.figure
