# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of phases found, as orix and kikuchipy will use it."""

import copy
import pickle
import warnings

import kikuchipy as kp
import matplotlib.pyplot as plt
import numpy as np
import orix.io
import pytest
from diffpy.structure import Atom, Lattice, Structure
from hypothesis import given, settings
from hypothesis import strategies as st
from orix.crystal_map import CrystalMap, Phase, PhaseList

from kikuchipy_symml import symmetry
from kikuchipy_symml.symmetry import SymmetryPhaseList

SHAPES = [(), (1,), (5,), (1, 4), (4, 1), (3, 4)]


def random_p230(shape, seed=0, concentration=0.02):
    """Return softmax outputs that favour a few space groups a point."""
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.full(230, concentration) + 1e-3, size=shape)
    return p.astype(np.float32)


def p230_of(*points, shape=None):
    """Return probabilities given as {space group: p} for each point."""
    p = np.zeros((len(points), 230), dtype=np.float32)
    for row, point in zip(p, points, strict=True):
        for number, value in point.items():
            row[number - 1] = value
    return p if shape is None else p.reshape(shape + (230,))


def candidate(name, space_group, a=4.0, color=None):
    lattice = Lattice(a, a, a, 90, 90, 90)
    structure = Structure([Atom("Ni", [0, 0, 0])], lattice)
    return Phase(
        name, space_group=space_group, structure=structure, color=color
    )


# Nickel-like, ferrite-like, both alike, and something else
MIXED = p230_of(
    {225: 0.6, 227: 0.3, 229: 0.1},
    {225: 0.1, 229: 0.5, 221: 0.4},
    {225: 0.3, 229: 0.3, 227: 0.4},
    {14: 0.98, 225: 0.004, 229: 0.016},
)


