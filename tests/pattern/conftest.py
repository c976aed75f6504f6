# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
import kikuchipy as kp
import numpy as np
import pytest


class Scene:
    """Waves on the sphere of directions, without any symmetry.

    Their wavelengths of 9 to 14 degrees are those of bands.
    """

    def __init__(self, rng, waves=40):
        k = rng.normal(size=(waves, 3))
        k /= np.linalg.norm(k, axis=1, keepdims=True)
        length = np.deg2rad(rng.uniform(9, 14, waves))
        self.k = 2 * np.pi / length[:, None] * k
        self.phase = rng.uniform(0, 2 * np.pi, waves)

    def __call__(self, directions):
        return np.cos(directions @ self.k.T + self.phase).mean(axis=-1)


def detector_directions(shape, pc):
    """Directions of detector pixels (right, up, forward), by kikuchipy."""
    detector = kp.detectors.EBSDDetector(
        shape=shape, pc=pc, convention="bruker"
    )
    ny, nx = shape
    x0, x1, y0, y1 = detector.gnomonic_bounds.ravel()
    x = x0 + (np.arange(nx) + 0.5) / nx * (x1 - x0)
    y = y1 - (np.arange(ny) + 0.5) / ny * (y1 - y0)
    x, y = np.meshgrid(x, y)
    v = np.stack([x, y, np.ones_like(x)], axis=-1)
    return v / np.linalg.norm(v, axis=-1, keepdims=True)


def _record(scene, shape, pc, rotation=None):
    """Pattern of a scene on a detector; the rotation takes directions of
    the detector's frame to those of the scene."""
    v = detector_directions(shape, pc)
    if rotation is not None:
        v = v @ np.asarray(rotation).T
    return 100 + 20 * scene(v)


@pytest.fixture(scope="session")
def scene():
    return Scene(np.random.default_rng(3))


@pytest.fixture(scope="session")
def record():
    return _record
