# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The library of real crystals."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, lru_cache
from importlib.resources import files
from importlib.resources.abc import Traversable

import numpy as np

from kikuchipy_symml.symmetry import class_index, class_names

from ._crystal import Crystal
from ._sites import orbit

# Mean-square displacement in ångström squared of atoms for which none
# was published: B = 0.47 Å^2, typical of metals and oxides at room
# temperature. Crystals that use it have `u_iso_assumed` set.
DEFAULT_U_ISO = 0.006

SPLITS = ("train", "seen_type", "unseen_type")


@lru_cache(maxsize=1)
def _entries() -> tuple[dict, ...]:
    """Entries of the data file; its README describes the fields."""
    return tuple(json.loads(_data("crystals.json").read_text("utf-8")))


@cache
def _crystal(index: int) -> Crystal:
    """Crystal of one entry, with all atoms of the cell."""
    return _with_all_atoms(_entries()[index])


def _with_all_atoms(entry: dict) -> Crystal:
    cell = tuple(map(float, entry["cell"]))
    matrix = Crystal.matrix_of(cell)
    elements: list[str] = []
    positions, occupancies, u_iso = [], [], []
    for element, _, x, y, z, occupancy, u in entry["sites"]:
        xyz = np.array([x, y, z], dtype=float)
        # 0.333333 means 1/3, and 0.666667 means 2/3.
        fraction = np.rint(xyz * 6) / 6
        xyz = np.where(np.abs(xyz - fraction) < 1e-6, fraction, xyz)
        atoms = orbit(entry["space_group"], matrix, xyz)
        elements += [element] * len(atoms)
        positions.append(atoms)
        occupancies += [occupancy] * len(atoms)
        u_iso += [DEFAULT_U_ISO if u is None else u] * len(atoms)
    return Crystal(
        name=entry["name"],
        space_group=entry["space_group"],
        cell=cell,
        elements=tuple(elements),
        positions=np.concatenate(positions),
        occupancies=np.array(occupancies, dtype=float),
        u_iso=np.array(u_iso, dtype=float),
        structure_type=entry["structure_type"],
        citation=entry["citation"],
        u_iso_assumed=any(site[-1] is None for site in entry["sites"]),
    )


