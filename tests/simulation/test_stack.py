# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest

from kikuchipy_symml.crystals import library, random_crystal
from kikuchipy_symml.crystals._sites import operations
from kikuchipy_symml.simulation import (
    BandStack,
    Variety,
    _stack,
    band_profiles,
)
from kikuchipy_symml.simulation._stack import random_strain

NUMBERS = [2, 12, 62, 136, 166, 194, 225]


@pytest.fixture(scope="module")
def made():
    """A crystal of each system and its bands."""
    rng = np.random.default_rng(3)
    crystals = [random_crystal(rng, space_group=i) for i in NUMBERS]
    return crystals, [band_profiles(c, n_rows=30) for c in crystals]


@pytest.fixture(scope="module")
def stack(made):
    return BandStack.of(made[1])


def test_stack(stack, made):
    assert len(stack) == 7
    for i, bands in enumerate(made[1]):
        n = len(bands.reach)
        np.testing.assert_array_equal(stack.normals[i, :n], bands.normals)
        np.testing.assert_array_equal(stack.first[i, :n], bands.first)
        np.testing.assert_allclose(
            stack.profiles[i, :n], bands.tapered(), rtol=2e-3, atol=2e-3
        )
        assert not stack.reach[i, n:].any()
        assert np.all(stack.family[i, n:] == -1)


def test_taken_and_joined_it_is_the_same(stack):
    parts = [stack[[i]] for i in range(7)]
    together = BandStack.join(parts)
    for name, array in vars(stack).items():
        np.testing.assert_array_equal(array, getattr(together, name))


def test_no_variety_changes_nothing(stack):
    rng = np.random.default_rng(1)
    same = stack.varied(rng, np.array(NUMBERS), Variety())
    np.testing.assert_allclose(same.normals, stack.normals, atol=1e-6)
    np.testing.assert_allclose(same.reach, stack.reach, rtol=1e-5)
    np.testing.assert_allclose(same.profiles, stack.profiles, rtol=1e-5)


def test_families_stay_families(stack):
    """Symmetry keeps equal what it made equal: widths and profiles."""
    rng = np.random.default_rng(1)
    variety = Variety(0.03, 0.2, 0.5, 0.4, (0.4, 1.1), (-0.8, 0.3))
    other = stack.varied(rng, np.array(NUMBERS), variety)
    for i in range(7):
        assert not np.allclose(other.bragg[i], stack.bragg[i], rtol=1e-3)
        for family in range(stack.family[i].max() + 1):
            here = stack.family[i] == family
            assert np.ptp(other.bragg[i, here]) < 1e-5
            spread = np.ptp(other.profiles[i, here], axis=0)
            assert spread.max() < 1e-3


def test_shapes_change_as_far_as_said(stack):
    """By their standard deviation at a plane, in units of the largest value,
    and not at all at the ends."""
    rng = np.random.default_rng(3)
    changes, ends = [], []
    for _ in range(200):
        other = stack.varied(rng, np.array(NUMBERS), Variety(shape=0.3))
        profiles = stack.profiles.astype(np.float32)
        change = other.profiles - profiles
        there = stack.reach > 0
        largest = np.abs(profiles).max(axis=2)[there]
        # One of each crystal and family
        one = np.unique(
            np.argwhere(there)[:, 0] * 1000 + stack.family[there],
            return_index=True,
        )[1]
        changes.append((change[there][:, 0] / largest)[one])
        ends.append(np.abs(change[there][:, -1] / largest).max())
    # Of a share that is evenly distributed: 0.3 over the root of 3.
    assert np.std(changes) == pytest.approx(0.3 / 3**0.5, rel=0.1)
    assert max(ends) < 1e-3


def test_losses_smear_edges():
    """As sums of bands of several energies, about where they are."""
    crystal = library()["Al"]
    sharp = BandStack.of([band_profiles(crystal, 20.0, depth=100.0)])
    mean = 0.25
    scales = _stack._scales(np.array([mean]))
    assert scales.shape == (1, _stack._ENERGIES)
    assert scales.mean() == pytest.approx(1)
    losses = 1 - (scales / scales.min()) ** -2
    # Of a few energies, the smallest loss of which was taken for none.
    assert 0.5 * mean < losses.mean() < mean
    found = _stack._smeared(sharp.profiles.astype(np.float32), scales)
    step = np.arange(sharp.profiles.shape[2])
    for i in (0, 4, 20):
        profile = sharp.profiles[0, i].astype(float)
        expected = np.mean(
            [np.interp(step / f, step, profile) for f in scales[0]], axis=0
        )
        np.testing.assert_allclose(found[0, i, :-1], expected[:-1], atol=1e-5)
    # Bands at these energies one by one, on a common axis.
    energies = 20.0 * (scales[0] / scales[0].mean()) ** -2
    sine = np.linspace(0, sharp.reach[0, 0], sharp.profiles.shape[2])
    one_by_one = []
    for energy in energies:
        other = BandStack.of([band_profiles(crystal, energy, depth=100.0)])
        same = np.argmax(np.abs(other.normals[0] @ sharp.normals[0, 0]))
        axis = np.linspace(0, other.reach[0, same], len(sine))
        one_by_one.append(np.interp(sine, axis, other.profiles[0, same]))
    mean_of_all = np.mean(one_by_one, axis=0)
    unsmeared = sharp.profiles[0, 0].astype(float) - mean_of_all
    left = found[0, 0] - mean_of_all
    assert left.std() < 0.4 * unsmeared.std()


