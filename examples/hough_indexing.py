# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""
Beside Hough indexing
=====================

What Hough indexing answers when the true phase is not in its list.

Hough indexing chooses among the phases that it was given. This compares its
answers with those of ``classify_symmetry()``, which needs no list, as
`Kaufmann et al. (2020) <https://doi.org/10.1126/science.aay3062>`__ do. It
needs `PyEBSDIndex <https://pyebsdindex.readthedocs.io>`__: ``pip install
pyebsdindex``.
"""

import kikuchipy as kp
import matplotlib.pyplot as plt
import numpy as np
from orix.crystal_map import PhaseList

from kikuchipy_symml import crystals, data

# %%
# Nickel (cF), simulated from EMsoft's master pattern with noise.
nickel = kp.data.nickel_ebsd_master_pattern_small(
    projection="lambert", hemisphere="both"
)
nickel.phase.name = "Ni"
s = data.simulated_scan([nickel], (8, 12), n_grains=8, electrons=8000, seed=4)
phases = s.classify_symmetry()
print(phases)

# %%
# The background is removed for Hough indexing.
s.remove_static_background("divide")
s.remove_dynamic_background()

lists = {
    "with the true phase": ["Ni", "Fe (Im-3m)"],
    "without it": ["Fe (Im-3m)", "Mg"],
}
fits = {}
for title, names in lists.items():
    phase_list = PhaseList(
        [crystals.library()[name].to_phase() for name in names]
    )
    # PyEBSDIndex knows the usual reflectors of these types of structures
    indexer = s.detector.get_indexer(
        phase_list,
        [
            {225: "FCC", 229: "BCC", 194: "HCP"}[p.space_group.number]
            for _, p in phase_list
        ],
        nBands=8,
    )
    xmap = s.hough_indexing(phase_list, indexer, verbose=0)
    fits[title] = xmap.fit
    counts = {
        phase.name: int(np.count_nonzero(xmap.phase_id == i))
        for i, phase in xmap.phases
    }
    print(
        f"Hough indexing {title}: {counts}, mean fit {xmap.fit.mean():.2f} "
        f"degrees, mean confidence metric {xmap.cm.mean():.2f}"
    )

# %%
# Without nickel in the list, Hough indexing still answers with phases of it.
# The fit compares angles between bands with those between lattice planes, and
# these are the same in all cubic crystals: a wrong cubic phase may fit as well
# as the right one.
figure, axes = plt.subplots(layout="constrained", figsize=(5, 3))
axes.hist(list(fits.values()), bins=20, label=list(fits))
axes.set(xlabel="Fit / °", ylabel="Points")
_ = axes.legend()

# %%
# Symmetry needs no list, and may fill one: the library's phases of the
# symmetry found that are made of nickel or iron.
fused = phases.fuse(s.label_grains())
_ = fused.plot()

# %%
crystals.matching(fused, elements=["Ni", "Fe"])
