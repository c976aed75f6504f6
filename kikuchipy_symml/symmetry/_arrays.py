# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Arrays that a phase list is given, checked, and those it gives away."""

import numpy as np

from kikuchipy_symml.symmetry._levels import N_SPACE_GROUPS

# How far the sum of a softmax in half precision may be from one
_SUM_TOLERANCE = 1e-2


def as_probabilities(array: np.ndarray) -> np.ndarray:
    """Return the array as 32-bit floats, or say what is wrong with it."""
    array = np.asarray(array)
    if array.ndim not in (1, 2, 3) or array.shape[-1] != N_SPACE_GROUPS:
        raise ValueError(
            f"Probabilities of shape {array.shape} given, expected a "
            "navigation shape of (), (n,) or (ny, nx), and then "
            f"({N_SPACE_GROUPS},)"
        )
    if array.size == 0:
        raise ValueError(f"Probabilities of shape {array.shape} hold no point")
    return array.astype(np.float32, copy=False)


def check_sums(
    total: np.ndarray, lowest: np.ndarray, points: np.ndarray
) -> None:
    """Raise an error if numbers are negative or do not sum to one."""
    bad = (lowest < 0) | ~(np.abs(total - 1) <= _SUM_TOLERANCE)
    bad = np.asarray(bad & points)
    if bad.any():
        point = tuple(int(i) for i in np.argwhere(bad)[0])
        raise ValueError(
            f"Probabilities in point {point} sum to {total[point]:.3g}, the "
            f"lowest is {lowest[point]:.3g}: expected a sum of 1 and none "
            "below 0"
        )


def as_mask(mask: np.ndarray | None, shape: tuple[int, ...]) -> np.ndarray:
    """Return a navigation mask, True for points to leave out."""
    if mask is None:
        return np.zeros(shape, dtype=bool)
    mask = np.asarray(mask)
    if mask.dtype != bool:
        raise ValueError(
            f"Navigation mask has data type {mask.dtype}, expected bool with "
            "True for points to leave out"
        )
    if mask.shape != shape:
        raise ValueError(
            f"Navigation mask has shape {mask.shape}, expected the navigation "
            f"shape {shape}"
        )
    return mask


def as_labels(labels: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return labels of regions, negative where there is none."""
    labels = np.asarray(labels)
    if labels.dtype.kind not in "iu":
        raise ValueError(
            f"Labels have data type {labels.dtype}, expected integers with "
            "one value for each region, negative for none"
        )
    if labels.shape != shape:
        raise ValueError(
            f"Labels have shape {labels.shape}, expected the navigation "
            f"shape {shape}"
        )
    # Unsigned ones cannot hold the -1 of points left out.
    return labels.astype(np.int64)


def as_step_sizes(
    step_sizes: tuple[float, ...] | None, shape: tuple[int, ...]
) -> tuple[float, ...]:
    """Return one positive step size for each navigation direction."""
    if step_sizes is None:
        return (1,) * len(shape)
    step_sizes = tuple(step_sizes)
    if len(step_sizes) != len(shape) or not all(s > 0 for s in step_sizes):
        raise ValueError(
            f"Step sizes {step_sizes} given, expected {len(shape)} positive "
            f"numbers for navigation shape {shape}"
        )
    return step_sizes


def renormalized(p: np.ndarray) -> np.ndarray:
    """Return probabilities divided by their sum, 0 where that is 0."""
    # 64 bits, for the ratio of two probabilities close to underflow
    p = p.astype(np.float64)
    total = p.sum(axis=-1, keepdims=True)
    p = np.divide(p, total, out=np.zeros_like(p), where=total > 0)
    return p.astype(np.float32)


def zero_where(mask: np.ndarray, p: np.ndarray) -> np.ndarray:
    """Return probabilities with 0 where masked, copied only if needed."""
    if not p[mask].any():  # any() is True for NaN
        return p
    p = np.array(p)
    p[mask] = 0
    return p


def read_only(array: np.ndarray) -> np.ndarray:
    """Return a view of the array that cannot be written to."""
    view = array.view()
    view.flags.writeable = False
    return view