class TestContract:
    @pytest.mark.parametrize("shape", SHAPES)
    @pytest.mark.parametrize("level", symmetry.LEVELS)
    def test_shapes_and_types(self, shape, level):
        phases = SymmetryPhaseList(random_p230(shape), level)
        n = len(symmetry.class_names(level))

        assert isinstance(phases, PhaseList)
        assert phases.level == level
        assert phases.class_names == symmetry.class_names(level)
        assert phases.navigation_shape == shape
        assert phases.probabilities.shape == shape + (n,)
        assert phases.probabilities.dtype == np.float32
        assert phases.phase_id.shape == shape
        assert np.issubdtype(phases.phase_id.dtype, np.integer)
        assert phases.confidence.shape == shape
        assert phases.confidence.dtype == np.float32
        assert phases.xmap.size == max(np.prod(shape), 1)
        for array in (
            phases.probabilities,
            phases.phase_id,
            phases.confidence,
        ):
            assert isinstance(array, np.ndarray)

    @settings(deadline=None, max_examples=25)
    @given(
        seed=st.integers(0, 2**32 - 1),
        level=st.sampled_from(symmetry.LEVELS),
        min_confidence=st.floats(0, 1),
        concentration=st.floats(0.005, 1.0),
    )
    def test_properties(self, seed, level, min_confidence, concentration):
        p230 = random_p230((3, 4), seed, concentration)
        phases = SymmetryPhaseList(p230, level, min_confidence=min_confidence)
        p, ids = phases.probabilities, phases.phase_id

        assert np.allclose(p.sum(axis=-1), 1, atol=1e-5)
        assert np.allclose(p, p230 @ symmetry.sum_table(level), atol=1e-6)
        assert np.array_equal(phases.confidence, p.max(axis=-1))
        low = phases.confidence < np.float32(min_confidence)
        assert np.array_equal(ids, np.where(low, -1, p.argmax(axis=-1)))
        # Exactly the phases found, under the index of their class
        assert phases.ids == [i for i in np.unique(ids) if i != -1]
        assert phases.names == [phases.class_names[i] for i in phases.ids]

    @settings(deadline=None, max_examples=20)
    @given(
        seed=st.integers(0, 2**32 - 1),
        path=st.lists(
            st.sampled_from(symmetry.LEVELS), min_size=2, max_size=5
        ),
    )
    def test_at_level_by_any_path(self, seed, path):
        """Coarser and finer again: nothing is lost."""
        p230 = random_p230((4,), seed)
        phases = SymmetryPhaseList(p230, path[0])
        for level in path[1:]:
            phases = phases.at_level(level)
        direct = SymmetryPhaseList(p230, path[-1])

        assert isinstance(phases, SymmetryPhaseList)
        assert phases.level == path[-1]
        assert np.array_equal(phases.probabilities, direct.probabilities)
        assert np.array_equal(phases.phase_id, direct.phase_id)
        assert phases.names == direct.names

    def test_at_level_keeps_everything_else(self):
        mask = np.array([True, False, False, False])
        phases = SymmetryPhaseList(
            MIXED,
            "bravais_lattice",
            navigation_mask=mask,
            min_confidence=0.55,
            step_sizes=(0.5,),
            scan_unit="um",
        )
        assert phases.phase_id.tolist() == [-1, -1, 13, 1]
        finer = phases.at_level("space_group")
        assert finer.phase_id.tolist() == [-1, -1, -1, 13]
        assert finer.xmap.dx == 0.5
        assert finer.xmap.scan_unit == "um"
        again = finer.at_level("bravais_lattice")
        assert again.phase_id.tolist() == [-1, -1, 13, 1]

    def test_phases_carry_symmetry(self):
        phases = SymmetryPhaseList(p230_of({167: 1}, {225: 1}))
        assert phases["hR"].point_group.name == "-3m"
        assert phases["hR"].space_group is None
        finer = phases.at_level("space_group")
        assert finer["H-3c"].space_group.number == 167
        assert finer["Fm-3m"].space_group.number == 225
        assert finer.ids == [166, 224]

    def test_a_class_has_the_same_color_in_every_scan(self):
        one = SymmetryPhaseList(p230_of({225: 1}))
        two = SymmetryPhaseList(p230_of({225: 1}, {1: 1}, {229: 1}))
        assert one["cF"].color == two["cF"].color
        assert len(set(two.colors)) == 3

    def test_results_are_read_only(self):
        p230 = random_p230((4,))
        for level in symmetry.LEVELS:
            phases = SymmetryPhaseList(p230, level)
            for array in (
                phases.probabilities,
                phases.phase_id,
                phases.confidence,
            ):
                with pytest.raises(ValueError, match="read-only"):
                    array[...] = 0
        p230[:] = 0  # The caller's own array is not locked

    def test_probabilities_are_not_copied(self):
        p230 = random_p230((4,))
        phases = SymmetryPhaseList(p230, "space_group")
        assert np.shares_memory(phases.probabilities, p230)
        again = phases.at_level("laue_group").at_level("space_group")
        assert np.shares_memory(again.probabilities, p230)


class TestNotIndexed:
    def test_low_confidence(self):
        phases = SymmetryPhaseList(MIXED, min_confidence=0.6)
        assert phases.phase_id.tolist() == [13, -1, 13, 1]
        assert phases.names == ["mP", "cF"]
        # What was found stays visible
        assert phases.confidence[1] == np.float32(0.5)
        assert np.allclose(phases.probabilities.sum(axis=-1), 1)

    def test_confidence_equal_to_the_lowest_is_enough(self):
        phases = SymmetryPhaseList(p230_of({225: 0.5, 1: 0.5}), "space_group")
        assert phases.confidence[0] == 0.5
        same = SymmetryPhaseList(
            p230_of({225: 0.5, 1: 0.5}), "space_group", min_confidence=0.5
        )
        assert same.phase_id[0] == 0

    @pytest.mark.filterwarnings("error::UserWarning")
    @pytest.mark.parametrize("value", [0, np.nan])
    @pytest.mark.parametrize("level", symmetry.LEVELS)
    def test_no_evidence(self, value, level):
        p230 = MIXED.copy()
        p230[2] = value
        phases = SymmetryPhaseList(p230, level)
        assert phases.phase_id[2] == -1
        assert np.all(phases.phase_id[[0, 1, 3]] >= 0)
        assert phases.confidence[2] == 0
        assert np.all(phases.probabilities[2] == 0)
        assert np.isfinite(phases.probabilities).all()
        # Input is as it was
        assert np.array_equal(p230[2], np.full(230, value), equal_nan=True)

    @pytest.mark.parametrize("level", symmetry.LEVELS)
    def test_left_out(self, level):
        mask = np.array([[True, False], [False, True]])
        p230 = MIXED.reshape(2, 2, 230)
        phases = SymmetryPhaseList(p230, level, navigation_mask=mask)
        assert np.array_equal(phases.phase_id == -1, mask)
        assert np.all(phases.confidence[mask] == 0)
        assert np.all(phases.probabilities[mask] == 0)
        everything = SymmetryPhaseList(p230, level)
        assert np.array_equal(
            phases.phase_id[~mask], everything.phase_id[~mask]
        )

    @pytest.mark.parametrize("shape", SHAPES)
    def test_all(self, shape, tmp_path):
        phases = SymmetryPhaseList(
            random_p230(shape), navigation_mask=np.ones(shape, dtype=bool)
        )
        assert np.all(phases.phase_id == -1)
        assert phases.size == 0
        assert phases.names == []
        assert "No phases" in repr(phases)
        assert phases.at_level("space_group").size == 0

        xmap = phases.xmap
        assert xmap.phases.names == ["not_indexed"]
        assert np.all(xmap.phase_id == -1)
        assert "not_indexed" in repr(xmap)
        if xmap.size > 1:  # orix cannot load one point that is not indexed
            orix.io.save(tmp_path / "a.h5", xmap)
            loaded = orix.io.load(tmp_path / "a.h5")
            assert loaded.phases.names == ["not_indexed"]
            assert loaded.shape == xmap.shape


