# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Weak bands tell that a lattice is but a part of the whole one."""

from itertools import product
from math import gcd

import keras
import numpy as np
import pytest

from kikuchipy_symml.models.layers import Superlattices
from kikuchipy_symml.models.layers._cells import selling
from kikuchipy_symml.models.layers._superlattice_classes import (
    CLASSES,
    MEMBERS,
    class_of,
    hypotheses,
    known_vectors,
)
from kikuchipy_symml.pattern import ViewSpec

N = 28
VIEW = ViewSpec(size=32, background=8.0).to_dict()
# What the known lattice has less than a primitive cubic one, as multiples
# of its vectors, and the class of what is missing.
PARTS = {
    "every second along one": (np.diag([2.0, 1, 1]), (1 / 2, 0, 0)),
    "every second along a diagonal": (
        np.array([[1.0, 1, 0], [1, -1, 0], [0, 0, 1]]),
        (1 / 2, 1 / 2, 0),
    ),
    "every third along one": (np.diag([1.0, 3, 1]), (0, 1 / 3, 0)),
}


def made(**options):
    layer = Superlattices(
        VIEW, azimuths=24, tilts=16, width=8, vectors=6, **options
    )
    layer(*inputs(np.eye(3), np.zeros((N, 3)), np.ones(N)))
    return layer


@pytest.fixture(
    scope="module",
    params=[{}, {"blocks": 2}, {"blocks": 1, "by_bands": 4}],
    ids=["alone", "blocks", "blocks by bands"],
)
def layer(request):
    return made(**request.param)


@pytest.fixture(scope="module")
def any_layer():
    """For what is the same in all."""
    return made()


def bands(basis, seed):
    """Normals and logarithms of lengths of some of the shortest vectors of
    a lattice, as well as bands tell them."""
    rng = np.random.default_rng(seed)
    indices = [i for i in product(range(-3, 4), repeat=3) if i > (0, 0, 0)]
    vectors = np.array([i for i in indices if gcd(*i) == 1]) @ basis
    length = np.linalg.norm(vectors, axis=1)
    some = rng.choice(np.argsort(length)[: N + 8], N, replace=False)
    normals = vectors[some] / length[some, None]
    normals += rng.normal(size=normals.shape) * np.deg2rad(0.4)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    normals *= rng.choice([-1, 1], N)[:, None]
    return normals, np.log(length[some]) + rng.normal(size=N) * 0.08


def inputs(basis, normals, shown):
    """What the layer takes, of one pattern."""
    basis = np.asarray(basis, dtype="float32")
    indices = np.rint(normals * np.exp(shown)[:, None] @ np.linalg.inv(basis))
    maps = np.random.default_rng(0).normal(size=(24, 16, 2))
    maps[..., 1] = 1
    strength = np.linspace(0.95, 0.8, N)
    return [
        keras.ops.convert_to_tensor(np.asarray(a, dtype="float32")[None])
        for a in (basis, indices, normals, strength, shown, maps)
    ]


def number(vector):
    """Number of the class of which a vector is."""
    whole = np.abs(CLASSES - vector) % 1 < 0.01
    return int(whole.all(axis=1).argmax())


def test_classes_are_all_ways():
    """Each vector of half and of a third of a lattice is of one of them, or
    of the lattice itself."""
    assert len(CLASSES) == 7 + 13
    vectors = np.array(list(product(range(-4, 5), repeat=3)), dtype="float32")
    for n in (2, 3):
        member = np.asarray(class_of(vectors, n))
        own = (vectors % n == 0).all(axis=1)
        np.testing.assert_array_equal(member.sum(axis=1), ~own)
        np.testing.assert_array_equal(
            member, np.asarray(class_of(-vectors, n))
        )


