# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
import hyperspy.api as hs
import kikuchipy as kp
import numpy as np
import pytest
from kikuchipy.detectors import EBSDDetector
from orix.crystal_map import CrystalMap, Phase, PhaseList
from orix.quaternion import Orientation, Rotation
from orix.sampling import get_sample_fundamental

from kikuchipy_symml import data
from kikuchipy_symml.classify import (
    indexing_masks,
    merge_indexed_maps,
    refinement_masks,
)
from kikuchipy_symml.symmetry import SymmetryPhaseList

OWN = PhaseList([Phase("a", space_group=225), Phase("b", space_group=229)])


@pytest.fixture(autouse=True)
def no_progress_bars():
    shown = hs.preferences.General.show_progressbar
    hs.preferences.General.show_progressbar = False
    yield
    hs.preferences.General.show_progressbar = shown


@pytest.fixture
def phases():
    """Points of a; a, maybe b; b; neither; unsure; left out."""
    p = np.zeros((2, 3, 230), dtype=np.float32)
    p[0, 0, 224] = 1
    p[0, 1, [224, 228]] = 0.75, 0.25
    p[0, 2, 228] = 1
    p[1, 0, 193] = 1
    p[1, 1, [224, 228]] = 0.53125, 0.46875
    p[1, 2, 224] = 1
    mask = np.zeros((2, 3), dtype=bool)
    mask[1, 2] = True
    return SymmetryPhaseList(p, navigation_mask=mask, min_confidence=0.6)


def indexed(name, number, scores, mask):
    """Return what dictionary indexing with a mask returns."""
    scores = np.asarray(scores, dtype=np.float32)
    y, x = np.nonzero(~np.atleast_2d(mask))
    return CrystalMap(
        rotations=Rotation.from_axes_angles(
            [0, 0, 1], 0.1 * np.arange(1, scores.size + 1)
        ),
        phase_id=np.zeros(scores.size, dtype=int),
        phase_list=PhaseList([Phase(name, space_group=number)]),
        x=x,
        y=y,
        prop={"scores": scores},
        scan_unit="um",
    )


class TestIndexingMasks:
    def test_likely_and_unsure_points(self, phases):
        tried = {
            name: (~mask).tolist()
            for name, mask in indexing_masks(
                phases, ["cF", "cI"], min_probability=0.2
            ).items()
        }
        assert tried == {
            "cF": [[True, True, False], [False, True, False]],
            "cI": [[False, True, True], [False, True, False]],
        }

    def test_one_phase_in_a_point(self, phases):
        masks = indexing_masks(phases, min_probability=1)
        assert list(masks) == ["hP", "cI", "cF"]
        n_tried = np.sum([~mask for mask in masks.values()], axis=0)
        # But for the unsure one, and none that is left out
        assert n_tried.tolist() == [[1, 1, 1], [1, 3, 0]]

    def test_candidates(self, phases):
        masks = indexing_masks(phases.restrict_to(OWN))
        assert list(masks) == ["a", "b"]
        # With no evidence for either, both are tried
        assert (~masks["b"]).tolist() == [
            [False, True, True],
            [True, True, False],
        ]

    def test_phase_without_points(self, phases):
        assert list(indexing_masks(phases, "tP")) == ["tP"]  # Unsure point
        sure = SymmetryPhaseList(phases._p230)
        assert indexing_masks(sure, "tP") == {}

    def test_errors(self, phases):
        with pytest.raises(TypeError, match="not PhaseList"):
            indexing_masks(OWN)
        with pytest.raises(ValueError, match="'a'.*not among"):
            indexing_masks(phases, ["a"])
        for p in (0, 1.5, np.nan):
            with pytest.raises(ValueError, match="Lowest probability"):
                indexing_masks(phases, min_probability=p)


