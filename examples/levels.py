# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""
Levels of symmetry
==================

From crystal systems to space groups, without a second run.

The network gives the probabilities of the 230 space groups. Those of every
coarser level are sums of them, so levels never contradict each other.
"""

import matplotlib.pyplot as plt

from kikuchipy_symml import data
from kikuchipy_symml.symmetry import LEVELS

# %%
# A small scan with grains of nickel (cF), ferrite (cI) and titanium (hP),
# simulated with noise.
s = data.simulated_scan(["Ni", "Fe (Im-3m)", "Ti (P63/mmc)"], (10, 16))
phases = s.classify_symmetry()

# %%
# :meth:`~kikuchipy_symml.SymmetryPhaseList.at_level` makes another list from
# the same probabilities, within milliseconds.
for level in LEVELS:
    found = phases.at_level(level)
    print(
        f"{level}: {len(found.class_names)} classes, found {found.names}, "
        f"mean confidence {found.confidence.mean():.2f}"
    )

# %%
# The coarser the level, the surer the answer. The truth is in the scan's own
# crystal map.
_ = phases.at_level("crystal_system").plot()

# %%
_ = phases.at_level("laue_group").plot()

# %%
truth = s.xmap.phase_id.reshape(s.xmap.shape)
names = {i: phase.name for i, phase in s.xmap.phases}
figure, axes = plt.subplots(layout="constrained", figsize=(5, 3))
image = axes.imshow(truth, cmap=plt.get_cmap("Set2", len(names)))
bar = figure.colorbar(image, ticks=list(names), shrink=0.8)
bar.ax.set_yticklabels(names.values())
_ = axes.set_title("Truth")

# %%
# Read levels finer than the Laue group as "one of these": diffraction is
# close to the same from both sides of a plane, so one pattern hardly tells
# the point groups within a Laue group apart. At these levels the network
# mostly repeats how frequent they were in its training.
groups = phases.at_level("point_group")
p = groups.probabilities[5, 8]
for i in p.argsort()[::-1][:6]:
    print(f"{groups.class_names[i]:>6} {p[i]:.3f}")
