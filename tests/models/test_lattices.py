# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The reciprocal lattice that bands have in common is found."""

from itertools import product
from math import gcd

import keras
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from kikuchipy_symml.models.layers import Lattices, ReadWidths

N = 28
# Rows are primitive vectors of reciprocal lattices.
LATTICES = {
    "cP": np.eye(3),
    "cI": np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0.0]]),
    "cF": np.array([[-1, 1, 1], [1, -1, 1], [1, 1, -1.0]]),
    "oS": np.array([[1, 1.3, 0], [1, -1.3, 0], [0, 0, 0.8]]),
    "mP": np.array([[1, 0, 0], [0.3, 1.2, 0], [0, 0, 0.9]]),
}


def bands(basis, seed=0, error=0.5, width_error=0.1):
    """Normals, logarithms of the lengths of what shows and of the first
    orders of a few bands of a lattice: most of the shortest ones."""
    rng = np.random.default_rng(seed)
    indices = np.array(
        [i for i in product(range(-3, 4), repeat=3) if i > (0, 0, 0)]
    )
    indices = indices[[gcd(*map(int, i)) == 1 for i in indices]]
    vectors = indices @ basis
    length = np.linalg.norm(vectors, axis=1)
    near = np.argsort(length)[: N + 8]
    near = np.sort(rng.choice(near, N, replace=False))
    vectors, length = vectors[near], length[near]
    # Of one in six the second order is the strongest.
    order = np.where(rng.random(N) < 1 / 6, 2, 1)
    normals = vectors / length[:, None]
    normals += rng.normal(size=normals.shape) * np.deg2rad(error)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    normals *= rng.choice([-1, 1], N)[:, None]
    shown = np.log(length * order) + rng.normal(size=N) * width_error
    return normals, shown, np.log(length)


def explain(layer, normals, shown, strength=None):
    if strength is None:
        strength = np.linspace(0.95, 0.8, N)
    out = layer(
        *[
            keras.ops.convert_to_tensor(a.astype("float32"))
            for a in (normals[None], strength[None], shown[None])
        ]
    )
    return [keras.ops.convert_to_numpy(i)[0] for i in out]


@pytest.mark.parametrize("name", LATTICES)
@pytest.mark.parametrize("seed", [0, 1])
def test_finds_the_lattice(name, seed):
    basis = LATTICES[name] * 0.9
    normals, shown, first = bands(basis, seed)
    out, _, best, indices = explain(Lattices(), normals, shown)
    assert out.shape == (N, 12)
    found, belongs, volume = out[:, 7], out[:, 9], out[:, 10]
    assert np.mean(belongs > 0.5) > 0.8
    off = np.abs(found / belongs - first)[belongs > 0.5]
    # Lengths are far better known than from the widths.
    assert np.mean(off < 0.1) > 0.8
    expected = np.log(abs(np.linalg.det(basis)))
    np.testing.assert_allclose(volume, expected, atol=0.25)
    # The indices are those of the shortest vectors along the normals.
    vectors = (indices @ best)[belongs > 0.5]
    lengths = np.log(np.linalg.norm(vectors, axis=1))
    np.testing.assert_allclose(
        lengths, (found / belongs)[belongs > 0.5], atol=1e-3
    )


def test_rotations_and_signs_change_nothing():
    normals, shown, _ = bands(LATTICES["oS"])
    turned = Rotation.random(random_state=3).apply(normals)
    turned *= np.where(np.arange(N) % 3, 1, -1)[:, None]
    layer = Lattices()
    after, before = [explain(layer, n, shown) for n in (turned, normals)]
    # The basis turns with the bands.
    for a, b in zip(after[:2], before[:2], strict=True):
        np.testing.assert_allclose(a, b, atol=0.02)


def test_random_bands_have_no_lattice():
    """Less of them is explained than of those of a lattice."""
    rng = np.random.default_rng(2)
    normals = rng.normal(size=(N, 3))
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    shown = rng.normal(size=N) * 0.4
    layer = Lattices()
    none, *_ = explain(layer, normals, shown)
    some, *_ = explain(layer, *bands(LATTICES["cI"])[:2])
    assert none[0, 11] < some[0, 11] - 1


def test_without_bands():
    """What is absent has normals, but no strength."""
    out, cell, *_ = explain(
        Lattices(), np.zeros((N, 3)), np.zeros(N), np.zeros(N)
    )
    assert np.isfinite(out).all() and np.isfinite(cell).all()


def test_few_bands():
    layer = Lattices(refined=50)
    out = layer(
        keras.random.normal((2, 5, 3)),
        keras.ops.ones((2, 5)),
        keras.ops.ones((2, 5)),
    )
    shapes = [(2, 5, 12), (2, 54), (2, 3, 3), (2, 5, 3)]
    assert [i.shape for i in out] == shapes


@pytest.mark.parametrize(
    ["name", "edges"],
    [
        ("cP", [0, 0, 0, 1, 1, 1]),
        ("cI", [0, 0, 1, 1, 1, 1]),
        ("cF", [1, 1, 1, 1, 1, 1]),
    ],
)
def test_shape_of_cells(name, edges):
    """Selling's parameters of cubic cells, as Delaunay (1933) has them: of
    the products of four vectors that add up to zero."""
    basis = LATTICES[name] * 0.7
    edges = np.array(edges) / abs(np.linalg.det(LATTICES[name])) ** (2 / 3)
    _, cell, *_ = explain(Lattices(), *bands(basis, error=0.1)[:2])
    np.testing.assert_allclose(np.sort(cell[:6]), edges, atol=0.06)
    zero = cell[6:12]
    assert np.sum(zero > 0.5) == np.sum(edges == 0)
    equal = cell[12:27]
    same = sum(a == b for i, a in enumerate(edges) for b in edges[i + 1 :])
    assert np.sum(equal > 0.5) == same


def test_configuration():
    layer = Lattices(seeds=9, weighed=8, refined=7, rounds=1)
    again = Lattices.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    reader = ReadWidths(width=12, blocks=1)
    again = ReadWidths.from_config(reader.get_config())
    assert (again.width, again.blocks) == (12, 1)


def test_reader_is_not_trained_with_the_rest():
    reader = ReadWidths(width=12)
    told = keras.ops.convert_to_numpy(reader(keras.random.normal((2, 5, 9))))
    assert told.shape == (2, 5)
    assert not reader.trainable_variables
