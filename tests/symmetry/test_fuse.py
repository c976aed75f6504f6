# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The combination of evidence, against sums done by hand."""

import copy
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from orix.crystal_map import Phase, PhaseList

from kikuchipy_symml import symmetry
from kikuchipy_symml.symmetry import (
    SymmetryPhaseList,
    _fuse,
    fuse_probabilities,
    training_prior,
)

UNIFORM = np.full(230, 1 / 230)


def rows(*points):
    """Return probabilities given as {space group: p} for each row."""
    p = np.zeros((len(points), 230))
    for row, point in zip(p, points, strict=True):
        for number, value in point.items():
            row[number - 1] = value
    return p


def random_rows(n, seed=0):
    rng = np.random.default_rng(seed)
    return rng.dirichlet(np.full(230, 0.05), n)


def by_hand(p, prior, n_eff):
    """The product of likelihood ratios, in one line."""
    q = (1 - _fuse.FLOOR) * p + _fuse.FLOOR * prior
    product = prior * np.prod((q / prior) ** (n_eff / len(p)), axis=0)
    return product / product.sum()


class TestTrainingPrior:
    def test_lattices_and_their_groups_are_equally_likely(self):
        prior = training_prior()
        assert prior.sum() == pytest.approx(1)
        lattices = symmetry.sum_to_level(prior, "bravais_lattice")
        assert lattices == pytest.approx(np.full(14, 1 / 14))
        cubic = prior[symmetry.space_groups_of("bravais_lattice", "cF") - 1]
        assert np.ptp(cubic) == 0

    def test_cannot_be_written_to(self):
        with pytest.raises(ValueError, match="read-only"):
            training_prior()[0] = 1