class TestAsPhaseList:
    @pytest.fixture
    def phases(self):
        return SymmetryPhaseList(MIXED)

    def test_index_by_name_and_id(self, phases):
        assert phases.ids == [1, 12, 13]
        assert isinstance(phases["cF"], Phase)
        assert phases[13] is phases["cF"]
        assert phases.id_from_name("cI") == 12
        with pytest.raises(KeyError):
            phases["hP"]
        with pytest.raises(KeyError):
            phases[0]

    def test_slice(self, phases):
        part = phases[12:]
        assert type(part) is PhaseList
        assert part.ids == [12, 13]
        assert type(phases["mP", "cF"]) is PhaseList
        assert phases["mP", "cF"].names == ["mP", "cF"]
        assert phases[:].names == phases.names

    def test_iterate(self, phases):
        assert [i for i, _ in phases] == phases.ids
        assert [p.name for _, p in phases] == phases.names

    def test_print(self, phases):
        table = repr(PhaseList({i: p for i, p in phases}))
        assert repr(phases) == str(phases)
        assert repr(phases).startswith(table)
        assert "Level: bravais_lattice" in repr(phases)
        assert "Indexed: 4 of 4 points" in repr(phases)

    def test_pickle(self, phases):
        phases["cF"].name = "nickel"
        again = pickle.loads(pickle.dumps(phases))
        assert_same(again, phases)
        assert_same(
            again.at_level("space_group"), phases.at_level("space_group")
        )

    def test_pickle_holds_space_groups_once(self):
        phases = SymmetryPhaseList(np.tile(MIXED, (100, 1)), "space_group")
        assert len(pickle.dumps(phases)) < 1.5 * phases.probabilities.nbytes

    def test_copy_deepcopy(self, phases):
        again = copy.deepcopy(phases)
        assert_same(again, phases)
        assert not np.shares_memory(again.probabilities, phases.probabilities)
        again["cF"].name = "nickel"
        assert phases.names == ["mP", "cI", "cF"]

    def test_deepcopy_is_a_plain_list(self, phases):
        plain = phases.deepcopy()
        assert type(plain) is PhaseList
        assert plain.ids == phases.ids
        assert plain.names == phases.names
        assert plain.colors == phases.colors
        plain["cF"].name = "nickel"
        assert "nickel" not in phases.names
        assert PhaseList(phases).names == phases.names

    def test_is_not_changed_by_a_crystal_map(self, phases):
        xmap = CrystalMap(
            phases.xmap.rotations, phases.phase_id, phase_list=phases
        )
        assert type(xmap.phases) is PhaseList
        xmap.phases.add(Phase("more"))
        assert phases.ids == xmap.phases_in_data.ids == [1, 12, 13]

    def test_phases_cannot_be_added_or_deleted(self, phases):
        with pytest.raises(TypeError, match="Cannot delete 'cF'"):
            del phases["cF"]
        with pytest.raises(TypeError, match="Cannot add"):
            phases.add(Phase("a"))
        assert phases.ids == [1, 12, 13]


