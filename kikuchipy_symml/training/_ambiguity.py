# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is hard to tell apart by the physics of diffraction, and how often
a model does.

Axes: ``C`` classes of a level of symmetry.
"""

from collections.abc import Sequence

import numpy as np

from kikuchipy_symml import symmetry

from ._evaluation import SETS, Result

# Crystal families, from the metric of lowest symmetry to the highest.
_FAMILIES = "amothc"


def ambiguity_table(results: Sequence[Result]) -> str:
    """Return how often classes are told that look alike, as a table.

    Parameters
    ----------
    results
        One for each set; single patterns count.

    Returns
    -------
    table
        For each pair of a wider and a finer answer, the share of the
        patterns with the finer one right among those with the wider one
        right, beside what a guess among the finer classes would get. Then
        the shares of patterns that were given another kind of lattice.
    """
    chosen = [r for r in results if r.name != "measured"]
    columns = [r.name for r in chosen]
    lines = [
        f"{'':44s}" + "".join(f"{name:>13s}" for name in columns),
        "Right among those whose wider answer is right (a guess)",
    ]
    for text, level, wider in (
        ("point group, given the Laue group", "point_group", _laue_group()),
        ("space group, given these and the lattice", "space_group", _kind()),
        ("centring, given the crystal family", "bravais_lattice", _family()),
    ):
        cells = []
        for result in chosen:
            told, guess = _told(result.single[level].confusion, wider)
            cells.append(f"{told:6.0%} ({guess:3.0%})")
        lines.append(f"  {text:42s}" + "".join(f"{c:>13s}" for c in cells))
    lines.append("Given another lattice, of all")
    family = _family()
    centred = np.array(
        [name[1] != "P" for name in symmetry.class_names("bravais_lattice")]
    )
    true, found = np.indices((14, 14))
    same = family[true] == family[found]
    for text, where in (
        ("metric of higher symmetry", family[found] > family[true]),
        ("metric of lower symmetry", family[found] < family[true]),
        ("primitive, though centred", same & centred[true] & ~centred[found]),
        ("centred, though primitive", same & ~centred[true] & centred[found]),
    ):
        cells = []
        for result in chosen:
            confusion = result.single["bravais_lattice"].confusion
            share = confusion[where].sum() / max(confusion.sum(), 1)
            cells.append(f"{share:6.0%}      ")
        lines.append(f"  {text:42s}" + "".join(f"{c:>13s}" for c in cells))
    lines.append("")
    lines += [f"{name:12s} {SETS[name]}" for name in columns]
    return "\n".join(lines)


def _told(confusion: np.ndarray, wider: np.ndarray) -> tuple[float, float]:
    """Share of the patterns with the wider answer right whose class is
    right, and that of a guess among the classes of the wider one."""
    same = wider[:, None] == wider
    among = np.where(same, confusion, 0).sum(axis=1)
    n = max(among.sum(), 1)
    return confusion.trace() / n, float((among / same.sum(axis=1)).sum() / n)


def _family() -> np.ndarray:
    """Number of the crystal family of each Bravais lattice, shape (14,)."""
    names = symmetry.class_names("bravais_lattice")
    return np.array([_FAMILIES.index(name[0]) for name in names])


def _laue_group() -> np.ndarray:
    """Number of the Laue group of each point group, shape (32,)."""
    group = np.zeros(len(symmetry.class_names("point_group")), dtype=int)
    group[symmetry.class_index("point_group")] = symmetry.class_index(
        "laue_group"
    )
    return group


def _kind() -> np.ndarray:
    """A number for each pair of point group and Bravais lattice of the
    space groups, shape (230,)."""
    return symmetry.class_index("point_group") * 14 + symmetry.class_index(
        "bravais_lattice"
    )
