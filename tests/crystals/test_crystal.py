# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""A crystal checks itself and converts to and from phases and files."""

from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest
from diffpy.structure import Atom, Lattice, Structure
from orix.crystal_map import Phase

from kikuchipy_symml import crystals
from kikuchipy_symml.crystals import Crystal

pytestmark = pytest.mark.filterwarnings("ignore:Set OLD_ERROR_HANDLING")

LATTICES = "aP mP mS oP oS oI oF tP tI hR hP cP cI cF".split()


@pytest.fixture
def nickel() -> Crystal:
    return Crystal(
        name="Ni",
        space_group=225,
        cell=(3.524, 3.524, 3.524, 90.0, 90.0, 90.0),
        elements=("Ni",) * 4,
        positions=np.array(
            [[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]]
        ),
        occupancies=np.ones(4),
        u_iso=np.full(4, 0.005),
    )


@pytest.fixture
def nickel_phase() -> Phase:
    atoms = [Atom("Ni", (0, 0, 0), Uisoequiv=0.005)]
    lattice = Lattice(3.524, 3.524, 3.524, 90, 90, 90)
    return Phase(
        "nickel", space_group=225, structure=Structure(atoms, lattice)
    )


CIF = """data_test
_cell_length_a {a}
_cell_length_b {b}
_cell_length_c {c}
_cell_angle_alpha 90
_cell_angle_beta 90
_cell_angle_gamma 90
_symmetry_space_group_name_H-M '{name}'
_symmetry_Int_Tables_number {number}
loop_
_symmetry_equiv_pos_as_xyz
{operations}
loop_
_atom_site_label
_atom_site_type_symbol
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
_atom_site_occupancy
_atom_site_U_iso_or_equiv
{sites}
"""

# FeAs in the setting P n a m of its publication: not the standard one.
PNAM = {
    "a": 5.4401,
    "b": 6.0259,
    "c": 3.3712,
    "name": "P n a m",
    "number": 62,
    "operations": "\n".join(
        f"'{op}'"
        for op in (
            "x,y,z",
            "x,y,1/2-z",
            "-x,-y,1/2+z",
            "1/2-x,1/2+y,1/2+z",
            "1/2+x,1/2-y,1/2-z",
            "1/2+x,1/2-y,z",
            "1/2-x,1/2+y,-z",
            "-x,-y,-z",
        )
    ),
    "sites": "Fe Fe 0.0027 0.1993 0.25 1 0.005\n"
    "As As 0.1992 0.5773 0.25 1 0.006",
}


class TestCrystal:
    def test_geometry(self, nickel):
        assert nickel.volume == pytest.approx(3.524**3)
        assert nickel.bravais_lattice == "cF"
        assert nickel.formula == "Ni"
        triclinic = replace(nickel, cell=(4.0, 5.0, 6.0, 80.0, 95.0, 110.0))
        lattice = Lattice(4, 5, 6, 80, 95, 110)
        assert triclinic.volume == pytest.approx(lattice.volume)
        np.testing.assert_allclose(
            triclinic.matrix @ triclinic.matrix.T,
            lattice.metrics,
            atol=1e-9,
        )

    def test_repr(self, nickel):
        assert repr(nickel).startswith(
            "Crystal Ni: Ni, space group 225 (cF), 4 atoms"
        )
        assert "(assumed)" not in repr(nickel)
        assert "(assumed)" in repr(replace(nickel, u_iso_assumed=True))

    def test_is_frozen(self, nickel):
        with pytest.raises(FrozenInstanceError):
            nickel.space_group = 1
        with pytest.raises(ValueError, match="read-only"):
            nickel.u_iso[0] = 1

    @pytest.mark.parametrize(
        ("field", "value", "message"),
        [
            ("space_group", 231, "space group 231 is not in 1 to 230"),
            ("positions", np.zeros((3, 3)), r"positions has shape \(3, 3\)"),
            ("occupancies", np.full(4, 1.5), r"occupancy 1.5 is not in"),
            ("occupancies", np.zeros(4), r"occupancy 0.0 is not in"),
            ("occupancies", np.full(4, np.nan), r"occupancy nan is not in"),
            ("u_iso", np.full(4, -1.0), "displacement -1.0 is not"),
            ("u_iso", np.full(4, np.nan), "displacement nan is not"),
        ],
    )
    def test_errors(self, nickel, field, value, message):
        with pytest.raises(ValueError, match=message):
            replace(nickel, **{field: value})

    @pytest.mark.parametrize("n", [0, 501])
    def test_number_of_atoms(self, nickel, n):
        with pytest.raises(ValueError, match=f"{n} atoms in the cell"):
            replace(
                nickel,
                elements=("Ni",) * n,
                positions=np.zeros((n, 3)),
                occupancies=np.ones(n),
                u_iso=np.ones(n),
            )

    @pytest.mark.parametrize(
        ("elements", "occupancies", "formula"),
        [
            (["Na"] * 4 + ["Cl"] * 4, [1] * 8, "NaCl"),
            (["Mg"] * 8 + ["Fe"] * 8 + ["Si"] * 4, None, "Mg1.8Fe0.2Si"),
            (["Cu", "Zn"] * 4, [0.7, 0.3] * 4, "Cu0.7Zn0.3"),
            (["C"], [1], "C"),
        ],
    )
    def test_formula(self, nickel, elements, occupancies, formula):
        if occupancies is None:
            occupancies = [0.9] * 8 + [0.1] * 8 + [1] * 4
        n = len(elements)
        crystal = replace(
            nickel,
            elements=tuple(elements),
            positions=np.zeros((n, 3)),
            occupancies=np.array(occupancies),
            u_iso=np.ones(n),
        )
        assert crystal.formula == formula