def assert_same(a, b):
    assert type(a) is type(b)
    assert repr(a) == repr(b)
    assert a.level == b.level
    assert a.class_names == b.class_names
    assert a.navigation_shape == b.navigation_shape
    for name in ("probabilities", "phase_id", "confidence"):
        assert np.array_equal(getattr(a, name), getattr(b, name))


def assert_same_map(a, b):
    """Compare crystal maps, phases' symmetry by its operations."""
    assert a.shape == b.shape
    assert np.array_equal(a.phase_id, b.phase_id)
    assert a.phases.ids == b.phases.ids
    assert a.phases.names == b.phases.names
    assert a.phases.colors == b.phases.colors
    for one, other in zip(
        a.phases.point_groups, b.phases.point_groups, strict=True
    ):
        assert (one is None) == (other is None)
        assert one is None or one.order == other.order
    assert set(a.prop) == set(b.prop) == {"probabilities", "confidence"}
    for name in a.prop:
        assert np.array_equal(a.prop[name], b.prop[name])
        assert a.prop[name].dtype == b.prop[name].dtype
    assert np.isclose(a.dx, b.dx)
    assert np.isclose(a.dy, b.dy)
    assert a.scan_unit == b.scan_unit


class TestCrystalMap:
    @settings(deadline=None, max_examples=25)
    @given(
        seed=st.integers(0, 2**32 - 1),
        level=st.sampled_from(symmetry.LEVELS[:-1]),
        min_confidence=st.floats(0, 1),
    )
    def test_every_point_has_the_right_phase(
        self, seed, level, min_confidence
    ):
        phases = SymmetryPhaseList(
            random_p230((3, 4), seed), level, min_confidence=min_confidence
        )
        xmap = phases.xmap
        assert xmap.shape == (3, 4)
        assert np.array_equal(xmap.phase_id, phases.phase_id.ravel())
        for i, expected in zip(xmap.phase_id, xmap.phase_id, strict=True):
            name = xmap.phases[int(i)].name
            if i == -1:
                assert name == "not_indexed"
            else:
                assert name == phases.class_names[expected]

    def test_only_some_classes_and_not_indexed(self):
        p230 = p230_of({225: 1}, {}, {62: 1}, {225: 0.5, 1: 0.5}, {194: 1})
        phases = SymmetryPhaseList(p230, min_confidence=0.6)
        xmap = phases.xmap
        assert phases.ids == [3, 10, 13]
        assert xmap.phases.ids == [-1, 3, 10, 13]
        assert xmap.phases.names == ["not_indexed", "oP", "hP", "cF"]
        assert xmap.phase_id.tolist() == [13, -1, 3, -1, 10]
        assert xmap["cF"].id.tolist() == [0]
        assert xmap["indexed"].id.tolist() == [0, 2, 4]
        assert xmap["not_indexed"].id.tolist() == [1, 3]

    def test_properties_and_rotations(self):
        p230 = random_p230((3, 4))
        phases = SymmetryPhaseList(p230)
        xmap = phases.xmap
        assert xmap.prop["probabilities"].shape == (12, 14)
        assert np.array_equal(
            xmap.prop["probabilities"].reshape(3, 4, 14), phases.probabilities
        )
        assert np.array_equal(
            xmap.get_map_data("confidence"), phases.confidence
        )
        assert xmap.rotations_per_point == 1
        assert np.allclose(xmap.rotations.angle, 0)

    def test_steps(self):
        phases = SymmetryPhaseList(
            random_p230((3, 4)), step_sizes=(0.5, 0.25), scan_unit="um"
        )
        xmap = phases.xmap
        assert (xmap.dy, xmap.dx) == (0.5, 0.25)
        assert xmap.scan_unit == "um"
        assert xmap.shape == (3, 4)

    def test_follows_names_and_colors(self):
        phases = SymmetryPhaseList(MIXED)
        phases["cF"].name = "nickel"
        phases["nickel"].color = "red"
        assert phases.xmap.phases["nickel"].color == "red"
        assert phases.xmap.phases.ids == phases.ids

    def test_changes_to_the_map_stay_there(self):
        phases = SymmetryPhaseList(MIXED)
        xmap = phases.xmap
        xmap.confidence = np.zeros(4)
        xmap.phases["cF"].name = "nickel"
        xmap.phase_id = -1
        assert phases.confidence.min() > 0
        assert phases.names == ["mP", "cI", "cF"]
        assert phases.phase_id.min() > -1

    @pytest.mark.filterwarnings("ignore:The crystal map holds phase")
    @pytest.mark.parametrize("shape", SHAPES)
    @pytest.mark.parametrize("level", symmetry.LEVELS)
    def test_save_and_load(self, tmp_path, level, shape):
        p230 = random_p230(shape)
        phases = SymmetryPhaseList(p230, level, min_confidence=0.2)
        xmap = phases.xmap
        orix.io.save(tmp_path / "symmetry.h5", xmap)
        loaded = orix.io.load(tmp_path / "symmetry.h5")
        assert_same_map(loaded, xmap)

    @pytest.mark.parametrize("level", symmetry.LEVELS)
    def test_every_class_can_be_loaded(self, tmp_path, level):
        """Point groups 2 and m are a trap, see _readable_phase()."""
        numbers = [
            int(symmetry.space_groups_of(level, name)[0])
            for name in symmetry.class_names(level)
        ]
        phases = SymmetryPhaseList(p230_of(*[{n: 1} for n in numbers]), level)
        assert phases.names == list(phases.class_names)
        if level == "space_group":
            with pytest.warns(UserWarning, match="'Pm'.* without their"):
                xmap = phases.xmap
            lost = [
                i + 1 for i, phase in xmap.phases if phase.space_group is None
            ]
            assert lost == list(range(3, 10))
        else:
            with warnings.catch_warnings():
                warnings.simplefilter("error", UserWarning)
                xmap = phases.xmap
        # The list itself has all
        if level == "space_group":
            assert phases["Pm"].space_group.number == 6
        orix.io.save(tmp_path / "symmetry.h5", xmap)
        with warnings.catch_warnings():
            # orix reads point group 32 as 321, and drops space groups
            warnings.filterwarnings("ignore", "Setting space group to 'None'")
            loaded = orix.io.load(tmp_path / "symmetry.h5")
        assert_same_map(loaded, xmap)

    @pytest.mark.parametrize("shape", [(3, 4), (1, 4)])
    def test_plot(self, shape):
        phases = SymmetryPhaseList(random_p230(shape), min_confidence=0.3)
        if shape == (3, 4):
            figure = phases.xmap.plot(overlay="confidence", return_figure=True)
            image = figure.axes[0].images[0].get_array()
            assert image.shape == (3, 4, 3)
            assert np.all((image >= 0) & (image <= 1))
        else:
            figure = phases.xmap.plot(return_figure=True)
        plt.close(figure)


