# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Crystals to and from orix phases and CIF files."""

from pathlib import Path

import numpy as np
from diffpy.structure import Atom, Lattice, Structure
from orix.crystal_map import Phase

from ._crystal import MAX_ATOMS, Crystal
from ._sites import operations, orbit
from ._spglib import symmetry_dataset


def phase_from_crystal(crystal: Crystal) -> Phase:
    """Return an orix phase with all atoms of a crystal."""
    lattice = Lattice(base=crystal.matrix)
    atoms = [
        Atom(
            element,
            xyz=xyz,
            occupancy=occupancy,
            Uisoequiv=u_iso,
            lattice=lattice,
        )
        for element, xyz, occupancy, u_iso in zip(
            crystal.elements,
            crystal.positions,
            crystal.occupancies.tolist(),
            crystal.u_iso.tolist(),
        )
    ]
    structure = Structure(atoms, lattice=lattice, title=crystal.name)
    phase = Phase(
        name=crystal.name,
        space_group=crystal.space_group,
        structure=structure,
    )
    # The phase turns coordinates into its frame and back, and so rounds
    # them; diffsims then takes an atom and its own image at 1 - 1e-16
    # for two.
    for atom, xyz in zip(phase.structure, crystal.positions):
        atom.xyz = xyz.copy()
    return phase


def crystal_from_phase(
    phase: Phase, default_u_iso: float | None = None
) -> Crystal:
    """Return the crystal of a phase; see :meth:`Crystal.from_phase`."""
    name = phase.name
    if phase.space_group is None:
        raise ValueError(
            f"phase {name!r} has no space group; give one with "
            "phase.space_group = 225, for example"
        )
    number = phase.space_group.number
    if not 1 <= number <= 230 or not _is_standard(phase.space_group):
        raise ValueError(
            f"phase {name!r} has space group {phase.space_group.short_name!r} "
            f"(number {number}), expected the standard setting of one of "
            "1 to 230"
        )
    _require_atoms(name, len(phase.structure))
    cell = tuple(float(v) for v in phase.structure.lattice.abcABG())
    _require_metric(name, number, cell)

    matrix = Crystal.matrix_of(cell)
    atoms: list[tuple] = []
    positions: list[np.ndarray] = []
    for atom in phase.structure:
        element = _symbol(name, atom.element)
        for xyz in orbit(number, matrix, np.asarray(atom.xyz, dtype=float)):
            steps = np.array(positions).reshape(-1, 3) - xyz
            steps = (steps - np.rint(steps)) @ matrix
            here = np.flatnonzero(np.linalg.norm(steps, axis=1) < 0.05)
            # The phase may hold more than its asymmetric unit.
            if any(atoms[i][0] == element for i in here):
                continue
            atoms.append((element, atom.occupancy, atom.Uisoequiv))
            positions.append(xyz)
        _require_atoms(name, len(atoms))

    elements, occupancies, u_iso = zip(*atoms)
    u_iso, assumed = _filled(name, elements, u_iso, default_u_iso)
    return Crystal(
        name=name,
        space_group=number,
        cell=cell,
        elements=elements,
        positions=np.array(positions),
        occupancies=np.array(occupancies, dtype=float),
        u_iso=u_iso,
        u_iso_assumed=assumed,
    )