class TestCheck:
    def test_passes(self, nickel):
        pytest.importorskip("spglib")
        crystals.check_crystal(nickel)
        assert crystals.detected_space_group(nickel) == 225
        # Nearest neighbours touch along half a face diagonal.
        expected = 3.524 / np.sqrt(2) / (2 * 1.35)
        assert crystals.closest_contact(nickel) == pytest.approx(expected)

    def test_wrong_space_group(self, nickel):
        pytest.importorskip("spglib")
        with pytest.raises(ValueError, match="finds space group 225, the"):
            crystals.check_crystal(replace(nickel, space_group=221))

    def test_atoms_too_close(self, nickel):
        pytest.importorskip("spglib")
        small = replace(nickel, cell=(2.0, 2.0, 2.0, 90.0, 90.0, 90.0))
        with pytest.raises(ValueError, match="0.52 times the sum"):
            crystals.check_crystal(small)

    def test_atoms_that_exclude_each_other(self, nickel):
        split = replace(
            nickel,
            space_group=1,
            elements=("Ni", "Ni"),
            positions=np.array([[0, 0, 0], [0.1, 0, 0]]),
            occupancies=np.array([0.5, 0.5]),
            u_iso=np.ones(2),
        )
        assert crystals.closest_contact(split) > 1
        full = replace(split, occupancies=np.ones(2))
        assert crystals.closest_contact(full) < 0.2


class TestPhase:
    def test_to_phase(self, nickel):
        phase = nickel.to_phase()
        assert phase.name == "Ni"
        assert phase.space_group.number == 225
        assert phase.point_group.name == "m-3m"
        assert len(phase.structure) == 4
        assert phase.structure.lattice.a == pytest.approx(3.524)
        assert phase.structure[0].Uisoequiv == pytest.approx(0.005)

    @pytest.mark.parametrize("lattice", LATTICES)
    def test_round_trip(self, lattice):
        crystal = crystals.library().where(bravais_lattice=lattice)[1]
        phase = crystal.to_phase()
        np.testing.assert_allclose(
            phase.structure.lattice.base, crystal.matrix, atol=1e-6
        )
        again = Crystal.from_phase(phase)
        assert again.space_group == crystal.space_group
        assert again.elements == crystal.elements
        assert again.formula == crystal.formula
        np.testing.assert_allclose(again.cell, crystal.cell, atol=1e-6)
        steps = again.positions - crystal.positions
        np.testing.assert_allclose(steps, np.rint(steps), atol=1e-5)
        np.testing.assert_allclose(again.u_iso, crystal.u_iso)
        np.testing.assert_allclose(again.occupancies, crystal.occupancies)

    def test_mixed_sites_survive(self):
        mixed = [
            c
            for c in crystals.library()[::7]
            if c.occupancies.min() < 0.9 and len(c.elements) < 80
        ]
        assert len(mixed) > 5
        for crystal in mixed:
            again = Crystal.from_phase(crystal.to_phase())
            assert again.formula == crystal.formula

    def test_asymmetric_unit(self, nickel_phase):
        crystal = Crystal.from_phase(nickel_phase)
        assert crystal.elements == ("Ni",) * 4
        assert not crystal.u_iso_assumed
        assert crystal.name == "nickel"

    def test_missing_displacement(self, nickel_phase):
        nickel_phase.structure[0].Uisoequiv = 0
        with pytest.raises(ValueError, match="no mean-square displacement"):
            Crystal.from_phase(nickel_phase)
        crystal = Crystal.from_phase(nickel_phase, default_u_iso=0.004)
        assert crystal.u_iso_assumed
        np.testing.assert_allclose(crystal.u_iso, 0.004)

    def test_errors(self, nickel_phase):
        empty = Phase("empty", space_group=225)
        with pytest.raises(ValueError, match="'empty' has 0 atoms"):
            Crystal.from_phase(empty)
        with pytest.raises(ValueError, match="'bare' has no space group"):
            Crystal.from_phase(Phase("bare", point_group="m-3m"))
        wrong = Phase(
            "wrong", space_group=194, structure=nickel_phase.structure
        )
        with pytest.raises(ValueError, match="194 does not allow the cell"):
            Crystal.from_phase(wrong)
        unknown = nickel_phase.deepcopy()
        unknown.structure[0].element = "Xx"
        with pytest.raises(ValueError, match="'Xx' is not the symbol"):
            Crystal.from_phase(unknown)

    def test_too_many_atoms(self):
        rng = np.random.default_rng(0)
        atoms = [Atom("Si", xyz, Uisoequiv=0.01) for xyz in rng.random((3, 3))]
        structure = Structure(atoms, Lattice(30, 30, 30, 90, 90, 90))
        phase = Phase("large", space_group=227, structure=structure)
        with pytest.raises(ValueError, match="576 atoms in the cell"):
            Crystal.from_phase(phase)

    def test_diffsims(self):
        """Structure factors know absences and mixed sites."""
        vectors = pytest.importorskip("diffsims.crystallography")
        silicon = crystals.library().where(space_group=227, elements=["Si"])
        silicon = next(c for c in silicon if len(c.elements) == 8)
        g = vectors.ReciprocalLatticeVector(
            phase=silicon.to_phase(),
            hkl=[[1, 1, 1], [2, 0, 0], [2, 2, 2], [4, 0, 0]],
        )
        g.sanitise_phase()
        assert len(g.phase.structure) == 8
        g.calculate_structure_factor()
        factor = np.abs(g.structure_factor)
        assert factor[0] > 1
        assert factor[3] > 1
        np.testing.assert_allclose(factor[1:3], 0, atol=1e-3)

    def test_diffsims_keeps_the_atoms(self):
        vectors = pytest.importorskip("diffsims.crystallography")
        library = crystals.library()
        chosen = [
            library.where(bravais_lattice=lattice)[i]
            for lattice in LATTICES
            for i in (0, 9, 20, -1)
        ]
        chosen += list(library.where(space_group=[161, 167, 194])[::4])
        assert {len(c.elements) for c in chosen} > {2, 4}
        for crystal in chosen:
            g = vectors.ReciprocalLatticeVector(
                phase=crystal.to_phase(), hkl=[[1, 1, 1]]
            )
            g.sanitise_phase()
            assert len(g.phase.structure) == len(crystal.elements), crystal