class TestKikuchipy:
    def test_merge_by_confidence(self):
        """One map a phase with its mask, then one map again."""
        phases = SymmetryPhaseList(
            p230_of(
                {225: 0.9, 1: 0.1},
                {229: 0.8, 1: 0.2},
                {225: 0.4, 229: 0.3, 1: 0.3},
                {229: 0.7, 1: 0.3},
                {225: 0.6, 1: 0.4},
                {229: 0.6, 1: 0.4},
                shape=(2, 3),
            ),
            min_confidence=0.5,
        )
        # What is not indexed is tried with every phase
        masks = [phases.navigation_mask(name) for name in ("cI", "cF")]
        assert np.array_equal(masks[0] | masks[1], phases.phase_id != -1)

        both = []
        for name, mask in zip(("cI", "cF"), masks, strict=True):
            one = phases.xmap
            xmap = CrystalMap(
                one.rotations[~mask.ravel()],
                x=one.x[~mask.ravel()],
                y=one.y[~mask.ravel()],
                phase_list=PhaseList(phases[name]),
                prop={"scores": one.confidence[~mask.ravel()]},
            )
            both.append(xmap)
        merged = kp.indexing.merge_crystal_maps(both, navigation_masks=masks)
        assert merged.shape == (2, 3)
        names = [merged.phases[int(i)].name for i in merged.phase_id]
        expected = [
            phases.class_names[i] if i != -1 else "cI"
            for i in phases.phase_id.ravel()
        ]
        assert names == expected

    def test_merge_of_two_lists(self):
        one = SymmetryPhaseList(
            p230_of({225: 0.9, 1: 0.1}, {225: 0.4, 1: 0.6}, {225: 1})
        )
        only = one.restrict_to(PhaseList(candidate("Ni", 225)))
        other = SymmetryPhaseList(
            p230_of({229: 0.8, 1: 0.2}, {229: 1}, {229: 0.9, 1: 0.1})
        )
        nickel = only.xmap
        nickel.confidence = np.array([0.9, 0.4, 1], dtype=np.float32)
        merged = kp.indexing.merge_crystal_maps(
            [nickel, other.xmap], scores_prop="confidence"
        )
        assert merged.phases.names == ["Ni", "cI"]
        names = [merged.phases[int(i)].name for i in merged.phase_id]
        assert names == ["Ni", "cI", "Ni"]

    @pytest.mark.parametrize("shape", [(6,), (2, 3)])
    def test_signal_takes_the_map(self, shape):
        signal = kp.signals.EBSD(np.zeros(shape + (5, 5), dtype=np.uint8))
        for axis, name in zip(
            signal.axes_manager.navigation_axes, "xy", strict=False
        ):
            axis.name = name
        phases = SymmetryPhaseList(random_p230(shape))
        signal.xmap = phases.xmap
        assert signal.xmap.shape == shape

    def test_equal_phase_is_found_equal(self):
        """kikuchipy refines a map only if its phase equals that of the
        master pattern.
        """
        phases = SymmetryPhaseList(p230_of({225: 0.9, 1: 0.1}))
        nickel = candidate("Ni", 225)
        only = phases.restrict_to(PhaseList(nickel))
        found = only.xmap.phases["Ni"]
        assert found.space_group.number == 225
        lattice = found.structure.lattice
        assert (lattice.a, lattice.b, lattice.c) == (4, 4, 4)
        assert (lattice.alpha, lattice.beta, lattice.gamma) == (90, 90, 90)
        assert [atom.element for atom in found.structure] == ["Ni"]


