# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""
A projection centre that nobody knows
=====================================

Without the projection centre angles between bands are wrong, and so is every
answer. Here it is found from the patterns, whatever crystals they show.
"""

import kikuchipy as kp
import matplotlib.pyplot as plt
import numpy as np

import kikuchipy_symml  # noqa: F401

# %%
# Nine measured patterns of nickel come with kikuchipy. Suppose that their
# projection centre was lost. The static background is taken off, as what the
# detector adds to all patterns may look symmetric from somewhere else.
s = kp.data.nickel_ebsd_small()
s.remove_static_background()
true = s.detector.pc_average
s.detector.pc = (0.45, 0.25, 0.54)

# %%
# From a wrong point the bands of a crystal make wrong angles, and it hardly
# ever gains symmetry by that: what is looked for is the point from which the
# patterns show most. If nothing at all is known, leave ``pc_range`` out. A
# search around a first guess, as here, takes a few seconds.
detector = s.find_projection_centre(
    pc_range=((0.38, 0.5), (0.16, 0.28), (0.44, 0.56))
)
found = detector.pc_average
print("found", np.round(found, 3))
print("by Hough indexing", np.round(true, 3))

# %%
# The detector returned takes the place of the old one.
before = s.classify_symmetry("default", "crystal_system")
s.detector = detector
after = s.classify_symmetry("default", "crystal_system")
cubic = [
    i.probabilities[..., i.class_names.index("cubic")].mean()
    for i in (before, after)
]
print("mean probability of cubic:", np.round(cubic, 2))

# %%
# How sharp this is: the mean probability of cubic, the last crystal system,
# along each coordinate.
offsets = np.linspace(-0.06, 0.06, 13)
names = ("PCx", "PCy", "PCz")
figure, axis = plt.subplots(layout="constrained", figsize=(5, 3))
for i, name in enumerate(names):
    cubic = []
    for offset in offsets:
        pc = np.array(found)
        pc[i] += offset
        s.detector.pc = pc
        p = s.classify_symmetry(
            "default", "crystal_system", show_progressbar=False
        ).probabilities
        cubic.append(p[..., -1].mean())
    axis.plot(offsets, cubic, "o-", label=name)
axis.set(xlabel="Away from the one found", ylabel="Cubic")
_ = axis.legend()

# %%
# All patterns are taken to have one projection centre. Once a phase is known,
# kikuchipy's :meth:`~kikuchipy.signals.EBSD.refine_projection_center` makes it
# finer, for every pattern.
