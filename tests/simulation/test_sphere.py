# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
from pathlib import Path

import h5py
import numpy as np
import pytest
from kikuchipy.signals.util._master_pattern import (
    _lambert2vector,
    _vector2lambert,
)
from scipy.spatial.transform import Rotation

from kikuchipy_symml.crystals import library
from kikuchipy_symml.simulation import (
    Bands,
    band_profiles,
    lambert_directions,
    master_from_bands,
    random_rotations,
    sample_master,
)
from kikuchipy_symml.simulation._sphere import _lambert_xy, lambert_positions
from kikuchipy_symml.symmetry import class_index, class_names


@pytest.fixture(scope="module")
def directions():
    v = np.random.default_rng(5).normal(size=(3000, 3))
    return v / np.linalg.norm(v, axis=1, keepdims=True)


# ---------------------------------------------------------- projection


def test_directions_of_the_projection():
    v = lambert_directions(31)
    assert v.shape == (31, 31, 3) and v.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(v, axis=-1), 1, atol=1e-6)
    assert v[..., 2].min() > -1e-6
    np.testing.assert_allclose(v[15, 15], [0, 0, 1], atol=1e-7)
    rim = np.concatenate([v[0], v[-1], v[:, 0], v[:, -1]])
    np.testing.assert_allclose(rim[:, 2], 0, atol=1e-6)
    # Columns go along x, rows along y.
    np.testing.assert_allclose(v[15, -1], [1, 0, 0], atol=1e-6)
    np.testing.assert_allclose(v[-1, 15], [0, 1, 0], atol=1e-6)


def test_projection_is_that_of_kikuchipy():
    u = np.linspace(-1, 1, 31)
    x, y = [i.ravel() for i in np.meshgrid(u, u)]
    expected = _lambert2vector(x, y).reshape(31, 31, 3)
    np.testing.assert_allclose(lambert_directions(31), expected, atol=1e-6)


def test_round_trip():
    size = 41
    v = lambert_directions(size).astype(np.float64)
    xy = np.array([_lambert_xy(*i) for i in v.reshape(-1, 3)])
    u = np.linspace(-1, 1, size)
    x, y = np.meshgrid(u, u)
    expected = np.stack([x, y], axis=-1).reshape(-1, 2)
    # On the rim, a direction and its opposite are the same.
    inside = np.abs(expected).max(axis=1) < 0.99
    np.testing.assert_allclose(xy[inside], expected[inside], atol=2e-4)


def test_look_up_is_that_of_kikuchipy(directions):
    upper = directions * np.sign(directions[:, 2:])
    expected = _vector2lambert(upper) / np.sqrt(np.pi / 2)
    xy = np.array([_lambert_xy(*i) for i in upper])
    np.testing.assert_allclose(xy, expected, atol=1e-6)
    all_at_once = np.stack(lambert_positions(upper), axis=-1)
    np.testing.assert_allclose(all_at_once, expected, atol=1e-6)


def test_equal_area():
    """Each point stands for the same solid angle."""
    z = lambert_directions(201)[..., 2]
    for cap in (0.2, 0.5, 0.9):
        assert np.mean(z > cap) == pytest.approx(1 - cap, abs=0.01)


def test_sample_smooth_function(directions):
    """Exact in the points, close between them, all over the sphere."""

    def f(v):
        return 1 + v[..., 0] * v[..., 1] + 2 * v[..., 2] ** 2

    grid = lambert_directions(101)
    master = f(grid)
    np.testing.assert_allclose(sample_master(master, grid), master, atol=5e-3)
    values = sample_master(master, directions)
    assert values.shape == (3000,) and values.dtype == np.float32
    np.testing.assert_allclose(values, f(directions), atol=0.02)
    shaped = sample_master(master, directions.reshape(30, 100, 3))
    np.testing.assert_array_equal(shaped.ravel(), values)


def test_friedel(directions, crystals):
    master = master_from_bands(band_profiles(crystals["GaAs"]), 51)[0]
    np.testing.assert_array_equal(
        sample_master(master, directions), sample_master(master, -directions)
    )


