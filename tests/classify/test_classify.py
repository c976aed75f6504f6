# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
import warnings

import cloudpickle
import dask.array as da
import hyperspy.api as hs
import numpy as np
import pytest
from kikuchipy.signals import LazyEBSD
from orix.crystal_map import Phase, PhaseList

from kikuchipy_symml.classify import (
    _mapping,
    classify_symmetry,
    compute_symmetry_results,
)
from kikuchipy_symml.models import SymmetryModel, load_model
from kikuchipy_symml.pattern import _blocks, canonical_views
from kikuchipy_symml.symmetry import LEVELS, SymmetryPhaseList, sum_to_level

QUIET = {"show_progressbar": False}


@pytest.fixture(autouse=True)
def no_warnings():
    """Nothing here warns, unless a test says so."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        yield


def probabilities_of(signal, model_file, pc=None, signal_mask=None):
    """What the result must be, pattern by pattern and without dask."""
    model = load_model(model_file)
    pc = np.broadcast_to(signal.detector.pc if pc is None else pc, (1, 3))[0]
    patterns = np.asarray(signal.data)
    flat = patterns.reshape(-1, *patterns.shape[-2:])
    rows = []
    for pattern in flat:
        views, _ = canonical_views(pattern[None], pc, model.view, signal_mask)
        rows.append(model.predict(views)[0])
    return np.reshape(rows, (*patterns.shape[:-2], 230))


class TestShapes:
    @pytest.mark.parametrize("lazy", [False, True])
    @pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
    @pytest.mark.parametrize("navigation", [(), (1,), (7,), (3, 4), (1, 5)])
    def test_navigation_shape(
        self, make_signal, model_file, navigation, dtype, lazy
    ):
        signal = make_signal((*navigation, 24, 30), dtype)
        expected = probabilities_of(signal, model_file)
        if lazy:
            signal = signal.as_lazy()
        phases = classify_symmetry(signal, model_file, "space_group", **QUIET)
        assert isinstance(phases, SymmetryPhaseList)
        assert phases.navigation_shape == navigation
        assert phases.probabilities.dtype == np.float32
        np.testing.assert_allclose(
            phases.probabilities, expected, rtol=1e-4, atol=1e-6
        )

    @pytest.mark.parametrize("level", LEVELS)
    def test_level(self, signal, model_file, level):
        phases = classify_symmetry(signal, model_file, level, **QUIET)
        assert phases.level == level
        np.testing.assert_allclose(
            phases.probabilities,
            sum_to_level(probabilities_of(signal, model_file), level),
            rtol=1e-4,
            atol=1e-6,
        )

    def test_map_has_the_steps_of_the_scan(self, signal, model_file):
        signal.axes_manager[1].scale = 0.5
        xmap = classify_symmetry(signal, model_file, **QUIET).xmap
        assert xmap.shape == (3, 4)
        assert (xmap.dy, xmap.dx) == (0.5, 1.5)
        assert xmap.scan_unit == "um"

    @pytest.mark.parametrize("scale", [np.nan, np.inf])
    def test_step_that_is_no_number(self, signal, model_file, scale):
        signal.axes_manager[0].scale = scale
        signal.data[:] = 0  # of which a warning would come, if read
        with pytest.raises(ValueError, match=f"uniform and .*not {scale}"):
            classify_symmetry(signal, model_file, **QUIET)

    def test_axis_that_is_not_uniform(self, signal, model_file):
        signal.axes_manager[0].convert_to_non_uniform_axis()
        with pytest.raises(ValueError, match="must be uniform"):
            classify_symmetry(signal, model_file, **QUIET)

    def test_scan_without_unit(self, make_signal, model_file):
        signal = make_signal((2, 24, 30))
        signal.axes_manager[0].scale = 0
        signal.axes_manager[0].units = "<undefined>"
        xmap = classify_symmetry(signal, model_file, **QUIET).xmap
        assert (xmap.dx, xmap.scan_unit) == (1, "px")

    def test_model_by_path_string_and_object(self, signal, model_file):
        results = [
            classify_symmetry(signal, model, **QUIET).probabilities
            for model in (model_file, str(model_file), load_model(model_file))
        ]
        np.testing.assert_array_equal(results[0], results[1])
        np.testing.assert_array_equal(results[0], results[2])

    def test_candidates_and_confidence(self, signal, model_file):
        candidates = PhaseList([Phase("a", 225), Phase("b", 194)])
        phases = classify_symmetry(
            signal, model_file, candidates=candidates, **QUIET
        )
        assert phases.class_names == ("a", "b")
        everything = classify_symmetry(signal, model_file, **QUIET)
        limit = float(np.median(everything.confidence))
        sure = classify_symmetry(
            signal, model_file, min_confidence=limit, **QUIET
        )
        assert np.array_equal(sure.phase_id == -1, sure.confidence < limit)
        assert 0 < np.count_nonzero(sure.phase_id == -1) < 12


class TestLazy:
    @pytest.mark.parametrize("block_patterns", [5, 1024])
    def test_eager_lazy_and_deferred_are_equal(
        self, signal, model_file, block_patterns, monkeypatch
    ):
        monkeypatch.setattr(_blocks, "BLOCK_PATTERNS", block_patterns)
        eager = classify_symmetry(signal, model_file, **QUIET)
        expected = eager.at_level("space_group").probabilities
        lazy = signal.as_lazy()
        assert isinstance(lazy, LazyEBSD)
        for s in (signal, lazy):
            deferred = classify_symmetry(s, model_file, compute=False)
            assert isinstance(deferred, da.Array)
            assert deferred.shape == (3, 4, 230)
            assert deferred.dtype == np.float32
            computed = compute_symmetry_results(deferred, s, **QUIET)
            direct = classify_symmetry(s, model_file, **QUIET)
            for phases in (computed, direct):
                np.testing.assert_array_equal(
                    phases.at_level("space_group").probabilities, expected
                )
                np.testing.assert_array_equal(phases.phase_id, eager.phase_id)
                assert phases.names == eager.names

    @pytest.mark.parametrize(
        "chunks",
        [
            (1, 4, 24, 30),
            (2, 3, 24, 30),
            (1, 1, 24, 30),
            (3, 4, 5, 7),
            ((1, 2), (3, 1), (20, 4), (30,)),
        ],
    )
    def test_chunks_change_rounding_only(
        self, signal, model_file, chunks, monkeypatch
    ):
        monkeypatch.setattr(_blocks, "BLOCK_PATTERNS", 5)
        eager = classify_symmetry(signal, model_file, **QUIET)
        lazy = signal.as_lazy()
        lazy.data = lazy.data.rechunk(chunks)
        phases = classify_symmetry(lazy, model_file, **QUIET)
        np.testing.assert_allclose(
            phases.probabilities, eager.probabilities, rtol=1e-5, atol=1e-7
        )
        np.testing.assert_array_equal(phases.phase_id, eager.phase_id)

    def test_blocks_are_whole_patterns_and_bounded(self, monkeypatch):
        patterns = da.zeros((40, 50, 60, 60), "u1", chunks=(40, 50, 30, 30))
        blocks = _blocks.in_blocks(patterns)
        assert blocks.chunksize[2:] == (60, 60)
        assert np.prod(blocks.chunksize[:2]) <= _blocks.BLOCK_PATTERNS
        huge = da.zeros((9, 4000, 4000), "f8", chunks=(9, 100, 100))
        assert _blocks.in_blocks(huge).chunksize == (1, 4000, 4000)

    def test_blocks_that_fit_stay(self):
        patterns = da.zeros((40, 50, 60, 60), "u1", chunks=(20, 50, -1, -1))
        assert _blocks.in_blocks(patterns).chunks == patterns.chunks

    def test_nothing_is_computed_when_deferred(self, model_file, make_signal):
        def fail(block):
            raise AssertionError("read")

        lazy = make_signal().as_lazy()
        lazy.data = lazy.data.map_blocks(fail, dtype=lazy.data.dtype)
        classify_symmetry(lazy, model_file, compute=False)
        with pytest.raises(AssertionError, match="read"):
            classify_symmetry(lazy, model_file, **QUIET)

    def test_patterns_in_memory_are_not_copied(self, signal, model_file):
        deferred = classify_symmetry(signal, model_file, compute=False)
        arrays = [
            value._array
            for value in dict(deferred.dask).values()
            if isinstance(value, _blocks._Borrowed)
        ]
        assert len(arrays) == 1
        assert np.shares_memory(arrays[0], signal.data)

    def test_graph_holds_no_signal_and_no_network(self, model_file):
        patterns = da.zeros((300, 400, 60, 60), "u1", chunks=(30, 40, 60, 60))
        lazy = LazyEBSD(patterns)
        lazy.detector.pc = (0.4, 0.3, 0.6)
        model = load_model(model_file)
        assert model.network is not None
        deferred = classify_symmetry(lazy, model, compute=False)
        data = cloudpickle.dumps(deferred)
        assert b"LazyEBSD" not in data and b"EBSDDetector" not in data
        assert b"keras" not in data
        assert len(data) < 120 * 1000
        task = _mapping._BlockClassifier(model, None, 64, compiled=False)
        assert len(cloudpickle.dumps(task)) < 1000

    def test_progress_bar_by_preference(self, signal, model_file, capsys):
        preference = hs.preferences.General.show_progressbar
        try:
            for show in (True, False):
                hs.preferences.General.show_progressbar = show
                classify_symmetry(signal, model_file)
                assert ("100%" in capsys.readouterr().out) == show
                classify_symmetry(
                    signal, model_file, show_progressbar=not show
                )
                assert ("100%" in capsys.readouterr().out) != show
        finally:
            hs.preferences.General.show_progressbar = preference

    def test_batch_size_changes_nothing(self, signal, model_file):
        expected = classify_symmetry(signal, model_file, **QUIET)
        for batch_size in (1, 5, np.int64(100)):
            phases = classify_symmetry(
                signal, model_file, batch_size=batch_size, **QUIET
            )
            np.testing.assert_allclose(
                phases.probabilities,
                expected.probabilities,
                rtol=1e-5,
                atol=1e-6,
            )

    def test_large_scans_are_compiled(self, signal, model_file, monkeypatch):
        """So many patterns that are not masked."""
        n = signal.axes_manager.navigation_size
        mask = np.zeros(signal.data.shape[:2], dtype=bool)
        mask[0, 0] = True
        asked = []

        def predict(self, views, batch_size, *, compiled):
            asked.append(compiled)
            return _predict(self, views, batch_size)

        _predict = SymmetryModel.predict
        monkeypatch.setattr(SymmetryModel, "predict", predict)
        monkeypatch.setattr(_mapping, "COMPILED_FROM", n)
        classify_symmetry(signal, model_file, **QUIET)
        assert set(asked) == {True}
        asked.clear()
        classify_symmetry(signal, model_file, navigation_mask=mask, **QUIET)
        assert set(asked) == {False}


class TestProjectionCentre:
    @pytest.mark.parametrize("lazy", [False, True])
    def test_one_for_each_pattern(
        self, make_signal, model_file, lazy, monkeypatch
    ):
        monkeypatch.setattr(_blocks, "BLOCK_PATTERNS", 5)
        rng = np.random.default_rng(5)
        pc = rng.uniform(0.3, 0.7, (3, 4, 3))
        signal = make_signal(pc=pc)
        expected = [
            [
                probabilities_of(signal.inav[x, y], model_file, pc[y, x])
                for x in range(4)
            ]
            for y in range(3)
        ]
        if lazy:
            signal = signal.as_lazy()
        phases = classify_symmetry(signal, model_file, "space_group", **QUIET)
        np.testing.assert_allclose(
            phases.probabilities, expected, rtol=1e-4, atol=1e-6
        )
        assert len(np.unique(phases.confidence)) == 12

    def test_line_scan_and_slices(self, make_signal, model_file):
        pc = np.random.default_rng(6).uniform(0.3, 0.7, (3, 4, 3))
        signal = make_signal(pc=pc)
        whole = classify_symmetry(signal, model_file, **QUIET)
        line = classify_symmetry(signal.inav[:, 1], model_file, **QUIET)
        point = classify_symmetry(signal.inav[2, 1], model_file, **QUIET)
        np.testing.assert_allclose(
            line.probabilities, whole.probabilities[1], rtol=1e-5
        )
        np.testing.assert_allclose(
            point.probabilities, whole.probabilities[1, 2], rtol=1e-5
        )


class TestMasks:
    @pytest.mark.parametrize("lazy", [False, True])
    def test_navigation_mask(self, signal, model_file, lazy):
        mask = np.zeros((3, 4), dtype=bool)
        mask[1, 1:] = True
        expected = classify_symmetry(signal, model_file, **QUIET)
        signal = signal.as_lazy() if lazy else signal
        phases = classify_symmetry(
            signal, model_file, navigation_mask=mask, **QUIET
        )
        assert np.all(phases.phase_id[mask] == -1)
        assert not phases.probabilities[mask].any()
        np.testing.assert_allclose(
            phases.probabilities[~mask],
            expected.probabilities[~mask],
            rtol=1e-5,
        )
        rows = classify_symmetry(
            signal, model_file, navigation_mask=mask, compute=False
        ).compute()
        np.testing.assert_array_equal(np.isnan(rows).all(axis=-1), mask)
        np.testing.assert_array_equal(np.isnan(rows).any(axis=-1), mask)

    def test_masked_patterns_never_reach_the_network(
        self, signal, model_file, monkeypatch
    ):
        seen = []
        predict = SymmetryModel.predict

        def count(self, views, *args, **kwargs):
            seen.append(len(views))
            return predict(self, views, *args, **kwargs)

        monkeypatch.setattr(SymmetryModel, "predict", count)
        monkeypatch.setattr(_blocks, "BLOCK_PATTERNS", 4)
        mask = np.ones((3, 4), dtype=bool)
        mask[0, :2] = False
        classify_symmetry(signal, model_file, navigation_mask=mask, **QUIET)
        assert seen == [2]

    def test_masked_patterns_may_be_bad(self, make_signal, model_file):
        signal = make_signal(dtype="float32")
        signal.data[1, 2] = np.nan
        mask = np.zeros((3, 4), dtype=bool)
        mask[1, 2] = True
        classify_symmetry(signal, model_file, navigation_mask=mask, **QUIET)

    def test_single_pattern(self, make_signal, model_file):
        signal = make_signal((24, 30))
        phases = classify_symmetry(
            signal, model_file, navigation_mask=np.array(False), **QUIET
        )
        assert phases.navigation_shape == ()

    def test_signal_mask(self, signal, model_file):
        mask = np.zeros((24, 30), dtype=bool)
        mask[:, :8] = True
        phases = classify_symmetry(
            signal, model_file, "space_group", signal_mask=mask, **QUIET
        )
        np.testing.assert_allclose(
            phases.probabilities,
            probabilities_of(signal, model_file, signal_mask=mask),
            rtol=1e-4,
            atol=1e-6,
        )
        # What is behind the mask does not matter.
        signal.data[..., :8] = 7
        again = classify_symmetry(
            signal, model_file, "space_group", signal_mask=mask, **QUIET
        )
        np.testing.assert_array_equal(
            phases.probabilities, again.probabilities
        )


class TestUnusablePatterns:
    @pytest.fixture
    def bad_signal(self, make_signal):
        signal = make_signal(dtype="float32")
        signal.data[0, 1, 3, 4] = np.nan
        signal.data[1, 2, 3, 4] = np.inf
        signal.data[2, 3] = 12
        return signal

    @pytest.mark.parametrize("lazy", [False, True])
    def test_are_not_indexed_with_one_warning(
        self, bad_signal, model_file, lazy
    ):
        signal = bad_signal.as_lazy() if lazy else bad_signal
        with pytest.warns(UserWarning) as record:
            phases = classify_symmetry(signal, model_file, **QUIET)
        # Other packages' deprecations aside.
        ours = [i for i in record if i.category is UserWarning]
        assert len(ours) == 1
        assert str(ours[0].message).startswith("3 of 12 patterns")
        bad = [(0, 1), (1, 2), (2, 3)]
        assert np.argwhere(phases.phase_id == -1).tolist() == [*map(list, bad)]
        assert np.isfinite(phases.probabilities).all()
        for point in bad:
            assert not phases.probabilities[point].any()

    def test_are_not_counted_where_masked(self, bad_signal, model_file):
        mask = np.zeros((3, 4), dtype=bool)
        mask[0, 1] = True
        with pytest.warns(UserWarning, match="2 of 12"):
            classify_symmetry(
                bad_signal, model_file, navigation_mask=mask, **QUIET
            )

    def test_deferred(self, bad_signal, model_file):
        rows = classify_symmetry(bad_signal, model_file, compute=False)
        with pytest.warns(UserWarning, match="3 of 12"):
            compute_symmetry_results(rows, bad_signal, **QUIET)

    def test_neighbours_do_not_matter(self, bad_signal, model_file, signal):
        good = classify_symmetry(signal, model_file, **QUIET)
        with pytest.warns(UserWarning):
            phases = classify_symmetry(bad_signal, model_file, **QUIET)
        indexed = phases.phase_id != -1
        np.testing.assert_allclose(
            phases.probabilities[indexed],
            good.probabilities[indexed],
            rtol=1e-5,
        )


def test_input_is_not_changed(signal, model_file):
    signal.data.flags.writeable = False
    before = signal.deepcopy()
    before.detector = signal.detector.deepcopy()
    mask = np.zeros((3, 4), dtype=bool)
    classify_symmetry(signal, model_file, navigation_mask=mask, **QUIET)
    assert not mask.any()
    np.testing.assert_array_equal(signal.data, before.data)
    assert str(signal.detector) == str(before.detector)
    np.testing.assert_array_equal(signal.detector.pc, before.detector.pc)
    assert signal.xmap is None
    for tree in ("metadata", "original_metadata"):
        was = getattr(before, tree).as_dictionary()
        assert getattr(signal, tree).as_dictionary() == was
    was = before.axes_manager.as_dictionary()
    assert signal.axes_manager.as_dictionary() == was


def test_lazy_signal_stays_lazy(signal, model_file):
    lazy = signal.as_lazy()
    data = lazy.data
    classify_symmetry(lazy, model_file, **QUIET)
    assert lazy.data is data
