# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists of phases to choose among, from wherever their crystals are."""

import warnings
from collections.abc import Iterable
from pathlib import Path

from orix.crystal_map import Phase, PhaseList

from ._crystal import Crystal
from ._library import DEFAULT_U_ISO, library

# orix gives these to phases that are named together
COLORS = tuple(
    f"tab:{name}"
    for name in (
        "blue orange green red purple brown pink gray olive cyan".split()
    )
)


def candidates(
    *sources: str | Path | Crystal | Phase | PhaseList,
    default_u_iso: float | None = DEFAULT_U_ISO,
) -> PhaseList:
    r"""Return a list of phases to choose among or to index.

    Parameters
    ----------
    *sources
        Each one a name of a crystal in the :func:`library`, the path of a
        \*.cif file, a crystal, an orix phase with a space group, or a
        list of such phases, like what :func:`matching` returns.
    default_u_iso
        Mean-square displacement in ångström squared of atoms in CIF files
        that give none. With None, such files are refused. It matters for
        simulations only, not for the symmetry.

    Returns
    -------
    candidates
        For :meth:`SymmetryPhaseList.restrict_to()
        <kikuchipy_symml.SymmetryPhaseList.restrict_to>` and the parameter
        of this name of :func:`~kikuchipy_symml.classify_symmetry`. No two
        have the same color.

    Raises
    ------
    KeyError
        If no crystal of the library has a name.
    FileNotFoundError
        If there is no file at a path.
    TypeError
        If a source is of another kind.
    ValueError
        If a file cannot be used, a phase has no space group, or two have
        the same name.

    Warns
    -----
    UserWarning
        If phases have the same space group: no symmetry can tell them
        apart, so only the first of them is kept.

    Examples
    --------
    >>> from kikuchipy_symml import crystals
    >>> steel = crystals.candidates("Fe (Fm-3m)", "Fe (Im-3m)", "Cohenite")
    >>> [(phase.name, phase.space_group.number) for _, phase in steel]
    [('Fe (Fm-3m)', 225), ('Fe (Im-3m)', 229), ('Cohenite', 62)]
    """
    phases = [
        phase for source in sources for phase in _phases(source, default_u_iso)
    ]
    if not phases:
        raise ValueError("No candidates given")
    kept: dict[int, Phase] = {}
    left_out = []
    for phase in phases:
        if phase.space_group is None:
            raise ValueError(
                f"phase {phase.name!r} has no space group; set it, as in "
                "Phase(name, space_group=225)"
            )
        first = kept.setdefault(phase.space_group.number, phase)
        if first is not phase:
            left_out.append(f"{phase.name!r} (as {first.name!r})")
    names = [phase.name for phase in kept.values()]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ValueError(
            f"Two candidates have the name {twice.pop()!r}; rename one"
        )
    if left_out:
        warnings.warn(
            "Left out, as no symmetry can tell them from another candidate "
            f"of the same space group: {', '.join(left_out)}",
            stacklevel=2,
        )
    return PhaseList(colored(kept.values()))


def _phases(source, default_u_iso: float | None) -> list[Phase]:
    if isinstance(source, PhaseList):
        return [phase for i, phase in source if i != -1]
    if isinstance(source, Phase):
        return [source]
    if isinstance(source, Crystal):
        return [source.to_phase()]
    if isinstance(source, str | Path):
        path = Path(source)
        if path.suffix.lower() != ".cif":
            return [library()[str(source)].to_phase()]
        if not path.is_file():
            raise FileNotFoundError(f"There is no file '{path}'")
        crystal = Crystal.from_cif(path, default_u_iso=default_u_iso)
        return [crystal.to_phase()]
    raise TypeError(
        "A candidate must be the name of a crystal in the library, the path "
        f"of a .cif file, a crystal or a phase, not {type(source).__name__}"
    )


def colored(phases: Iterable[Phase]) -> list[Phase]:
    """Return the phases, copied in another color if an earlier one has
    theirs.
    """
    colored, taken = [], set()
    for phase in phases:
        if phase.color in taken:
            free = [color for color in COLORS if color not in taken]
            if free:
                phase = phase.deepcopy()
                phase.color = free[0]
        taken.add(phase.color)
        colored.append(phase)
    return colored
