# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must be true of a scan before any of its patterns is read.

Each function returns what it checked in the form that the mapping takes,
or raises an error that quotes the offending value.
"""

import warnings

import numpy as np
from kikuchipy.signals import EBSD

from ._view import (
    LARGEST_PC,
    MIN_PIXELS,
    SMALLEST_PCZ,
    pc_out_of_proportion,
)

DEFAULT_PC = (0.5, 0.5, 0.5)


def check_signal(signal: EBSD) -> None:
    """Raise unless a signal holds patterns that can be classified."""
    if not isinstance(signal, EBSD):
        raise TypeError(
            "The signal must be a kikuchipy EBSD signal, not "
            f"{type(signal).__name__}"
        )
    dtype = signal.data.dtype
    if dtype.kind not in "uif":
        raise ValueError(
            "Patterns must be of real numbers, integer or floating point, "
            f"not of data type {dtype}"
        )
    manager = signal.axes_manager
    if manager.signal_dimension != 2 or manager.navigation_dimension > 2:
        raise ValueError(
            "The signal must have two signal dimensions and at most two "
            f"navigation dimensions, not {manager.signal_dimension} and "
            f"{manager.navigation_dimension}"
        )
    if signal.data.size == 0:
        raise ValueError(
            f"The signal holds no patterns: its shape is {signal.data.shape}"
        )
    shape = signal_shape(signal)
    if min(shape) < MIN_PIXELS:
        raise ValueError(
            f"Patterns of shape {shape} are too small: at least {MIN_PIXELS} "
            "pixels a side are needed"
        )


def check_projection_centres(signal: EBSD) -> np.ndarray:
    """Return the projection centre(s) of a signal's detector.

    Returns
    -------
    pc
        In Bruker's convention, of shape (3,), or of the navigation shape
        and (3,).

    Raises
    ------
    ValueError
        If there is no detector, or it does not fit the signal.

    Warns
    -----
    UserWarning
        If it is the one that a new detector has.
    """
    detector = getattr(signal, "detector", None)
    if detector is None:
        raise ValueError(
            "The signal has no detector, so where its patterns were seen "
            "from is not known. Set one: signal.detector = kikuchipy."
            f"detectors.EBSDDetector(shape={signal_shape(signal)}, "
            "pc=(PCx, PCy, PCz))"
        )
    if tuple(detector.shape) != signal_shape(signal):
        raise ValueError(
            f"The detector's shape {tuple(detector.shape)} must be the "
            f"patterns' shape {signal_shape(signal)}"
        )
    for name in ("tilt", "sample_tilt"):
        _check_angle(name, getattr(detector, name))
    pc = np.array(detector.pc_bruker(), dtype=np.float64)
    expected = navigation_shape(signal)
    if pc.size == 3:
        pc = pc.reshape(3)
    elif pc.shape != (*expected, 3):
        raise ValueError(
            "The detector must have one projection centre, or one for each "
            f"pattern of the navigation shape {expected}, not of shape "
            f"{pc.shape[:-1]}"
        )
    _check_points(
        ~(np.isfinite(pc).all(axis=-1) & (pc[..., 2] > 0)),
        pc,
        "finite with PCz > 0",
    )
    _check_points(
        pc_out_of_proportion(pc),
        pc,
        "fractions of the detector's sides (not pixels or micrometres), up "
        f"to {LARGEST_PC} and with PCz of {SMALLEST_PCZ} at least",
    )
    if np.all(pc == DEFAULT_PC):
        warnings.warn(
            f"The detector has the projection centre {DEFAULT_PC}, the one "
            "that kikuchipy gives to a new detector. If it was never "
            "calibrated, do not trust the result: set signal.detector.pc, or "
            "see find_projection_centre()",
            stacklevel=3,
        )
    return pc


def check_navigation_mask(
    mask: np.ndarray | None, signal: EBSD
) -> np.ndarray | None:
    """Return a mask that has the navigation shape and leaves something."""
    return _check_mask(mask, "navigation", navigation_shape(signal), "pattern")


def check_signal_mask(
    mask: np.ndarray | None, signal: EBSD
) -> np.ndarray | None:
    """Return a mask that has the signal shape and leaves something."""
    return _check_mask(mask, "signal", signal_shape(signal), "pixel")


def navigation_shape(signal: EBSD) -> tuple[int, ...]:
    """Return the navigation shape in order (y, x)."""
    return tuple(signal.axes_manager.navigation_shape[::-1])


def signal_shape(signal: EBSD) -> tuple[int, int]:
    """Return the shape of a pattern in order (y, x)."""
    return tuple(signal.axes_manager.signal_shape[::-1])


def _check_points(bad: np.ndarray, pc: np.ndarray, expected: str) -> None:
    if np.any(bad):
        point = tuple(int(i) for i in np.argwhere(bad)[0])
        raise ValueError(
            f"Projection centres must be {expected}, not "
            f"{tuple(pc[point].tolist())}"
            + (f", which pattern {point} has" if point else "")
        )


def _check_angle(name: str, value: float) -> None:
    # Views do not depend on the angles, but a detector with impossible
    # ones was not set up, so its projection centre is not to be trusted.
    try:
        possible = -90 <= float(value) <= 90
    except (TypeError, ValueError):
        possible = False
    if not possible:
        raise ValueError(
            f"The detector's {name} must be -90 to 90 degrees, not {value!r}"
        )


def _check_mask(
    mask: np.ndarray | None, name: str, shape: tuple, what: str
) -> np.ndarray | None:
    if mask is None:
        return None
    if not isinstance(mask, np.ndarray) or mask.dtype != bool:
        kind = getattr(mask, "dtype", type(mask).__name__)
        raise ValueError(
            f"The {name} mask must be a boolean NumPy array, True where a "
            f"{what} is left out, not of type {kind}"
        )
    if mask.shape != shape:
        raise ValueError(
            f"The {name} mask's shape {mask.shape} must be the signal's "
            f"{name} shape {shape}"
        )
    if mask.all():
        raise ValueError(
            f"The {name} mask leaves no {what}: at least one value must be "
            "False"
        )
    return mask
