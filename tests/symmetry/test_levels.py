# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The levels, against orix, tabulated facts and each other."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from orix.crystal_map import Phase
from orix.quaternion.symmetry import get_point_group

from kikuchipy_symml import symmetry

N_CLASSES = {
    "crystal_system": 7,
    "bravais_lattice": 14,
    "laue_group": 11,
    "point_group": 32,
    "space_group": 230,
}
# Number of space groups in each class, International Tables A
CRYSTAL_SYSTEMS = {
    "triclinic": 2,
    "monoclinic": 13,
    "orthorhombic": 59,
    "tetragonal": 68,
    "trigonal": 25,
    "hexagonal": 27,
    "cubic": 36,
}
BRAVAIS_LATTICES = {
    "aP": 2,
    "mP": 8,
    "mS": 5,
    "oP": 30,
    "oS": 15,
    "oI": 9,
    "oF": 5,
    "tP": 49,
    "tI": 19,
    "hR": 7,
    "hP": 45,
    "cP": 15,
    "cI": 10,
    "cF": 11,
}
LAUE_GROUPS = {
    "-1": 2,
    "2/m": 13,
    "mmm": 59,
    "4/m": 14,
    "4/mmm": 54,
    "-3": 6,
    "-3m": 19,
    "6/m": 9,
    "6/mmm": 18,
    "m-3": 12,
    "m-3m": 24,
}

random_p230 = hnp.arrays(
    np.float64, (3, 230), elements=st.floats(0.0, 1.0)
).map(lambda a: (a + 1e-6) / (a + 1e-6).sum(axis=-1, keepdims=True))


def test_levels():
    assert symmetry.LEVELS == tuple(N_CLASSES)


@pytest.mark.parametrize("level", symmetry.LEVELS)
class TestEveryLevel:
    def test_class_names(self, level):
        names = symmetry.class_names(level)
        assert isinstance(names, tuple)
        assert len(names) == len(set(names)) == N_CLASSES[level]

    def test_sum_table(self, level):
        table = symmetry.sum_table(level)
        assert table.shape == (230, N_CLASSES[level])
        assert table.dtype == np.float32
        assert set(np.unique(table)) == {0, 1}
        assert np.all(table.sum(axis=1) == 1)
        assert np.all(table.sum(axis=0) >= 1)
        assert symmetry.sum_table(level) is table
        with pytest.raises(ValueError, match="read-only"):
            table[0, 0] = 2

    def test_class_index_agrees_with_the_table(self, level):
        index = symmetry.class_index(level)
        assert index.shape == (230,)
        assert np.issubdtype(index.dtype, np.integer)
        assert np.array_equal(index, symmetry.sum_table(level).argmax(axis=1))

    def test_space_groups_of_part_all_230(self, level):
        numbers = np.concatenate(
            [
                symmetry.space_groups_of(level, name)
                for name in symmetry.class_names(level)
            ]
        )
        assert sorted(numbers) == list(range(1, 231))

    def test_phases_have_different_names_and_colors(self, level):
        names = symmetry.class_names(level)
        phases = [symmetry.phase_of(level, name) for name in names]
        assert tuple(phase.name for phase in phases) == names
        assert len({phase.color for phase in phases}) == len(names)
        assert "white" not in {phase.color for phase in phases}

    @settings(deadline=None, max_examples=20)
    @given(p230=random_p230)
    def test_sums_are_one(self, level, p230):
        p = symmetry.sum_to_level(p230, level)
        assert p.shape == (3, N_CLASSES[level])
        assert np.allclose(p.sum(axis=-1), 1, atol=1e-12)


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        ("crystal_system", CRYSTAL_SYSTEMS),
        ("bravais_lattice", BRAVAIS_LATTICES),
        ("laue_group", LAUE_GROUPS),
    ],
)
def test_classes_have_as_many_space_groups_as_tabulated(level, expected):
    names = symmetry.class_names(level)
    sizes = symmetry.sum_table(level).sum(axis=0)
    assert names == tuple(expected)
    assert list(sizes) == list(expected.values())


def test_names_are_those_of_orix():
    """Where orix has a name for the class, it is the one."""
    for number in range(1, 231):
        phase = Phase(space_group=number)
        group = get_point_group(number)
        expected = {
            "space_group": phase.space_group.short_name,
            "point_group": group.name,
            "crystal_system": group.system,
        }
        for level, name in expected.items():
            index = symmetry.class_index(level)[number - 1]
            assert symmetry.class_names(level)[index] == name


def test_laue_groups_are_those_of_orix():
    point_groups = symmetry.class_names("point_group")
    for name in point_groups:
        first = int(symmetry.space_groups_of("point_group", name)[0])
        laue = get_point_group(first).laue
        index = symmetry.class_index("laue_group")[first - 1]
        found = symmetry.class_names("laue_group")[index]
        assert laue.name in (found, None)
        group = symmetry.phase_of("laue_group", found).point_group
        # Same operations, in whatever order: q and -q are one rotation
        equal = np.isclose(np.abs(laue.data @ group.data.T), 1)
        equal &= laue.improper[:, None] == group.improper
        assert np.all(equal.sum(axis=0) == 1)
        assert np.all(equal.sum(axis=1) == 1)


