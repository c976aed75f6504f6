# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every crystal of the library is what its entry says."""

import re
from collections import Counter, defaultdict
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from orix.crystal_map import PhaseList

pytest.importorskip("spglib")

from kikuchipy_symml import crystals, symmetry
from kikuchipy_symml.crystals._library import _entries
from kikuchipy_symml.crystals._sites import operations, orbit

pytestmark = pytest.mark.filterwarnings("ignore:Set OLD_ERROR_HANDLING")

SHARED = Path(__file__).parents[3] / "shared" / "data"
LATTICES = symmetry.class_names("bravais_lattice")


def amounts(formula: str) -> dict[str, float]:
    """Elements of a formula without brackets and their amounts."""
    found = re.findall(r"([A-Z][a-z]?)(\d*\.?\d*)", formula)
    assert "".join(e + n for e, n in found) == formula
    return {element: float(number or 1) for element, number in found}


def composition(entry: dict) -> tuple:
    """Elements and their whole amounts: the main one of each site."""
    main: dict[tuple, tuple] = {}
    for element, letter, *xyz, occupancy, _ in entry["sites"]:
        site = (letter, *xyz)
        main[site] = max(main.get(site, (0, "")), (occupancy, element))
    count: Counter = Counter()
    for (letter, *_), (_, element) in main.items():
        count[element] += int(letter.rstrip("abcdefghijklmnopqrstuvwxyzA"))
    divisor = np.gcd.reduce(list(count.values()))
    return tuple(sorted((e, n // divisor) for e, n in count.items()))


def similar(crystal: crystals.Crystal, formula: dict[str, float]) -> bool:
    """Whether the amount of no element differs by 5 % or more."""
    own: Counter = Counter()
    for element, occupancy in zip(crystal.elements, crystal.occupancies):
        own[element] += occupancy / crystal.occupancies.sum()
    total = sum(formula.values())
    return all(
        abs(own[e] - formula.get(e, 0) / total) < 0.05
        for e in {*own, *formula}
    )


@pytest.fixture(scope="module")
def library():
    return crystals.library()


@pytest.fixture(scope="module")
def parts():
    return crystals.split()


class TestCoverage:
    def test_number(self, library):
        assert len(library) >= 350
        assert len(set(library.names)) == len(library)

    def test_bravais_lattices(self, library):
        for lattice in LATTICES:
            found = library.where(bravais_lattice=lattice)
            types = {crystal.structure_type for crystal in found}
            assert len(found) >= 15, lattice
            assert len(types) >= 8, lattice

    def test_laue_groups(self, library):
        classes = symmetry.class_index("laue_group")
        found = {int(classes[c.space_group - 1]) for c in library}
        assert len(found) == 11

    @pytest.mark.parametrize(
        ("formula", "space_group"),
        [
            ("Ni", 225),
            ("Fe", 229),
            ("Ti", 194),
            ("Si", 227),
            ("NiAl", 221),
            ("TiC", 225),
            ("Al2O3", 167),
            ("ZrO2", 14),
            ("Fe3C", 62),
            ("MgB2", 191),
            ("CaCO3", 167),
            ("SiO2", 154),
            ("NaAlSi3O8", 2),
        ],
    )
    def test_common_phases(self, library, formula, space_group):
        found = library.where(space_group=space_group)
        assert formula in {entry["formula"] for entry in found._entries()}

    def test_size(self):
        data = files("kikuchipy_symml.crystals").joinpath("data")
        assert sum(len(f.read_bytes()) for f in data.iterdir()) < 1_000_000


class TestEntries:
    def test_space_group(self, library):
        wrong = {}
        for crystal in library:
            found = crystals.detected_space_group(crystal)
            if found != crystal.space_group:
                wrong[crystal.name] = (crystal.space_group, found)
        assert wrong == {}

    def test_contacts(self, library):
        near = {}
        for crystal in library:
            contact = crystals.closest_contact(crystal)
            # Further apart than this, the cell is too large.
            if not 0.7 <= contact < 1.6:
                near[crystal.name] = round(contact, 2)
        assert near == {}

    def test_sites(self, library):
        for entry, crystal in zip(_entries(), library):
            total = 0
            for _, letter, x, y, z, *_ in entry["sites"]:
                atoms = orbit(
                    crystal.space_group, crystal.matrix, np.array([x, y, z])
                )
                assert str(len(atoms)) == letter.rstrip(
                    "abcdefghijklmnopqrstuvwxyzA"
                ), (crystal.name, letter)
                total += len(atoms)
            assert total == len(crystal.elements)

    def test_cell_of_crystal_family(self, library):
        """The space group leaves the metric as it is."""
        for crystal in library:
            metric = crystal.matrix @ crystal.matrix.T
            rotations, _ = operations(crystal.space_group)
            images = np.swapaxes(rotations, 1, 2) @ metric @ rotations
            np.testing.assert_allclose(
                images, np.broadcast_to(metric, images.shape), atol=1e-6
            )

    def test_formula(self, library):
        """The formula is that of the sites, hydrogen aside."""
        for entry, crystal in zip(_entries(), library):
            stated = amounts(entry["formula"])
            counted: Counter = Counter()
            for e, o in zip(crystal.elements, crystal.occupancies):
                counted[e] += o
            if "H" not in counted:
                stated.pop("H", None)
            assert set(stated) == set(counted), entry["name"]
            ratio = sum(counted.values()) / sum(stated.values())
            for element, amount in stated.items():
                assert amount * ratio == pytest.approx(
                    counted[element], rel=0.03, abs=0.02 * ratio
                ), entry["name"]

    def test_shared_sites_are_not_overfull(self, library):
        for crystal in library:
            ticks = np.rint(crystal.positions * 1e4).astype(int) % 10_000
            _, site = np.unique(ticks, axis=0, return_inverse=True)
            total = np.bincount(site.ravel(), crystal.occupancies)
            assert total.max() < 1.01, crystal.name

    def test_citation(self):
        for entry in _entries():
            assert re.search(r"\d{4}", entry["citation"]), entry["name"]

    def test_structure_type_has_one_space_group(self):
        groups = defaultdict(set)
        for entry in _entries():
            groups[entry["structure_type"]].add(entry["space_group"])
        assert max(map(len, groups.values())) == 1

    def test_same_occupied_sites_same_structure_type(self):
        """Labels are neither split nor merged, as far as letters tell."""
        types = defaultdict(set)
        for entry in _entries():
            if entry["space_group"] < 16:
                continue  # letters depend on the choice of origin
            letters = sorted({(s[1], *s[2:5]) for s in entry["sites"]})
            key = (entry["space_group"], *(s[0] for s in letters))
            types[key].add(entry["structure_type"])
        assert all(len(labels) == 1 for labels in types.values())

    def test_assumed_displacements_are_marked(self, library):
        for entry, crystal in zip(_entries(), library):
            unknown = [site[-1] is None for site in entry["sites"]]
            assert crystal.u_iso_assumed == any(unknown)
            if all(unknown):
                assert set(crystal.u_iso) == {crystals.DEFAULT_U_ISO}
        known = sum(not crystal.u_iso_assumed for crystal in library)
        assert known > 200

    @pytest.mark.parametrize(
        ("name", "pair", "distance"),
        [
            ("Quartz", ("Si", "O"), 1.61),
            ("Corundum", ("Al", "O"), 1.855),
            ("Calcite", ("C", "O"), 1.28),
            ("Forsterite", ("Si", "O"), 1.62),
        ],
    )
    def test_bond_lengths(self, library, name, pair, distance):
        found = [n for n in library.names if n.split(" (")[0] == name]
        assert found
        for each in found:
            crystal = library[each]
            elements = np.array(crystal.elements)
            a = crystal.positions[elements == pair[0]][:, np.newaxis]
            b = crystal.positions[elements == pair[1]]
            steps = a - b - np.rint(a - b)
            shortest = np.linalg.norm(steps @ crystal.matrix, axis=-1).min()
            assert shortest == pytest.approx(distance, abs=0.03)


class TestSplit:
    def test_parts_make_up_the_library(self, library, parts):
        assert tuple(parts) == crystals.SPLITS
        names = [name for part in parts.values() for name in part.names]
        assert sorted(names) == sorted(library.names)

    def test_every_lattice_in_every_part(self, parts):
        for lattice in LATTICES:
            n = {
                part: len(found.where(bravais_lattice=lattice))
                for part, found in parts.items()
            }
            assert min(n.values()) >= 3, (lattice, n)
            assert n["train"] > n["seen_type"] + n["unseen_type"]

    def test_structure_types(self, parts):
        types = {
            part: {entry["structure_type"] for entry in found._entries()}
            for part, found in parts.items()
        }
        assert types["seen_type"] <= types["train"]
        assert not types["unseen_type"] & types["train"]
        assert not types["unseen_type"] & types["seen_type"]

    def test_no_phase_on_both_sides(self, parts):
        sides = defaultdict(set)
        for part, found in parts.items():
            for entry in found._entries():
                key = (composition(entry), entry["space_group"])
                sides[key].add(part == "train")
        assert len(sides) > 300
        assert [key for key, side in sides.items() if len(side) > 1] == []

    def test_measured_phases_are_not_in_train(self, parts):
        """Nor are mixed crystals of which they are the main part."""
        measured = {
            (tuple(sorted(amounts(formula).items())), number)
            for formula, number in crystals.measured_phases()
        }
        held_out = set()
        for part, found in parts.items():
            for entry, crystal in zip(found._entries(), found):
                number = entry["space_group"]
                keys = {(composition(entry), number)} & measured
                for pairs, group in measured:
                    if group == number and similar(crystal, dict(pairs)):
                        keys.add((pairs, group))
                assert not keys or part != "train", entry["name"]
                held_out |= keys
        assert held_out == measured

    @pytest.mark.parametrize("name", ["emsoft_masters", "measured"])
    def test_measured_phases_are_listed(self, name):
        path = SHARED / f"{name}.h5"
        if not path.exists():
            pytest.skip(f"{path} is not there")
        h5py = pytest.importorskip("h5py")
        groups = {}
        with h5py.File(path) as file:
            for dataset in file.values():
                attrs = dataset.attrs
                if "space_group" in attrs:
                    formula = re.match(r"[A-Za-z0-9]+", attrs["phase"])[0]
                    groups[formula] = int(attrs["space_group"])
        listed = {
            (tuple(sorted(amounts(f).items())), n)
            for f, n in crystals.measured_phases()
        }
        assert groups
        for formula, number in groups.items():
            key = (tuple(sorted(amounts(formula).items())), number)
            assert key in listed, formula


class TestCrystalList:
    def test_getitem(self, library):
        assert library[0] is library[library.names[0]]
        assert library[-1].name == library.names[-1]
        assert library[3:5].names == library.names[3:5]
        assert library.names[7] in library
        assert library[2] in library
        with pytest.raises(KeyError, match="no crystal is named 'Unobtain"):
            library["Unobtainium"]

    def test_where(self, library):
        cubic = library.where(bravais_lattice=["cP", "cI", "cF"])
        assert {c.cell[3] for c in cubic} == {90.0}
        oxides = library.where(elements=["Al", "O"], space_group=167)
        assert {c.formula for c in oxides} == {"Al2O3"}
        halite = library.where(structure_type="NaCl (B1)")
        assert {c.space_group for c in halite} == {225}
        with pytest.raises(ValueError, match="'cG' is not"):
            library.where(bravais_lattice="cG")

    def test_repr(self, library):
        text = repr(library[:3])
        assert text.startswith("CrystalList of 3 crystals")
        assert all(name in text for name in library.names[:3])
        assert len(repr(library).splitlines()) < 50

    def test_crystals_cannot_be_changed(self, library):
        with pytest.raises(ValueError, match="read-only"):
            library[0].positions[0] = 0.5


class TestMatching:
    def test_names(self):
        found = crystals.matching(["cF", "cI"], elements=["Fe"])
        assert isinstance(found, PhaseList)
        groups = sorted(phase.space_group.number for _, phase in found)
        assert groups == [225, 229]

    def test_level(self):
        found = crystals.matching("m-3m", elements=["Si"], level="laue_group")
        classes = symmetry.class_index("laue_group")
        m3m = classes[225 - 1]
        numbers = [phase.space_group.number for _, phase in found]
        assert 227 in numbers
        assert all(classes[number - 1] == m3m for number in numbers)

    def test_phase_list(self):
        phases = PhaseList(names=["a", "b"], space_groups=[227, 229])
        found = crystals.matching(phases, elements=["Si", "Fe"])
        groups = {phase.space_group.number for _, phase in found}
        assert groups == {227, 229}
        coarse = crystals.matching(
            phases, elements=["Si", "Fe"], level="crystal_system"
        )
        assert len(coarse.names) > len(found.names)

    def test_symmetry_phase_list(self):
        p = np.zeros((2, 230), dtype=np.float32)
        p[:, 224] = 1
        found = symmetry.SymmetryPhaseList(p, level="bravais_lattice")
        matched = crystals.matching(found, elements=["Ni", "Si"])
        numbers = {phase.space_group.number for _, phase in matched}
        assert {225, 227} <= numbers
        assert numbers <= set(
            symmetry.space_groups_of("bravais_lattice", "cF").tolist()
        )

    def test_errors(self):
        with pytest.raises(ValueError, match="no level has all of"):
            crystals.matching(["cF", "nonsense"])
        with pytest.raises(ValueError, match="has no space group"):
            crystals.matching(PhaseList(names=["a"], point_groups=["m-3m"]))