class TestNavigationMask:
    phases = SymmetryPhaseList(
        MIXED.reshape(2, 2, 230),
        min_confidence=0.6,
        navigation_mask=np.array([[False, False], [True, False]]),
    )  # cF, not indexed; left out, mP

    @pytest.mark.parametrize(
        ("names", "include", "expected"),
        [
            (["cF"], True, [[False, False], [True, True]]),
            (["cF"], False, [[False, True], [True, True]]),
            (["mP"], True, [[True, False], [True, False]]),
            (["cF", "mP"], False, [[False, True], [True, False]]),
            (["hP"], True, [[True, False], [True, True]]),
            (["hP"], False, [[True, True], [True, True]]),
        ],
    )
    def test_mask(self, names, include, expected):
        mask = self.phases.navigation_mask(*names, include_not_indexed=include)
        assert mask.dtype == bool
        assert mask.tolist() == expected

    def test_scalar(self):
        mask = SymmetryPhaseList(MIXED[0]).navigation_mask("cF")
        assert isinstance(mask, np.ndarray)
        assert mask.shape == ()
        assert not mask

    def test_no_evidence_is_masked(self):
        phases = SymmetryPhaseList(p230_of({225: 1}, {}))
        assert phases.navigation_mask("cF").tolist() == [False, True]

    def test_renamed_phase(self):
        phases = SymmetryPhaseList(MIXED)
        expected = phases.navigation_mask("cF")
        phases["cF"].name = "nickel"
        assert np.array_equal(phases.navigation_mask("nickel"), expected)
        assert np.array_equal(phases.navigation_mask("cF"), expected)

    def test_wrong_names(self):
        with pytest.raises(ValueError, match=r"\['fcc'\] are not .*'cF'"):
            self.phases.navigation_mask("cF", "fcc")
        with pytest.raises(ValueError, match="No names given.*'cF'"):
            self.phases.navigation_mask()