class TestFuseProbabilities:
    @pytest.mark.parametrize("prior", [None, UNIFORM])
    @pytest.mark.parametrize("correlation", [0.0, 0.3, 1.0])
    def test_against_the_product(self, prior, correlation):
        p = random_rows(4)
        n_eff = 4 / (1 + 3 * correlation)
        fused = fuse_probabilities(p, prior, correlation)
        expected = by_hand(
            p, training_prior() if prior is None else prior, n_eff
        )
        np.testing.assert_allclose(fused, expected, rtol=1e-9)
        assert fused.dtype == np.float64

    def test_recovers_the_posterior_of_simulated_views(self):
        # Views with known likelihoods: what is fused must be calibrated,
        # that is, as often right as it says.
        rng = np.random.default_rng(1)
        groups = np.array([225, 227, 229, 221]) - 1
        prior = np.full(230, 1e-9)
        prior[groups] = 0.25
        prior /= prior.sum()
        likelihood = rng.dirichlet(np.full(12, 2), 4)  # (truth, seen)
        posterior = (likelihood / likelihood.sum(axis=0)).T
        truth = rng.integers(0, 4, 2000)
        said, right, single = [], [], []
        for t in truth:
            seen = rng.choice(12, 5, p=likelihood[t])
            p = np.zeros((5, 230))
            p[:, groups] = posterior[seen]
            fused = fuse_probabilities(p, prior)[groups]
            said.append(fused.max())
            right.append(fused.argmax() == t)
            single.append(posterior[seen[0]].argmax() == t)
        assert np.mean(right) > np.mean(single) + 0.15
        assert np.mean(said) == pytest.approx(np.mean(right), abs=0.03)

    def test_is_no_majority_vote(self):
        clear = {225: 0.98, 229: 0.02}
        unclear = {225: 0.45, 229: 0.55}
        fused = fuse_probabilities(rows(clear, unclear, unclear))
        assert fused.argmax() + 1 == 225

    def test_one_sure_and_wrong_pattern_has_no_veto(self):
        p = rows(*[{225: 0.97, 229: 0.03}] * 3, {229: 1.0})
        fused = fuse_probabilities(p)
        assert fused.argmax() + 1 == 225
        assert np.isfinite(fused).all()

    def test_what_is_like_the_prior_says_nothing(self):
        p = rows({225: 0.6, 221: 0.4}, {225: 0.7, 221: 0.3})
        blank = np.tile(training_prior(), (2, 1))
        fused = fuse_probabilities(np.vstack([p, blank]))
        np.testing.assert_allclose(fused, fuse_probabilities(p), rtol=1e-9)

    def test_repetitions_of_one_pattern(self):
        p = rows({225: 0.6, 229: 0.4})
        many = np.repeat(p, 500, axis=0)
        floored = by_hand(p, training_prior(), 1)
        np.testing.assert_allclose(
            fuse_probabilities(many, correlation=1), floored, rtol=1e-9
        )
        # Never more than 1 / correlation views
        bound = by_hand(p, training_prior(), 5)
        fused = fuse_probabilities(many, correlation=0.2)
        assert 0.6 < fused.max() < bound.max() < 1 - 1e-3
        assert fuse_probabilities(many).max() > 1 - 1e-9

    def test_one_pattern_is_returned_as_it_is(self):
        p = random_rows(1)
        np.testing.assert_allclose(fuse_probabilities(p), p[0], rtol=1e-12)
        sure = rows({225: 1.0})
        assert fuse_probabilities(sure)[224] == 1

    def test_rows_without_evidence_are_left_out(self):
        p = random_rows(3)
        nan = np.full((1, 230), np.nan)
        partly = p[:1].copy()
        partly[0, 7] = np.nan
        more = np.vstack([nan, p[:2], np.zeros((1, 230)), partly, p[2:]])
        np.testing.assert_array_equal(
            fuse_probabilities(more, correlation=0.1),
            fuse_probabilities(p, correlation=0.1),
        )
        assert not fuse_probabilities(np.vstack([nan, nan])).any()
        assert not fuse_probabilities(np.zeros((0, 230))).any()

    def test_weights(self):
        p = random_rows(3)
        one = fuse_probabilities(p, weights=[1, 1, 1])
        np.testing.assert_allclose(one, fuse_probabilities(p))
        np.testing.assert_allclose(one, fuse_probabilities(p, weights=[7] * 3))
        # None at all is the same as not being there
        np.testing.assert_allclose(
            fuse_probabilities(p, weights=[1, 0, 1]),
            fuse_probabilities(p[[0, 2]]),
        )
        np.testing.assert_allclose(
            fuse_probabilities(p, weights=[0, 0, 1e-3]), p[2]
        )
        assert not fuse_probabilities(p, weights=[0, 0, 0]).any()
        # Kish: (1 + 3)**2 / (1 + 9) = 1.6 views, a quarter and three
        prior, two = training_prior(), p[:2]
        q = 0.98 * two + 0.02 * prior
        w = np.array([[0.25], [0.75]])
        expected = prior * np.exp(1.6 * (w * np.log(q / prior)).sum(axis=0))
        np.testing.assert_allclose(
            fuse_probabilities(two, weights=[1, 3]), expected / expected.sum()
        )

    @settings(max_examples=40, deadline=None)
    @given(
        n=st.integers(1, 40),
        seed=st.integers(0, 2**16),
        correlation=st.floats(0, 1),
    )
    def test_any_rows(self, n, seed, correlation):
        p = random_rows(n, seed)
        fused = fuse_probabilities(p, correlation=correlation)
        assert fused.shape == (230,)
        assert (fused >= 0).all()
        assert fused.sum() == pytest.approx(1)
        order = np.random.default_rng(seed).permutation(n)
        np.testing.assert_allclose(
            fused,
            fuse_probabilities(p[order], correlation=correlation),
            rtol=1e-6,
            atol=1e-12,
        )

    def test_thousands_of_patterns_do_not_underflow(self):
        p = np.tile(random_rows(1), (40_000, 1)).astype(np.float32)
        fused = fuse_probabilities(p)
        assert fused.max() == pytest.approx(1)
        assert np.isfinite(fused).all()

    @pytest.mark.parametrize(
        "arguments, match",
        [
            ({"p": np.ones(230)}, r"shape \(230,\) given, expected \(n, 230"),
            ({"p": np.ones((2, 14))}, r"\(2, 14\)"),
            ({"p": -UNIFORM[np.newaxis]}, "lowest is -0.00435"),
            ({"p": np.full((1, 230), np.inf)}, "inf"),
            ({"prior": np.ones(3)}, r"shape \(3,\)"),
            ({"prior": np.ones(230)}, "sums to 230"),
            ({"prior": np.eye(230)[0]}, "lowest is 0"),
            ({"correlation": -0.1}, "-0.1 is not between 0 and 1"),
            ({"correlation": 1.5}, "1.5"),
            ({"correlation": np.nan}, "nan"),
            ({"weights": [1, 2]}, r"shape \(2,\) given, expected \(3,\)"),
            ({"weights": [1, -2, 3]}, "lowest is -2"),
            ({"weights": [1, np.nan, 3]}, "nan"),
        ],
    )
    def test_errors(self, arguments, match):
        with pytest.raises(ValueError, match=match):
            fuse_probabilities(**({"p": random_rows(3)} | arguments))


