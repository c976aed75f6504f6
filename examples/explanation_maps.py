# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""
What speaks for a symmetry
==========================

See what the network looked at, pattern by pattern, and hold it against
crystallography.

How far these pictures can be trusted was measured, see :doc:`/explanation`.
"""

import tempfile
from pathlib import Path

import hyperspy.api as hs
import kikuchipy as kp
import matplotlib.pyplot as plt

import kikuchipy_symml  # noqa: F401
from kikuchipy_symml import data
from kikuchipy_symml.classify import (
    average_in_crystal,
    network_filters,
    symmetry_overlay,
)

# %%
# Nine measured patterns of nickel, and a map for each of them: red where what
# is seen speaks for the class, blue where it speaks against it. The class is
# the most probable one, if none is named.
s = kp.data.nickel_ebsd_small()
s.remove_static_background()
explanation = s.explain_symmetry()
explanation

# %%
# The maps are in the patterns' own pixels. The titles are the class explained
# and its probability; nickel is cF.
figure, axes = plt.subplots(3, 3, figsize=(7, 7.4), layout="constrained")
for i in range(3):
    for j in range(3):
        explanation.plot_over(s, (i, j), axes=axes[i, j])

# %%
# The signal has the navigation axes of the patterns. With an interactive
# backend of matplotlib, ``hs.plot.plot_signals([s, explanation])`` shows a
# pattern and its map side by side, and moving the navigator moves both.
#
# Saved, it is loaded by HyperSpy again, with all that is known of it.
path = Path(tempfile.mkdtemp()) / "explanation.hspy"
explanation.save(path)
loaded = hs.load(path)
print(loaded)
print(loaded.probability.round(2))

# %%
# Why this and not that? With *against*, the question is what tells two classes
# from each other. Here is why the pattern in the middle is cF, against all
# other lattices and against two of them.
figure, axes = plt.subplots(ncols=3, figsize=(9, 3.4), layout="constrained")
for axis, against in zip(axes, (None, "cP", "tP"), strict=True):
    made = s.inav[1:2, 1:2].explain_symmetry(of="cF", against=against)
    made.plot_over(s.inav[1:2, 1:2], (0, 0), n_bands=5, axes=axis)

# %%
# The lines are the five bands that weigh most: red ones speak for cF, as its
# odds fall without them, blue ones against it. They are markers for HyperSpy,
# too, which follow the navigator:
# ``s.add_marker(explanation.bands.markers())``.
bands = explanation.bands
print(bands.weights[1, 1].round(2))

# %%
# There are three methods. Gradients at the map over plane normals show bands
# (``grad_cam``). Gradients at the view show single pixels
# (``integrated_gradients``), and covering parts of the view shows regions
# (``occlusion``): these two take much longer.
one = s.inav[:1, :1]
figure, axes = plt.subplots(ncols=3, figsize=(9, 3.4), layout="constrained")
methods = ("grad_cam", "integrated_gradients", "occlusion")
for axis, method in zip(axes, methods, strict=True):
    made = one.explain_symmetry(of="cF", method=method, bands=False)
    made.plot_over(one, (0, 0), axes=axis)
    axis.set_title(method)

# %%
# Once the patterns are indexed, the symmetry elements of the phase are known
# in each pattern: dashed lines are mirror planes, symbols are two-, three-
# and fourfold axes, and zone axes are named. These patterns come with their
# orientations.
overlay = symmetry_overlay(s)
axis = explanation.plot_over(s, (0, 0))
overlay.plot(axis, (0, 0))

# %%
# What the network makes of a phase whatever its orientation is seen in the
# frame of the crystal. Here are 30 simulated patterns of each of two phases,
# averaged: above the patterns themselves, below what speaks for the right
# lattice and against it.
figure, axes = plt.subplots(2, 2, figsize=(7.5, 7.8), layout="constrained")
for column, (name, lattice) in zip(
    axes.T, (("Ni", "cF"), ("Fe (Im-3m)", "cI")), strict=True
):
    scan = data.simulated_scan([name], (3, 10), n_grains=30)
    made = scan.explain_symmetry(of=lattice, bands=False)
    scan.remove_static_background()
    scan.remove_dynamic_background()
    scan.change_dtype("float32")
    scan.data -= scan.data.mean(axis=(2, 3), keepdims=True)
    seen = average_in_crystal(scan, scan.xmap, scan.detector)[name]
    used = average_in_crystal(made, scan.xmap, scan.detector)[name]
    seen.plot(column[0], cmap="gray", signed=False).set_title(name)
    used.plot(column[1]).set_title(f"what speaks for {lattice}")

# %%
# Last, the network by itself. The first trained layer of the model looks at
# the surroundings of each band in the map over plane normals. Another one
# looks at the angles between bands: some of its features answer to 30, 45 or
# 60°, which are the angles of symmetry axes.
figure = network_filters().plot(16)
