# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must be true of the arguments that say how to classify."""

from numbers import Integral, Real


def check_min_confidence(value: float) -> float:
    """Return a number in [0, 1]."""
    is_number = isinstance(value, Real) and not isinstance(value, bool)
    if not is_number or not 0 <= value <= 1:
        raise ValueError(
            f"min_confidence must be a number from 0 to 1, not {value!r}"
        )
    return float(value)


def check_batch_size(value: int | None) -> int | None:
    """Return a positive integer or None."""
    if value is None:
        return None
    is_integer = isinstance(value, Integral) and not isinstance(value, bool)
    if not is_integer or value < 1:
        raise ValueError(
            f"batch_size must be a positive integer or None, not {value!r}"
        )
    return int(value)
