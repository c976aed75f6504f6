# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""
First classification
====================

Name the crystal symmetry of each pattern of a scan.

Importing the package gives EBSD signals of kikuchipy the method
``classify_symmetry()``. No list of phases is needed.
"""

import kikuchipy as kp
import matplotlib.pyplot as plt

import kikuchipy_symml  # noqa: F401

# %%
# Nine measured patterns of nickel come with kikuchipy. All that the method
# must know of them is the projection centre, which has been calibrated here:
# a wrong one spoils every answer.
s = kp.data.nickel_ebsd_small()
print(s.detector)

# %%
# Patterns are classified as they were recorded: what is smooth of the
# background, the method removes itself. Where the detector has scratches or
# dust, which are the same in all patterns, take them off first, by
# ``s.remove_static_background("divide")``.
phases = s.classify_symmetry()
phases

# %%
# The result is a phase list of orix that holds exactly the phases found.
# Nickel is face-centred cubic, so the right answer is cF everywhere.
_ = phases.plot()

# %%
# Names stand for the 14 Bravais lattices by their Pearson symbols. The point
# group that a phase carries is that of highest symmetry for its lattice. It
# is a default, so that orix and kikuchipy can work with the phase, not a
# finding.
#
# The probabilities of all classes are kept. Here are those of the classes
# found, in each of the nine points.
_ = phases.plot_probabilities()

# %%
# In a notebook or with another interactive backend of matplotlib,
# ``phases.browse(s)`` shows the patterns, and beside them the most probable
# classes of the one in the navigator. Moving the navigator moves both. Here
# is what it draws for the pattern in the middle.
figure, axes = plt.subplots(ncols=2, figsize=(8, 3), layout="constrained")
axes[0].imshow(s.data[1, 1], cmap="gray")
axes[0].set_axis_off()
names, p = phases.class_names, phases.probabilities[1, 1]
top = p.argsort()[::-1][:5]
axes[1].barh([names[i] for i in top], p[top])
axes[1].invert_yaxis()
_ = axes[1].set(xlim=(0, 1), xlabel="Probability")

# %%
# The crystal map of the result can be saved, plotted and set on the signal
# like any other.
s.xmap = phases.xmap
s.xmap
