# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""A few points for each grain, and back."""

import numpy as np
import pytest
from orix.crystal_map import CrystalMap, Phase, PhaseList
from orix.quaternion import Rotation

from kikuchipy_symml.classify import fill_grains, sample_grains

HALVES = np.repeat([[0] * 7 + [1] * 8], 9, axis=0)


def chosen(labels, n_points):
    return np.argwhere(~sample_grains(labels, n_points))


class TestSample:
    def test_one_is_the_deepest(self):
        # Depth is from the other grain, not from the edge of the scan
        assert chosen(HALVES, 1).tolist() == [[0, 0], [0, 14]]

    def test_middle_of_an_island(self):
        labels = np.zeros((11, 13), dtype=int)
        labels[2:7, 3:8] = 5
        assert [4, 5] in chosen(labels, 1).tolist()

    @pytest.mark.parametrize("n_points", [1, 2, 5, 17])
    def test_number(self, n_points, rng):
        labels = rng.integers(0, 6, (9, 8))
        labels[3, 3] = 77
        mask = sample_grains(labels, n_points)
        for label in np.unique(labels):
            kept = np.count_nonzero(~mask & (labels == label))
            assert kept == min(n_points, np.count_nonzero(labels == label))

    def test_are_apart_and_off_the_boundary(self):
        points = chosen(HALVES, 4)
        left = points[points[:, 1] < 7]
        # Columns 0 to 6, of which the last is beside the boundary
        assert left[:, 1].max() <= 3
        apart = np.linalg.norm(left[:, None] - left[None], axis=-1)
        assert apart[np.triu_indices(4, 1)].min() >= 3

    def test_one_grain(self):
        labels = np.zeros((9, 9), dtype=np.uint8)
        assert chosen(labels, 1).tolist() == [[4, 4]]

    def test_points_in_no_grain_are_kept(self):
        labels = np.array([-1, 0, 0, 0, -1, -2])
        mask = sample_grains(labels, 1)
        assert mask.tolist() == [False, True, False, True, False, False]
        assert not sample_grains(np.full((2, 3), -1)).any()

    def test_errors(self):
        with pytest.raises(ValueError, match="not of data type float64 in 2"):
            sample_grains(np.zeros((2, 2)))
        with pytest.raises(ValueError, match="int64 in 3"):
            sample_grains(np.zeros((2, 2, 2), dtype=int))
        with pytest.raises(ValueError, match="Cannot take 0 points"):
            sample_grains(HALVES, 0)


def map_of(phase_id, scores, angles):
    phase_id = np.asarray(phase_id)
    y, x = np.indices(phase_id.shape)
    return CrystalMap(
        rotations=Rotation.from_axes_angles(
            [0, 0, 1], np.ravel(angles), degrees=True
        ),
        phase_id=phase_id.ravel(),
        phase_list=PhaseList(
            {3: Phase("Ni", 225), 7: Phase("Fe", 229), 8: Phase("x", 1)}
        ),
        prop={"scores": np.ravel(scores).astype(float)},
        x=x.ravel(),
        y=y.ravel(),
        scan_unit="um",
    )


class TestFill:
    labels = np.array([[0, 0, 0, 1, 1], [0, 0, 0, 1, -1]])

    def fill(self):
        phase_id = [[3, -1, 7, 7, -1], [-1, -1, 3, -1, -1]]
        scores = [[0.4, 0, 0.5, 0.9, 0], [0, 0, 0.3, 0, 0]]
        angles = [[10, 0, 20, 30, 0], [0, 0, 40, 0, 0]]
        return fill_grains(map_of(phase_id, scores, angles), self.labels)

    def test_sum_of_scores_decides(self):
        """0.4 + 0.3 for one phase are more than 0.5 for the other."""
        expected = [[3, 3, 3, 7, 7], [3, 3, 3, 7, -1]]
        filled = self.fill()
        assert filled.phase_id.reshape(2, 5).tolist() == expected
        # Points not indexed are of no phase
        assert filled.phases_in_data.names == ["not_indexed", "Ni", "Fe"]
        assert filled.shape == (2, 5)
        assert filled.scan_unit == "um"

    def test_nearest_of_the_same_grain_and_phase(self):
        filled = self.fill()
        angles = np.rad2deg(filled.rotations.angle).reshape(2, 5)
        expected = [[10, 10, 40, 30, 30], [10, 40, 40, 30, 0]]
        np.testing.assert_allclose(angles, expected, atol=1e-5)
        scores = filled.prop["scores"].reshape(2, 5)
        assert scores[0].tolist() == [0.4, 0.4, 0.3, 0.9, 0.9]

    def test_nothing_indexed(self):
        none = np.full((2, 5), -1)
        xmap = map_of(none, np.zeros((2, 5)), np.zeros((2, 5)))
        assert (fill_grains(xmap, self.labels).phase_id == -1).all()

    def test_whole_map_stays(self):
        phase_id = np.array([[3, 3, 3, 7, 7], [3, 3, 3, 7, 3]])
        xmap = map_of(phase_id, np.ones((2, 5)), np.arange(10))
        filled = fill_grains(xmap, self.labels)
        np.testing.assert_array_equal(filled.phase_id, xmap.phase_id)
        np.testing.assert_allclose(filled.rotations.data, xmap.rotations.data)

    def test_other_shape(self):
        xmap = map_of([[3, 3], [3, 3]], np.ones(4), np.ones(4))
        with pytest.raises(ValueError, match=r"\(2, 5\) do not fit.*\(2, 2\)"):
            fill_grains(xmap, self.labels)
        with pytest.raises(ValueError, match="1 points that are not in"):
            fill_grains(xmap[xmap.x + xmap.y > 0], self.labels[:, :2])
