# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest
from scipy import linalg

from kikuchipy_symml.crystals import library
from kikuchipy_symml.crystals._sites import operations
from kikuchipy_symml.simulation import (
    _bands,
    _many_beams,
    band_profiles,
    escape_depth,
    lambert_directions,
    many_beam_intensity,
    many_beam_master,
)


def random_directions(n, seed=0):
    directions = np.random.default_rng(seed).normal(size=(n, 3))
    return directions / np.linalg.norm(directions, axis=1, keepdims=True)


def intensity_by_steps(crystal, direction, energy, d_min, depth):
    """All beams, integrated along the depth in small steps."""
    k = _bands.wave_number(energy)
    potential = _bands._Potential(crystal, 1 + energy / 510.999)
    most = np.floor(np.linalg.norm(crystal.matrix, axis=1) / d_min).astype(int)
    hkl = np.stack(
        np.meshgrid(*[np.arange(-n, n + 1) for n in most], indexing="ij"), -1
    ).reshape(-1, 3)
    g = hkl @ np.linalg.inv(crystal.matrix).T
    inside = np.sum(g**2, axis=1) < 1 / d_min**2
    hkl, g = hkl[inside], g[inside]
    differences = (hkl[:, None] - hkl).reshape(-1, 3)
    far = np.sum((differences @ np.linalg.inv(crystal.matrix).T) ** 2, axis=1)
    known = far < 1 / d_min**2

    def table(values):
        out = np.zeros(len(differences), dtype=complex)
        out[known] = values(differences[known])
        return out.reshape(len(hkl), len(hkl))

    u = table(potential)
    a = table(
        lambda x: potential.absorption(x, _bands._relative_speed(energy))
    )
    s = table(potential.scattering)
    # Of the wave that comes from where the electrons go to.
    error = np.sum(g**2, axis=1) - 2 * k * g @ direction
    np.fill_diagonal(u, -error)
    step = 2.0
    forward = linalg.expm(1j * np.pi / k * step * (u + 1j * a))
    wave = (hkl == 0).all(axis=1).astype(complex)
    total = weights = 0.0
    for i in range(int(14 * depth / step) + 1):
        weight = np.exp(-i * step / depth) * (0.5 if i == 0 else 1.0)
        total += weight * (wave.conj() @ s @ wave).real
        lost = np.exp(-i * step * 2 * np.pi / k * a[0, 0].real)
        weights += weight * lost * s[0, 0].real
        wave = forward @ wave
    return total / weights - 1


@pytest.mark.parametrize("name", ["Al", "GaAs"])
@pytest.mark.parametrize(["absorbing", "atol"], [(True, 0.13), (False, 0.01)])
def test_by_steps_along_the_depth(
    crystals, name, absorbing, atol, monkeypatch
):
    # Taken to first order, absorption is wrong where waves are nearly alike.
    if not absorbing:
        monkeypatch.setattr(
            _bands._Potential,
            "absorption",
            lambda self, hkl, speed: 1e-9 * self(hkl),
        )
    directions = random_directions(4)
    expected = [
        intensity_by_steps(crystals[name], d, 20.0, 1.6, 60.0)
        for d in directions
    ]
    found = many_beam_intensity(
        crystals[name], directions, beams=1000, d_min=1.6, depth=60.0
    )
    np.testing.assert_allclose(found, expected, atol=atol)
    assert np.median(np.abs(found - expected)) < 0.015
    assert np.std(expected) > 0.08


@pytest.mark.parametrize("spread", [0.02, 0.3, 2.0])
def test_best_beams_are_among_the_near(crystals, spread):
    tables = _many_beams._Tables(crystals["GaAs"], 20.0, 0.6)
    directions = random_directions(1) + spread * random_directions(16)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    near = tables._near(directions, 20)
    error = tables.squared - 2 * tables.k * directions @ tables.g.T
    score = (tables.strength / (np.abs(error) + 1e-9))[:, 1:]
    best = np.argsort(-score, axis=1)[:, :20] + 1
    assert np.isin(best, near).all()
    if spread == 0.02:
        assert len(near) < len(tables.g) / 2


def test_left_out_beams_count_to_first_order(monkeypatch):
    quartz = library()["Quartz (P3121)"]
    directions = random_directions(150)
    most = many_beam_intensity(quartz, directions, beams=200)
    few = many_beam_intensity(quartz, directions, beams=20)
    monkeypatch.setattr(
        _many_beams._Tables,
        "_to_first_order",
        lambda self, error, near, damping: 0,
    )
    without = many_beam_intensity(quartz, directions, beams=20)
    wrong, wrong_without = np.std(few - most), np.std(without - most)
    assert wrong < 0.2 * np.std(most)
    assert wrong < 0.75 * wrong_without


