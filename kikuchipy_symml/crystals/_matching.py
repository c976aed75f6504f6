# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""From symmetries found to real phases that have them."""

from collections.abc import Iterable

import numpy as np
from orix.crystal_map import PhaseList

from kikuchipy_symml.symmetry import LEVELS, class_names, space_groups_of

from ._library import library


def matching(
    phases: PhaseList | str | Iterable[str],
    *,
    elements: Iterable[str] | None = None,
    level: str | None = None,
) -> PhaseList:
    """Return phases of the library that have one of the symmetries.

    Parameters
    ----------
    phases
        Result of ``classify_symmetry()``, any other phase list, or names
        of classes such as "cF".
    elements
        Chemical symbols that the sample may hold. Phases with any other
        element are left out. If not given, all elements are allowed.
    level
        Level of symmetry at which to compare, such as "bravais_lattice".
        If not given, it is that of the result, "space_group" for another
        phase list, and for names the coarsest level that has all of them
        as classes.

    Returns
    -------
    matching
        orix phases with all atoms of the cell, ready for simulation.

    Raises
    ------
    ValueError
        If a name is not a class of the level or of any level, or a phase
        has no space group and the list no level.

    Examples
    --------
    >>> from kikuchipy_symml import crystals
    >>> steel = crystals.matching(["cF", "cI"], elements=["Fe"])
    >>> [phase.space_group.number for _, phase in steel]
    [225, 229]
    """
    if isinstance(phases, PhaseList):
        groups = _of_phase_list(phases, level)
    else:
        names = [phases] if isinstance(phases, str) else list(phases)
        groups = _of_names(names, level)
    found = library().where(space_group=groups, elements=elements)
    return PhaseList([crystal.to_phase() for crystal in found])


def _of_names(names: list[str], level: str | None) -> set[int]:
    if level is None:
        levels = [
            level for level in LEVELS if set(names) <= set(class_names(level))
        ]
        if not levels:
            raise ValueError(
                f"no level has all of {names} as classes; levels are {LEVELS}"
            )
        level = levels[0]
    return {
        int(number)
        for name in names
        for number in space_groups_of(level, name)
    }


def _of_phase_list(phases: PhaseList, level: str | None) -> set[int]:
    own_level = getattr(phases, "level", None)
    found = {i: phase for i, phase in phases if i != -1}
    if own_level is not None and level in (None, own_level):
        return _of_names([phase.name for phase in found.values()], own_level)
    groups: set[int] = set()
    for phase in found.values():
        if phase.space_group is None:
            raise ValueError(
                f"phase {phase.name!r} has no space group; give names of "
                "classes and their level"
            )
        groups |= _same_class(phase.space_group.number, level)
    return groups


def _same_class(number: int, level: str | None) -> set[int]:
    """Space groups of the class that one space group belongs to."""
    if level is None:
        return {number}
    from kikuchipy_symml.symmetry import class_index

    classes = class_index(level)
    return set((np.flatnonzero(classes == classes[number - 1]) + 1).tolist())
