# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""
Confidence and points that are not indexed
==========================================

How sure an answer is, and how to leave the unsure ones open.
"""

import matplotlib.pyplot as plt
import numpy as np

from kikuchipy_symml import data

# %%
# The same scan twice: with many electrons in a pattern and with few.
masters = ["Ni", "Fe (Im-3m)", "Ti (P63/mmc)"]
clear = data.simulated_scan(masters, (10, 15), electrons=3000)
noisy = data.simulated_scan(masters, (10, 15), electrons=150)

figure, axes = plt.subplots(ncols=2, figsize=(6, 3), layout="constrained")
for axis, s, title in zip(axes, (clear, noisy), ("Clear", "Noisy")):
    axis.imshow(s.data[5, 8], cmap="gray")
    axis.set_title(title)
    axis.set_axis_off()

# %%
# The confidence is the probability of the class that was chosen.
phases = clear.classify_symmetry()
of_noisy = noisy.classify_symmetry()
for name, found in {"clear": phases, "noisy": of_noisy}.items():
    print(f"{name}: mean confidence {found.confidence.mean():.2f}")

# %%
# Below a lowest confidence points are not indexed, and white in the map. The
# class they would have had and its probability are kept, so no choice is
# final.
unsure = noisy.classify_symmetry(min_confidence=0.5)
_ = unsure.plot()

# %%
# A well-calibrated confidence of 0.7 is right seven times out of ten. Here the
# truth is known, so it can be looked at: the share of right answers among the
# points of at least some confidence, and how many points these are.
lattice = np.array(["cF", "cI", "hP"])
truth = lattice[noisy.xmap.phase_id].reshape(noisy.xmap.shape)
answer = np.array(of_noisy.class_names)[of_noisy.phase_id]
limits = np.linspace(0, 0.95, 20)
kept = [of_noisy.confidence >= limit for limit in limits]
right = [
    np.mean((answer == truth)[points]) if points.any() else np.nan
    for points in kept
]
figure, axes = plt.subplots(layout="constrained", figsize=(5, 3))
axes.plot(limits, right, "o-", label="right answers")
axes.plot(limits, [np.mean(points) for points in kept], label="points kept")
axes.set(xlabel="Lowest confidence", ylabel="Share", ylim=(0, 1.02))
_ = axes.legend()

# %%
# A mask of the points with too low a confidence goes into other functions of
# kikuchipy, such as dictionary indexing, see
# :ref:`sphx_glr_examples_dictionary_indexing.py`.
print(np.count_nonzero(unsure.phase_id == -1), "points are not indexed")
