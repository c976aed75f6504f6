# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
import kikuchipy as kp
import numpy as np
import pytest

from kikuchipy_symml import find_projection_centre
from kikuchipy_symml._progress import progress_bar
from kikuchipy_symml.models import _viewpoint

# About that of kikuchipy's nine patterns of nickel, so that few are tried
NEAR = ((0.39, 0.46), (0.18, 0.25), (0.47, 0.54))
QUIET = {"show_progressbar": False}


@pytest.fixture
def nickel():
    return kp.data.nickel_ebsd_small()


@pytest.fixture
def lazy_nickel():
    return kp.data.nickel_ebsd_small(lazy=True)


@pytest.fixture
def summit(monkeypatch):
    """In place of a network, symmetry that falls off from a point; what
    was asked for is kept."""
    asked = []

    class Summit:
        def __init__(self, model, signal_mask, bar):
            pass

        def __call__(self, patterns, pc):
            asked.append((patterns, pc))
            distance = np.linalg.norm((pc - Summit.at) / 0.03, axis=1)
            return Summit.height * np.exp(-(distance**2)) + 1

    Summit.at = np.array([0.457, 0.222, 0.618])
    Summit.height = 4.0
    Summit.asked = asked
    monkeypatch.setattr(_viewpoint, "Symmetry", Summit)
    return Summit


class TestMeasured:
    def test_nickel(self, lazy_nickel):
        lazy_nickel.remove_static_background(**QUIET)
        before = lazy_nickel.detector.deepcopy()
        detector = lazy_nickel.find_projection_centre(
            pc_range=NEAR, n_patterns=6, **QUIET
        )
        np.testing.assert_allclose(
            detector.pc_average, before.pc_average, atol=0.02
        )
        # That of kikuchipy has one for each pattern
        assert detector.navigation_shape == (1,)
        assert detector.shape == before.shape
        assert detector.binning == before.binning
        assert lazy_nickel._lazy
        np.testing.assert_array_equal(lazy_nickel.detector.pc, before.pc)

    def test_score_is_highest_near_the_true_one(self, nickel):
        """By the crystal systems of the classification itself."""
        from kikuchipy_symml import load_model

        nickel.remove_static_background(**QUIET)
        patterns = nickel.data.reshape(9, 60, 60)
        true = nickel.detector.pc_average
        with progress_bar(show=False) as bar:
            score = _viewpoint.Symmetry(load_model("default"), None, bar)
            found = score(patterns, true + np.array([[0, 0, 0], [0.1, 0, 0]]))
        assert found[0] > found[1] + 0.5
        nickel.detector.pc = true
        p = nickel.classify_symmetry(
            level="crystal_system", **QUIET
        ).probabilities
        logs = np.log2([2, 4, 8, 16, 12, 24, 48])
        # Batches of other sizes round otherwise
        np.testing.assert_allclose(
            found[0], (p.reshape(9, 7) @ logs).mean(), atol=0.01
        )


