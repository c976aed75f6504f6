# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the simulation knows of the bands is what the view shows."""

from itertools import product
from math import gcd

import keras
import numpy as np
import pytest

from kikuchipy_symml.crystals import library
from kikuchipy_symml.models._network import build_network
from kikuchipy_symml.models.layers import RefineBands
from kikuchipy_symml.models.layers._superlattice_classes import (
    CLASSES,
    MEMBERS,
)
from kikuchipy_symml.pattern import ViewSpec, canonical_views
from kikuchipy_symml.simulation import (
    BandStack,
    Camera,
    band_profiles,
    draw_patterns,
    random_rotations,
)
from kikuchipy_symml.training import _auxiliary
from kikuchipy_symml.training._auxiliary import COMMON, UNKNOWN, Truth
from kikuchipy_symml.training._detector import (
    _prober_loss,
    _prober_targets,
    _refined_targets,
    _superlattice_targets,
    _targets,
    train_layer,
)
from kikuchipy_symml.training._settings import AuxiliarySettings

SPEC = ViewSpec(size=80)
CLEAR = Camera(
    pixels=(70, 90),
    noise=(0.05, 0.1),
    edges=(0.0, 0.0),
    bump=(0.0, 0.2),
    slope=(0.0, 0.1),
    pc_error=(0.0, 0.0),
    round_screen=0.0,
)


@pytest.fixture(scope="module")
def nickel():
    return band_profiles(library()["Ni"], n_rows=13)


@pytest.fixture(scope="module")
def some(nickel):
    """Views of nickel and the truth about them."""
    return draw(nickel, 0)


def draw(bands, seed, n=32):
    rng = np.random.default_rng(seed)
    stack = BandStack.of([bands] * n)
    rotations = random_rotations(rng, n)
    patterns, pc, aspect_ratio = draw_patterns(
        rng, stack, np.arange(n), CLEAR, rotations
    )
    views, _ = canonical_views(patterns, pc, SPEC, aspect_ratio=aspect_ratio)
    return views, None, Truth.of(stack, rotations, pc, aspect_ratio)


@pytest.fixture(scope="module")
def network():
    return build_network(
        SPEC, azimuths=96, tilts=56, bands=16, poles=3, width=16, depth=1
    )


@pytest.fixture(scope="module")
def found(network, some):
    """Normals and strengths of the bands that are found by their peaks."""
    geometry = keras.Model(network.input, network.get_layer("bands").output)
    normals, _, strength = geometry.predict_on_batch(some[0])
    return np.asarray(normals), np.asarray(strength)


def test_truth_is_where_the_bands_are(some, found):
    """Not so with another orientation."""
    truth = some[2]
    angles, families = truth.targets(*found)
    known = angles[..., 0] > -90
    assert known[:, :4].mean() > 0.8
    assert families.shape == (32, 16, 16)
    other = Truth(truth.normals[::-1], truth.angles, truth.families)
    assert (other.targets(*found)[0][..., 0] > -90).mean() < 0.5 * known.mean()


def test_targets(nickel, some, found):
    """Angles are those of the reflections, families those of nickel."""
    angles, families = some[2].targets(*found)
    known = angles[..., 0] > -90
    sines = np.exp(angles[known] - 3.5)
    off = np.abs(sines[:, :1] - nickel.bragg).min(axis=1)
    assert off.max() < 1e-5
    pairs = known[:, :, None] & known[:, None]
    pairs &= ~np.eye(16, dtype=bool)
    assert set(np.unique(families[pairs])) == {0, 1}
    assert np.all(families[~pairs] == -99)
    # Equal families have equal angles.
    i, j, k = np.nonzero(families == 1)
    np.testing.assert_allclose(angles[i, j], angles[i, k], atol=1e-5)


def test_absent_bands_have_no_target(some, found):
    normals, strength = found
    angles, families = some[2].targets(normals, np.zeros_like(strength))
    assert np.all(angles == -99) and np.all(families == -99)


