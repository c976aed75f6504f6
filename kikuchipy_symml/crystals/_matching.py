# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""From symmetries found to real phases that have them."""

from collections.abc import Iterable

import numpy as np
from orix.crystal_map import Phase, PhaseList

from kikuchipy_symml.symmetry import (
    LEVELS,
    SymmetryPhaseList,
    class_index,
    class_names,
    space_groups_of,
)

from ._candidates import colored
from ._crystal import Crystal
from ._library import library


def matching(
    phases: PhaseList | str | Iterable[str],
    *,
    elements: Iterable[str] | None = None,
    level: str | None = None,
    among: PhaseList | Iterable[Crystal] | None = None,
) -> PhaseList:
    """Return real phases that have one of the symmetries.

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
    among
        Phases or crystals to look among. If not given, the
        :func:`library`.

    Returns
    -------
    matching
        orix phases, those of crystals with all atoms of the cell, ready
        for simulation. Phases of the symmetry that was found in most
        points come first. The list may be empty, and several may have
        the same space group: pass it through :func:`candidates` to
        choose among them.

    Raises
    ------
    ValueError
        If a name is not a class of the level or of any level, or a phase
        has no space group and the list no level.

    See Also
    --------
    candidates

    Examples
    --------
    >>> from kikuchipy_symml import crystals
    >>> steel = crystals.matching(["cF", "cI"], elements=["Fe"])
    >>> [phase.space_group.number for _, phase in steel]
    [225, 229]
    """
    if isinstance(elements, str):
        elements = [elements]
    if isinstance(phases, PhaseList):
        groups = _of_phase_list(phases, level)
    else:
        names = [phases] if isinstance(phases, str) else list(phases)
        groups = _of_names(names, level)
    if among is None:
        crystals = library().where(space_group=groups, elements=elements)
        found = colored(crystal.to_phase() for crystal in crystals)
    else:
        found = _among(among, groups, elements)
    # Sorting keeps the order of phases with the same number of points
    found.sort(key=_points(phases, level))
    return PhaseList(found)


def _among(
    among: PhaseList | Iterable[Crystal],
    groups: set[int],
    elements: Iterable[str] | None,
) -> list[Phase]:
    if isinstance(among, PhaseList):
        found = [phase for i, phase in among if i != -1]
    else:
        found = [crystal.to_phase() for crystal in among]
    without = [phase.name for phase in found if phase.space_group is None]
    if without:
        raise ValueError(f"phases {without} to look among have no space group")
    found = [phase for phase in found if phase.space_group.number in groups]
    if elements is None:
        return found
    allowed = set(elements)
    # Of no atoms nothing is known, so such a phase is not ruled out
    return [
        phase
        for phase in found
        if {_symbol(atom.element) for atom in phase.structure} <= allowed
    ]


def _symbol(element: str) -> str:
    """Return the symbol of an atom or ion."""
    return element.rstrip("0123456789+-")


def _points(phases: PhaseList | str | Iterable[str], level: str | None):
    """Return a function that sorts phases by the points of their class."""
    if not isinstance(phases, SymmetryPhaseList):
        return lambda phase: 0
    if level is not None:
        phases = phases.at_level(level)
    counts = {i: np.count_nonzero(phases.phase_id == i) for i, _ in phases}
    if phases._candidates is not None:
        by_group = {
            phase.space_group.number: -counts[i] for i, phase in phases
        }
    else:
        classes = class_index(phases.level)
        by_group = {
            number: -counts.get(int(classes[number - 1]), 0)
            for number in range(1, classes.size + 1)
        }
    return lambda phase: by_group.get(phase.space_group.number, 0)


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
    if isinstance(phases, SymmetryPhaseList) and phases._candidates is None:
        if level not in (None, phases.level):
            phases = phases.at_level(level)
        # By their IDs, as phases may have been renamed
        names = [phases.class_names[i] for i in phases.ids]
        return _of_names(names, phases.level)
    found = {i: phase for i, phase in phases if i != -1}
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
    classes = class_index(level)
    return set((np.flatnonzero(classes == classes[number - 1]) + 1).tolist())
