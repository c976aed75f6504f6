# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Chemical formulae of cells."""

from collections.abc import Sequence
from math import gcd

import numpy as np


def formula(elements: Sequence[str], occupancies: Sequence[float]) -> str:
    """Return the formula of a cell, as small as whole numbers allow.

    Parameters
    ----------
    elements
        Chemical symbol of each atom.
    occupancies
        Occupancy of each atom.

    Returns
    -------
    formula
        Elements in order of first appearance. Amounts are divided by
        the largest number that leaves whole amounts whole, and the sum
        of the others too if it is whole: they then share sites. Amounts
        are given to two decimals.

    Examples
    --------
    >>> formula(["Na"] * 4 + ["Cl"] * 4, [1.0] * 8)
    'NaCl'
    """
    amounts: dict[str, float] = {}
    for element, occupancy in zip(elements, occupancies):
        amounts[element] = amounts.get(element, 0.0) + float(occupancy)
    values = np.array(list(amounts.values()))
    whole = np.rint(values).astype(int)
    is_whole = (np.abs(values - whole) < 0.02) & (whole > 0)
    counts = whole[is_whole].tolist()
    shared = values[~is_whole].sum()
    if round(shared) > 0 and abs(shared - round(shared)) < 0.05:
        counts.append(round(shared))
    units = gcd(*counts) or 1
    parts = []
    for element, amount in zip(amounts, values / units):
        number = "" if abs(amount - 1) < 0.005 else f"{amount:.2f}"
        if "." in number:
            number = number.rstrip("0").rstrip(".")
        parts.append(element + number)
    return "".join(parts)
