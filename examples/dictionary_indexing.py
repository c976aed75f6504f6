# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""
Into dictionary indexing
========================

Index each phase where the symmetry allows it, and refine.

Dictionary indexing of all phases everywhere takes the time of one phase times
their number. Symmetry says beforehand where to try which.
``benchmarks/indexing_chain.py --shape 100 150`` of the repository compares the
ways on scans of 100 x 150 points and 24 grains with 1000 electrons in a pixel,
simulated from dynamical master patterns, with dictionaries of 5 degrees and
the default model of 2026-11-23:
nickel and chromium (2 phases), and cobalt (3), which are fcc, bcc and hcp.
Time is that of all cores together, with symmetry included, as a multiple of
what indexing all points with one phase takes:

====== ==================== =============== ====== ====
Phases Way                  Symmetry        Right  Time
====== ==================== =============== ====== ====
2      all phases           none            88.9 % 2.00
2      likely phases        of all points   100 %  4.41
2      likely phases        of 5 a grain    100 %  0.53
3      all phases           none            88.6 % 3.00
3      likely phases        of all points   100 %  5.78
3      likely phases        of 5 a grain    100 %  0.63
====== ==================== =============== ====== ====

The network takes longer for a pattern than matching it to a dictionary as
coarse as this. With a few points of each grain, shown at the end, it is the
simulation of the dictionaries that remains, which is the same for scans of any
size. Where the phase is right, median orientation errors after refinement are
0.04 degrees in all. One point in twenty or more is off by 35 degrees or more,
presumably as the dictionary is coarse; of three phases everywhere these points
got another phase.
"""

import kikuchipy as kp
import matplotlib.pyplot as plt
import numpy as np
from orix.quaternion import Orientation
from orix.sampling import get_sample_fundamental

from kikuchipy_symml import crystals, data
from kikuchipy_symml.classify import (
    fill_grains,
    indexing_masks,
    merge_indexed_maps,
    refinement_masks,
    sample_grains,
)

# %%
# A scan of nickel, simulated from EMsoft's master pattern, and ferrite.
nickel = kp.data.nickel_ebsd_master_pattern_small(
    projection="lambert", hemisphere="both"
)
nickel.phase.name = "Ni"
ferrite = data.master_pattern("Fe (Im-3m)")
s = data.simulated_scan([nickel, ferrite], (10, 15), n_grains=6, seed=1)
truth = s.xmap

# %%
# First the symmetry, one decision for each grain, among the phases that there
# are master patterns of.
candidates = crystals.candidates(nickel.phase, ferrite.phase)
phases = s.classify_symmetry(candidates=candidates).fuse(s.label_grains())
_ = phases.plot()

# %%
# Then the points to try each phase in: where it is the most probable one, or
# not unlikely.
masks = indexing_masks(phases, min_probability=0.1)
for name, mask in masks.items():
    print(f"{name} is tried in {np.mean(~mask):.0%} of the points")

# %%
# Dictionary indexing of each phase with its mask. Maps are merged by the
# scores, where more than one phase was tried. Points tried with no phase are
# not indexed.
s.remove_static_background("divide")
s.remove_dynamic_background()
masters = {master.phase.name: master for master in (nickel, ferrite)}

dictionaries = {}
for name, master in masters.items():
    rotations = get_sample_fundamental(5, point_group=master.phase.point_group)
    dictionaries[name] = master.get_patterns(
        rotations, s.detector, dtype_out="float32", compute=False
    )
xmaps = {
    name: s.dictionary_indexing(
        dictionaries[name], keep_n=1, navigation_mask=mask
    )
    for name, mask in masks.items()
}
xmap = merge_indexed_maps(xmaps, masks, step_sizes=(1, 1))

# %%
# At last the orientations are refined, each phase with the points that it has.
masks = refinement_masks(xmap)
refined = {
    name: s.refine_orientation(
        xmap,
        s.detector,
        masters[name],
        energy=20,
        navigation_mask=mask,
        trust_region=[5, 5, 5],
    )
    for name, mask in masks.items()
}
xmap = merge_indexed_maps(refined, masks, step_sizes=(1, 1))
xmap

# %%
# Here the truth is known: how often the phase is right, and by how much
# orientations are off.


def names(xmap):
    """Return the name of the phase in each point."""
    return np.array([xmap.phases[i].name for i in xmap.phase_id])


right = names(xmap) == names(truth)
print(f"phase right: {right.mean():.1%}")
error = np.full(xmap.size, np.nan)
for name, master in masters.items():
    here = right & (names(truth) == name)
    if here.any():
        a, b = (
            Orientation(m.rotations[here], symmetry=master.phase.point_group)
            for m in (xmap, truth)
        )
        error[here] = a.angle_with(b, degrees=True)
print(f"median orientation error: {np.nanmedian(error):.2f} degrees")

figure, axes = plt.subplots(layout="constrained", figsize=(5, 3))
image = axes.imshow(error.reshape(xmap.shape), vmin=0)
_ = figure.colorbar(image, label="Orientation error / °")

# %%
# In large scans, a few points of each grain are enough: these alone are
# classified and indexed, and all others start their refinement from the
# nearest of them. What takes time is then the number of grains, not of points.
labels = s.label_grains()
few = sample_grains(labels, 5)
print(f"{np.mean(~few):.0%} of the points are indexed")

phases = s.classify_symmetry(candidates=candidates, navigation_mask=few)
masks = indexing_masks(phases.fuse(labels), min_probability=0.1)
xmaps = {
    name: s.dictionary_indexing(
        dictionaries[name], keep_n=1, navigation_mask=mask
    )
    for name, mask in masks.items()
}
xmap = merge_indexed_maps(xmaps, masks, step_sizes=(1, 1))
xmap = fill_grains(xmap, labels)
print(f"phase right: {np.mean(names(xmap) == names(truth)):.1%}")