class TestCif:
    def write(self, path, **changes):
        file = path / "FeAs.cif"
        file.write_text(CIF.format(**{**PNAM, **changes}))
        return file

    def test_other_setting(self, tmp_path):
        pytest.importorskip("spglib")
        crystal = Crystal.from_cif(self.write(tmp_path))
        assert crystal.space_group == 62
        assert crystal.formula in ("FeAs", "AsFe")
        assert len(crystal.elements) == 8
        # P n m a: the mirror is normal to b, the shortest edge here.
        np.testing.assert_allclose(crystal.cell[1], 3.3712, atol=1e-4)
        crystals.check_crystal(crystal)
        u_iso = dict(zip(crystal.elements, crystal.u_iso))
        assert u_iso == pytest.approx({"Fe": 0.005, "As": 0.006})
        again = Crystal.from_phase(crystal.to_phase())
        assert len(again.elements) == 8

    def test_mixed_site(self, tmp_path):
        pytest.importorskip("spglib")
        sites = (
            "Fe Fe 0.0027 0.1993 0.25 0.6 0.005\n"
            "Co Co 0.0027 0.1993 0.25 0.4 0.005\n"
            "As As 0.1992 0.5773 0.25 1 0.006"
        )
        crystal = Crystal.from_cif(self.write(tmp_path, sites=sites))
        assert len(crystal.elements) == 12
        total = {
            e: crystal.occupancies[np.array(crystal.elements) == e].sum()
            for e in ("Fe", "Co", "As")
        }
        assert total == pytest.approx({"Fe": 2.4, "Co": 1.6, "As": 4})
        crystals.check_crystal(crystal)

    def test_missing_displacement(self, tmp_path):
        pytest.importorskip("spglib")
        sites = PNAM["sites"].replace("0.005", "?").replace("0.006", "?")
        file = self.write(tmp_path, sites=sites)
        with pytest.raises(ValueError, match="for As, Fe; give default_u_"):
            Crystal.from_cif(file)
        crystal = Crystal.from_cif(file, default_u_iso=0.007)
        assert crystal.u_iso_assumed
        np.testing.assert_allclose(crystal.u_iso, 0.007)

    def test_wrong_space_group(self, tmp_path):
        pytest.importorskip("spglib")
        file = self.write(tmp_path, operations="'x,y,z'", name="P 1", number=1)
        with pytest.raises(ValueError, match="states space group 1, spglib"):
            Crystal.from_cif(file)


def test_plot(nickel):
    plt = pytest.importorskip("matplotlib.pyplot")
    figure = nickel.plot()
    (axes,) = figure.axes
    assert len(axes.lines) == 12
    # 8 corners and 6 face centres.
    assert axes.collections[0].get_offsets().shape[0] == 14
    assert nickel.plot(axes) is figure
    plt.close(figure)