def testhypotheses():
    bases, members = hypotheses()
    times = 1 / np.abs(np.linalg.det(bases))
    values, counts = np.unique(np.rint(times), return_counts=True)
    assert dict(zip(values, counts, strict=True)) == {
        1: 1,
        2: 7,
        3: 13,
        4: 7,
        8: 1,
    }
    for basis, member in zip(bases, members, strict=True):
        share = CLASSES @ np.linalg.inv(basis)
        there = np.all(np.abs(share - np.rint(share)) < 1e-5, axis=1)
        np.testing.assert_array_equal(there, member > 0)


def test_vectors_are_of_their_class(layer):
    for k, ways in enumerate(layer.ways[: len(CLASSES)]):
        n = 2 if k < 7 else 3
        member = np.asarray(class_of(ways * n, n))
        assert np.all(member[:, k if n == 2 else k - 7] == 1)
        # None twice, nor its opposite
        both = np.round(np.concatenate([ways, -ways]), 3) + 0.0
        assert len(np.unique(both, axis=0)) == 2 * len(ways)


@pytest.mark.parametrize("name", PARTS)
@pytest.mark.parametrize("seed", [0, 1])
def test_bands_tell_what_is_missing(any_layer, name, seed):
    part, missing = PARTS[name]
    whole = np.eye(3) * 0.9
    normals, shown = bands(whole, seed)
    basis, _, *found, _ = inputs(part @ whole, normals, shown)
    evidence = np.asarray(any_layer._evidence(basis, *found))[0]
    assert (evidence.argmax(axis=0) == number(missing)).all()
    best = np.sort(evidence[:, 0])
    assert best[-1] > 2 * best[-2] + 1
    # Of the whole lattice nothing is missing.
    basis, _, *found, _ = inputs(whole, normals, shown)
    none = np.asarray(any_layer._evidence(basis, *found))[0]
    assert none[:, 0].max() < best[-1] / 5


@pytest.mark.parametrize("name", PARTS)
@pytest.mark.parametrize("seed", [0, 1])
def test_how_far_bands_are_off(any_layer, name, seed):
    """Each band is near a vector of the known lattice or of the class that
    is missing, and those of the latter are told apart."""
    part, missing = PARTS[name]
    whole = np.eye(3) * 0.9
    normals, shown = bands(whole, seed)
    basis, _, *found, _ = inputs(part @ whole, normals, shown)
    off = np.asarray(any_layer.look_at_bands(basis, *found))[0]
    assert off.shape == (20, N, 14)
    degrees = off[..., 0] * 2
    likely, of_known = off[..., 3], off[0, :, 7]
    right = likely[number(missing)]
    vectors = normals * np.exp(shown)[:, None]
    nearest = np.linalg.norm(vectors - np.rint(vectors / 0.9) * 0.9, axis=1)
    good = nearest < 0.05
    assert good.sum() > 5
    assert (np.maximum(right, of_known)[good] > 0.05).all()
    # What the class explains best of all is not of the known lattice.
    best = right > 0.3
    assert best.sum() > 3
    assert (of_known[best] < 0.01).all()
    assert (degrees[number(missing)][best] < 1.2).all()
    # A band of the class is explained by none as well as by that.
    total = likely.sum(axis=1)
    assert total.argmax() == number(missing)
    np.testing.assert_array_equal(off[:, :, 8], np.tile(found[1], (20, 1)))
    np.testing.assert_array_equal(off[:, 0, 13], np.arange(20) < 7)


