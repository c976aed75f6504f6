# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The point of the canonical view: a direction looks the same, whatever
the detector that saw it.
"""

import numpy as np
import pytest
from scipy.ndimage import binary_erosion, map_coordinates
from scipy.spatial.transform import Rotation

from kikuchipy_symml.pattern import (
    ViewSpec,
    canonical_views,
    view_directions,
    view_frame,
)

SPEC = ViewSpec(size=64, background=8.0)  # of a smooth scene
SHAPE = (60, 60)
PC = (0.48, 0.3, 0.55)


def view_of(pattern, pc, spec=SPEC):
    views, valid = canonical_views(pattern[None], pc, spec)
    assert valid.all()
    return views[0, ..., 0], views[0, ..., 1] > 0


def correlation(a, b, where):
    return np.corrcoef(a[where], b[where])[0, 1]


def difference(a, b, where):
    """Root mean square difference in standard deviations."""
    return np.sqrt(np.mean((a - b)[where] ** 2)) / a[where].std()


def with_same_middle(pc, aspect_ratio, pcz):
    """Projection centre of another detector that looks the same way."""
    pcx, pcy, z = pc
    k = pcz / z
    return 0.5 - (0.5 - pcx) * k / aspect_ratio, 0.5 + (pcy - 0.5) * k, pcz


def turned(view, frame_to, frame_from):
    """Values of a view with the axes `frame_from` where the pixels of a
    view with the axes `frame_to` look; NaN outside."""
    v = view_directions(SPEC)[..., 0, :] @ (frame_to @ frame_from.T)
    edge = 2 * np.sin(np.deg2rad(SPEC.radius) / 2)
    # Azimuthal equal-area: radius 2 sin(t / 2) = sqrt(2 (1 - cos t)).
    scale = np.sqrt(2 / (1 + v[..., 2])) / edge
    column = (v[..., 0] * scale + 1) / 2 * SPEC.size - 0.5
    row = (1 - v[..., 1] * scale) / 2 * SPEC.size - 0.5
    return map_coordinates(
        view, np.nan_to_num([row, column], nan=-9), order=1, cval=np.nan
    )


def test_view_shows_the_scene_where_it_is(scene, record):
    """Not turned, shifted or mirrored."""
    view, seen = view_of(record(scene, (120, 120), PC), PC)
    directions = view_directions(SPEC)[..., 0, :] @ view_frame(PC, 1)
    truth = scene(np.nan_to_num(directions))
    assert 0.4 < seen.mean() < 0.8
    assert correlation(view, truth, seen) > 0.97
    for other in (view[::-1], view[:, ::-1], view.T, view[::-1, ::-1]):
        assert abs(correlation(other, truth, seen)) < 0.3


def test_middle_of_the_detector_is_the_middle_of_the_view():
    pattern = np.ones((61, 61))
    pattern[30, 30] = 2
    # Black is below all others, which are lit.
    pattern[0, 0] = 0
    for pc in [(0.5, 0.5, 0.5), (0.3, 0.2, 0.6), (0.7, 0.8, 0.9)]:
        view, _ = view_of(pattern, pc)
        row, column = np.unravel_index(view.argmax(), view.shape)
        assert {row, column} <= {31, 32}


@pytest.mark.parametrize(
    "pc", [(0.5, 0.5, 0.5), (0.3, 0.1, 0.6), (0.9, -0.2, 1.2)]
)
@pytest.mark.parametrize("aspect_ratio", [0.8, 1.0, 1.6])
def test_view_frame_is_a_rotation_level_with_the_detector(pc, aspect_ratio):
    frame = view_frame(pc, aspect_ratio)
    np.testing.assert_allclose(frame @ frame.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(frame) == pytest.approx(1)
    right, up, forward = frame
    assert right[1] == pytest.approx(0, abs=1e-12)
    assert up[1] > 0 and forward[2] > 0
    middle = [(0.5 - pc[0]) * aspect_ratio, pc[1] - 0.5, pc[2]]
    np.testing.assert_allclose(np.cross(forward, middle), 0, atol=1e-12)


def test_view_frame_takes_many(rng):
    pc = rng.uniform(0.3, 0.7, (2, 5, 3))
    frames = view_frame(pc, 1.2)
    assert frames.shape == (2, 5, 3, 3)
    np.testing.assert_array_equal(frames[1, 3], view_frame(pc[1, 3], 1.2))


@pytest.mark.parametrize("oversampling", [1, 3])
def test_view_directions(oversampling):
    v = view_directions(SPEC, oversampling)
    assert v.shape == (64, 64, oversampling**2, 3)
    assert v.dtype == np.float32 and not v.flags.writeable
    inside = np.isfinite(v[..., 0, 0])
    np.testing.assert_allclose(
        np.linalg.norm(v[inside], axis=-1), 1, atol=1e-6
    )
    angle = np.rad2deg(np.arccos(v[inside].mean(axis=1)[:, 2]))
    assert 47 < angle.max() <= 48.01
    # Rows go down, columns to the right.
    assert v[2, 32, 0, 1] > 0.6 and v[32, -3, 0, 0] > 0.6
    # Equal-area: a cap holds its share of the pixels.
    cap = np.mean(angle < 24)
    expected = (1 - np.cos(np.deg2rad(24))) / (1 - np.cos(np.deg2rad(48)))
    assert cap == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize(
    "shape", [(44, 44), (120, 120), (240, 240), (60, 80), (96, 60)]
)
def test_other_pixel_count(scene, record, shape):
    """Finer, coarser or oblong pixels of the same detector area. An
    oblong detector has to see the same directions here, so its pixels
    are not square."""
    view, seen = view_of(record(scene, SHAPE, PC), PC)
    # kikuchipy's detectors have square pixels: stretch the view instead.
    aspect_ratio = shape[1] / shape[0]
    pc = with_same_middle(PC, aspect_ratio, PC[2])
    other, other_seen = view_of(record(scene, shape, pc), pc)
    both = seen & other_seen
    assert both.sum() > 0.75 * seen.sum()
    assert correlation(view, other, both) > 0.97
    # Well inside, where neither rim is in the background's window.
    inside = binary_erosion(both, iterations=8)
    assert inside.sum() > 500
    assert difference(view, other, inside) < 0.2


def test_pixels_need_not_be_square(scene, record):
    """A detector binned along one side only, its shape stated."""
    pattern = record(scene, (120, 120), PC)
    narrow = pattern.reshape(120, 60, 2).mean(axis=2)
    view, seen = view_of(pattern, PC)
    other, _ = canonical_views(narrow[None], PC, SPEC, aspect_ratio=1.0)
    both = seen & (other[0, ..., 1] > 0)
    assert both.sum() > 0.97 * seen.sum()
    assert correlation(view, other[0, ..., 0], both) > 0.99


@pytest.mark.parametrize("binning", [2, 4, 5])
def test_binning(scene, record, binning):
    pattern = record(scene, (240, 240), PC)
    n = 240 // binning
    binned = pattern.reshape(n, binning, n, binning).mean(axis=(1, 3))
    view, seen = view_of(pattern, PC)
    other, other_seen = view_of(binned, PC)
    both = seen & other_seen
    assert both.sum() > 0.97 * seen.sum()
    assert correlation(view, other, both) > 0.98
    assert difference(view, other, both) < 0.2


@pytest.mark.parametrize("pcz", [0.45, 0.7, 0.9])
@pytest.mark.parametrize("aspect_ratio", [1.0, 4 / 3])
def test_other_camera_length(scene, record, pcz, aspect_ratio):
    """Other distance and shape, but the same middle direction: the view
    frames are the same."""
    shape = (60, int(60 * aspect_ratio))
    pc = with_same_middle(PC, aspect_ratio, pcz)
    np.testing.assert_allclose(
        view_frame(pc, aspect_ratio), view_frame(PC, 1), atol=1e-12
    )
    view, seen = view_of(record(scene, SHAPE, PC), PC)
    other, other_seen = view_of(record(scene, shape, pc), pc)
    both = seen & other_seen
    assert both.sum() > 500
    assert correlation(view, other, both) > 0.96
    inside = binary_erosion(both, iterations=6)
    assert correlation(view, other, inside) > 0.98


@pytest.mark.parametrize(
    ["pc", "shape", "tilt"],
    [
        [(0.6, 0.3, 0.55), (60, 60), (0, 0, 0)],
        [(0.5, 0.6, 0.7), (100, 100), (0, 0, 0)],
        [(0.55, 0.2, 0.6), (60, 80), (0, 0, 0)],
        # Detectors that stand elsewhere: tilted, to the side, rolled.
        [(0.5, 0.4, 0.6), (60, 60), (8, 0, 0)],
        [(0.5, 0.4, 0.6), (80, 60), (0, -12, 0)],
        [(0.45, 0.3, 0.6), (60, 60), (5, 5, 25)],
    ],
)
def test_other_detector(scene, record, pc, shape, tilt):
    """Compared after turning one view into the frame of the other."""
    rotation = Rotation.from_euler("xyz", tilt, degrees=True).as_matrix()
    view, seen = view_of(record(scene, SHAPE, PC), PC)
    other, other_seen = view_of(record(scene, shape, pc, rotation), pc)
    frame = view_frame(PC, 1)
    # The axes of the other view in the frame of the first detector.
    other_frame = view_frame(pc, shape[1] / shape[0]) @ rotation.T
    moved = turned(np.where(other_seen, other, np.nan), frame, other_frame)
    both = seen & np.isfinite(moved)
    assert both.sum() > 800
    assert correlation(view, moved, both) > 0.95
    # The comparison can fail: without turning, nothing agrees.
    if np.abs(other_frame - frame).max() > 0.05:
        assert correlation(view, other, seen & other_seen) < 0.7


@pytest.fixture(scope="module")
def crystal():
    """Simulated intensity along directions, of one crystal."""
    from kikuchipy_symml.crystals import library
    from kikuchipy_symml.simulation import (
        band_profiles,
        master_from_bands,
        sample_master,
    )

    bands = band_profiles(library()["Ni"], n_rows=30)
    master = master_from_bands(bands, 201)[0]
    rotation = Rotation.from_euler("zxz", [11, 50, 70], degrees=True)
    return lambda v: sample_master(master, v @ rotation.as_matrix().T)


@pytest.mark.parametrize(
    ["pc", "shape", "binning", "dtype"],
    [
        [PC, (60, 60), 4, "uint8"],
        [PC, (120, 120), 2, "uint16"],
        [PC, (240, 240), 1, "float32"],
        [with_same_middle(PC, 4 / 3, 0.65), (60, 80), 3, "uint8"],
    ],
)
def test_simulated_patterns(crystal, record, pc, shape, binning, dtype):
    """Each camera pixel sums the light that falls on it."""
    view, seen = view_of(record(crystal, (180, 180), PC), PC)
    fine = record(crystal, tuple(binning * i for i in shape), pc)
    other = fine.reshape(shape[0], binning, shape[1], binning)
    other = other.mean(axis=(1, 3))
    if dtype != "float32":
        other -= other.min()
        other *= np.iinfo(dtype).max / other.max()
    other, other_seen = view_of(other.astype(dtype), pc)
    both = seen & other_seen
    assert both.sum() > 800
    assert correlation(view, other, both) > 0.95
