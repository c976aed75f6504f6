# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest
from orix.crystal_map import Phase, PhaseList

from kikuchipy_symml import crystals
from kikuchipy_symml.symmetry import SymmetryPhaseList

CIF = """\
data_iron
_cell_length_a 2.866
_cell_length_b 2.866
_cell_length_c 2.866
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_symmetry_space_group_name_H-M 'I m -3 m'
_symmetry_Int_Tables_number 229
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
Fe Fe 0 0 0 1
"""


@pytest.fixture
def phases():
    """Two points of cI, one of cF."""
    p = np.zeros((3, 230), dtype=np.float32)
    p[0, 225 - 1] = 1
    p[1:, 229 - 1] = 1
    return SymmetryPhaseList(p)


@pytest.fixture
def cif(tmp_path):
    path = tmp_path / "my iron.cif"
    path.write_text(CIF)
    return path


class TestMatching:
    def test_most_frequent_symmetry_first(self, phases):
        found = crystals.matching(phases, elements=["Fe", "Ni"])
        numbers = [phase.space_group.number for _, phase in found]
        assert numbers == sorted(numbers, reverse=True)
        assert {225, 229} == set(numbers)

    def test_other_level_of_what_was_found(self, phases):
        coarse = crystals.matching(
            phases, elements=["Si"], level="crystal_system"
        )
        numbers = {phase.space_group.number for _, phase in coarse}
        assert min(numbers) >= 195
        assert 223 in numbers  # cP, of the same crystal system

    def test_candidates_and_renamed_phases(self, phases):
        own = PhaseList([Phase("mine", space_group=229)])
        found = crystals.matching(phases.restrict_to(own), elements=["Fe"])
        assert found.names == ["Fe (Im-3m)"]
        phases["cI"].name = "ferrite"
        found = crystals.matching(phases, elements=["Fe"])
        assert found.names == ["Fe (Im-3m)", "Fe (Fm-3m)"]

    def test_among_own_phases(self, phases, cif):
        own = crystals.candidates("Ni", "Mg", cif)
        found = crystals.matching(phases, among=own)
        assert found.names == ["my iron", "Ni"]
        found = crystals.matching(phases, elements="Ni", among=own)
        assert found.names == ["Ni"]
        lib = crystals.library()
        found = crystals.matching("hP", among=[lib["Mg"], lib["Ni"]])
        assert found.names == ["Mg"]
        # A phase without atoms is not ruled out by elements
        bare = PhaseList([Phase("bare", space_group=229)])
        found = crystals.matching("cI", elements=["Ni"], among=bare)
        assert found.names == ["bare"]
        with pytest.raises(ValueError, match="'b'.*no space group"):
            crystals.matching(
                "cI", among=PhaseList([Phase("b", point_group="m-3m")])
            )

    def test_nothing_matches(self):
        assert not crystals.matching("cF", elements=["Xe"]).ids


class TestCandidates:
    def test_all_sources(self, cif, phases):
        own = Phase("own", space_group=194)
        lib = crystals.library()
        found = crystals.candidates(
            "Ni", str(cif), own, lib["Cohenite"], PhaseList([Phase("x", 227)])
        )
        assert found.names == ["Ni", "my iron", "own", "Cohenite", "x"]
        colors = [phase.color for _, phase in found]
        assert len(set(colors)) == 5
        assert own.color == colors[0]  # Left as it was
        assert len(found["my iron"].structure) == 2
        with pytest.warns(UserWarning, match="at level 'space_group' instead"):
            restricted = phases.restrict_to(found)
        assert restricted.names == ["Ni", "my iron"]

    def test_what_matches_can_be_chosen_among(self, phases):
        matching = crystals.matching(phases, elements=["Ni", "Cu", "Fe"])
        with pytest.warns(UserWarning, match="same space group.*'Cu'"):
            found = crystals.candidates("Ni", matching)
        numbers = [phase.space_group.number for _, phase in found]
        assert sorted(numbers) == [225, 229]
        assert "Ni" in found.names
        phases.restrict_to(found)

    def test_no_displacements(self, cif):
        with pytest.raises(ValueError, match="mean-square"):
            crystals.candidates(cif, default_u_iso=None)

    def test_errors(self, tmp_path):
        with pytest.raises(ValueError, match="No candidates"):
            crystals.candidates()
        with pytest.raises(KeyError, match="Unobtainium"):
            crystals.candidates("Unobtainium")
        with pytest.raises(FileNotFoundError, match="none.cif"):
            crystals.candidates(tmp_path / "none.cif")
        with pytest.raises(ValueError, match="'a' has no space group"):
            crystals.candidates(Phase("a", point_group="m-3m"))
        with pytest.raises(ValueError, match="name 'a'"):
            crystals.candidates(
                Phase("a", space_group=225), Phase("a", space_group=229)
            )
        with pytest.raises(TypeError, match="int"):
            crystals.candidates(225)
