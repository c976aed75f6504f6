# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the directions of a crystal are on the detector."""

import numpy as np
from kikuchipy.detectors import EBSDDetector
from orix.quaternion import Rotation


def crystal_to_detector(
    rotations: Rotation, detector: EBSDDetector
) -> np.ndarray:
    """Return matrices that turn directions of the crystal.

    Parameters
    ----------
    rotations
        From the sample to the crystal, as kikuchipy and orix have them.
    detector
        With its tilts and those of the sample.

    Returns
    -------
    matrices
        Of the shape of *rotations* and (3, 3): a row vector in the
        Cartesian frame of the crystal times the matrix is in the
        detector's right, up and forward.
    """
    sample_to_detector = detector.sample_to_detector.to_matrix().squeeze()
    return rotations.to_matrix() @ sample_to_detector.T


def pc_of_points(detector: EBSDDetector, shape: tuple[int, ...]) -> np.ndarray:
    """Return one projection centre for each point.

    Parameters
    ----------
    detector
        With one projection centre or one for each point.
    shape
        Navigation shape.

    Returns
    -------
    pc
        In Bruker's convention, of the navigation shape and (3,).

    Raises
    ------
    ValueError
        If there are several, but not one for each point.
    """
    pc = np.asarray(detector.pc_bruker(), dtype=float)
    if pc.size == 3:
        return np.broadcast_to(pc.reshape(3), (*shape, 3))
    if pc.shape != (*shape, 3):
        raise ValueError(
            f"The detector has projection centres of shape {pc.shape[:-1]}, "
            f"expected one, or one for each point of shape {shape}"
        )
    return pc