class TestSearch:
    def test_summit_is_found(self, nickel, summit):
        detector = nickel.find_projection_centre(**QUIET)
        np.testing.assert_allclose(detector.pc, [summit.at], atol=2e-3)

    def test_grid_is_as_fine_as_symmetry_is_sharp(self, nickel, summit):
        nickel.find_projection_centre(**QUIET)
        first = summit.asked[0][1]
        for values, (low, high) in zip(first.T, _viewpoint.RANGE, strict=True):
            tried = np.unique(values)
            assert tried[0] == pytest.approx(low)
            assert tried[-1] == pytest.approx(high)
            assert np.diff(tried).max() <= 0.04 + 1e-9

    def test_wide_detector(self, summit):
        """Steps are in detector heights, PCx is in widths."""
        patterns = np.ones((2, 30, 60))
        _viewpoint.find_viewpoint(
            patterns, None, np.array(NEAR), show_progressbar=False
        )
        tried = np.unique(summit.asked[0][1][:, 0])
        assert np.diff(tried).max() <= 0.02 + 1e-9

    def test_fixed_coordinate(self, nickel, summit):
        x, z = summit.at[0], summit.at[2]
        detector = nickel.find_projection_centre(
            pc_range=((x, x), (0.1, 0.7), (z, z)), **QUIET
        )
        np.testing.assert_allclose(detector.pc, [summit.at], atol=2e-3)

    def test_patterns_are_drawn(self, nickel, summit):
        nickel.data = np.arange(9).reshape(3, 3, 1, 1) + nickel.data * 0.001
        mask = np.zeros((3, 3), dtype=bool)
        mask[1] = True
        nickel.find_projection_centre(
            n_patterns=5, navigation_mask=mask, **QUIET
        )
        seen = {int(p.min()) for asked in summit.asked for p in asked[0]}
        assert len(seen) == 5
        assert seen <= {0, 1, 2, 6, 7, 8}
        # Few of them at first
        assert len(summit.asked[0][0]) == 4
        assert len(summit.asked[-1][0]) == 5

    def test_same_again(self, nickel, lazy_nickel, summit):
        kwargs = {"n_patterns": 4, "seed": 7} | QUIET
        a = nickel.find_projection_centre(**kwargs)
        patterns = summit.asked[0][0]
        summit.asked.clear()
        b = lazy_nickel.find_projection_centre(**kwargs)
        np.testing.assert_array_equal(a.pc, b.pc)
        np.testing.assert_array_equal(patterns, summit.asked[0][0])

    def test_single_pattern(self, nickel, summit):
        detector = nickel.inav[0, 0].find_projection_centre(**QUIET)
        np.testing.assert_allclose(detector.pc, [summit.at], atol=2e-3)
        assert {len(patterns) for patterns, _ in summit.asked} == {1}

    def test_unusable_patterns_are_left_out(self, nickel, summit):
        nickel.data[0] = 7
        nickel.find_projection_centre(**QUIET)
        assert len(summit.asked[-1][0]) == 6

    def test_signal_without_detector(self, nickel, summit):
        s = kp.signals.EBSD(nickel.data)
        s._detector = None
        detector = find_projection_centre(s, **QUIET)
        assert detector.shape == (60, 60)

    def test_progress(self, nickel, summit, capfd):
        nickel.find_projection_centre(show_progressbar=True)
        assert "Projection centre" in capfd.readouterr().err


class TestDoubt:
    def test_edge(self, nickel, summit):
        with pytest.warns(UserWarning, match="edge of the range of PCy:"):
            nickel.find_projection_centre(
                pc_range=((0.4, 0.5), (0.235, 0.5), (0.55, 0.65)), **QUIET
            )

    def test_low_symmetry(self, nickel, summit):
        summit.height = 1.9
        with pytest.warns(UserWarning, match="in doubt: from no point"):
            nickel.find_projection_centre(**QUIET)


class TestErrors:
    @pytest.mark.parametrize(
        "pc_range",
        [
            (0.4, 0.5),
            ((0.4, 0.5), (0.2, 0.3)),
            ((0.5, 0.4), (0.2, 0.3), (0.5, 0.6)),
            ((0.4, 0.5), (0.2, np.nan), (0.5, 0.6)),
            ((0.4, 0.5), (0.2, 0.3), (0.0, 0.6)),
            ((20, 40), (10, 300), (0.5, 0.6)),
            "all",
            None,
        ],
    )
    def test_range(self, nickel, summit, pc_range):
        with pytest.raises(ValueError, match="pc_range must be the lowest"):
            nickel.find_projection_centre(pc_range=pc_range, **QUIET)
        assert not summit.asked

    def test_range_too_wide_to_search(self, nickel, summit):
        with pytest.raises(ValueError, match="more than 20000: narrow"):
            nickel.find_projection_centre(
                pc_range=((0, 1), (0, 1), (0.1, 100)), **QUIET
            )
        assert not summit.asked

    @pytest.mark.parametrize("n", [0, -1, 2.5, True, "few", None])
    def test_n_patterns(self, nickel, summit, n):
        with pytest.raises(ValueError, match="n_patterns must be a positive"):
            nickel.find_projection_centre(n_patterns=n, **QUIET)

    def test_constant_patterns(self, nickel, summit):
        nickel.data[...] = 3
        with pytest.raises(ValueError, match="None of the 9 patterns drawn"):
            nickel.find_projection_centre(**QUIET)

    def test_no_signal(self):
        with pytest.raises(TypeError, match="must be a kikuchipy EBSD"):
            find_projection_centre(np.zeros((2, 30, 30)))

    def test_masks(self, nickel):
        with pytest.raises(ValueError, match="signal mask's shape"):
            nickel.find_projection_centre(
                signal_mask=np.zeros((3, 3), dtype=bool), **QUIET
            )
        with pytest.raises(ValueError, match="leaves no pattern"):
            nickel.find_projection_centre(
                navigation_mask=np.ones((3, 3), dtype=bool), **QUIET
            )
