# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest
from keras import ops

from kikuchipy_symml.symmetry import (
    LEVELS,
    class_index,
    class_names,
    sum_table,
)
from kikuchipy_symml.training import allowed_space_groups, set_loss


def loss_of(weights, allowed, p):
    allowed = np.atleast_2d(np.asarray(allowed, dtype=np.float32))
    p = np.atleast_2d(np.asarray(p, dtype=np.float32))
    return ops.convert_to_numpy(set_loss(weights)(allowed, p))


@pytest.fixture
def p(rng):
    p = rng.random((4, 230)).astype(np.float32)
    return p / p.sum(axis=1, keepdims=True)


# ------------------------------------------------------------- label sets


def test_space_groups_by_number_and_name():
    by_number = allowed_space_groups("space_group", [225, np.int64(1)])
    assert by_number.shape == (2, 230) and by_number.dtype == np.float32
    assert by_number.sum(axis=1).tolist() == [1, 1]
    assert by_number[0, 224] == 1 and by_number[1, 0] == 1
    by_name = allowed_space_groups("space_group", ["Fm-3m", "P1"])
    np.testing.assert_array_equal(by_name, by_number)


def test_sets_of_known_size():
    """Space groups of a lattice or group in International Tables A."""
    sizes = {
        ("bravais_lattice", "cF"): 11,
        ("bravais_lattice", "aP"): 2,
        ("crystal_system", "cubic"): 36,
        ("point_group", "m-3m"): 10,
    }
    for (level, name), size in sizes.items():
        assert allowed_space_groups(level, [name]).sum() == size
    # 432 has 8, -43m has 6 and m-3m has 10 space groups.
    laue = allowed_space_groups("laue_group", ["m-3m"])
    assert laue.sum() == 24 and laue[0, 206:].all()


@pytest.mark.parametrize("level", LEVELS)
def test_sets_of_a_level_part_the_space_groups(level):
    allowed = allowed_space_groups(level, class_names(level))
    np.testing.assert_array_equal(allowed.sum(axis=0), 1)
    np.testing.assert_array_equal(allowed, sum_table(level).T)


def test_no_labels():
    assert allowed_space_groups("laue_group", []).shape == (0, 230)


@pytest.mark.parametrize(
    ["level", "name", "match"],
    [
        ("space_group", 0, "Space group 0 is not in 1 to 230"),
        ("space_group", 231, "Space group 231"),
        ("space_group", "Fm3m?", "Fm3m"),
        ("bravais_lattice", "cG", "cG"),
        ("bravais_lattice", 225, "225"),
        ("colour", "red", "colour"),
    ],
)
def test_wrong_labels(level, name, match):
    with pytest.raises(ValueError, match=match):
        allowed_space_groups(level, [name])


# ------------------------------------------------------------------- loss


def test_loss_of_one_space_group(p):
    allowed = allowed_space_groups("space_group", [1, 14, 225, 230])
    loss = loss_of({"space_group": 1}, allowed, p)
    expected = -np.log(p[range(4), [0, 13, 224, 229]])
    np.testing.assert_allclose(loss, expected, rtol=1e-4)


def test_loss_by_hand():
    """Uniform probabilities: logarithms of shares of 230."""
    p = np.full((1, 230), 1 / 230)
    allowed = allowed_space_groups("space_group", [225])
    shares = {
        "space_group": 1 / 230,
        "point_group": 10 / 230,
        "laue_group": 24 / 230,
        "bravais_lattice": 11 / 230,
        "crystal_system": 36 / 230,
    }
    for level, share in shares.items():
        assert loss_of({level: 1}, allowed, p)[0] == pytest.approx(
            -np.log(share), rel=1e-4
        )
    # Weights are shares of their sum.
    weights = {"space_group": 1, "bravais_lattice": 3}
    expected = -(np.log(1 / 230) + 3 * np.log(11 / 230)) / 4
    assert loss_of(weights, allowed, p)[0] == pytest.approx(expected, rel=1e-4)


def test_certain_and_wrong():
    allowed = allowed_space_groups("space_group", [225, 225])
    p = np.zeros((2, 230))
    p[0, 224] = p[1, 0] = 1
    loss = loss_of({"bravais_lattice": 1, "laue_group": 1}, allowed, p)
    assert loss[0] == pytest.approx(0, abs=1e-6)
    assert 10 < loss[1] < 20


def test_coarse_label_trains_its_level_as_much(p):
    """cF by name costs what Fm-3m costs at the Bravais level."""
    coarse = allowed_space_groups("bravais_lattice", ["cF"])
    fine = allowed_space_groups("space_group", [225])
    weights = {"bravais_lattice": 1}
    np.testing.assert_allclose(
        loss_of(weights, coarse, p[:1]), loss_of(weights, fine, p[:1])
    )


@pytest.mark.parametrize(
    ["level", "name"], [("bravais_lattice", "cF"), ("laue_group", "2/m")]
)
def test_coarse_label_does_not_choose_among_its_classes(p, level, name):
    """The gradient is the same on all space groups of the set."""
    import tensorflow as tf

    allowed = allowed_space_groups(level, [name])
    variable = tf.Variable(p[:1])
    weights = {level: 0.5, "space_group": 0.5}
    with tf.GradientTape() as tape:
        loss = set_loss(weights)(allowed, variable)
    gradient = np.asarray(tape.gradient(loss, variable))[0]
    inside = allowed[0] > 0
    assert np.ptp(gradient[inside]) < 1e-5 * np.abs(gradient).max()
    assert np.all(gradient[inside] < 0) and not gradient[~inside].any()


def test_zero_weights_are_left_out(p):
    allowed = allowed_space_groups("space_group", [9, 9, 9, 9])
    np.testing.assert_array_equal(
        loss_of({"laue_group": 2, "space_group": 0}, allowed, p),
        loss_of({"laue_group": 1}, allowed, p),
    )


@pytest.mark.parametrize(
    "weights", [{}, {"laue_group": 0}, {"laue_group": -1}]
)
def test_no_positive_weight(weights):
    with pytest.raises(ValueError, match="positive weight"):
        set_loss(weights)


def test_unknown_level():
    with pytest.raises(ValueError, match="colour"):
        set_loss({"colour": 1})


def test_of_a_pattern_that_shows_nothing(p):
    """Even probabilities cost nothing, sure ones much."""
    loss = set_loss({"bravais_lattice": 1.0})
    nothing = np.zeros((1, 230), dtype="float32")
    of = class_index("bravais_lattice")
    even = 1 / (14 * np.bincount(of)[of])
    sure = np.full(230, 1e-6)
    sure[0] = 1 - 229e-6
    with_even = np.asarray(loss(nothing, even[None].astype("float32")))
    with_sure = np.asarray(loss(nothing, sure[None].astype("float32")))
    np.testing.assert_allclose(with_even, 0, atol=1e-4)
    assert with_sure[0] > 5
