# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""What two crystals share that are the same for a split."""

import re

from kikuchipy_symml.crystals import Crystal
from kikuchipy_symml.crystals._formula import formula


def identity(formula: str, space_group: int) -> str:
    """Return what two crystals share that are the same for a split.

    Parameters
    ----------
    formula
        Chemical formula, elements in any order.
    space_group
        Space group number.

    Returns
    -------
    identity
        Formula with the elements in alphabetical order, and the number.

    Examples
    --------
    >>> identity("NaCl", 225)
    'ClNa 225'
    """
    parts = re.findall(r"[A-Z][a-z]?[0-9.]*", formula)
    return f"{''.join(sorted(parts))} {space_group}"


def identity_of(crystal: Crystal) -> str:
    """Return the identity of a crystal."""
    return identity(
        formula(crystal.elements, crystal.occupancies), crystal.space_group
    )