@pytest.mark.parametrize("updates", [False, True])
def test_heads(some, updates):
    settings = AuxiliarySettings(angles=0.1, families=0.1, width=8)
    assert settings.used and not AuxiliarySettings().used
    network = build_network(
        SPEC, bands=6, poles=2, width=16, depth=2, pair_updates=updates
    )
    outputs = _auxiliary.heads(network, 6, settings)
    assert [o.shape for o in outputs] == [(None, 6, 2), (None, 6, 6)]
    model = keras.Model(network.input, outputs)
    _, alike = model.predict_on_batch(some[0][:2])
    assert np.isfinite(alike).all()


def test_heads_after_earlier_blocks():
    settings = AuxiliarySettings(
        angles=0.1, families=0.3, width=8, blocks=(1, 2)
    )
    network = build_network(
        SPEC, bands=6, poles=2, width=16, depth=3, pair_updates=True
    )
    outputs = _auxiliary.heads(network, 6, settings)
    assert [o.shape[1:] for o in outputs] == [(6, 2), (6, 6)] * 3
    functions, weights = _auxiliary.losses(settings)
    assert len(functions) == 6 and weights == [0.1, 0.3] * 3
    # None of what is told early depends on later blocks.
    early = keras.Model(network.input, outputs[2:4])
    names = [layer.name for layer in early.layers]
    assert "attention_0" in names and "attention_1" not in names
    network = build_network(SPEC, bands=6, poles=2, width=16, depth=2)
    with pytest.raises(ValueError, match=r"\(1, 2\).*less than.*depth.*2"):
        _auxiliary.heads(network, 6, settings)


def test_losses_count_what_is_known():
    (angles, families), weights = _auxiliary.losses(
        AuxiliarySettings(angles=0.3, families=0.2)
    )
    assert weights == [0.3, 0.2]
    targets = np.full((1, 3, 2), -99.0, dtype=np.float32)
    assert float(angles(targets, np.ones((1, 3, 2), "f4"))) == 0
    targets[0, 0] = 1.0
    assert float(angles(targets, np.ones((1, 3, 2), "f4"))) == 0
    assert float(angles(targets, np.zeros((1, 3, 2), "f4"))) > 0.5
    pairs = np.array([[[-99.0, 1.0], [0.0, -99.0]]], dtype=np.float32)
    sure = np.array([[[0.0, 9.0], [-9.0, 0.0]]], dtype=np.float32)
    assert float(families(pairs, sure)) < 1e-3
    assert float(families(pairs, -sure)) > 3


def test_detector_finds_more_bands_than_peaks(nickel, found, some):
    """Trained on half a minute's patterns, on others of the same crystal."""
    network = build_network(
        SPEC,
        azimuths=96,
        tilts=56,
        bands=16,
        extrema=40,
        poles=3,
        width=16,
        depth=1,
    )
    losses = []
    train_layer(
        network,
        "bands",
        lambda i: draw(nickel, 10 + i),
        60,
        4e-3,
        losses.append,
    )
    assert len(losses) == 60
    assert np.mean(losses[-10:]) < 0.8 * np.mean(losses[:5])
    geometry = keras.Model(network.input, network.get_layer("bands").output)
    normals, _, strength = geometry.predict_on_batch(some[0])
    np.testing.assert_allclose(np.linalg.norm(normals, axis=-1), 1, atol=1e-5)
    assert np.all((strength >= 0) & (strength <= 1))

    def right(normals, strength):
        angles, _ = some[2].targets(np.asarray(normals), np.asarray(strength))
        return np.mean(angles[:, :8, 0] > -90)

    assert right(normals, strength) > right(*found)
    assert not network.get_layer("bands").trainable_variables


