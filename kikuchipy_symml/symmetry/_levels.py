# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Five levels of symmetry, each a partition of the 230 space groups."""

from functools import cache

import numpy as np
from orix.crystal_map import Phase

from kikuchipy_symml.symmetry._colors import distinct_color

LEVELS = (
    "crystal_system",
    "bravais_lattice",
    "laue_group",
    "point_group",
    "space_group",
)
"""Names of the levels. Space groups are finer than all others and point
groups finer than Laue groups, which are finer than crystal systems. A
Bravais lattice has no such place: hP holds trigonal and hexagonal
crystals, and one Laue group occurs with several lattices.
"""

N_SPACE_GROUPS = 230

# Pearson's symbols: letter of the crystal family, then of the centring.
# One face centred is S whichever face the setting has chosen; orix names
# rhombohedral groups by their hexagonal setting, H.
_FAMILY = {
    "triclinic": "a",
    "monoclinic": "m",
    "orthorhombic": "o",
    "tetragonal": "t",
    "trigonal": "h",
    "hexagonal": "h",
    "cubic": "c",
}
_CENTRING = {c: c for c in "PIF"} | {c: "S" for c in "ABC"} | {"H": "R"}


@cache
def _phases() -> tuple[Phase, ...]:
    """Return a phase of every space group, in order of its number."""
    numbers = range(1, N_SPACE_GROUPS + 1)
    return tuple(Phase(space_group=number) for number in numbers)


def _laue_class(phase: Phase) -> tuple[str, int]:
    """Return crystal system and order of the Laue group of a phase.

    The two are different for all eleven Laue groups, and both are known
    to orix for every point group. ``point_group.laue.name`` is not: orix
    0.15 gives no name for the Laue group of point group m.
    """
    group = phase.point_group
    order = group.order * (1 if group.contains_inversion else 2)
    return group.system, order


@cache
def _names_by_space_group(level: str) -> tuple[str, ...]:
    """Return the class name of each of the 230 space groups."""
    phases = _phases()
    match level:
        case "crystal_system":
            return tuple(p.point_group.system for p in phases)
        case "bravais_lattice":
            return tuple(
                _FAMILY[p.point_group.system]
                + _CENTRING[p.space_group.short_name[0]]
                for p in phases
            )
        case "laue_group":
            # Adding inversion to a centrosymmetric group gives itself
            laue = {
                _laue_class(p): p.point_group.name
                for p in phases
                if p.point_group.contains_inversion
            }
            return tuple(laue[_laue_class(p)] for p in phases)
        case "point_group":
            return tuple(p.point_group.name for p in phases)
        case "space_group":
            return tuple(p.space_group.short_name for p in phases)
    raise ValueError(f"Level {level!r} is not one of {LEVELS}")


@cache
def class_names(level: str) -> tuple[str, ...]:
    """Return the names of all classes of a level.

    The index of a name is its phase ID wherever the level is used.

    Parameters
    ----------
    level
        One of :data:`LEVELS`.

    Returns
    -------
    names
        7 crystal systems, 14 Bravais lattices (Pearson symbols), 11 Laue
        groups, 32 point groups (Hermann-Mauguin names) or 230 space
        groups (short Hermann-Mauguin names), as orix spells them.

    Raises
    ------
    ValueError
        If there is no such level.

    Examples
    --------
    >>> from kikuchipy_symml import symmetry
    >>> symmetry.class_names("bravais_lattice")
    ('aP', 'mP', 'mS', 'oP', 'oS', 'oI', 'oF', 'tP', 'tI', 'hR', 'hP', 'cP', 'cI', 'cF')
    """  # noqa: E501
    names = dict.fromkeys(_names_by_space_group(level))
    if level == "bravais_lattice":
        families = "".join(dict.fromkeys(_FAMILY.values()))
        return tuple(
            sorted(
                names,
                key=lambda name: (
                    families.index(name[0]),
                    "RPSIF".index(name[1]),
                ),
            )
        )
    return tuple(names)


@cache
def class_index(level: str) -> np.ndarray:
    """Return the class of every space group.

    Parameters
    ----------
    level
        One of :data:`LEVELS`.

    Returns
    -------
    index
        Integer array of shape (230,), read-only: index into
        :func:`class_names` of space groups 1 to 230.

    Raises
    ------
    ValueError
        If there is no such level.

    Examples
    --------
    >>> from kikuchipy_symml import symmetry
    >>> int(symmetry.class_index("bravais_lattice")[225 - 1])
    13
    """
    position = {name: i for i, name in enumerate(class_names(level))}
    names = _names_by_space_group(level)
    index = np.array([position[name] for name in names])
    index.flags.writeable = False
    return index