class TestRestrictTo:
    def test_probabilities_are_conditional(self):
        candidates = PhaseList([candidate("Fe", 229), candidate("Ni", 225)])
        phases = SymmetryPhaseList(MIXED).restrict_to(candidates)
        assert phases.class_names == ("Fe", "Ni")
        assert phases.level == "bravais_lattice"
        expected = [[1 / 7, 6 / 7], [5 / 6, 1 / 6], [0.5, 0.5], [0.8, 0.2]]
        assert np.allclose(phases.probabilities, expected, atol=1e-6)
        assert phases.phase_id.tolist() == [1, 0, 0, 0]
        assert phases.ids == [0, 1]
        assert phases.names == ["Fe", "Ni"]

    @settings(deadline=None, max_examples=25)
    @given(
        seed=st.integers(0, 2**32 - 1),
        numbers=st.lists(
            st.integers(1, 230), min_size=1, max_size=6, unique=True
        ),
        level=st.sampled_from(symmetry.LEVELS),
    )
    def test_odds_are_those_of_the_softmax(self, seed, numbers, level):
        p230 = random_p230((5,), seed, concentration=1.0)
        candidates = PhaseList([Phase(str(n), space_group=n) for n in numbers])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            phases = SymmetryPhaseList(p230, level).restrict_to(candidates)
        p = phases.probabilities
        own = p230[:, np.array(numbers) - 1]
        assert np.allclose(p.sum(axis=-1), 1, atol=1e-5)
        assert np.allclose(p * own[:, :1], own * p[:, :1], atol=1e-6)
        parted = symmetry.class_index(phases.level)[np.array(numbers) - 1]
        assert len(set(parted)) == len(numbers)

    def test_keeps_own_phases(self):
        nickel = candidate("Ni", 225, a=3.52, color="red")
        iron = candidate("Fe", 229, a=2.87, color="gold")
        candidates = PhaseList({3: nickel, 7: iron})
        phases = SymmetryPhaseList(MIXED).restrict_to(candidates)
        assert phases["Ni"] is nickel
        assert phases["Fe"] is iron
        xmap = phases.xmap
        assert xmap.phases["Ni"].structure.lattice.a == pytest.approx(3.52)
        assert xmap.phases["Fe"].color == "gold"
        assert xmap.phase_id.tolist() == phases.phase_id.tolist()
        assert candidates.ids == [3, 7]

    def test_holds_only_those_found(self):
        candidates = PhaseList([candidate("A", 1), candidate("Ni", 225)])
        phases = SymmetryPhaseList(MIXED[:1]).restrict_to(candidates)
        assert phases.names == ["Ni"]
        assert phases.ids == [1]
        assert phases.class_names == ("A", "Ni")
        assert phases.xmap.phases.ids == [1]

    @pytest.mark.parametrize("level", ["laue_group", "crystal_system"])
    def test_one_class_at_the_level(self, level):
        candidates = PhaseList([candidate("Fe", 229), candidate("Ni", 225)])
        phases = SymmetryPhaseList(MIXED, level)
        with pytest.warns(UserWarning, match=f"{level}.*'space_group'"):
            restricted = phases.restrict_to(candidates)
        assert restricted.level == "space_group"
        assert restricted.phase_id.tolist() == [1, 0, 0, 0]

    def test_at_level_keeps_candidates(self):
        candidates = PhaseList([candidate("Fe", 229), candidate("Ni", 225)])
        phases = SymmetryPhaseList(MIXED).restrict_to(candidates)
        finer = phases.at_level("space_group")
        assert finer.level == "space_group"
        assert finer["Ni"] is candidates["Ni"]
        assert np.array_equal(finer.probabilities, phases.probabilities)
        with pytest.warns(UserWarning, match="laue_group"):
            coarser = phases.at_level("laue_group")
        assert coarser.level == "space_group"

    def test_restrict_again(self):
        """Nothing is lost: other candidates can be tried."""
        phases = SymmetryPhaseList(MIXED)
        iron = PhaseList([candidate("Fe", 229), candidate("B2", 221)])
        nickel = PhaseList([candidate("Fe", 229), candidate("Ni", 225)])
        assert_same(
            phases.restrict_to(iron).restrict_to(nickel),
            phases.restrict_to(nickel),
        )

    def test_masks_and_confidence_are_kept(self):
        candidates = PhaseList([candidate("Fe", 229), candidate("Ni", 225)])
        phases = SymmetryPhaseList(
            MIXED,
            min_confidence=0.6,
            navigation_mask=np.array([True, False, False, False]),
        ).restrict_to(candidates)
        assert phases.phase_id.tolist() == [-1, 0, -1, 0]

    def test_no_evidence_for_any(self):
        candidates = PhaseList([candidate("Fe", 229), candidate("Ni", 225)])
        p230 = p230_of({14: 1}, {225: 1e-38, 14: 1})
        phases = SymmetryPhaseList(p230).restrict_to(candidates)
        assert phases.phase_id.tolist() == [-1, 1]
        assert phases.confidence.tolist() == [0, 1]
        # It was looked at, so it may be tried with any phase
        assert phases.navigation_mask("Ni").tolist() == [False, False]

    def test_candidates_in_the_constructor(self):
        candidates = PhaseList([candidate("Fe", 229), candidate("Ni", 225)])
        assert_same(
            SymmetryPhaseList(MIXED, candidates=candidates),
            SymmetryPhaseList(MIXED).restrict_to(candidates),
        )

    def test_pickle(self):
        candidates = PhaseList([candidate("Fe", 229), candidate("Ni", 225)])
        phases = SymmetryPhaseList(MIXED).restrict_to(candidates)
        again = pickle.loads(pickle.dumps(phases))
        assert_same(again, phases)
        assert_same(
            again.at_level("space_group"), phases.at_level("space_group")
        )

    def test_not_indexed_is_no_candidate(self):
        candidates = PhaseList([candidate("Fe", 229), candidate("Ni", 225)])
        candidates.add_not_indexed()
        phases = SymmetryPhaseList(MIXED).restrict_to(candidates)
        assert phases.class_names == ("Fe", "Ni")

    def test_wrong_candidates(self):
        phases = SymmetryPhaseList(MIXED)
        with pytest.raises(ValueError, match=r"\['steel'\] have no space"):
            phases.restrict_to(
                PhaseList([candidate("Ni", 225), Phase("steel")])
            )
        with pytest.raises(ValueError, match="'Ni' and 'Cu' .* Fm-3m: no"):
            phases.restrict_to(
                PhaseList([candidate("Ni", 225), candidate("Cu", 225)])
            )
        with pytest.raises(ValueError, match="the name 'Ni'"):
            phases.restrict_to(
                PhaseList([candidate("Ni", 225), candidate("Ni", 229)])
            )
        with pytest.raises(ValueError, match="no phase"):
            phases.restrict_to(PhaseList())
        with pytest.raises(TypeError, match="PhaseList, not list"):
            phases.restrict_to([candidate("Ni", 225)])