def test_refiner_targets():
    """What is to be told takes the normal to that of the band."""
    rng = np.random.default_rng(2)
    true = rng.normal(size=(1, 4, 3))
    true /= np.linalg.norm(true, axis=-1, keepdims=True)
    found = true + rng.normal(scale=0.008, size=true.shape)
    # The other one of a plane's normals; and one that belongs to no band.
    found[0, 1] *= -1
    found[0, 3] = np.roll(found[0, 3], 1)
    found /= np.linalg.norm(found, axis=-1, keepdims=True)
    truth = Truth(true, np.full((1, 4, 2), 0.1), np.zeros((1, 4), int))
    found = found.astype(np.float32)
    targets = _refined_targets(truth, found, np.ones((1, 4), np.float32))
    assert targets[0, :, 0].tolist() == [1, 1, 1, 0]
    layer = RefineBands(SPEC.to_dict())
    layer.build(*[None] * 4)
    told = targets[..., :3].copy()
    told[..., 0] = 5 - np.arange(4)
    layer.tell = lambda shown: told
    features = np.arange(4, dtype=np.float32)[None, :, None] + 1
    views = np.zeros((1, SPEC.size, SPEC.size, 2), dtype=np.float32)
    moved, kept, share = layer.call(
        found, features, np.ones((1, 4), np.float32), views
    )
    cosine = np.abs(np.sum(np.asarray(moved) * true, axis=-1))[0, :3]
    assert np.rad2deg(np.arccos(np.minimum(cosine, 1))).max() < 0.05
    np.testing.assert_array_equal(kept, features)
    assert np.all(np.diff(share) <= 0)


def test_refiner_and_reader(nickel, some, without_xla):
    """Bands are nearer to the true ones, and widths are told better than
    by their median."""
    network = build_network(
        SPEC,
        azimuths=96,
        tilts=56,
        bands=16,
        extrema=40,
        refine=24,
        lattices=10,
        reader=1,
        superlattices=8,
        prober=1,
        poles=3,
        width=16,
        depth=1,
    )

    def batch(i):
        return draw(nickel, 10 + i)

    def train(name, steps):
        losses = []
        train_layer(network, name, batch, steps, 4e-3, losses.append)
        assert len(losses) == steps
        layer = network.get_layer(name)
        assert not layer.trainable_variables
        return losses

    def see(*layers):
        outputs = [network.get_layer(name).output for name in layers]
        model = keras.Model(network.input, outputs)
        out = model.predict_on_batch(some[0])
        return keras.tree.map_structure(np.asarray, out)

    def off(normals, strength):
        targets = _refined_targets(some[2], normals, strength)
        near = targets[..., 0] > 0
        return np.hypot(targets[..., 1], targets[..., 2])[near], near.sum()

    train("bands", 40)
    train("refined", 60)
    (normals, _, strength), (moved, _, share) = see("bands", "refined")
    before, n_before = off(normals, strength)
    after, n_after = off(moved, share)
    assert np.median(after) < 0.8 * np.median(before)
    assert n_after > 0.8 * n_before

    # Of nickel's widths, which are not all alike.
    losses = train("widths", 40)
    assert np.mean(losses[-5:]) < 0.5 * np.mean(losses[:3])
    told, (moved, _, share) = see("widths", "refined")
    wanted = some[2].targets(moved, share)[0][..., 0]
    known = wanted > -90
    error = np.abs(told - wanted)[known]
    constant = np.abs(wanted[known] - np.median(wanted[known]))
    assert error.mean() < constant.mean()

    # Of one crystal there is next to nothing to be learnt.
    losses = train("superlattices", 4)
    assert np.isfinite(losses).all()


