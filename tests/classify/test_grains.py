# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Regions of like patterns, on scans whose grains are known."""

import pickle
import tracemalloc

import dask
import dask.array as da
import kikuchipy as kp
import numpy as np
import pytest
from kikuchipy.signals import EBSD, LazyEBSD
from orix.quaternion import Rotation
from scipy.special import comb

import kikuchipy_symml
from kikuchipy_symml.classify import (
    _grains,
    label_grains,
    neighbour_similarities,
)
from kikuchipy_symml.classify._images import Flatten, common_part, without


def adjusted_rand_index(a, b):
    """Agreement of two labellings: 1 if equal, about 0 by chance.

    Hubert and Arabie, J. Classif. 2, 193 (1985).
    """
    _, a = np.unique(a, return_inverse=True)
    _, b = np.unique(b, return_inverse=True)
    table = np.zeros((a.max() + 1, b.max() + 1))
    np.add.at(table, (a.ravel(), b.ravel()), 1)
    both = comb(table, 2).sum()
    in_a, in_b = (comb(table.sum(axis=i), 2).sum() for i in (0, 1))
    chance = in_a * in_b / comb(a.size, 2)
    highest = (in_a + in_b) / 2
    return 1.0 if highest == chance else (both - chance) / (highest - chance)


@pytest.fixture(scope="module")
def master_pattern():
    return kp.data.nickel_ebsd_master_pattern_small(
        projection="lambert", hemisphere="both"
    )


@pytest.fixture(scope="module")
def simulate(master_pattern):
    """Return a scan of grains of nickel, and their labels."""
    detector = kp.detectors.EBSDDetector(shape=(60, 60), pc=(0.42, 0.22, 0.5))

    def simulate(shape=(14, 18), grains=5, noise=1.0, raw=False, seed=0):
        rng = np.random.default_rng(seed)
        seeds = rng.uniform(0, 1, (grains, 2)) * shape
        points = np.indices(shape).reshape(2, -1).T
        distance = np.linalg.norm(points[:, np.newaxis] - seeds, axis=-1)
        labels = distance.argmin(axis=1)
        # Half a degree or so of rotation within the grains
        rotations = (
            Rotation.from_axes_angles(
                rng.normal(size=(labels.size, 3)),
                rng.normal(scale=0.2, size=labels.size),
                degrees=True,
            )
            * Rotation(rng.normal(size=(grains, 4))).unit[labels]
        )
        patterns = master_pattern.get_patterns(
            rotations,
            detector,
            energy=20,
            dtype_out="float32",
            compute=True,
            show_progressbar=False,
        ).data
        patterns -= patterns.mean(axis=(1, 2), keepdims=True)
        patterns /= patterns.std(axis=(1, 2), keepdims=True)
        patterns += rng.normal(scale=noise, size=patterns.shape)
        if raw:
            y, x = np.mgrid[-1:1:60j, -1:1:60j]
            background = 200 * np.exp(-((y + 0.3) ** 2) - x**2)
            # Shading of the pixels, the same in all patterns
            background *= 1 + 0.1 * np.random.default_rng(9).normal(
                size=(60, 60)
            )
            patterns = (1 + 0.06 * patterns) * background + 20
            patterns = patterns.clip(0, 255).astype("uint8")
        signal = EBSD(patterns.reshape(*shape, 60, 60))
        signal.detector = detector
        return signal, labels.reshape(shape)

    return simulate


def label(signal, **kwargs):
    return label_grains(signal, show_progressbar=False, **kwargs)


@pytest.fixture(scope="module")
def scan_of_four(simulate):
    signal, _ = simulate(shape=(9, 11), grains=4)
    return signal, label(signal)


@pytest.fixture(scope="module")
def scan_of_two(simulate):
    return simulate(shape=(8, 9), grains=2)


