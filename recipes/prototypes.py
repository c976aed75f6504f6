# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Choose the structure types that crystals for training are made up of.

    pip download --no-deps xraylarch==0.9.81
    unzip xraylarch-*.whl larch/xrd/amcsd_cif1.db
    pip download --no-deps --no-binary :all: spglib==2.0.2
    tar xzf spglib-2.0.2.tar.gz
    python recipes/prototypes.py larch/xrd/amcsd_cif1.db spglib-2.0.2/test/data

writes kikuchipy_symml/crystals/data/prototypes.json, from the American
Mineralogist Crystal Structure Database in the file that older versions of
xraylarch come with, and from the structures of all space groups that spglib
was tested with, and prints what became of them. One crystal is
taken of each structure type that the training part of the library has not.
None is of a type of the part "unseen_type", and none a crystal that is kept
for evaluation.
"""

import argparse
import base64
import json
import re
import sqlite3
from collections import Counter, defaultdict
from functools import cache
from multiprocessing import Pool
from pathlib import Path

import numpy as np
import spglib

from kikuchipy_symml.crystals import (
    Crystal,
    closest_contact,
    decorated,
    detected_space_group,
    measured_phases,
    split,
)
from kikuchipy_symml.crystals._formula import formula
from kikuchipy_symml.crystals._library import DEFAULT_U_ISO
from kikuchipy_symml.crystals._metric import cell_parameters
from kikuchipy_symml.crystals._radii import RADII
from kikuchipy_symml.crystals._sites import orbit
from kikuchipy_symml.training._identity import identity, identity_of

OUTPUT = (
    Path(__file__).parents[1] / "kikuchipy_symml/crystals/data/prototypes.json"
)
MAX_SITES = 40
MAX_ATOMS = 160
# A site that is no fuller than this is left out, others are taken for full.
EMPTY = 0.4
# Å: published coordinates are rounded, split sites are one.
SAME_SITE = 0.05
# Å: within this no higher symmetry must be found.
COARSE = 0.1
ENANTIOMORPHS = {
    78: 76, 95: 91, 96: 92, 145: 144, 153: 151, 154: 152,
    170: 169, 172: 171, 181: 180, 213: 212,
}  # fmt: skip

TESTS = "A. Togo, tests of spglib 2.0.2 (2022)"
# Folders of spglib's structures that are real ones.
SYSTEMS = (
    "triclinic",
    "monoclinic",
    "orthorhombic",
    "tetragonal",
    "trigonal",
    "hexagonal",
    "cubic",
)

QUERY = """
select m.name, c.atoms_sites, c.atoms_x, c.atoms_y, c.atoms_z,
    c.atoms_occupancy, s.symmetry_xyz, c.a, c.b, c.c, c.alpha, c.beta,
    c.gamma, p.journalname, p.volume, p.year, p.page_first, p.id
from cif c
join spacegroups s on s.id = c.spacegroup_id
join minerals m on m.id = c.mineral_id
join publications p on p.id = c.publication_id
order by c.id
"""
AUTHORS = """
select a.name from authors a
join publication_authors b on b.author_id = a.id where b.publication_id = ?
"""


def main() -> None:
    """Choose, and write the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("database", type=Path)
    parser.add_argument("structures", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=OUTPUT)
    args = parser.parse_args()

    parts = split()
    known = {type_of(c) for c in parts["train"]}
    kept = {sites_of(c) for c in parts["unseen_type"]}
    held_out = [*parts["seen_type"], *parts["unseen_type"]]
    taken = {identity(*i) for i in measured_phases()}
    taken |= {identity_of(c) for c in held_out}
    count: Counter = Counter()
    chosen: dict[tuple, Crystal] = {}
    again: Counter = Counter()
    read_in = []
    for row, citation in rows(args.database):
        # Of a mineral with the same sites two samples will do.
        sites = tuple(sorted(map(str, map(element_of, json.loads(row[1])))))
        again[row[0], row[6], sites] += 1
        if again[row[0], row[6], sites] > 2:
            count["another sample"] += 1
        else:
            read_in.append((row, citation))
    files = sorted(
        path
        for system in SYSTEMS
        for path in (args.structures / system).glob("POSCAR-*")
    )
    with Pool() as pool:
        found = pool.starmap(read, read_in, chunksize=20)
        found += pool.map(read_file, files, chunksize=20)
    for crystal, why_not in found:
        if crystal is None:
            count[why_not] += 1
            continue
        key = type_of(crystal)
        if sites_of(crystal) in kept:
            count["of a type that is kept for evaluation"] += 1
        elif identity_of(crystal) in taken or any(
            same_cell(crystal, c) for c in held_out
        ):
            count["a crystal that is kept for evaluation"] += 1
        elif key in known:
            count["of a type that the training part has"] += 1
        elif key in chosen:
            count["of a type that was chosen before"] += 1
        elif not takes_other_elements(crystal):
            count["takes no other elements"] += 1
        else:
            count["chosen"] += 1
            chosen[key] = crystal
    for what, n in count.most_common():
        print(f"{n:6d} {what}")
    # Recipes say how many they take: others come at the end.
    ordered = sorted(
        chosen.values(),
        key=lambda c: (c.citation == TESTS, c.space_group, c.name),
    )
    lines = [
        json.dumps(entry(c), separators=(",", ":"), ensure_ascii=False)
        for c in ordered
    ]
    args.output.write_text("[\n" + ",\n".join(lines) + "\n]\n", "utf-8")