def test_superlattices_to_be_told():
    """Of lattices of which every second vector is known, or all are."""
    indices = np.array(list(product(range(-2, 3), repeat=3)))
    indices = indices[[tuple(i) > (0, 0, 0) for i in indices]]
    indices = indices[[gcd(*map(int, i)) == 1 for i in indices]]
    whole_one = np.array([[1, 0, 0], [0.2, 1.1, 0], [0, 0.1, 1.3]]) * 0.02
    vectors = indices @ whole_one
    length = np.linalg.norm(vectors, axis=1)
    truth = Truth(
        np.stack([vectors / length[:, None]] * 3),
        np.repeat(np.stack([length] * 3)[..., None], 2, axis=2),
        np.zeros((3, len(length)), dtype=int),
    )
    basis, known = truth.basis()
    assert known.all()
    share = basis[0] @ np.linalg.inv(whole_one)
    np.testing.assert_allclose(share, np.rint(share), atol=1e-9)
    assert abs(np.linalg.det(share)) == pytest.approx(1)

    # One that is known but for its lengths, half of it, and none of it
    parts = [whole_one, np.diag([1, 2, 1]) @ whole_one, whole_one * 0.6]
    parts = np.stack(parts) / np.exp(COMMON) * 1.03
    wanted = _superlattice_targets(truth, parts)
    assert (wanted[0] == 0).all()
    only = CLASSES[wanted[1] == 1]
    np.testing.assert_array_equal(only, [[0, 0.5, 0]])
    assert (wanted[2] == UNKNOWN).all()
    # Of the lattices that may be the whole one
    whole = _prober_targets(truth, parts)[:, 20:]
    assert whole.sum(axis=1).tolist() == [1, 1, 0]
    assert whole[0, 0] == 1
    np.testing.assert_array_equal(MEMBERS[whole[1].argmax()], wanted[1])
    # Four and eight times, and six times, of which two parts are among them
    for shape, count in (
        ([2, 2, 1], [3]),
        ([2, 2, 2], [7]),
        ([2, 3, 1], [1, 1]),
        ([4, 1, 1], [1]),
    ):
        some = np.stack([np.diag(shape) @ whole_one] * 3)
        whole = _prober_targets(truth, some / np.exp(COMMON))[0, 20:]
        assert MEMBERS[whole > 0].sum(axis=1).tolist() == count


def test_loss_of_whole_lattices():
    """Only where one is known, and less the surer the right one is."""
    wanted = np.zeros((2, 49), dtype="float32")
    wanted[1, :20] = UNKNOWN
    wanted[0, 20] = 1
    told = np.zeros((2, 49), dtype="float32")

    def loss(told):
        return float(_prober_loss(wanted, keras.ops.convert_to_tensor(told)))

    before = loss(told)
    told[0, 20] = 3
    assert loss(told) < before
    told[1, 20:] = 5
    told[1, 30] = 8
    assert loss(told) == pytest.approx(loss(np.where(told == 3, told, 0)))
    told[0, 40] = 9
    assert loss(told) > before


def test_detector_targets_of_a_place_on_a_band():
    """Offsets take the place to the band, also beyond the seam."""
    network = build_network(SPEC, azimuths=96, tilts=56, extrema=40, depth=1)
    layer = network.get_layer("bands")
    row = np.array([[10.0, 95.0, 50.0]], dtype=np.float32)
    column = np.array([[20.0, 30.0, 40.0]], dtype=np.float32)
    there = (
        keras.ops.convert_to_tensor(row),
        keras.ops.convert_to_tensor(column),
    )
    true = np.asarray(layer.normals(there[0] + 1.2, there[1] - 0.7))
    # An opposite normal is the same plane.
    truth = Truth(
        np.concatenate([-true[:, :2], np.zeros((1, 1, 3), "f4")], axis=1),
        np.array([[[0.1, 0.1], [0.1, 0.1], [0.0, 0.0]]]),
        np.zeros((1, 3), int),
    )
    there = np.ones((1, 3), dtype=bool)
    targets = _targets(layer, truth, row, column, there)
    assert targets[0, :, 0].tolist() == [1, 1, 0]
    np.testing.assert_allclose(targets[0, :2, 1], 1.2, atol=1e-3)
    np.testing.assert_allclose(targets[0, :2, 2], -0.7, atol=1e-3)