class TestWrongInput:
    def test_level(self):
        with pytest.raises(ValueError, match="Level 'lattice' is not one of"):
            SymmetryPhaseList(MIXED, "lattice")
        with pytest.raises(ValueError, match="Level 'lattice' is not one of"):
            SymmetryPhaseList(MIXED).at_level("lattice")

    @pytest.mark.parametrize(
        "shape", [(3,), (2, 14), (0, 230), (2, 2, 2, 230)]
    )
    def test_shape(self, shape):
        with pytest.raises(ValueError, match=f"shape .{shape[0]},"):
            SymmetryPhaseList(np.zeros(shape))

    @pytest.mark.parametrize("value", [-1.0, 0.5, np.inf])
    def test_no_probabilities(self, value):
        p230 = p230_of({225: 1}, {229: 1})
        p230[1, 0] = value
        with pytest.raises(ValueError, match=r"point \(1,\) sum to"):
            SymmetryPhaseList(p230)

    @pytest.mark.parametrize("value", [-0.1, 1.1, np.nan])
    def test_min_confidence(self, value):
        with pytest.raises(ValueError, match=f"{value} is not between"):
            SymmetryPhaseList(MIXED, min_confidence=value)

    def test_mask(self):
        with pytest.raises(ValueError, match="int64, expected bool"):
            SymmetryPhaseList(MIXED, navigation_mask=np.zeros(4, dtype=int))
        with pytest.raises(ValueError, match=r"\(2, 2\), expected .*\(4,\)"):
            SymmetryPhaseList(
                MIXED, navigation_mask=np.zeros((2, 2), dtype=bool)
            )

    @pytest.mark.parametrize("step_sizes", [(1, 1), (0,), (-1,)])
    def test_step_sizes(self, step_sizes):
        with pytest.raises(ValueError, match="expected 1 positive"):
            SymmetryPhaseList(MIXED, step_sizes=step_sizes)