def rows(database: Path):
    """Yield the rows of a database, and where each was published."""
    connection = sqlite3.connect(database)
    for *row, publication in connection.execute(QUERY).fetchall():
        authors = [a for (a,) in connection.execute(AUTHORS, (publication,))]
        journal, volume, year, page = row[-4:]
        who = authors[0] if authors else "Anonymous"
        if len(authors) == 2:
            who += f", {authors[1]}"
        elif len(authors) > 2:
            who += " et al."
        yield row[:-4], f"{who}, {journal} {volume} ({year}) {page}"


def read(row, citation: str) -> tuple[Crystal | None, str]:
    """Return the crystal of a row in the standard setting, or why there is
    none."""
    name, labels, *xyz, occupancies, operations = row[:7]
    labels = json.loads(labels)
    if len(labels) > MAX_SITES:
        return None, "too many sites"
    elements = [element_of(label) for label in labels]
    if None in elements:
        return None, "unknown elements"
    xyz = np.stack([numbers(i, len(labels)) for i in xyz], axis=1)
    if np.abs(xyz).max() >= 2:
        return None, "unknown coordinates"
    occupancies = numbers(occupancies, len(labels), 1.0)
    try:
        cell = tuple(float(str(i).strip(" ,?")) for i in row[7:13])
    except ValueError:
        return None, "no cell"
    matrix = Crystal.matrix_of(cell)
    sites = merged(elements, exact(xyz), occupancies, matrix)
    if not sites:
        return None, "no full sites"
    rotations, translations = parsed(operations)
    kinds, positions = [], []
    for element, x in sites:
        images = distinct(rotations @ x + translations, matrix)
        kinds += [element] * len(images)
        positions.append(images)
    return in_standard_setting(
        name, matrix, np.concatenate(positions), kinds, citation
    )


def read_file(path: Path) -> tuple[Crystal | None, str]:
    """Return the crystal of a structure that spglib was tested with in the
    standard setting, or why there is none. Its elements are in comments."""
    lines = path.read_text().splitlines()
    matrix = np.array([line.split() for line in lines[2:5]], float)
    matrix *= float(lines[1])
    atoms = [line.split() for line in lines[7:] if line.strip()]
    elements = [element_of(atom[-1]) for atom in atoms]
    if None in elements or len(atoms) != sum(map(int, lines[5].split())):
        return None, "unknown elements"
    if np.linalg.det(matrix) < 0:
        return None, "left-handed"
    sites = merged(
        elements,
        np.array([atom[:3] for atom in atoms], float),
        np.ones(len(atoms)),
        matrix,
    )
    kinds, positions = zip(*sites, strict=True)
    return in_standard_setting(
        "<missing>",
        matrix,
        np.array(positions),
        list(kinds),
        TESTS,
    )