# ------------------------------------------------------ master patterns


@pytest.fixture(scope="module")
def horizontal():
    """One band, its plane normal along x: a top-hat with a slope."""
    profile = np.where(np.arange(40) < 12, 1.0, 0.0)
    return Bands(
        normals=np.array([[1, 0, 0]], dtype=np.float32),
        reach=np.array([0.2], dtype=np.float32),
        profiles=profile[None].astype(np.float32),
        bragg=np.array([0.06], dtype=np.float32),
        first=np.array([0.06], dtype=np.float32),
        family=np.array([0]),
    )


def test_master_of_one_band(horizontal):
    master = master_from_bands(horizontal, 201)
    assert master.shape == (4, 201, 201) and master.dtype == np.float32
    d = lambert_directions(201)[..., 0]
    np.testing.assert_allclose(master[0][np.abs(d) < 0.046], 1, rtol=1e-5)
    assert np.abs(master[0][np.abs(d) > 0.073]).max() < 1e-5


def test_points_hold_means(crystals):
    """A coarse master is what a fine one is on average: nothing aliases."""
    # At an energy at which bands are about as narrow as points are apart
    bands = band_profiles(crystals["Fe"], 60.0)
    fine = master_from_bands(bands, 1201)[0]
    coarse = master_from_bands(bands, 121)[0]
    blocks = np.lib.stride_tricks.sliding_window_view(fine, (11, 11))
    means = blocks.mean(axis=(2, 3))[5:-5:10, 5:-5:10]
    assert np.corrcoef(coarse[1:-1, 1:-1].ravel(), means.ravel())[0, 1] > 0.97
    points = fine[10:-10:10, 10:-10:10]
    assert np.corrcoef(points.ravel(), means.ravel())[0, 1] < 0.9


def test_edges_of_one_band(horizontal):
    """Odd across the band, along its normal, at the Bragg angle."""
    master = master_from_bands(horizontal, 201)
    d = lambert_directions(201)[..., 0]
    assert not master[2:].any()
    edge = master[1]
    for side in (1, -1):
        line = np.abs(d - side * 0.06) < 0.005
        assert np.all(side * edge[line] > 0.8)
    assert np.abs(edge[np.abs(d) < 0.002]).max() < 0.2
    assert np.abs(edge[np.abs(d) > 0.2]).max() < 1e-6
    np.testing.assert_allclose(edge, -edge[:, ::-1], atol=1e-6)


def test_master_is_the_sum_of_its_bands(crystals):
    bands = band_profiles(crystals["Fe"], n_rows=6)
    alone = [
        master_from_bands(
            Bands(
                bands.normals[[i]],
                bands.reach[[i]],
                bands.profiles[[i]],
                bands.bragg[[i]],
                bands.first[[i]],
                bands.family[[i]],
            ),
            41,
        )
        for i in range(6)
    ]
    np.testing.assert_allclose(
        master_from_bands(bands, 41), np.sum(alone, axis=0), atol=1e-5
    )


def _smallest_crystals():
    """A crystal of the library for each Laue group, with few atoms."""
    of, names = class_index("laue_group"), class_names("laue_group")
    best = {}
    for crystal in library():
        group = names[of[crystal.space_group - 1]]
        if group not in best or len(crystal.elements) < len(
            best[group].elements
        ):
            best[group] = crystal
    return best


@pytest.fixture(scope="module")
def of_each_laue_group():
    return _smallest_crystals()