@pytest.mark.parametrize("name", PARTS)
def test_what_becomes_of_an_answer(layer, name, monkeypatch):
    """Lengths and shapes are those of the lattice that is told."""
    part, missing = PARTS[name]
    k = number(missing)
    logits = np.where(np.arange(20) == k, 30, -30).astype("float32")[None]
    monkeypatch.setattr(layer, "_logits", lambda features: logits)
    normals = np.array(missing) @ part
    normals = np.array([normals, [0, 0, 1]] + [[0, 0, 1]] * (N - 2))
    given = inputs(part, normals, np.ones(N))
    # The first band is the vector of the lattice along what is missing.
    times = 2 if k < 7 else 3
    indices = np.zeros((1, N, 3), dtype="float32")
    indices[0, 0] = np.array(missing) * times
    indices[0, 1] = 0, 0, 1
    given[1] = keras.ops.convert_to_tensor(indices)
    shorter, cells = [np.asarray(i)[0] for i in layer(*given)]
    shown = [1, 0, -np.log(2)] if k < 7 else [0, 1, -np.log(3)]
    np.testing.assert_allclose(shorter[0], shown, atol=1e-5)
    np.testing.assert_allclose(shorter[1], 0, atol=1e-5)
    # A primitive cubic lattice, whatever was known of it
    cubic = np.eye(3, dtype="float32")[None, None]
    shape = np.asarray(selling(keras.ops.convert_to_tensor(cubic)))[0, 0]
    np.testing.assert_allclose(cells[:27], shape, atol=1e-3)
    np.testing.assert_allclose(cells[27:54], shape, atol=1e-3)
    kind = 1 if k < 7 else 2
    np.testing.assert_allclose(cells[54:59], np.arange(5) == kind, atol=1e-5)
    assert len(cells) == 59 + (16 if layer.blocks else 0)


def test_classes_are_weighed_against_each_other(layer):
    """What one class shows changes what is told of another only if there
    are blocks, and so does what the known lattice shows."""
    rng = np.random.default_rng(3)
    basis, _, *rest = inputs(np.eye(3), np.zeros((N, 3)), np.ones(N))
    shown, *more = layer.see(basis, *rest)
    shown = np.asarray(shown)
    assert shown.shape[1] == 20 + (1 if layer.blocks else 0)
    assert more[0].shape[1] == 29
    assert len(more) == 1 + bool(layer.by_bands)
    told = np.asarray(layer.tell(keras.ops.convert_to_tensor(shown), *more))
    assert told.shape == (1, 49 if layer.blocks else 20)
    for row in (4, 20)[: 1 + bool(layer.blocks)]:
        other = shown.copy()
        other[:, row] += rng.normal(size=other[:, row].shape)
        again = layer.tell(keras.ops.convert_to_tensor(other), *more)
        moved = np.abs(np.asarray(again) - told)[0, :20] > 1e-5
        assert moved.all() if layer.blocks else moved.nonzero()[0] == [row]


def test_lattices_of_several_classes(layer):
    """At first each class has its say by itself, and a lattice of several
    is as likely as all of them together; then it is told as a whole."""
    basis, _, *rest = inputs(np.eye(3), np.zeros((N, 3)), np.ones(N))
    seen = layer.see(basis, *rest)
    shapes = seen[1]
    features = layer.features(*seen)
    alone = np.asarray(layer._logits(features))[0] @ MEMBERS.T
    scores = np.asarray(layer.scores(features, shapes))[0]
    np.testing.assert_allclose(scores, alone, rtol=1e-4, atol=1e-5)
    if layer.blocks:
        last = layer.whole[-1].kernel
        last.assign(np.ones(last.shape))
        scores = np.asarray(layer.scores(features, shapes))[0]
        last.assign(np.zeros(last.shape))
        assert len(np.unique(np.round(scores - alone, 5))) > 20


def test_known_vectors():
    known = known_vectors(24)
    both = np.concatenate([known, -known])
    assert len(np.unique(both, axis=0)) == 48
    assert all(gcd(*map(int, v)) == 1 for v in known)
    assert np.square(known[:3]).sum() == 3


def test_without_bands(layer):
    """What is absent has normals, but no strength, and no lattice."""
    zero = np.zeros((3, 3))
    given = inputs(np.eye(3), np.zeros((N, 3)), np.zeros(N))
    given[0] = keras.ops.convert_to_tensor(zero[None].astype("float32"))
    for out in layer(*given):
        assert np.isfinite(np.asarray(out)).all()


def test_configuration(layer):
    again = Superlattices.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    assert (again.width, again.vectors) == (8, 6)
    assert again.blocks == layer.blocks
    assert again.by_bands == layer.by_bands
    assert not layer.trainable_variables