def test_losses_are_exponential():
    losses = _stack.energy_losses(np.array([0.0, 0.05, 0.6]), 4000)
    assert losses.shape == (3, 4000)
    assert not losses[0].any()
    assert losses[1].mean() == pytest.approx(0.05, rel=1e-2)
    # Half of the electrons have lost less than this.
    assert np.median(losses[1]) == pytest.approx(0.05 * np.log(2), rel=1e-2)
    assert losses[2].max() == 0.5


def test_losses_are_up_to_the_largest(stack, monkeypatch):
    asked = []
    real = _stack._scales
    monkeypatch.setattr(
        _stack, "_scales", lambda mean: asked.append(mean) or real(mean)
    )
    rng = np.random.default_rng(3)
    for _ in range(50):
        stack.varied(rng, np.array(NUMBERS), Variety(loss=0.2))
    asked = np.concatenate(asked)
    assert 0 <= asked.min() < 0.02 and 0.18 < asked.max() <= 0.2
    whole = _stack._smeared(
        stack.profiles.astype(np.float32), real(np.zeros(len(stack)))
    )
    np.testing.assert_allclose(
        whole, stack.profiles.astype(np.float32), atol=1e-6
    )


def test_bands_of_wide_spacings_are_stronger(stack):
    rng = np.random.default_rng(1)
    variety = Variety(spacing=(0.5, 0.5))
    other = stack.varied(rng, np.array(NUMBERS), variety)
    for i in range(7):
        there = stack.bragg[i] > 0
        stronger = np.ptp(other.profiles[i, there], axis=1) / np.ptp(
            stack.profiles[i, there].astype(np.float32), axis=1
        )
        bragg = stack.bragg[i, there]
        power = np.polyfit(np.log(bragg), np.log(stronger), 1)[0]
        assert power == pytest.approx(-0.5, abs=0.01)


def test_strained_normals_obey_the_symmetry(stack, made):
    """Angles between planes of families are what the group makes them."""
    rng = np.random.default_rng(2)
    other = stack.varied(rng, np.array(NUMBERS), Variety(strain=0.03))
    for i, number in enumerate(NUMBERS):
        matrix = made[0][i].matrix.T
        turns = matrix @ operations(number)[0] @ np.linalg.inv(matrix)
        normals = other.normals[i, stack.family[i] >= 0]
        turned = normals @ turns.swapaxes(1, 2)
        cosine = np.abs(turned.reshape(-1, 3) @ normals.T)
        assert cosine.max(axis=1).min() > 1 - 1e-5


def test_strain_that_is_free(made):
    numbers = np.repeat(NUMBERS, 50)
    strain = random_strain(np.random.default_rng(4), numbers)
    np.testing.assert_allclose(strain, strain.swapaxes(1, 2))
    np.testing.assert_allclose(
        np.trace(strain, axis1=1, axis2=2), 0, atol=1e-12
    )
    used = np.abs(strain.reshape(7, 50, 9)).max(axis=1).reshape(7, 3, 3) > 0.1
    assert used.sum(axis=(1, 2)).tolist() == [9, 5, 3, 3, 3, 3, 0]
    uniaxial = strain[150:300]
    np.testing.assert_array_equal(uniaxial[:, 0, 0], uniaxial[:, 1, 1])
    # The unique axis of monoclinic crystals is b.
    assert not strain[50:100, 1, [0, 2]].any()


def test_first_order_shows_centring(crystals):
    """Of a face-centred lattice (100) is not a vector of the reciprocal
    lattice, (200) is; diamond's (200) is one that does not reflect."""
    aluminium = band_profiles(crystals["Al"])
    d = np.deg2rad(1)
    x = np.abs(aluminium.normals) @ [1, 0, 0] > np.cos(d)
    np.testing.assert_allclose(aluminium.first[x], aluminium.bragg[x])
    primitive = band_profiles(crystals["Fe"])
    assert np.all(primitive.first <= primitive.bragg * (1 + 1e-5))


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"strain": -0.1}, "strain must be 0 to 1, not -0.1"),
        ({"shape": 1.5}, "shape must be 0 to 1, not 1.5"),
        ({"loss": -0.1}, "loss must be 0 to 1, not -0.1"),
        ({"scale": 2}, "scale must be 0 to 1, not 2"),
        ({"strength": None}, "strength must be 0 to 1, not None"),
        ({"profile": (0.5, 0.1)}, "profile must be two numbers"),
        ({"profile": (0.5,)}, "profile must be two numbers"),
        ({"spacing": (0.5, -0.5)}, "spacing must be two numbers"),
        ({"spacing": (-3, 0)}, "spacing must be two numbers"),
    ],
)
def test_wrong_variety(settings, message):
    with pytest.raises(ValueError, match=message):
        Variety(**settings)
