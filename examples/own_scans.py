# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""
Train on your own scans
=======================

Measured scans of known phases as training data.

This is the protocol of `Kaufmann et al. (2020)
<https://doi.org/10.1126/science.aay3062>`__.
"""

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt

from kikuchipy_symml import data
from kikuchipy_symml.training import fit

# %%
# Four scans stand in for measured ones, two of nickel and two of titanium.
# Scans may be lazy, and labels may be arrays with one for each point.
nickel = data.master_pattern("Ni")
titanium = data.master_pattern("Ti (P63/mmc)")
scans = [
    data.simulated_scan([master], (6, 10), n_grains=60, seed=seed)
    for seed, master in enumerate([nickel, nickel, titanium, titanium])
]

# %%
# Whole scans are held out for scoring: one of each class. Neighbouring
# patterns of one scan are near-copies of each other, so a split by pattern
# would tell how well the network remembers.
#
# Training goes on from the model that comes with the package. Here it goes
# twice through the 120 patterns of the other two scans, which is little: for
# real work take the ten times that are the default, and as many scans as there
# are.
path = Path(tempfile.mkdtemp()) / "nickel_or_titanium.symml"
model = fit(
    scans,
    ["cF", "cF", "hP", "hP"],
    epochs=2,
    batch_size=20,
    path=path,
)
scores = model.card["scores"]["held_out"]
print("held out:", scores["classes"])
print("right:", scores["bravais_lattice"]["top_1"])

# %%
# The card of the model tells how training went.
history = model.card["training_set"]["history"]
figure, axes = plt.subplots(ncols=2, figsize=(8, 3), layout="constrained")
epochs = range(1, len(history) + 1)
axes[0].plot(epochs, [epoch["loss"] for epoch in history], "o-")
axes[0].set(xlabel="Epoch", ylabel="Loss in training")
axes[1].plot(epochs, [epoch["top_1"] for epoch in history], "o-")
_ = axes[1].set(xlabel="Epoch", ylabel="Right, held out", ylim=(0, 1.02))

# %%
# The file is a model like any other. It was shown two classes, and the more it
# is trained on them, the less it will name others.
unknown = data.simulated_scan([nickel, titanium], (6, 10), seed=9)
_ = unknown.classify_symmetry(model=path).plot()