class TestKnownGrains:
    @pytest.mark.parametrize("noise", [0.3, 1, 2.5])
    def test_background_free(self, simulate, noise):
        signal, truth = simulate(noise=noise)
        labels = label(signal)
        assert labels.shape == truth.shape
        assert labels.dtype.kind == "i"
        assert labels.min() == 0
        assert adjusted_rand_index(truth, labels) > 0.9

    @pytest.mark.parametrize("noise", [0.5, 1.5])
    def test_raw(self, simulate, noise):
        signal, truth = simulate(noise=noise, raw=True)
        # As they come, all are alike
        flat = signal.data.reshape(truth.size, -1).astype(float)
        assert np.corrcoef(flat).min() > 0.8
        assert adjusted_rand_index(truth, label(signal)) > 0.9

    @pytest.mark.parametrize("raw", [False, True])
    def test_one_grain(self, simulate, raw):
        signal, _ = simulate(grains=1, noise=1.5, raw=raw)
        assert np.bincount(label(signal).ravel())[0] > 0.98 * 14 * 18

    def test_patterns_of_unlike_quality(self, simulate):
        signal, truth = simulate(noise=0.3)
        poor = truth >= 3
        rng = np.random.default_rng(1)
        signal.data[poor] += 2 * rng.normal(size=signal.data[poor].shape)
        assert adjusted_rand_index(truth, label(signal)) > 0.9

    def test_overlapping_patterns_do_not_join_grains(self, simulate):
        signal, _ = simulate(shape=(8, 16), grains=1, noise=0)
        other, _ = simulate(shape=(8, 16), grains=1, noise=0, seed=3)
        share = np.clip(np.arange(16) - 6.5, 0, 2)[:, None, None] / 2
        signal.data = (1 - share) * signal.data + share * other.data
        signal.data += np.random.default_rng(0).normal(size=signal.data.shape)
        labels = label(signal)
        assert len(np.unique(labels[:, :6])) == 1
        assert len(np.unique(labels[:, 10:])) == 1
        assert labels[0, 0] != labels[0, -1]

    def test_noise_is_no_grain(self, simulate):
        signal, truth = simulate(noise=1)
        noise = np.zeros(truth.shape, dtype=bool)
        noise[:, :4] = True
        signal.data[noise] = np.random.default_rng(0).normal(
            size=(noise.sum(), 60, 60)
        )
        labels = label(signal, min_size=_grains.FRAGMENT)
        assert np.mean(labels[noise] == -1) > 0.95
        assert np.mean(labels[~noise] == -1) < 0.05

    def test_measured(self):
        signal = kp.data.nickel_ebsd_small()
        signal.remove_static_background(show_progressbar=False)
        # Orientations of the indexed patterns say the same
        assert label(signal).tolist() == [[0, 1, 1]] * 3


class TestSameHoweverHeld:
    @pytest.fixture
    def scan(self, scan_of_four):
        return scan_of_four

    @pytest.mark.parametrize("chunks", [(9, 11), (4, 3), (1, 5), (9, 1)])
    def test_lazy(self, scan, chunks):
        signal, expected = scan
        lazy = LazyEBSD(
            da.from_array(signal.data, chunks=(*chunks, 30, 60)),
        )
        np.testing.assert_array_equal(label(lazy), expected)
        s = neighbour_similarities(signal, show_progressbar=False)
        s_lazy = neighbour_similarities(lazy, show_progressbar=False)
        np.testing.assert_allclose(s_lazy, s, atol=1e-6)

    def test_small_blocks(self, scan, monkeypatch):
        signal, expected = scan
        monkeypatch.setattr(
            "kikuchipy_symml.pattern._blocks.BLOCK_PATTERNS", 6
        )
        monkeypatch.setattr(_grains, "BATCH_SIZE", 5)
        np.testing.assert_array_equal(label(signal), expected)

    def test_later(self, scan):
        signal, expected = scan
        labels = label_grains(signal, compute=False)
        assert isinstance(labels, da.Array)
        assert labels.shape == expected.shape
        assert labels.dtype == expected.dtype
        np.testing.assert_array_equal(labels.compute(), expected)
        with dask.config.set(scheduler="synchronous"):
            np.testing.assert_array_equal(labels, expected)

    def test_as_integers(self, scan):
        signal, expected = scan
        low, high = signal.data.min(), signal.data.max()
        scaled = (signal.data - low) / (high - low) * 60_000 + 5_000
        integers = EBSD(scaled.astype("uint16"))
        assert adjusted_rand_index(label(integers), expected) > 0.99

    def test_method_and_function(self, scan):
        signal, expected = scan
        assert EBSD.label_grains is kikuchipy_symml.label_grains
        np.testing.assert_array_equal(
            signal.label_grains(show_progressbar=False), expected
        )

    def test_changes_nothing(self, scan):
        signal, _ = scan
        before = signal.data.copy()
        pickled = pickle.dumps(signal.metadata.as_dictionary())
        signal.data.flags.writeable = False
        label(signal)
        signal.data.flags.writeable = True
        np.testing.assert_array_equal(signal.data, before)
        assert pickle.dumps(signal.metadata.as_dictionary()) == pickled

    def test_progressbar(self, scan, capsys):
        signal, _ = scan
        label_grains(signal, show_progressbar=True)
        assert "Completed" in capsys.readouterr().out
        label(signal)
        assert not capsys.readouterr().out

    def test_feeds_fuse(self, scan):
        signal, labels = scan
        rng = np.random.default_rng(3)
        p = rng.dirichlet(np.full(230, 0.1), labels.shape)
        phases = kikuchipy_symml.SymmetryPhaseList(p).fuse(labels)
        for i in range(labels.max() + 1):
            assert len(np.unique(phases.phase_id[labels == i])) == 1

    @pytest.mark.parametrize("scheduler", ["threads", "synchronous"])
    def test_memory_does_not_grow_with_the_scan(self, scheduler):
        noise = np.random.default_rng(1).normal(size=(16, 8, 60, 60))

        def block(block_info=None):
            return noise + block_info[None]["chunk-location"][0]

        peaks = []
        for n in (30, 90):
            patterns = da.map_blocks(
                block,
                chunks=((16,) * n, (8,), (60,), (60,)),
                dtype=float,
                meta=np.empty((0,) * 4),
            )
            labels = LazyEBSD(patterns).label_grains(compute=False)
            with dask.config.set(scheduler=scheduler, num_workers=2):
                tracemalloc.start()
                labels.compute()
                peaks.append(tracemalloc.get_traced_memory()[1])
                tracemalloc.stop()
        # All patterns have 111 MB and 332 MB
        assert peaks[1] < peaks[0] + 50e6


