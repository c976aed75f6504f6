# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""
Candidates and phases that match
================================

From a symmetry to real phases, and choosing among known ones.
"""

import tempfile
from pathlib import Path

from orix.crystal_map import Phase

from kikuchipy_symml import crystals, data

s = data.simulated_scan(
    ["Fe (Fm-3m)", "Fe (Im-3m)"], (12, 18), n_grains=8, seed=2
)
phases = s.classify_symmetry().fuse(s.label_grains())
phases

# %%
# Which phases of the library have these symmetries and are made of elements
# that the sample may hold, as known from spectroscopy (EDS)? Those of the
# symmetry that most points have come first.
matching = crystals.matching(phases, elements=["Fe", "C", "Cr"])
matching

# %%
# Where the phases that a sample may hold are known, choose among these only.
# :func:`~kikuchipy_symml.crystals.candidates` takes names in the library, CIF
# files, crystals and orix phases. A phase needs a space group, no atoms.
cif = """data_cementite
_cell_length_a 5.078
_cell_length_b 6.733
_cell_length_c 4.513
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_symmetry_space_group_name_H-M 'P n m a'
_symmetry_Int_Tables_number 62
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
Fe1 Fe 0.036 0.250 0.840 1
Fe2 Fe 0.182 0.066 0.337 1
C1 C 0.877 0.250 0.444 1
"""
file = Path(tempfile.mkdtemp()) / "cementite.cif"
file.write_text(cif)

candidates = crystals.candidates(
    "Fe (Fm-3m)", "Fe (Im-3m)", file, Phase("sigma", space_group=136)
)
candidates

# %%
# No second run is needed. (With ``s.classify_symmetry(candidates=...)`` it is
# done at once.)
restricted = phases.restrict_to(candidates)
_ = restricted.plot()

# %%
# The phases found are the candidates' own, with their structures, ready for
# indexing. Mind that the probabilities now say *which candidate, given that it
# is one of them*: a pattern of something else can give a high confidence, too.
truth = s.xmap.phase_id.reshape(s.xmap.shape)
print(f"{(restricted.phase_id == truth).mean():.1%} of the points are right")

# %%
# No symmetry can tell two phases of the same space group apart, say nickel
# from copper. Only the first of such candidates is kept, with a warning.
crystals.candidates("Ni", "Cu", "Fe (Im-3m)")
