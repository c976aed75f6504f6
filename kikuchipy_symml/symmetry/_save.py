# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of the phases found, for other programs to read."""

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import orix.io
from orix.crystal_map import Phase
from orix.quaternion import symmetry

from kikuchipy_symml._files import written_whole

if TYPE_CHECKING:  # pragma: no cover
    from kikuchipy_symml.symmetry._phase_list import SymmetryPhaseList

HDF5 = (".h5", ".hdf5")
ANG = ".ang"
# orix reads 1000 lines of the header of an .ang file, 7 for each phase
MAX_PHASES = 140
# Group in the HDF5 file, beside those of orix
GROUP = "kikuchipy_symml"


def save(
    phases: "SymmetryPhaseList", filename: str | Path, overwrite: bool
) -> None:
    """Write a crystal map; see :meth:`SymmetryPhaseList.save`."""
    path = Path(filename)
    suffix = path.suffix.lower()
    if suffix not in (*HDF5, ANG):
        raise ValueError(
            f"File '{path}' ends with {path.suffix!r}, expected one of "
            f"{(*HDF5, ANG)}"
        )
    if suffix == ANG:
        _check_ang(phases)
    if path.exists() and not overwrite:
        raise FileExistsError(
            f"File '{path}' exists; give overwrite=True to replace it"
        )
    if suffix == ANG:
        warnings.warn(
            f"'{path}' lacks what an .ang file cannot hold: "
            + "; ".join(_lost_in_ang(phases)),
            stacklevel=3,
        )
    # Whole, so that a failure leaves the file that was there.
    with written_whole(path) as temporary:
        if suffix == ANG:
            orix.io.save(
                temporary,
                phases.xmap,
                overwrite=True,
                confidence_index_prop="confidence",
            )
        else:
            write_hdf5(temporary, phases)


def write_hdf5(
    path: Path, phases: "SymmetryPhaseList", **attributes: Any
) -> None:
    """Write a crystal map, and what the columns of the probabilities are,
    which orix's format does not say, with further attributes in a group of
    its own. orix and kikuchipy pass over that."""
    orix.io.save(path, phases.xmap, overwrite=True)
    attributes["level"] = phases.level
    attributes["class_names"] = list(phases.class_names)
    with h5py.File(path, "a") as file:
        file.create_group(GROUP).attrs.update(attributes)


def _check_ang(phases: "SymmetryPhaseList") -> None:
    """Raise an error if orix 0.15 cannot write, or read back, the map."""
    shape = phases.navigation_shape
    n_phases = len(phases.ids)
    if len(shape) == 0 or shape[-1] == 1:
        reason = f"maps of one column of points, such as {shape}"
    elif n_phases == 0:
        reason = "maps with no point indexed"
    elif n_phases > MAX_PHASES:
        reason = f"{n_phases} phases, the most is {MAX_PHASES}"
    else:
        return
    raise ValueError(f"No .ang file can be written of {reason}; save to .h5")


def _lost_in_ang(phases: "SymmetryPhaseList") -> list[str]:
    """Return what the file will not tell, or not tell rightly."""
    found = [phase for _, phase in phases]
    lost = [
        f"the probabilities of the {len(phases.class_names)} classes, but "
        "for the confidence, which is its confidence index",
        "the level of symmetry and the names of classes that were not found",
        "orientations, which classification does not give: all are 0",
        "point groups, of which it holds the proper rotations only",
    ]
    if any(phase.space_group is not None for phase in found):
        lost.append("space groups")
    if any(len(phase.structure) for phase in found):
        lost.append("atoms")
    if any(phase.structure.lattice.a == 1 for phase in found):
        lost.append("lattice parameters, which were not found: 1, 1, 1 stand")
    if np.any(phases.phase_id == -1):
        lost.append(
            "why points are not indexed, and their confidence, which is -1"
        )
    if phases._scan_unit != "um":
        lost.append(
            f"the unit of the step sizes, {phases._scan_unit}: programs take "
            "it for micrometres"
        )
    return lost


def readable_phase(phase: Phase) -> Phase:
    """Return a phase that orix reads back from a file as it was written.

    orix 0.15 takes the point group in a file by its name, but of the
    names that it gives to space groups' point groups, "m" is unknown
    (and raises an error) and "2" is taken for 2/m. Both are known by
    another name, that of the setting along *z*, with the same operations.
    """
    known_by = {"2": symmetry.C2z, "m": symmetry.Csz}
    group = phase.point_group
    if group is None or group.name not in known_by:
        return phase
    try:
        read = Phase(point_group=group.name).point_group
    except ValueError:
        read = None
    if read is not None and read.order == group.order:
        return phase
    return Phase(
        phase.name,
        point_group=known_by[group.name],
        structure=phase.structure,
        color=phase.color,
    )