@cache
def sum_table(level: str) -> np.ndarray:
    """Return the table that sums space groups to the classes of a level.

    Parameters
    ----------
    level
        One of :data:`LEVELS`.

    Returns
    -------
    table
        Array of shape (230, n classes) of 32-bit floats, read-only, with
        one 1 in each row and 0 elsewhere.

    Raises
    ------
    ValueError
        If there is no such level.

    Examples
    --------
    >>> from kikuchipy_symml import symmetry
    >>> symmetry.sum_table("laue_group").shape
    (230, 11)
    """
    n_classes = len(class_names(level))
    table = np.eye(n_classes, dtype=np.float32)[class_index(level)]
    table.flags.writeable = False
    return table


def sum_to_level(p230: np.ndarray, level: str) -> np.ndarray:
    """Sum probabilities of space groups to those of a level.

    Parameters
    ----------
    p230
        Probabilities of the 230 space groups, shape (..., 230).
    level
        One of :data:`LEVELS`.

    Returns
    -------
    probabilities
        Shape (..., n classes), of the same floating data type. At the
        space group level this is the given array, not a copy.

    Raises
    ------
    ValueError
        If there is no such level, or the last axis is not 230 long.

    Examples
    --------
    >>> import numpy as np
    >>> from kikuchipy_symml import symmetry
    >>> p230 = np.zeros(230, dtype=np.float32)
    >>> p230[[225 - 1, 227 - 1, 229 - 1]] = 0.5, 0.25, 0.25
    >>> p = symmetry.sum_to_level(p230, "bravais_lattice")
    >>> p[-3:]  # cP, cI, cF
    array([0.  , 0.25, 0.75], dtype=float32)
    """
    table = sum_table(level)
    p230 = np.asarray(p230)
    if p230.ndim == 0 or p230.shape[-1] != N_SPACE_GROUPS:
        raise ValueError(
            f"Probabilities of shape {p230.shape} given, expected the last "
            f"axis to be the {N_SPACE_GROUPS} space groups"
        )
    if level == "space_group":
        return p230
    if np.issubdtype(p230.dtype, np.floating):
        table = table.astype(p230.dtype, copy=False)
    return p230 @ table


def space_groups_of(level: str, name: str) -> np.ndarray:
    """Return the space groups of one class.

    Parameters
    ----------
    level
        One of :data:`LEVELS`.
    name
        One of :func:`class_names` of that level.

    Returns
    -------
    space_groups
        International numbers, 1 to 230, ascending.

    Raises
    ------
    ValueError
        If there is no such level, or no such class in it.

    Examples
    --------
    >>> from kikuchipy_symml import symmetry
    >>> symmetry.space_groups_of("bravais_lattice", "cF")
    array([196, 202, 203, 209, 210, 216, 219, 225, 226, 227, 228])
    """
    names = class_names(level)
    if name not in names:
        raise ValueError(
            f"Class {name!r} is not one of level {level!r}: {names}"
        )
    return np.flatnonzero(class_index(level) == names.index(name)) + 1


def phase_of(level: str, name: str) -> Phase:
    """Return a new phase that stands for one class.

    Parameters
    ----------
    level
        One of :data:`LEVELS`.
    name
        One of :func:`class_names` of that level.

    Returns
    -------
    phase
        Named *name*, in a color of its own among the classes of the
        level. It carries the space group at the space group level and
        a point group, but no space group, at all others: the one of the
        highest order in the class. This is the holohedry of a Bravais
        lattice or a crystal system and the Laue group of itself: a
        default that lets orix and kikuchipy work with the phase, not a
        finding.

    Raises
    ------
    ValueError
        If there is no such level, or no such class in it.

    Examples
    --------
    >>> from kikuchipy_symml import symmetry
    >>> symmetry.phase_of("bravais_lattice", "hR").point_group.name
    '-3m'
    >>> symmetry.phase_of("space_group", "Fm-3m").space_group.number
    225
    """
    numbers = space_groups_of(level, name)
    color = distinct_color(class_names(level).index(name))
    if level == "space_group":
        return Phase(name, space_group=int(numbers[0]), color=color)
    groups = [_phases()[number - 1].point_group for number in numbers]
    highest = max(groups, key=lambda group: group.order)
    return Phase(name, point_group=highest, color=color)
