# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""
Grains, and one decision for each
=================================

Combine the evidence of all patterns of a grain.

One pattern shows a part of a crystal through noise. All patterns of a grain
are of the same phase, so their evidence can be combined, which is more than a
vote: a few clear patterns count for more than many unclear ones.
"""

import matplotlib.pyplot as plt
import numpy as np

from kikuchipy_symml import data

s = data.simulated_scan(
    ["Ni", "Fe (Im-3m)", "Ti (P63/mmc)"],
    (18, 28),
    n_grains=24,
    electrons=400,
)
phases = s.classify_symmetry()
_ = phases.plot()

# %%
# Grains are found before anything is indexed: neighbours with like patterns
# are in the same one.
labels = s.label_grains()
print(f"{labels.max() + 1} regions; the scan has 24 grains")

shuffled = np.random.default_rng(0).permutation(labels.max() + 1)
figure, axes = plt.subplots(ncols=2, figsize=(8, 3), layout="constrained")
axes[0].imshow(shuffled[labels], cmap="tab20")
axes[0].set_title("Regions of like patterns")
axes[1].imshow(s.xmap.prop["grain"].reshape(labels.shape), cmap="tab20")
_ = axes[1].set_title("True grains")

# %%
fused = phases.fuse(labels)
_ = fused.plot()

# %%
# Here the truth is known: how often each is right. A grain is right or wrong
# as a whole: with few grains in a scan, the share may fall as well as rise.
lattice = np.array(["cF", "cI", "hP"])
truth = lattice[s.xmap.phase_id].reshape(s.xmap.shape)
for name, found in {"single patterns": phases, "grains": fused}.items():
    answer = np.array(found.class_names)[found.phase_id]
    print(f"{name}: {np.mean(answer == truth):.1%} right")

# %%
# The patterns of a grain show one orientation through different noise. What
# one is wrong about, others are likely to be wrong about as well, so a grain
# of a hundred patterns does not count as a hundred independent ones, but as
# one and a half: see the parameter *correlation* of
# :meth:`~kikuchipy_symml.SymmetryPhaseList.fuse`. Counted for more, the errors
# that they share would outweigh what they tell.