class TestMerge:
    def test_better_score_and_points_of_no_phase(self):
        masks = {
            "a": np.array([[False, False, True], [True, True, True]]),
            "b": np.array([[True, False, False], [True, True, False]]),
        }
        xmaps = {
            "a": indexed("a", 225, [0.5, 0.25], masks["a"]),
            "b": indexed("b", 229, [0.75, 0.5, 0.25], masks["b"]),
        }
        xmap = merge_indexed_maps(xmaps, masks, step_sizes=(2, 0.5))
        assert xmap.shape == (2, 3)
        assert (xmap.dy, xmap.dx) == (2, 0.5)
        assert xmap.scan_unit == "um"
        names = [xmap.phases[i].name for i in xmap.phase_id]
        none = "not_indexed"
        assert names == ["a", "b", "b", none, none, "b"]
        assert xmap.prop["scores"].tolist() == [0.5, 0.75, 0.5, 0, 0, 0.25]
        angles = Orientation(xmap.rotations).angle
        assert np.allclose(angles, [0.1, 0.1, 0.2, 0, 0, 0.3])
        assert xmap.phases["b"].space_group.number == 229

    def test_single_map(self):
        mask = np.array([True, False, False])
        xmaps = {"a": indexed("a", 225, [0.5, 0.25], mask)}
        xmap = merge_indexed_maps(xmaps, {"a": mask})
        assert xmap.phase_id.tolist() == [-1, 0, 0]
        assert xmap.prop["scores"].tolist() == [0, 0.5, 0.25]

    def test_phase_that_never_wins(self):
        mask = np.zeros((1, 2), dtype=bool)
        masks = dict.fromkeys("abc", mask)
        xmaps = {
            "a": indexed("a", 225, [0.5, 0.25], mask),
            "b": indexed("b", 229, [0.1, 0.1], mask),
            "c": indexed("c", 194, [0.25, 0.5], mask),
        }
        xmap = merge_indexed_maps(xmaps, masks)
        names = [xmap.phases[i].name for i in xmap.phase_id]
        assert names == ["a", "c"]

    def test_errors(self):
        mask = np.array([True, False, False])
        xmap = indexed("a", 225, [0.5, 0.25], mask)
        with pytest.raises(ValueError, match="no maps"):
            merge_indexed_maps({}, {})
        with pytest.raises(ValueError, match=r"\['a'\].*\['b'\]"):
            merge_indexed_maps({"a": xmap}, {"b": mask})
        with pytest.raises(ValueError, match="int64"):
            merge_indexed_maps({"a": xmap}, {"a": mask.astype(int)})
        with pytest.raises(ValueError, match="leaves 1 points.*has 2"):
            merge_indexed_maps(
                {"a": xmap}, {"a": np.array([True, True, False])}
            )
        with pytest.raises(ValueError, match="different shapes"):
            merge_indexed_maps(
                {"a": xmap, "b": xmap}, {"a": mask, "b": mask[np.newaxis]}
            )


class TestRefinementMasks:
    def test_points_of_each_phase(self):
        xmap = CrystalMap.empty((2, 2))
        xmap.phases = OWN.deepcopy()
        xmap.phases.add_not_indexed()
        xmap._phase_id[:] = [0, 1, -1, 1]
        masks = refinement_masks(xmap)
        assert list(masks) == ["a", "b"]
        assert masks["a"].tolist() == [[False, True], [True, True]]
        assert masks["b"].tolist() == [[True, False], [True, False]]

    def test_points_not_in_the_data(self):
        xmap = CrystalMap.empty((2, 2))
        with pytest.raises(ValueError, match="1 of 4 points"):
            refinement_masks(xmap[xmap.id != 3])


def test_chain_with_kikuchipy():
    """From masks to refined orientations, with a point of no phase."""
    nickel = kp.data.nickel_ebsd_master_pattern_small(
        projection="lambert", hemisphere="both"
    )
    nickel.phase.name = "Ni"
    masters = {
        "Ni": nickel,
        "Ti": data.master_pattern("Ti (P63/mmc)", size=151),
    }
    masters["Ti"].phase.name = "Ti"
    detector = EBSDDetector(shape=(40, 40), pc=(0.48, 0.3, 0.55))
    s = data.simulated_scan(
        list(masters.values()), (3, 4), n_grains=2, detector=detector
    )
    s.remove_static_background("divide", show_progressbar=False)
    truth = s.xmap
    true_id = truth.phase_id.reshape(truth.shape)
    # Both are tried in the first row, the true one only in the others
    masks = {"Ni": true_id != 0, "Ti": true_id != 1}
    for mask in masks.values():
        mask[0] = False
        mask[-1, -1] = True

    xmaps = {}
    for name, mask in masks.items():
        group = masters[name].phase.point_group
        # Few orientations, among them some about 2 degrees off the truth
        near = Rotation.from_axes_angles([1, 1, 0], 2, degrees=True)
        near = near * truth.rotations[::3]
        others = get_sample_fundamental(20, point_group=group)
        dictionary = masters[name].get_patterns(
            Rotation(np.concatenate([near.data, others.data])),
            detector,
            dtype_out="float32",
            show_progressbar=False,
        )
        xmaps[name] = s.dictionary_indexing(
            dictionary, keep_n=1, navigation_mask=mask
        )
    xmap = merge_indexed_maps(xmaps, masks, step_sizes=(1, 1))
    masks = refinement_masks(xmap)
    refined = {
        name: s.refine_orientation(
            xmap, detector, masters[name], energy=20, navigation_mask=mask
        )
        for name, mask in masks.items()
    }
    xmap = merge_indexed_maps(refined, masks, step_sizes=(1, 1))
    names = np.array([xmap.phases[i].name for i in xmap.phase_id])
    assert names[-1] == "not_indexed"
    expected = np.array(["Ni", "Ti"])[truth.phase_id]
    assert np.array_equal(names[4:-1], expected[4:-1])
    assert "not_indexed" not in names[:4]
    for name in masters:
        here = (names == name) & (expected == name)
        group = masters[name].phase.point_group
        a = Orientation(xmap.rotations[here], symmetry=group)
        b = Orientation(truth.rotations[here], symmetry=group)
        assert np.median(a.angle_with(b, degrees=True)) < 1.5