def in_standard_setting(
    name: str,
    matrix: np.ndarray,
    positions: np.ndarray,
    kinds: list[str],
    citation: str,
) -> tuple[Crystal | None, str]:
    """Return the crystal of all atoms of a cell in the standard setting, or
    why there is none."""
    if len(positions) > MAX_ATOMS:
        return None, "too many atoms"
    names = sorted(set(kinds))
    cell = matrix, positions, [names.index(k) for k in kinds]
    numbers_found = {
        getattr(spglib.get_symmetry_dataset(cell, symprec=s), "number", 0)
        for s in (COARSE, 0.02)
    }
    if len(numbers_found) > 1 or 0 in numbers_found:
        return None, "nearly of a higher symmetry"
    (number,) = numbers_found
    data = spglib.get_symmetry_dataset(
        cell, symprec=0.02, hall_number=first_hall()[number]
    )
    if data is None:
        return None, "no standard setting"
    if len(data.std_types) > MAX_ATOMS:
        return None, "too many atoms"
    crystal = standard(name, number, data, names, citation)
    if crystal is None or detected_space_group(crystal) != number:
        return None, "no standard setting"
    if not 0.7 <= closest_contact(crystal) < 1.6:
        return None, "atoms too near or too far"
    return crystal, ""


def standard(name, number, data, names, citation) -> Crystal | None:
    """Return the crystal of what spglib found, built from one site of each
    orbit as the library does, or None if that gives other atoms."""
    matrix = np.array(data.std_lattice)
    cell = tuple(np.round(cell_parameters(matrix @ matrix.T), 4).tolist())
    matrix = Crystal.matrix_of(cell)
    positions, elements = [], []
    left = np.ones(len(data.std_types), bool)
    while left.any():
        first = left.argmax()
        x = np.round(exact(data.std_positions[first]), 5)
        atoms = orbit(number, matrix, exact(x))
        steps = data.std_positions[:, None] - atoms
        off = np.linalg.norm((steps - np.rint(steps)) @ matrix, axis=-1)
        here = off.min(axis=1) < SAME_SITE
        same = data.std_types == data.std_types[first]
        if here.sum() != len(atoms) or not (left & same)[here].all():
            return None
        left &= ~here
        positions.append(atoms)
        elements += [names[data.std_types[first]]] * len(atoms)
    positions = np.concatenate(positions)
    n = len(positions)
    if name == "<missing>":
        name = formula(elements, np.ones(n))
    return Crystal(
        name=name,
        space_group=number,
        cell=cell,
        elements=tuple(elements),
        positions=positions,
        occupancies=np.ones(n),
        u_iso=np.full(n, DEFAULT_U_ISO),
        structure_type=name,
        citation=citation,
        u_iso_assumed=True,
    )


def takes_other_elements(crystal: Crystal) -> bool:
    """Whether crystals can be made up of it, three times in a row."""
    rng = np.random.default_rng(0)
    try:
        for _ in range(3):
            decorated(crystal, rng)
    except (RuntimeError, ValueError):
        return False
    return True


def same_cell(a: Crystal, b: Crystal) -> bool:
    """Whether two crystals have the space group and about the cell in
    common, whatever is said of their atoms."""
    one, other = np.array(a.cell), np.array(b.cell)
    return (
        a.space_group == b.space_group
        and bool(np.all(np.abs(one[:3] / other[:3] - 1) < 0.02))
        and bool(np.all(np.abs(one[3:] - other[3:]) < 1))
    )


def orbits_of(crystal: Crystal) -> list[tuple[str, int, np.ndarray]]:
    """Element, multiplicity and first site of each orbit."""
    out, i = [], 0
    while i < len(crystal.elements):
        x = crystal.positions[i]
        n = len(orbit(crystal.space_group, crystal.matrix, x))
        out.append((crystal.elements[i], n, x))
        i += n
    return out


def type_of(crystal: Crystal) -> tuple:
    """What crystals of one structure type have in common: the space group
    and how many sites each element has in each orbit."""
    by_element = defaultdict(list)
    sites: dict[tuple, str] = {}
    for element, n, x in orbits_of(crystal):
        # Hydrogen is often not located.
        if element == "H":
            continue
        # Of elements that share a site the first one counts.
        if sites.setdefault(tuple(np.round(x, 4)), element) == element:
            by_element[element].append(n)
    return number_of(crystal), tuple(
        sorted(tuple(sorted(i)) for i in by_element.values())
    )