@pytest.mark.parametrize(
    ["name", "low", "high"], [("Al", 16, 16), ("Au", 25, 32), ("AlPd", 32, 32)]
)
def test_number_of_beams(name, low, high):
    tables = _many_beams._Tables(library()[name], 20.0, 0.5)
    assert low <= tables.enough() <= high


def test_emsoft(make_crystal):
    """Another program with all beams, from the file kikuchipy has."""
    kikuchipy = pytest.importorskip("kikuchipy")
    positions = np.array(
        [[0, 0, 0], [0.5, 0.5, 0], [0.5, 0, 0.5], [0, 0.5, 0.5]]
    )
    nickel = make_crystal("Ni", 225, (3.5236,), "Ni", positions)
    known = kikuchipy.data.nickel_ebsd_master_pattern_small(
        projection="lambert", hemisphere="upper"
    ).data
    directions = lambert_directions(len(known))[::5, ::5].reshape(-1, 3)
    found = many_beam_intensity(nickel, directions, 20.0)
    expected = known[::5, ::5].ravel()
    assert np.corrcoef(found, expected)[0, 1] > 0.95
    bands = band_profiles(nickel)
    off = np.abs(directions @ bands.normals.T)
    summed = sum(
        np.interp(x, np.linspace(0, r, len(p)), p, right=0)
        for x, r, p in zip(off.T, bands.reach, bands.tapered(), strict=True)
    )
    assert 0.8 < np.corrcoef(summed, expected)[0, 1] < 0.92


@pytest.mark.parametrize("name", ["Al", "Mg", "GaAs", "Quartz (P3121)"])
def test_symmetry(crystals, name):
    crystal = crystals[name] if name in crystals else library()[name]
    rotations, _ = operations(crystal.space_group)
    cell = crystal.matrix.T
    direction = random_directions(1)[0]
    images = [
        cell @ r @ np.linalg.inv(cell) @ direction
        for r in np.unique(rotations, axis=0)
    ]
    found = many_beam_intensity(crystal, np.array(images), beams=40)
    assert np.ptp(found) < 5e-3
    # Waves differ where there is no inversion centre.
    other = many_beam_intensity(crystal, -np.array(images), beams=40)
    if name == "Al":
        np.testing.assert_allclose(other, found, atol=5e-3)


@pytest.mark.parametrize(
    ["name", "half_width"], [("Al", 60), ("GaAs", 60), ("Quartz (P3121)", 60)]
)
def test_master_is_filled_in(crystals, name, half_width):
    crystal = crystals[name] if name in crystals else library()[name]
    # Few and wide bands, which are smooth beside the points.
    settings = {"energy": 10.0, "d_min": 1.4, "depth": 40.0, "beams": 40}
    master = many_beam_master(crystal, half_width=half_width, **settings)
    size = 2 * half_width + 1
    assert master.shape == (2, size, size)
    assert master.dtype == np.float32
    rng = np.random.default_rng(1)
    upper = lambert_directions(size).reshape(-1, 3)
    for side, sign in enumerate((1, -1)):
        i = rng.choice(len(upper), 100, replace=False)
        wanted = many_beam_intensity(
            crystal, upper[i] * [1, 1, sign], **settings
        )
        found = master[side].ravel()[i]
        assert np.corrcoef(found, wanted)[0, 1] > 0.98


def test_few_directions_are_solved(crystals, monkeypatch):
    asked = []

    def count(crystal, directions, *args, **settings):
        asked.append(len(directions))
        return np.zeros(len(directions))

    monkeypatch.setattr(_many_beams, "many_beam_intensity", count)
    many_beam_master(crystals["Al"], half_width=80)
    # Of 51 842, one in 48, and those around them.
    assert 1080 < asked[0] < 3000


def test_depth_is_that_of_electrons(crystals):
    directions = random_directions(5)
    depth = escape_depth(crystals["Al"], 15.0)
    np.testing.assert_array_equal(
        many_beam_intensity(crystals["Al"], directions, 15.0),
        many_beam_intensity(crystals["Al"], directions, 15.0, depth=depth),
    )


@pytest.mark.parametrize(
    ["settings", "match"],
    [
        ({"energy": 0.5}, "energy must be 1 to 100 keV, not 0.5"),
        ({"beams": 1}, "beams must be at least 2, not 1"),
        ({"d_min": 0.0}, "d_min must be positive, not 0.0"),
        ({"depth": -1.0}, "depth must be positive, not -1.0"),
        ({"half_width": 0}, "half_width must be at least 1, not 0"),
    ],
)
def test_out_of_range(crystals, settings, match):
    with pytest.raises(ValueError, match=match):
        many_beam_master(crystals["Al"], **settings)


def test_shape_of_directions(crystals):
    with pytest.raises(ValueError, match=r"shape \(D, 3\), not \(3,\)"):
        many_beam_intensity(crystals["Al"], np.array([0.0, 0.0, 1.0]))
