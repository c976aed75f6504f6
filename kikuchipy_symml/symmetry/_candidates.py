# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Candidate phases: what must be true of them to choose among them."""

import warnings

import numpy as np
from orix.crystal_map import PhaseList

from kikuchipy_symml.symmetry._levels import LEVELS, class_index, class_names


def candidate_space_groups(candidates: PhaseList) -> np.ndarray:
    """Return the space groups of candidate phases, or say what is wrong.

    Parameters
    ----------
    candidates
        Phases, each of a space group and a name of its own. A phase
        ``"not_indexed"`` of ID -1, as in ``xmap.phases``, is passed over.

    Returns
    -------
    space_groups
        International number of each candidate, in order of the list.

    Raises
    ------
    TypeError
        If *candidates* is not a phase list.
    ValueError
        If there are no candidates, one has no space group, two have the
        same name, or two have the same space group: no symmetry can tell
        these apart.
    """
    if not isinstance(candidates, PhaseList):
        raise TypeError(
            "Candidates must be an orix.crystal_map.PhaseList, not "
            f"{type(candidates).__name__}"
        )
    phases = [phase for phase_id, phase in candidates if phase_id != -1]
    if not phases:
        raise ValueError("Candidates hold no phase")

    without = [phase.name for phase in phases if phase.space_group is None]
    if without:
        raise ValueError(
            f"Candidate(s) {without} have no space group: set it, as in "
            "Phase(name, space_group=225)"
        )

    name_of: dict[int, str] = {}
    for phase in phases:
        if phase.name in name_of.values():
            raise ValueError(f"Two candidates have the name {phase.name!r}")
        other = name_of.setdefault(phase.space_group.number, phase.name)
        if other != phase.name:
            raise ValueError(
                f"Candidates {other!r} and {phase.name!r} have the same space "
                f"group, {phase.space_group.short_name}: no level of symmetry "
                "parts them, so give one of the two"
            )
    return np.array(list(name_of))


def parting_level(space_groups: np.ndarray, level: str) -> str:
    """Return *level* if it parts all candidates, else the finest level.

    Parameters
    ----------
    space_groups
        Space groups of the candidates, no two the same.
    level
        One of :data:`LEVELS`.

    Returns
    -------
    level
        A level at which no two candidates are of one class.

    Warns
    -----
    UserWarning
        If this is another level than the given one.
    """
    classes = class_index(level)[space_groups - 1]
    found, counts = np.unique(classes, return_counts=True)
    shared = [class_names(level)[i] for i in found[counts > 1]]
    if not shared:
        return level
    finest = LEVELS[-1]
    warnings.warn(
        f"Two or more candidates are of one class at level {level!r}, "
        f"{shared}: they are told apart at level {finest!r} instead",
        stacklevel=2,
    )
    return finest