@pytest.mark.parametrize(
    ("number", "lattice"),
    [
        (1, "aP"),
        (14, "mP"),
        (15, "mS"),
        (38, "oS"),  # Amm2, centred on A
        (62, "oP"),
        (63, "oS"),
        (70, "oF"),
        (72, "oI"),
        (136, "tP"),
        (141, "tI"),
        (152, "hP"),  # Quartz: trigonal, yet a hexagonal lattice
        (166, "hR"),
        (194, "hP"),
        (221, "cP"),
        (225, "cF"),
        (229, "cI"),
    ],
)
def test_bravais_lattice_of_known_space_groups(number, lattice):
    index = symmetry.class_index("bravais_lattice")[number - 1]
    assert symmetry.class_names("bravais_lattice")[index] == lattice


def _coarser(fine: str, coarse: str) -> np.ndarray | None:
    """Return the class in *coarse* of each class in *fine*, if one."""
    pairs = set(
        zip(
            symmetry.class_index(fine),
            symmetry.class_index(coarse),
            strict=True,
        )
    )
    if len(pairs) != len(symmetry.class_names(fine)):
        return None
    return np.array([c for _, c in sorted(pairs)])


def test_which_levels_are_finer():
    finer = {
        (fine, coarse)
        for fine, coarse in itertools.permutations(symmetry.LEVELS, 2)
        if _coarser(fine, coarse) is not None
    }
    assert finer == {
        ("space_group", "point_group"),
        ("space_group", "laue_group"),
        ("space_group", "bravais_lattice"),
        ("space_group", "crystal_system"),
        ("point_group", "laue_group"),
        ("point_group", "crystal_system"),
        ("laue_group", "crystal_system"),
    }


@settings(deadline=None, max_examples=20)
@given(p230=random_p230)
def test_every_level_is_consistent_with_every_finer_one(p230):
    """Summed by way of a finer level, or at once: the same."""
    for fine, coarse in itertools.permutations(symmetry.LEVELS, 2):
        to = _coarser(fine, coarse)
        if to is None:
            continue
        p_fine = symmetry.sum_to_level(p230, fine)
        p_coarse = symmetry.sum_to_level(p230, coarse)
        for i in range(p_coarse.shape[-1]):
            by_way = p_fine[:, to == i].sum(axis=-1)
            assert np.allclose(by_way, p_coarse[:, i], atol=1e-12)


@pytest.mark.parametrize(
    ("level", "name", "group"),
    [
        ("crystal_system", "trigonal", "-3m"),
        ("crystal_system", "hexagonal", "6/mmm"),
        ("bravais_lattice", "aP", "-1"),
        ("bravais_lattice", "hR", "-3m"),
        ("bravais_lattice", "hP", "6/mmm"),
        ("bravais_lattice", "tI", "4/mmm"),
        ("laue_group", "m-3", "m-3"),
        ("point_group", "-43m", "-43m"),
        ("point_group", "m", "m"),
    ],
)
def test_point_group_of_a_phase(level, name, group):
    phase = symmetry.phase_of(level, name)
    assert phase.point_group.name == group
    assert phase.space_group is None


def test_space_group_of_a_phase():
    for number, name in enumerate(symmetry.class_names("space_group"), 1):
        phase = symmetry.phase_of("space_group", name)
        assert phase.space_group.number == number


def test_phases_are_new_each_time():
    phase = symmetry.phase_of("bravais_lattice", "cF")
    phase.name = "nickel"
    assert symmetry.phase_of("bravais_lattice", "cF").name == "cF"


class TestSumToLevel:
    @pytest.mark.parametrize("shape", [(230,), (4, 230), (2, 3, 230)])
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_shape_and_dtype(self, shape, dtype):
        p = symmetry.sum_to_level(np.zeros(shape, dtype), "laue_group")
        assert p.shape == shape[:-1] + (11,)
        assert p.dtype == dtype

    def test_each_space_group_alone(self):
        p = symmetry.sum_to_level(np.eye(230), "bravais_lattice")
        assert np.array_equal(p, symmetry.sum_table("bravais_lattice"))

    def test_no_copy_of_space_groups(self):
        p230 = np.eye(230)
        assert symmetry.sum_to_level(p230, "space_group") is p230

    @pytest.mark.parametrize("shape", [(), (229,), (230, 1)])
    def test_wrong_shape(self, shape):
        with pytest.raises(ValueError, match="last axis to be the 230"):
            symmetry.sum_to_level(np.zeros(shape), "laue_group")


@pytest.mark.parametrize("level", ["bravais", "", None])
@pytest.mark.parametrize(
    "function",
    [
        symmetry.class_names,
        symmetry.sum_table,
        symmetry.class_index,
        lambda level: symmetry.space_groups_of(level, "cF"),
        lambda level: symmetry.phase_of(level, "cF"),
        lambda level: symmetry.sum_to_level(np.eye(230), level),
    ],
)
def test_unknown_level(function, level):
    with pytest.raises(ValueError, match="crystal_system.*space_group") as e:
        function(level)
    assert f"Level {level!r}" in str(e.value)


@pytest.mark.parametrize(
    "function", [symmetry.space_groups_of, symmetry.phase_of]
)
def test_unknown_class(function):
    with pytest.raises(ValueError, match="Class 'oA' is not .*'aP'.*'cF'"):
        function("bravais_lattice", "oA")