@pytest.mark.parametrize("group", class_names("laue_group"))
def test_laue_symmetry(of_each_laue_group, directions, group):
    """Operations of the Laue group, by orix, leave the bands as they are,
    those of the others do not."""
    crystal = of_each_laue_group[group]
    # All of them: a cut would go through a family.
    bands = band_profiles(crystal, d_min=0.8, n_rows=10**6)
    phase = crystal.to_phase()
    matrix = crystal.matrix.T
    operations = [
        matrix @ operation.R @ np.linalg.inv(matrix)
        for operation in phase.space_group.iter_symops()
    ]
    # orix has monoclinic groups with unique axis c, standard settings b.
    if group != "2/m":
        operations += list(phase.point_group.laue.to_matrix())

    def drawn(v):
        # Straight from the bands: no projection between.
        d = np.abs(v @ bands.normals.T.astype(float)) / bands.reach
        t = np.linspace(0, 1, bands.profiles.shape[1])
        out = np.zeros(len(v))
        for k, profile in enumerate(bands.profiles):
            out += np.interp(d[:, k], t, profile, right=0)
        return out

    some = directions[:300]
    expected = drawn(some)
    scale = expected.std()
    for operation in operations:
        turned = drawn(some @ operation.T)
        np.testing.assert_allclose(turned, expected, atol=0.01 * scale)
    odd = random_rotations(np.random.default_rng(1), 1)[0]
    assert np.abs(drawn(some @ odd.T) - expected).max() > scale


def test_laue_symmetry_of_the_master(crystals, directions):
    """Also on the projection, as far as its points resolve bands."""
    bands = band_profiles(crystals["Al"], n_rows=13)
    master = master_from_bands(bands, 801)[0]
    values = sample_master(master, directions)
    for axis in ([1, 1, 1], [0, 0, 1], [1, 1, 0]):
        angle = {3: 120, 1: 90, 2: 180}[sum(axis)]
        axis = np.array(axis) / np.linalg.norm(axis)
        turn = Rotation.from_rotvec(angle * axis, degrees=True).as_matrix()
        turned = sample_master(master, directions @ turn.T)
        assert np.corrcoef(values, turned)[0, 1] > 0.99


def test_default_number_of_rows_keeps_the_symmetry(crystals):
    for name in ("Al", "Po", "Mg"):
        bands = band_profiles(crystals[name])
        operations = crystals[name].to_phase().point_group.laue.to_matrix()
        for operation in operations:
            cosines = np.abs(bands.normals @ operation @ bands.normals.T)
            np.testing.assert_allclose(cosines.max(axis=1), 1, atol=1e-5)


def test_random_rotations():
    rotations = random_rotations(np.random.default_rng(2), 4000)
    assert rotations.shape == (4000, 3, 3) and rotations.dtype == np.float32
    np.testing.assert_allclose(
        rotations @ rotations.swapaxes(1, 2),
        np.broadcast_to(np.eye(3), rotations.shape),
        atol=1e-5,
    )
    np.testing.assert_allclose(np.linalg.det(rotations), 1, atol=1e-5)
    # Uniform: each axis anywhere, and angles as (1 - cos) / pi.
    assert np.abs(rotations.mean(axis=0)).max() < 0.04
    trace = np.trace(rotations, axis1=1, axis2=2)
    angle = np.arccos(np.clip((trace - 1) / 2, -1, 1))
    expected = (np.pi / 2 - 1) / np.pi
    assert np.mean(angle < np.pi / 2) == pytest.approx(expected, abs=0.02)
    again = random_rotations(np.random.default_rng(2), 4000)
    np.testing.assert_array_equal(rotations, again)


# --------------------------------------------------------- other people's


@pytest.mark.parametrize("name", ["Al", "Cu"])
def test_agrees_with_emsoft(name):
    """All-beam dynamical simulation at the same energy, when there."""
    root = Path(__file__).parents[2]
    path = root.parent / "shared" / "data" / "emsoft_masters.h5"
    if not path.exists():
        pytest.skip(f"{path.name} is not there")
    with h5py.File(path) as file:
        (key,) = [k for k in file if k.startswith(f"{name} (")]
        expected = file[key][0].astype(float)
    bands = band_profiles(library()[name], 20.0)
    master = master_from_bands(bands, expected.shape[0])[0]
    assert np.corrcoef(master.ravel(), expected.ravel())[0, 1] > 0.75