class TestShapes:
    def test_line(self, simulate):
        signal, truth = simulate(shape=(1, 60), grains=4)
        line = signal.inav[:, 0]
        labels = label(line)
        assert labels.shape == (60,)
        assert adjusted_rand_index(truth, labels) > 0.9
        s = neighbour_similarities(line, show_progressbar=False)
        assert s.shape == (1, 60)
        column = EBSD(signal.data.reshape(60, 1, 60, 60))
        np.testing.assert_array_equal(label(column)[:, 0], labels)

    def test_single_pattern(self, simulate):
        signal, _ = simulate(shape=(2, 2), grains=1)
        one = label(signal.inav[0, 0])
        assert one.shape == () and one == 0
        s = neighbour_similarities(signal.inav[0, 0], show_progressbar=False)
        assert s.shape == (0,)

    @pytest.mark.parametrize("shape", [(20, 90), (37, 23), (200, 150)])
    def test_other_detectors(self, shape):
        rng = np.random.default_rng(2)
        two = rng.normal(size=(2, *shape)).cumsum(axis=1).cumsum(axis=2)
        patterns = two[np.repeat([0, 1], 20)].reshape(4, 10, *shape)
        labels = label(EBSD(patterns + rng.normal(size=patterns.shape)))
        np.testing.assert_array_equal(
            labels, np.repeat([0, 1], 20).reshape(4, 10)
        )


class TestLeftOut:
    @pytest.fixture
    def scan(self, scan_of_two):
        return scan_of_two

    def test_navigation_mask(self, scan):
        signal, _ = scan
        mask = np.zeros((8, 9), dtype=bool)
        mask[:, 4] = True
        labels = label(signal, navigation_mask=mask)
        assert (labels[mask] == -1).all()
        assert (labels[~mask] >= 0).all()
        # No link leads across
        assert not np.intersect1d(labels[:, :4], labels[:, 5:]).size
        only_one = np.ones((8, 9), dtype=bool)
        only_one[3, 3] = False
        labels = label(signal, navigation_mask=only_one)
        assert labels[3, 3] == 0 and labels.sum() == -71

    @pytest.mark.filterwarnings("error")
    @pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 0, 0.1])
    def test_unusable_patterns(self, scan, value):
        signal, _ = scan
        expected = label(signal)
        broken = signal.deepcopy()
        broken.data[0, 0] = value
        broken.data[5, 5, 3, 3] = value
        labels = label(broken)
        assert labels[0, 0] == -1
        assert (labels[5, 5] == -1) == (not np.isfinite(value))
        good = labels >= 0
        assert good.sum() >= 70
        assert adjusted_rand_index(labels[good], expected[good]) == 1

    def test_signal_mask(self, scan):
        signal, _ = scan
        mask = np.zeros((60, 60), dtype=bool)
        mask[:, :20] = True
        mask[::7] = True
        changed = signal.deepcopy()
        changed.data[..., mask] = np.random.default_rng(0).normal(
            scale=50, size=(8, 9, mask.sum())
        )
        expected = label(signal, signal_mask=mask)
        np.testing.assert_array_equal(
            label(changed, signal_mask=mask), expected
        )
        changed.data[..., mask] = np.nan
        np.testing.assert_array_equal(
            label(changed, signal_mask=mask), expected
        )

    def test_min_size(self, simulate):
        signal, _ = simulate(shape=(8, 9), grains=6)
        labels = label(signal)
        size = np.bincount(labels.ravel())
        limit = int(np.sort(size)[-2])
        strict = label(signal, min_size=limit)
        np.testing.assert_array_equal(strict == -1, size[labels] < limit)
        assert sorted(set(strict.ravel()) - {-1}) == [0, 1]

    def test_threshold(self, scan):
        signal, _ = scan
        n = [label(signal, threshold=t).max() for t in (0.01, 0.9, 1)]
        assert n == sorted(n)