def crystal_from_cif(
    path: Path, default_u_iso: float | None = None
) -> Crystal:
    """Return the crystal in a CIF file; see :meth:`Crystal.from_cif`."""
    from diffpy.structure.parsers.p_cif import P_cif

    parser = P_cif()
    # diffpy fills the cell with the operations listed in the file, so
    # the atoms are right whatever the setting.
    structure = parser.parseFile(str(path))
    name = path.stem
    stated = getattr(parser.spacegroup, "number", None)
    if stated is None:
        raise ValueError(f"{path} states no space group")
    stated %= 1000  # diffpy numbers other settings 1000 + n, 2000 + n, ...
    _require_atoms(name, len(structure))

    elements = [_symbol(name, atom.element) for atom in structure]
    occupancies = np.array([float(atom.occupancy) for atom in structure])
    u_iso, assumed = _filled(
        name, elements, [atom.Uisoequiv for atom in structure], default_u_iso
    )
    # Atoms sharing a site are one kind of atom to spglib: their mixture.
    matrix = np.array(structure.lattice.base)
    sites, members = _shared_sites(structure.xyz, matrix)
    kinds: dict[tuple, int] = {}
    types = []
    for group in members:
        mixture = sorted(
            (elements[i], round(occupancies[i], 3), round(u_iso[i], 4))
            for i in group
        )
        types.append(kinds.setdefault(tuple(mixture), len(kinds) + 1))
    dataset = symmetry_dataset(matrix, sites, np.array(types), symprec=0.02)
    if dataset is None or dataset.number != stated:
        found = 0 if dataset is None else dataset.number
        raise ValueError(
            f"{path} states space group {stated}, spglib finds {found}"
        )

    mixtures = {kind: mixture for mixture, kind in kinds.items()}
    atoms = [
        (*atom, xyz)
        for kind, xyz in zip(dataset.std_types, dataset.std_positions)
        for atom in mixtures[kind]
    ]
    elements, occupancies, u_iso, positions = zip(*atoms)
    _require_atoms(name, len(elements))
    lattice = Lattice(base=dataset.std_lattice)
    return Crystal(
        name=name,
        space_group=stated,
        cell=tuple(float(v) for v in lattice.abcABG()),
        elements=elements,
        positions=np.array(positions) % 1.0,
        occupancies=np.array(occupancies, dtype=float),
        u_iso=np.array(u_iso, dtype=float),
        u_iso_assumed=assumed,
    )


def _shared_sites(
    xyz: np.ndarray, matrix: np.ndarray
) -> tuple[np.ndarray, list[list[int]]]:
    """Sites of a cell and, for each, the atoms that share it."""
    sites: list[np.ndarray] = []
    members: list[list[int]] = []
    for i, position in enumerate(np.asarray(xyz, dtype=float)):
        steps = np.array(sites).reshape(-1, 3) - position
        steps = (steps - np.rint(steps)) @ matrix
        here = np.flatnonzero(np.linalg.norm(steps, axis=1) < 0.05)
        if here.size:
            members[here[0]].append(i)
        else:
            sites.append(position)
            members.append([i])
    return np.array(sites), members


def _is_standard(space_group) -> bool:
    """Whether a diffpy space group is in the standard setting."""
    from diffpy.structure.spacegroups import GetSpaceGroup

    return space_group == GetSpaceGroup(space_group.number) or (
        space_group.short_name == GetSpaceGroup(space_group.number).short_name
    )


def _require_atoms(name: str, n: int) -> None:
    if not 1 <= n <= MAX_ATOMS:
        raise ValueError(
            f"phase {name!r} has {n} atoms in the cell, expected 1 to "
            f"{MAX_ATOMS}"
        )


def _require_metric(name: str, number: int, cell: tuple) -> None:
    """Raise an error unless the space group leaves the cell as it is."""
    matrix = Crystal.matrix_of(cell)
    metric = matrix @ matrix.T
    rotations, _ = operations(number)
    images = np.swapaxes(rotations, 1, 2) @ metric @ rotations
    if np.abs(images - metric).max() > 1e-3 * metric.max():
        raise ValueError(
            f"phase {name!r}: space group {number} does not allow the cell "
            f"{tuple(round(v, 4) for v in cell)} in its standard setting"
        )


def _symbol(name: str, element: str | int) -> str:
    """Chemical symbol without charge, such as "O" for "O2-"."""
    symbol = str(element).rstrip("0123456789+-").capitalize()
    from ._radii import RADII

    if symbol not in RADII:
        raise ValueError(
            f"phase {name!r}: {element!r} is not the symbol of an element"
        )
    return symbol


def _filled(
    name: str, elements, u_iso, default: float | None
) -> tuple[np.ndarray, bool]:
    """Mean-square displacements without gaps, and whether there were."""
    values = np.array([float(u) for u in u_iso])
    missing = ~(values > 0)
    if not missing.any():
        return values, False
    if default is None:
        without = sorted({e for e, m in zip(elements, missing) if m})
        raise ValueError(
            f"phase {name!r}: no mean-square displacement (Debye-Waller "
            f"factor) for {', '.join(without)}; give default_u_iso, such as "
            "0.006, in ångström squared, to assume one"
        )
    return np.where(missing, default, values), True