class CrystalList(Sequence[Crystal]):
    """Crystals of the library, by position or by name.

    Atoms are filled in when a crystal is first asked for, so a list is
    quick to make and to search.

    Parameters
    ----------
    indices
        Positions of the crystals in the library.

    Examples
    --------
    >>> from kikuchipy_symml import crystals
    >>> nickel = crystals.library()["Ni"]
    >>> nickel.space_group
    225
    """

    def __init__(self, indices: Iterable[int]) -> None:
        self._indices = tuple(indices)

    def __len__(self) -> int:
        return len(self._indices)

    def __getitem__(self, key: int | str | slice):
        if isinstance(key, slice):
            return CrystalList(self._indices[key])
        if isinstance(key, str):
            key = self._position(key)
        return _crystal(self._indices[key])

    def __iter__(self) -> Iterator[Crystal]:
        return map(_crystal, self._indices)

    def __contains__(self, item: object) -> bool:
        if isinstance(item, str):
            return item in self.names
        return any(item is crystal for crystal in self)

    def __repr__(self) -> str:
        header = (
            "name",
            "formula",
            "lattice",
            "space group",
            "structure type",
        )
        rows = [header]
        for entry in self._entries():
            rows.append(
                (
                    entry["name"],
                    entry["formula"],
                    _lattice(entry),
                    str(entry["space_group"]),
                    entry["structure_type"],
                )
            )
        if len(rows) > 41:
            rows = rows[:21] + [("...",) * len(header)] + rows[-20:]
        widths = [max(map(len, column)) for column in zip(*rows)]
        lines = [f"CrystalList of {len(self)} crystals"]
        for row in rows:
            cells = (text.ljust(w) for text, w in zip(row, widths))
            lines.append("  ".join(cells).rstrip())
        return "\n".join(lines)

    def _entries(self) -> list[dict]:
        return [_entries()[i] for i in self._indices]

    def _position(self, name: str) -> int:
        try:
            return self.names.index(name)
        except ValueError:
            alike = [n for n in self.names if name.lower() in n.lower()]
            raise KeyError(
                f"no crystal is named {name!r}; names that hold it: {alike}"
            ) from None

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the crystals, each different."""
        return tuple(entry["name"] for entry in self._entries())

    def where(
        self,
        *,
        bravais_lattice: str | Iterable[str] | None = None,
        space_group: int | Iterable[int] | None = None,
        elements: Iterable[str] | None = None,
        structure_type: str | None = None,
    ) -> "CrystalList":
        """Return the crystals that meet all given conditions.

        Parameters
        ----------
        bravais_lattice
            Pearson letters, such as "cF", one or several.
        space_group
            International numbers, one or several.
        elements
            Chemical symbols of which the crystal may be made; it need
            not hold all of them.
        structure_type
            Label of the structure type.

        Returns
        -------
        crystals
            In the order of this list.

        Raises
        ------
        ValueError
            If *bravais_lattice* is none of the 14.
        """
        groups = None if space_group is None else _as_set(space_group)
        lattices = None
        if bravais_lattice is not None:
            lattices = _as_set(bravais_lattice)
            known = class_names("bravais_lattice")
            if not lattices <= set(known):
                wrong = (lattices - set(known)).pop()
                raise ValueError(
                    f"{wrong!r} is not one of the Bravais lattices {known}"
                )
        allowed = None if elements is None else _as_set(elements)
        return CrystalList(
            index
            for index, entry in zip(self._indices, self._entries())
            if (groups is None or entry["space_group"] in groups)
            and (lattices is None or _lattice(entry) in lattices)
            and (allowed is None or _elements(entry) <= allowed)
            and structure_type in (None, entry["structure_type"])
        )


def _as_set(values) -> set:
    """Set of one or several values."""
    if isinstance(values, (str, int, np.integer)):
        return {values}
    return set(values)


def _lattice(entry: dict) -> str:
    index = class_index("bravais_lattice")[entry["space_group"] - 1]
    return class_names("bravais_lattice")[index]


def _elements(entry: dict) -> set[str]:
    return {site[0] for site in entry["sites"]}


def library() -> CrystalList:
    """Return the library of real crystals.

    Returns
    -------
    crystals
        All of them, in the standard setting of their space group: unique
        axis *b*, cell choice 1, origin choice 1, hexagonal axes.
    """
    return CrystalList(range(len(_entries())))


@lru_cache(maxsize=1)
def library_fingerprint() -> str:
    """Return a hash of the library, other after any change to it."""
    return _fingerprint("crystals.json")


@lru_cache(maxsize=1)
def prototypes() -> tuple[Crystal, ...]:
    """Return crystals of structure types that the library has not, or
    only with sites that are partly full.

    They are there to make up crystals of (:func:`decorated`): networks
    are not trained on them as they are, and not scored on them. None is
    of a structure type in the "unseen_type" part of :func:`split`, and
    none is a crystal that is kept from training.

    Returns
    -------
    crystals
        In the standard setting of their space group, as in the
        :func:`library`. The first 797 are minerals, the others structures
        that spglib was tested with, each ordered by space group and name;
        others are only ever added at the end. Sites that were
        published as more than 0.4 full are full, with their main element,
        others and hydrogen are left out. Names may occur more than once.
    """
    entries = json.loads(_data("prototypes.json").read_text("utf-8"))
    crystals = []
    for entry in entries:
        sites = [
            [element, "", x, y, z, 1.0, None]
            for element, x, y, z in entry["sites"]
        ]
        crystals.append(
            _with_all_atoms(
                entry | {"sites": sites, "structure_type": entry["name"]}
            )
        )
    return tuple(crystals)


def prototypes_fingerprint(number: int) -> str:
    """Return a hash of the first prototypes, other after any change to
    them.

    Raises
    ------
    ValueError
        If there are not so many.
    """
    first, *lines, last = _data("prototypes.json").read_bytes().splitlines()
    if number > len(lines):
        raise ValueError(
            f"prototypes must be at most {len(lines)}, of as many as there "
            f"are, not {number}"
        )
    lines = [line.removesuffix(b",") for line in lines[:number]]
    text = b"\n".join([first, b",\n".join(lines), last, b""])
    return hashlib.sha256(text).hexdigest()[:16]


def _data(name: str) -> Traversable:
    """File of the data folder."""
    return files(__package__).joinpath("data", name)


def _fingerprint(name: str) -> str:
    return hashlib.sha256(_data(name).read_bytes()).hexdigest()[:16]


@lru_cache(maxsize=1)
def measured_phases() -> frozenset[tuple[str, int]]:
    """Return the phases that are kept for measuring.

    Returns
    -------
    phases
        Formula and space group of phases of which there are EMsoft
        master patterns or measured patterns to test networks with. No
        crystal of the library with one of these pairs is in the "train"
        part of :func:`split`.
    """
    text = _data("measured_phases.json").read_text("utf-8")
    phases = json.loads(text)["phases"]
    return frozenset((formula, number) for formula, number in phases)


def split() -> dict[str, CrystalList]:
    """Return the library in three parts, always the same.

    Returns
    -------
    parts
        "train": crystals to train with. "seen_type": crystals kept out
        of training, each of a structure type that is in it.
        "unseen_type": crystals of structure types kept out of training
        as a whole.

    Notes
    -----
    Crystals of the same composition and space group are in the same
    part. Phases of :func:`measured_phases` are never in "train". The
    part of each crystal is a field of the data file, so that crystals
    added later move no others.
    """
    return {
        part: CrystalList(
            i for i, entry in enumerate(_entries()) if entry["split"] == part
        )
        for part in SPLITS
    }
