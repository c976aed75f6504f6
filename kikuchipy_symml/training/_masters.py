# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The set of dynamical master patterns to train with.

Which crystals, one file for each as it is computed, and all of them
packed into one small file.

Axes: ``M`` master patterns, then hemisphere (upper, lower), *y*, *x*.
"""

import json
import re
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kikuchipy_symml import symmetry
from kikuchipy_symml._files import written_whole
from kikuchipy_symml.crystals import Crystal, library, split
from kikuchipy_symml.crystals._metric import primitive_cells
from kikuchipy_symml.simulation._dynamical import (
    dynamical_master,
    has_inversion,
    with_other,
)

from ._identity import identity_of

# Larger cells would take longer than all others together.
_MAX_VOLUME = 200.0
_MAX_ATOMS = 60
# Crystals of one lattice
_MOST = 12
# Electrons of these energies in keV, in turn.
ENERGIES = (20.0, 15.0, 25.0)


def dynamical_crystals(total: int = 102) -> list[Crystal]:
    """Return the crystals of the set, in the order of computation.

    Parameters
    ----------
    total
        Number of crystals, at least 14.

    Returns
    -------
    crystals
        Of the part "train" of :func:`~kikuchipy_symml.crystals.split`,
        fully occupied, the quickest first. At least one of each Bravais
        lattice, two if there are that many to choose, and not more than
        twelve; of these not more than three of a structure type.

    Raises
    ------
    ValueError
        If fewer are asked for than there are lattices.
    """
    names = symmetry.class_names("bravais_lattice")
    if total < len(names):
        raise ValueError(
            f"total must be {len(names)} or more, one of each Bravais "
            f"lattice, not {total}"
        )
    lattice_of = symmetry.class_index("bravais_lattice")
    candidates: dict[str, list[Crystal]] = {name: [] for name in names}
    for crystal in split()["train"]:
        if (
            crystal.occupancies.min() == 1
            and len(crystal.elements) <= _MAX_ATOMS
            and _primitive_volume(crystal) <= _MAX_VOLUME
        ):
            name = names[lattice_of[crystal.space_group - 1]]
            candidates[name].append(crystal)
    ranked = [_quickest(candidates[name]) for name in names]
    # The first of each lattice before the second, then by cost alone.
    rounds = [
        [crystals[i] for crystals in ranked if i < len(crystals)]
        for i in range(2)
    ]
    rest = [crystal for crystals in ranked for crystal in crystals[2:]]
    wanted = [*rounds[0], *rounds[1], *sorted(rest, key=relative_cost)]
    return sorted(wanted[:total], key=relative_cost)


def _quickest(crystals: list[Crystal]) -> list[Crystal]:
    """The quickest crystals of a lattice, few of a structure type."""
    taken: dict[str, Crystal] = {}
    types: Counter = Counter()
    for crystal in sorted(crystals, key=lambda c: (relative_cost(c), c.name)):
        identity = identity_of(crystal)
        new = identity not in taken and types[crystal.structure_type] < 3
        if new and len(taken) < _MOST:
            types[crystal.structure_type] += 1
            taken[identity] = crystal
    return list(taken.values())


def relative_cost(crystal: Crystal) -> float:
    """Return about how long a master pattern takes, in arbitrary units.

    The number of directions goes with one over the order of the point
    group, the time for one with a power of the number of beams, and that
    with the volume of the primitive cell.

    Parameters
    ----------
    crystal
        The crystal.
    """
    from orix.crystal_map import Phase

    order = Phase(space_group=crystal.space_group).point_group.size
    return _primitive_volume(crystal) ** 2 / order


def _primitive_volume(crystal: Crystal) -> float:
    return float(crystal.volume) / primitive_cells(crystal.space_group)


def master_energy(crystal: Crystal) -> float:
    """Return the energy in keV at which the set has a crystal.

    Parameters
    ----------
    crystal
        The crystal. Which of 15, 20 and 25 keV is taken follows from its
        name.
    """
    return ENERGIES[sum(crystal.name.encode()) % len(ENERGIES)]


def master_path(directory: str | Path, crystal: Crystal) -> Path:
    """Return the file in which the master pattern of a crystal is kept.

    Parameters
    ----------
    directory
        Of the set.
    crystal
        The crystal.
    """
    stem = re.sub(r"[^A-Za-z0-9.+-]+", "_", crystal.name).strip("_")
    return Path(directory) / f"{stem}_{crystal.space_group}.npz"


def compute_masters(
    directory: str | Path,
    crystals: list[Crystal],
    *,
    half_width: int = 80,
    energy_step: float | None = None,
    strong: float = 5.0,
    solver: str = "lu_smith",
    minutes: float | None = None,
) -> Iterator[Crystal]:
    """Compute the master patterns that are not there yet.

    Parameters
    ----------
    directory
        Where each is written when it is done, in one step: a run that is
        killed leaves no half files and goes on where it was.
    crystals
        The crystals, see :func:`dynamical_crystals`.
    half_width, energy_step, strong, solver
        See :func:`~kikuchipy_symml.simulation.dynamical_master`.
    minutes
        Begin no other after so many minutes.

    Yields
    ------
    crystal
        Each crystal once it is done, also those that were there. One
        that ebsdsim fails at is passed over with a warning.

    Raises
    ------
    ValueError
        If the directory holds master patterns of another half width,
        energy step or strength.
    """
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    settings = {
        "half_width": half_width,
        "energy_step": energy_step,
        "strong": strong,
    }
    end = np.inf if minutes is None else time.monotonic() + 60 * minutes
    for crystal in crystals:
        path = master_path(directory, crystal)
        if path.exists():
            with np.load(path) as data:
                about = json.loads(str(data["about"]))
            made_with = {key: about[key] for key in settings}
            if made_with != settings:
                raise ValueError(
                    f"{path} was made with {made_with}, not {settings}: give "
                    "those or another directory"
                )
        elif time.monotonic() >= end:
            return
        else:
            try:
                _compute(path, crystal, solver, settings)
            except (ValueError, RuntimeError) as error:
                # Of one crystal: require_ebsdsim() was called before.
                warnings.warn(f"{crystal.name}: {error}", stacklevel=2)
                continue
        yield crystal


def _compute(
    path: Path, crystal: Crystal, solver: str, settings: dict
) -> None:
    energy = master_energy(crystal)
    wall, processor = time.perf_counter(), time.process_time()
    master = dynamical_master(crystal, energy, solver=solver, **settings)
    about = {
        "name": crystal.name,
        "formula": crystal.formula,
        "identity": identity_of(crystal),
        "space_group": crystal.space_group,
        "energy": energy,
        "solver": solver,
        **settings,
        "wall_seconds": round(time.perf_counter() - wall, 1),
        "processor_seconds": round(time.process_time() - processor, 1),
    }
    if has_inversion(crystal.space_group):
        master = master[:1]
    with written_whole(path) as temporary:
        np.savez_compressed(
            temporary,
            hemispheres=master.astype(np.float32),
            about=json.dumps(about),
        )


@dataclass(frozen=True)
class DynamicalMasters:
    """Dynamical master patterns of real crystals.

    Parameters
    ----------
    masters
        Shape (M, 2, size, size), int8: the upper and the lower
        hemisphere, without their mean and scaled so that the largest
        deviation is 127. For
        :func:`~kikuchipy_symml.simulation.draw_patterns`.
    space_groups
        Space group number of each, shape (M,).
    energies
        Energy of the incident electrons of each in keV, shape (M,).
    names
        Name of each in :func:`~kikuchipy_symml.crystals.library`.
    identities
        Formula and space group of each, as the split of crystals knows
        them.
    """

    masters: np.ndarray
    space_groups: np.ndarray
    energies: np.ndarray
    names: list[str]
    identities: list[str]

    def __len__(self) -> int:
        return len(self.names)

    def first(self, number: int) -> "DynamicalMasters":
        """Return the first ones of the file, which were there first.

        Raises
        ------
        ValueError
            If there are not as many.
        """
        if number > len(self):
            raise ValueError(
                f"{number} dynamical master patterns are asked for, there "
                f"are {len(self)}"
            )
        return DynamicalMasters(
            **{key: value[:number] for key, value in vars(self).items()}
        )


def pack_masters(directory: str | Path, path: str | Path) -> int:
    """Write all master patterns of a directory to one small file.

    Parameters
    ----------
    directory
        Of :func:`compute_masters`.
    path
        File to write, \\*.npz. One that is there is replaced in one step;
        what it has stays in its order, and others are added at the end.

    Returns
    -------
    n
        Number of master patterns in it.

    Raises
    ------
    ValueError
        If there are none, they differ in size, or one is of a crystal
        that is not for training.
    """
    allowed = {identity_of(c) for c in split()["train"]}
    path = Path(path)
    before = _order_of(path) if path.is_file() else {}
    files = sorted(
        sorted(Path(directory).glob("[!.]*.npz")),
        key=lambda file: before.get(file.stem, len(before)),
    )
    hemispheres, abouts = [], []
    for file in files:
        with np.load(file) as data:
            sheets = data["hemispheres"]
            about = json.loads(str(data["about"]))
        if about["identity"] not in allowed:
            raise ValueError(
                f"{file} is of {about['identity']}, which is not among the "
                "crystals to train with"
            )
        hemispheres.append(in_8_bits(sheets))
        abouts.append(about)
    if not abouts:
        raise ValueError(f"There are no master patterns in {directory}")
    widths = sorted({about["half_width"] for about in abouts})
    if len(widths) > 1:
        raise ValueError(f"{directory} holds half widths {widths}, not one")
    with written_whole(path) as temporary:
        np.savez_compressed(
            temporary,
            hemispheres=np.concatenate(hemispheres),
            counts=np.array([len(i) for i in hemispheres], dtype=np.int8),
            **{
                key: np.array([about[key] for about in abouts])
                for key in ("name", "identity", "space_group", "energy")
            },
        )
    return len(abouts)


def _order_of(path: Path) -> dict[str, int]:
    """Place of each master pattern of a packed file, by the name of the
    file that it is kept in when it is computed."""
    with np.load(path) as data:
        names = data["name"].tolist()
    return {
        master_path("", library()[name]).stem: i
        for i, name in enumerate(names)
    }


def in_8_bits(sheets: np.ndarray) -> np.ndarray:
    """Deviations of a master pattern from its mean, in whole numbers of which
    the largest is 127: patterns are scaled when they are drawn."""
    deviation = sheets - sheets.mean()
    return np.rint(deviation * (127 / np.abs(deviation).max())).astype(np.int8)


def dynamical_masters(path: str | Path | None = None) -> DynamicalMasters:
    """Read the packed set of dynamical master patterns.

    Parameters
    ----------
    path
        File of :func:`pack_masters`. If not given, the one that the
        project's repository carries, ``recipes/dynamical_masters.npz``.
        Packages installed from an index do not.

    Returns
    -------
    masters
        The master patterns and what they are of.

    Raises
    ------
    FileNotFoundError
        If the file is not there.
    """
    if path is None:
        root = Path(symmetry.__file__).parents[2]
        path = root / "recipes" / "dynamical_masters.npz"
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"There is no file {path}: it comes with the project's "
            "repository, or from 'python -m kikuchipy_symml masters'"
        )
    with np.load(path) as data:
        hemispheres = data["hemispheres"]
        ends = np.cumsum(data["counts"])
        return DynamicalMasters(
            masters=np.stack(
                [
                    _both(hemispheres[end - count : end], group)
                    for end, count, group in zip(
                        ends,
                        data["counts"],
                        data["space_group"].tolist(),
                        strict=True,
                    )
                ]
            ),
            space_groups=data["space_group"],
            energies=data["energy"],
            names=data["name"].tolist(),
            identities=data["identity"].tolist(),
        )


def _both(sheets: np.ndarray, space_group: int) -> np.ndarray:
    return sheets if len(sheets) == 2 else with_other(sheets[0], space_group)
