# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest

from kikuchipy_symml.simulation import (
    BandStack,
    Rest,
    Variety,
    band_profiles,
    draw_patterns,
    lambert_directions,
    master_from_bands,
    random_rotations,
    take_apart,
)

SIZE = 141
# Directions a long way from each other in which the made-up masters differ
# from sums of bands: one on each hemisphere.
SPOTS = np.array([[0.5, 0.3, 0.8], [-0.2, 0.6, -0.7]])
SPOTS /= np.linalg.norm(SPOTS, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def bands(crystals):
    return [band_profiles(crystals[i], n_rows=30) for i in ("Al", "Mg")]


@pytest.fixture(scope="module")
def stack(bands):
    return BandStack.of(bands)


@pytest.fixture(scope="module")
def sums(bands):
    """Both hemispheres of the bands' sums, shape (2, 2, SIZE, SIZE)."""
    upper = [master_from_bands(b, SIZE)[0] for b in bands]
    return np.array([[u, u[::-1, ::-1]] for u in upper])


@pytest.fixture(scope="module")
def spots():
    """Of no crystal: a spot on either hemisphere, (2, SIZE, SIZE)."""
    upper = lambert_directions(SIZE)
    lower = upper * [1, 1, -1]
    return np.array(
        [
            sum(np.exp((half @ spot - 1) / 0.004) for spot in SPOTS)
            for half in (upper, lower)
        ]
    )


def correlations(a, b):
    return np.array(
        [
            np.corrcoef(i.ravel(), j.ravel())[0, 1]
            for i, j in zip(a, b, strict=True)
        ]
    )


def test_sums_of_bands_leave_nothing(stack, sums):
    apart, rest = take_apart(40 * sums + 7, stack)
    assert rest.shape == sums.shape and rest.dtype == np.float32
    # Profiles of a stack are kept to three digits.
    assert np.abs(rest).max() < 0.05
    for i in range(2):
        there = stack.reach[i] > 0
        ratio = apart.profiles[i, there] * sums[i].std()
        np.testing.assert_allclose(
            ratio, stack.profiles[i, there], rtol=0.02, atol=0.02
        )
    for name in ("normals", "reach", "bragg", "first", "family"):
        assert getattr(apart, name) is getattr(stack, name)


def test_what_is_no_band_is_left(stack, sums, spots):
    _, rest = take_apart(sums + 3 * sums.std() * spots, stack)
    for each in rest:
        assert np.corrcoef(each.ravel(), spots.ravel())[0, 1] > 0.95


def test_bands_are_not_turned_over(stack, sums):
    masters = -sums
    apart, rest = take_apart(masters, stack)
    assert not apart.profiles.any()
    assert (correlations(rest, masters) > 0.999).all()


def test_small_integers_do(stack, sums, spots):
    masters = sums + 3 * sums.std() * spots
    small = np.round(masters / np.abs(masters).max() * 127).astype(np.int8)
    _, rest = take_apart(masters, stack)
    _, rest_of_small = take_apart(small, stack)
    assert (correlations(rest, rest_of_small) > 0.98).all()


def draw(camera, source, which, rotations, rest=None):
    rng = np.random.default_rng(5)
    patterns, _, _ = draw_patterns(
        rng, source, which, camera, rotations, rest=rest
    )
    return patterns


def test_together_they_are_the_master(perfect, stack, sums, spots):
    """Wherever the camera looks, by either way to draw."""
    masters = (sums + 10 * sums.std() * spots).astype(np.float32)
    apart, rest = take_apart(masters, stack)
    which = np.repeat([1, 0], 8)
    rotations = random_rotations(np.random.default_rng(2), 16)
    whole = draw(perfect, masters, which, rotations)
    none = np.zeros((2, 3, 3))
    again = draw(perfect, apart, which, rotations, Rest(rest, none))
    # Bands are finer than the points of a master pattern.
    assert (correlations(whole, again) > 0.95).all()
    assert (
        correlations(whole, draw(perfect, apart, which, rotations)).min() < 0.9
    )


def test_strained_with_the_bands(perfect, stack, sums):
    """A rest that is the sum of the bands moves as they do."""
    _, rest = take_apart(sums, stack.without_bands(np.ones(2, bool)))
    strain = np.zeros((2, 3, 3))
    strain[:, [0, 1, 2], [0, 1, 2]] = [-0.04, -0.04, 0.08]
    numbers = np.array([225, 194])
    rng = np.random.default_rng(0)
    strained = stack.varied(rng, numbers, Variety(), strain)
    which = np.repeat([0, 1], 8)
    rotations = random_rotations(np.random.default_rng(3), 16)
    expected = draw(perfect, strained, which, rotations)
    no_bands = stack.without_bands(np.ones(2, bool))
    moved = draw(perfect, no_bands, which, rotations, Rest(rest, strain))
    still = draw(perfect, no_bands, which, rotations, Rest(rest, 0 * strain))
    # Only the widths of the bands are not changed.
    assert (correlations(moved, expected) > 0.9).all()
    assert (
        correlations(moved, expected) > correlations(still, expected) + 0.05
    ).all()


def test_master_patterns_have_no_rest(perfect, sums):
    rest = Rest(sums, np.zeros((2, 3, 3)))
    with pytest.raises(ValueError, match=r"BandStack.*\(2, 2, 141, 141\)"):
        draw(perfect, sums, np.array([0]), None, rest)
