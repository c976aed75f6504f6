# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later

from ._candidates import candidate_space_groups
from ._fuse import fuse_probabilities, training_prior
from ._levels import (
    LEVELS,
    class_index,
    class_names,
    phase_of,
    space_groups_of,
    sum_table,
    sum_to_level,
)
from ._phase_list import SymmetryPhaseList

__all__ = [
    "LEVELS",
    "SymmetryPhaseList",
    "candidate_space_groups",
    "class_index",
    "class_names",
    "fuse_probabilities",
    "phase_of",
    "space_groups_of",
    "sum_table",
    "sum_to_level",
    "training_prior",
]
