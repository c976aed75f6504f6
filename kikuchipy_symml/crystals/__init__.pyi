# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later

from ._candidates import candidates
from ._check import check_crystal, closest_contact, detected_space_group
from ._crystal import MAX_ATOMS, Crystal
from ._decorate import decorated
from ._library import (
    DEFAULT_U_ISO,
    SPLITS,
    CrystalList,
    library,
    measured_phases,
    prototypes,
    split,
)
from ._matching import matching
from ._random import random_crystal

__all__ = [
    "Crystal",
    "CrystalList",
    "DEFAULT_U_ISO",
    "MAX_ATOMS",
    "SPLITS",
    "candidates",
    "check_crystal",
    "closest_contact",
    "decorated",
    "detected_space_group",
    "library",
    "matching",
    "measured_phases",
    "prototypes",
    "random_crystal",
    "split",
]