@pytest.fixture
def phases():
    """Four points: two grains of two points each, by labels."""
    p = rows(
        {225: 0.7, 229: 0.3},
        {225: 0.4, 229: 0.6},
        {194: 0.8, 225: 0.2},
        {194: 0.3, 225: 0.7},
    )
    return SymmetryPhaseList(p.reshape(2, 2, 230), "bravais_lattice")


LABELS = np.array([[0, 0], [1, 1]])


class TestFuse:
    def test_every_point_gets_its_regions_evidence(self, phases):
        fused = phases.fuse(LABELS, correlation=0.1)
        p = phases.at_level("space_group").probabilities
        for i in range(2):
            expected = fuse_probabilities(p[i], correlation=0.1)
            for j in range(2):
                np.testing.assert_allclose(
                    fused.at_level("space_group").probabilities[i, j],
                    expected,
                    atol=1e-6,
                )
        assert fused.names == ["hP", "cF"]
        assert fused.phase_id.tolist() == [[13, 13], [10, 10]]

    def test_the_list_itself_is_not_changed(self, phases):
        before = copy.deepcopy(phases)
        labels = LABELS.copy()
        phases.fuse(labels)
        np.testing.assert_array_equal(
            phases.probabilities, before.probabilities
        )
        np.testing.assert_array_equal(labels, LABELS)

    @pytest.mark.parametrize(
        "labels", [LABELS * 7 + 10**9, 5 - LABELS, LABELS.astype("uint8")]
    )
    def test_labels_are_names_only(self, phases, labels):
        np.testing.assert_array_equal(
            phases.fuse(labels).probabilities,
            phases.fuse(LABELS).probabilities,
        )

    def test_negative_labels_and_single_points_stay(self, phases):
        labels = np.array([[0, 0], [-1, 4]])
        fused = phases.fuse(labels)
        np.testing.assert_array_equal(
            fused.probabilities[1], phases.probabilities[1]
        )
        assert (fused.probabilities[0] != phases.probabilities[0]).any()
        none = phases.fuse(np.full((2, 2), -3))
        np.testing.assert_array_equal(none.probabilities, phases.probabilities)

    def test_points_left_out(self):
        p = rows({225: 0.9, 229: 0.1}, {229: 1}, {225: 0.8, 229: 0.2}, {})
        mask = np.array([False, True, False, False])
        phases = SymmetryPhaseList(p, navigation_mask=mask)
        fused = phases.fuse(np.zeros(4, dtype=int))
        assert fused.phase_id.tolist() == [13, -1, 13, -1]
        np.testing.assert_allclose(
            fused.at_level("space_group").probabilities[0],
            fuse_probabilities(p[[0, 2]], correlation=0.65),
            atol=1e-6,
        )

    def test_keeps_everything_else(self):
        p = np.repeat(random_rows(3), 2, axis=0)
        phases = SymmetryPhaseList(
            p,
            "laue_group",
            min_confidence=0.6,
            step_sizes=(0.5,),
            scan_unit="um",
        )
        fused = phases.fuse(np.repeat([0, 1, 2], 2))
        assert type(fused) is SymmetryPhaseList
        assert fused.level == "laue_group"
        assert fused.navigation_shape == (6,)
        assert fused.xmap.dx == 0.5 and fused.xmap.scan_unit == "um"
        indexed = fused.phase_id != -1
        np.testing.assert_array_equal(indexed, fused.confidence >= 0.6)

    def test_min_confidence_is_asked_of_the_fused(self, phases):
        strict = SymmetryPhaseList(
            phases.at_level("space_group").probabilities,
            "bravais_lattice",
            min_confidence=0.75,
        )
        assert (strict.phase_id[0] == -1).all()
        p = np.repeat(rows({225: 0.7, 229: 0.3}), 9, axis=0)
        many = SymmetryPhaseList(p, min_confidence=0.75)
        assert (many.phase_id == -1).all()
        assert (many.fuse(np.zeros(9, int)).phase_id == 13).all()

    def test_levels_and_candidates_in_any_order(self, phases):
        at_first = phases.at_level("space_group").fuse(LABELS)
        at_last = phases.fuse(LABELS).at_level("space_group")
        np.testing.assert_array_equal(
            at_first.probabilities, at_last.probabilities
        )
        candidates = PhaseList(
            [
                Phase("nickel", space_group=225, color="red"),
                Phase("ferrite", space_group=229, color="lime"),
            ]
        )
        first = phases.restrict_to(candidates).fuse(LABELS)
        last = phases.fuse(LABELS).restrict_to(candidates)
        np.testing.assert_array_equal(first.probabilities, last.probabilities)
        assert first.class_names == ("nickel", "ferrite")
        assert first["nickel"].color == "red"

    @pytest.mark.parametrize("shape", [(), (1,), (3, 1)])
    def test_other_shapes(self, shape):
        n = int(np.prod(shape))
        phases = SymmetryPhaseList(random_rows(n).reshape(*shape, 230))
        fused = phases.fuse(np.zeros(shape, dtype=int))
        assert fused.navigation_shape == shape
        assert len(np.unique(fused.phase_id)) == 1

    def test_more_regions_than_fit_in_one_step(self, monkeypatch):
        n = 200
        phases = SymmetryPhaseList(random_rows(n).astype(np.float32))
        labels = np.random.default_rng(2).integers(-1, 40, n)
        at_once = phases.fuse(labels).probabilities
        monkeypatch.setattr(_fuse, "ROWS", 7)
        np.testing.assert_allclose(
            phases.fuse(labels).probabilities, at_once, atol=1e-6
        )

    def test_memory_does_not_grow_with_regions_times_points(self):
        n = 20_000
        p = np.tile(random_rows(2), (n // 2, 1)).astype(np.float32)
        phases = SymmetryPhaseList(p)
        labels = np.arange(n) // 2
        tracemalloc.start()
        phases.fuse(labels)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 8 * p.nbytes  # Regions x points: 1600 MB

    @pytest.mark.parametrize(
        "labels, match",
        [
            (np.zeros((2, 3), int), r"\(2, 3\), expected .* \(2, 2\)"),
            (np.zeros(4, int), r"\(4,\)"),
            (np.zeros((2, 2)), "float64, expected integers"),
            (np.zeros((2, 2), bool), "bool"),
        ],
    )
    def test_wrong_labels(self, phases, labels, match):
        with pytest.raises(ValueError, match=match):
            phases.fuse(labels)

    def test_wrong_correlation(self, phases):
        with pytest.raises(ValueError, match="2 is not between 0 and 1"):
            phases.fuse(LABELS, correlation=2)
