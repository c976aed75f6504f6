# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""
Maps, and files for other programs
==================================

Plot what was found, in whole or class by class, and save it.
"""

import tempfile
import warnings
from pathlib import Path

import orix.io

from kikuchipy_symml import data

s = data.simulated_scan(
    ["Ni", "Fe (Im-3m)", "Ti (P63/mmc)"], (12, 18), electrons=600
)
phases = s.classify_symmetry(min_confidence=0.2)

# %%
# One call draws the map with its legend, the darker the less sure, beside the
# confidence.
_ = phases.plot()

# %%
# Or the phases alone, in full brightness.
_ = phases.plot(overlay=False, confidence=False)

# %%
# The probabilities of some classes, found or not.
_ = phases.plot_probabilities("cF", "cI", "hP")

# %%
# The crystal map plots as any other of orix. Its overlay goes from the lowest
# confidence in the map to the highest.
_ = phases.xmap.plot(overlay="confidence", return_figure=True)

# %%
# The HDF5 format of orix holds all of the crystal map.
folder = Path(tempfile.mkdtemp())
phases.save(folder / "symmetry.h5")
orix.io.load(folder / "symmetry.h5")

# %%
# Other programs read .ang files. They cannot hold all of it, and a warning
# says what is lost.
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    phases.save(folder / "symmetry.ang")
print(*str(caught[0].message).split("; "), sep="\n")

# %%
print(*(folder / "symmetry.ang").read_text().splitlines()[:20], sep="\n")
