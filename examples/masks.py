# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""
Masks
=====

Leave out points of the scan and pixels of the detector.

As everywhere in kikuchipy, True in a mask means to leave out.
"""

import matplotlib.pyplot as plt
import numpy as np

from kikuchipy_symml import data

s = data.simulated_scan(["Ni", "Fe (Im-3m)"], (10, 15), seed=3)

# %%
# A navigation mask leaves out points, such as those outside of the sample or
# with poor patterns. kikuchipy's image quality says which are poor: here the
# tenth of the points with the lowest.
quality = s.get_image_quality(show_progressbar=False)
poor = quality < np.quantile(quality, 0.1)
phases = s.classify_symmetry(navigation_mask=poor)
_ = phases.plot()

# %%
# The points left out are not indexed, with no probabilities.
print(np.unique(phases.phase_id[poor]), phases.probabilities[poor].sum())

# %%
# A signal mask leaves out pixels of the detector, such as those outside of a
# round phosphor screen. The network is told which directions were not seen.
ny, nx = s.detector.shape
y, x = np.indices((ny, nx))
outside = (y - ny / 2 + 0.5) ** 2 + (x - nx / 2 + 0.5) ** 2 > (nx / 2) ** 2
through_screen = s.classify_symmetry(signal_mask=outside)

figure, axes = plt.subplots(ncols=2, layout="constrained", figsize=(7, 3))
axes[0].imshow(np.where(outside, 0, s.data[5, 5]), cmap="gray")
axes[0].set_title("What is seen")
axes[1].hist(
    [
        s.classify_symmetry().confidence.ravel(),
        through_screen.confidence.ravel(),
    ],
    label=["all pixels", "round screen"],
)
axes[1].set(xlabel="Confidence", ylabel="Points")
_ = axes[1].legend()