def sites_of(crystal: Crystal) -> tuple:
    """The space group and the sites of all orbits, whatever the elements."""
    number, by_element = type_of(crystal)
    return number, tuple(sorted(n for some in by_element for n in some))


def number_of(crystal: Crystal) -> int:
    """Space group number, that of one of two enantiomorphs for both."""
    return ENANTIOMORPHS.get(crystal.space_group, crystal.space_group)


def entry(crystal: Crystal) -> dict:
    """Line of the file."""
    sites = [
        [element, *(round(float(i), 5) for i in x)]
        for element, _, x in orbits_of(crystal)
    ]
    return {
        "name": crystal.name,
        "formula": formula(crystal.elements, crystal.occupancies),
        "space_group": crystal.space_group,
        "cell": list(crystal.cell),
        "sites": sites,
        "citation": crystal.citation,
    }


def element_of(label: str) -> str | None:
    """Element of the label of a site."""
    if label.startswith(("Wat", "Ow", "OH", "O-H", "O-h")):
        return "O"
    for n in (2, 1):
        symbol = label[:n]
        if re.fullmatch("[A-Z][a-z]?", symbol) and symbol in (*RADII, "D"):
            return "H" if symbol == "D" else symbol
    return None


def numbers(text, n: int, default: float = 0.0) -> np.ndarray:
    """Numbers of a column of the database, in units of 1 / 4 000 000."""
    if text in (0, "0", None):
        return np.full(n, default)
    return np.frombuffer(base64.b64decode(text), "<i4") / 4e6


def exact(xyz: np.ndarray) -> np.ndarray:
    """Coordinates with thirds, sixths and twelfths exact."""
    twelfths = np.rint(xyz * 12) / 12
    return np.where(np.abs(xyz - twelfths) < 6e-4, twelfths, xyz)


def merged(elements, xyz, occupancies, matrix) -> list:
    """Sites that are not nearly empty, with their main element; without
    hydrogen."""
    found: list[tuple[np.ndarray, Counter]] = []
    for element, x, occupancy in zip(elements, xyz, occupancies, strict=True):
        if element == "H":
            continue
        for other, share in found:
            step = x - other
            if np.linalg.norm((step - np.rint(step)) @ matrix) < SAME_SITE:
                break
        else:
            share = Counter()
            found.append((x, share))
        share[element] += occupancy
    return [
        (share.most_common(1)[0][0], x)
        for x, share in found
        if sum(share.values()) > EMPTY
    ]


@cache
def parsed(operations: str) -> tuple[np.ndarray, np.ndarray]:
    """Rotations and translations of operations such as "x,1/2-y,z"."""
    rotations, translations = [], []
    for operation in json.loads(operations):
        rows, shift = [], []
        for part in operation.replace(" ", "").split(","):
            terms = re.findall(r"[+-]?(?:[xyz]|[\d.]+(?:/\d+)?)", part)
            row, t = [0, 0, 0], 0.0
            for term in terms:
                sign = -1 if term.startswith("-") else 1
                term = term.lstrip("+-")
                if term in ("x", "y", "z"):
                    row["xyz".index(term)] += sign
                else:
                    top, _, below = term.partition("/")
                    t += sign * float(top) / float(below or 1)
            rows.append(row)
            shift.append(t)
        rotations.append(rows)
        translations.append(shift)
    return np.array(rotations), np.array(translations)


def distinct(images: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Images of a site, of those that are one the mean."""
    out: list[list] = []
    for x in images:
        for group in out:
            step = x - group[0]
            step -= np.rint(step)
            if np.linalg.norm(step @ matrix) < 2 * SAME_SITE:
                group.append(group[0] + step)
                break
        else:
            out.append([x])
    return np.array([np.mean(group, axis=0) for group in out]) % 1.0


@cache
def first_hall() -> dict[int, int]:
    """Hall number of the first setting of each space group."""
    first: dict[int, int] = {}
    for hall in range(1, 531):
        first.setdefault(spglib.get_spacegroup_type(hall).number, hall)
    return first


if __name__ == "__main__":
    main()