class TestSimilarities:
    def test_are_correlations_of_neighbours(self, simulate):
        signal, truth = simulate(shape=(8, 10), grains=3, noise=1)
        s = neighbour_similarities(signal, show_progressbar=False)
        assert s.shape == (2, 8, 10)
        assert s.dtype == np.float32
        assert np.isnan(s[0, -1]).all() and np.isnan(s[1, :, -1]).all()
        down, right = s[0, :-1], s[1, :, :-1]
        assert np.isfinite(down).all() and np.isfinite(right).all()
        assert np.nanmax(s) <= 1
        alike = truth[:-1] == truth[1:]
        assert down[alike].min() > 0.3 > down[~alike].max()

    def test_nan_beside_what_is_left_out(self, simulate):
        signal, _ = simulate(shape=(3, 4), grains=1)
        mask = np.zeros((3, 4), dtype=bool)
        mask[1, 2] = True
        s = neighbour_similarities(
            signal, navigation_mask=mask, show_progressbar=False
        )
        missing = np.zeros((2, 3, 4), dtype=bool)
        missing[0, -1] = missing[1, :, -1] = True
        missing[0, 0, 2] = missing[0, 1, 2] = True
        missing[1, 1, 1] = missing[1, 1, 2] = True
        np.testing.assert_array_equal(np.isnan(s), missing)

    def test_are_those_of_kikuchipy(self, simulate):
        # So few that nothing is taken to be common
        signal, _ = simulate(shape=(4, 5), grains=3, noise=1)
        flatten = Flatten.of((60, 60), None)
        images = flatten(signal.data.reshape(20, 60, 60))
        images = EBSD(images.reshape(4, 5, 30, 30))
        products = images.get_neighbour_dot_product_matrices(
            show_progressbar=False
        )
        s = neighbour_similarities(signal, show_progressbar=False)
        np.testing.assert_allclose(
            s[0, :-1], products[:-1, :, 2, 1], atol=1e-5
        )
        np.testing.assert_allclose(
            s[1, :, :-1], products[:, :-1, 1, 2], atol=1e-5
        )


class TestCommonPart:
    """What is common to all grains, not what one of them shows."""

    def images(self, grains, background, n=40, seed=0):
        rng = np.random.default_rng(seed)
        basis = rng.normal(size=(max(grains) + 2, 30, 30)) / 30
        which = np.sort(rng.choice(grains, n))
        pairs = basis[which] + background * basis[-1]
        pairs = pairs + 0.3 * rng.normal(size=(2, n, 30, 30)) / 30
        pairs /= np.linalg.norm(pairs, axis=(2, 3), keepdims=True)
        return pairs, basis[-1]

    @pytest.mark.parametrize("grains", [[0] * 9 + [1], range(10)])
    def test_background(self, grains):
        pairs, background = self.images(list(grains), 2)
        common = common_part(pairs)
        background /= np.linalg.norm(background)
        assert np.sum(common * background) > 0.9

    def test_none(self):
        pairs, _ = self.images([0], 0)
        assert not common_part(pairs).any()
        assert not common_part(np.full((2, 40, 30, 30), np.nan)).any()

    def test_a_large_grain_is_kept(self):
        pairs, _ = self.images([0] * 19 + [1], 0)
        left = without(common_part(pairs), pairs.reshape(80, 30, 30))
        left = left.reshape(pairs.shape)
        assert np.median(np.sum(left[0] * left[1], axis=(1, 2))) > 0.7


class TestErrors:
    @pytest.mark.parametrize(
        "arguments, match",
        [
            ({"threshold": 0}, "greater than 0 and at most 1, not 0"),
            ({"threshold": 1.5}, "1.5"),
            ({"threshold": "otsu"}, "'otsu'"),
            ({"threshold": True}, "True"),
            ({"min_size": 0}, "positive integer, not 0"),
            ({"min_size": 2.5}, "2.5"),
            ({"navigation_mask": np.zeros((2, 2), bool)}, r"\(2, 2\)"),
            ({"navigation_mask": np.zeros((3, 4), int)}, "int64"),
            ({"navigation_mask": np.ones((3, 4), bool)}, "no pattern"),
            ({"signal_mask": np.zeros((9, 9), bool)}, r"\(9, 9\)"),
            ({"signal_mask": np.arange(720).reshape(24, 30) > 5}, "6 of 720"),
        ],
    )
    def test_values(self, signal, arguments, match):
        with pytest.raises(ValueError, match=match):
            label_grains(signal, **arguments)

    def test_signal(self):
        with pytest.raises(TypeError, match="ndarray"):
            label_grains(np.zeros((2, 2, 30, 30)))
        with pytest.raises(ValueError, match=r"\(8, 8\) are too small"):
            label_grains(EBSD(np.zeros((2, 2, 8, 8))))
