# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Dynamical master patterns, computed by ebsdsim or read from files.

Axes of a master pattern: hemisphere (upper, lower), *y*, *x*, on the
square Lambert projection. As in kikuchipy the lower hemisphere is seen
from above: both have the direction (x, y, z) and (x, y, -z) at the same
point.
"""

import itertools
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kikuchipy_symml.crystals import Crystal
from kikuchipy_symml.crystals._sites import SAME_SITE, operations, orbit

if TYPE_CHECKING:
    from kikuchipy.signals import EBSDMasterPattern

_MAX_HALF_WIDTH = 1000


def dynamical_master(
    crystal: Crystal,
    energy: float = 20.0,
    *,
    half_width: int = 80,
    d_min: float = 0.5,
    energy_step: float | None = None,
    strong: float = 5.0,
    solver: str = "lu_smith",
) -> np.ndarray:
    r"""Compute a dynamical master pattern with ebsdsim.

    ebsdsim (https://github.com/ZacharyVarley/ebsdsim) solves the
    many-beam problem for the directions that the point group leaves
    different, on a WebGPU adapter: a GPU, or Mesa's software adapter on
    the processor.

    Parameters
    ----------
    crystal
        The crystal.
    energy
        Energy of the incident electrons in keV.
    half_width
        Points from the pole to the middle of an edge of the projection.
    d_min
        Smallest interplanar spacing in ångström.
    energy_step
        Width in keV of the bins into which the energies of the
        backscattered electrons are sorted; each is solved by itself. If
        not given, there is one bin at the energy of the incident ones.
    strong
        A beam is solved for if its excitation error divided by its
        coupling is below this, and is treated as a perturbation up to
        four times this (Bethe, Ann. Phys. 87 (1928) 55). The fewer beams,
        the quicker: with ebsdsim's own value of 20, nickel takes twice
        and tenorite four times as long; the correlations with that are
        0.97 and 0.98.
    solver
        Of ebsdsim: "lu_smith" is by far the quickest one on a software
        adapter, "galerkin" on a GPU.

    Returns
    -------
    master
        Shape (2, size, size) with ``size = 2 * half_width + 1``,
        float32. The Cartesian frame is that of ``crystal.matrix``.

    Raises
    ------
    ValueError
        If a number is out of range, or an atom has no displacement.
    ImportError
        If ebsdsim is not installed.
    RuntimeError
        If there is no WebGPU adapter, or ebsdsim's idea of the space
        group does not give the atoms of the crystal.
    """
    if not 5 <= energy <= 50:
        raise ValueError(f"energy must be 5 to 50 keV, not {energy}")
    if half_width != int(half_width) or not 1 <= half_width <= _MAX_HALF_WIDTH:
        raise ValueError(
            f"half_width must be a whole number from 1 to {_MAX_HALF_WIDTH}, "
            f"not {half_width}"
        )
    step = energy if energy_step is None else energy_step
    if not 0 < step <= energy:
        raise ValueError(
            f"energy_step must be above 0 and at most the energy {energy}, "
            f"not {energy_step}"
        )
    for name, value in (("d_min", d_min), ("strong", strong)):
        if not value > 0:
            raise ValueError(f"{name} must be positive, not {value}")
    if not crystal.u_iso.min() > 0:
        raise ValueError(
            f"{crystal.name}: a mean-square displacement is zero, for which "
            "ebsdsim would take a value of its own"
        )

    ebsdsim = require_ebsdsim()
    result = ebsdsim.master_pattern(
        _material(crystal, ebsdsim),
        voltage_kv=energy,
        halfw=int(half_width),
        dmin=d_min / 10,
        energy_binwidth_keV=step,
        solver=solver,
        bethe_c_strong=strong,
        bethe_c_weak=4 * strong,
    )
    # All energies, all atoms
    hemispheres = result.data[0, 0]
    if len(hemispheres) == 1:
        # All directions that symmetry leaves different are up.
        hemispheres = with_other(hemispheres[0], crystal.space_group)
    return np.ascontiguousarray(hemispheres, dtype=np.float32)


def with_other(hemisphere: np.ndarray, space_group: int) -> np.ndarray:
    """Return a hemisphere and the other one, which symmetry makes of it.

    Parameters
    ----------
    hemisphere
        Shape (size, size).
    space_group
        Space group number.

    Returns
    -------
    master
        Shape (2, size, size): the given hemisphere, and the other one.

    Raises
    ------
    ValueError
        If no operation of the space group turns one into the other.
    """
    turn = _turn_upside_down(space_group)
    if turn is None:
        raise ValueError(
            f"one hemisphere does not give the other one: space group "
            f"{space_group} has no operation that turns z into -z"
        )
    half = len(hemisphere) // 2
    y, x = np.mgrid[-half : half + 1, -half : half + 1]
    to_x = turn[0, 0] * x + turn[0, 1] * y
    to_y = turn[1, 0] * x + turn[1, 1] * y
    return np.stack([hemisphere, hemisphere[to_y + half, to_x + half]])


@lru_cache(maxsize=230)
def _turn_upside_down(space_group: int) -> np.ndarray | None:
    """What an operation that turns *z* into *-z* does to *x* and *y*, shape
    (2, 2): one that moves points of the projection onto points."""
    rotations, _ = operations(space_group)
    # Lengths and oblique angles leave these operations as they are.
    gamma = 120 if 143 <= space_group <= 194 else 90
    axes = Crystal.matrix_of((1, 1, 1, 90, 90, gamma)).T
    found = []
    for rotation in axes @ rotations @ np.linalg.inv(axes):
        exact = np.diag([0.0, 0.0, -1.0])
        exact[:2, :2] = np.rint(rotation[:2, :2])
        if np.allclose(rotation, exact, atol=1e-6):
            found.append(exact[:2, :2].astype(int))
    # The inversion centre if there is one
    return min(found, key=np.trace, default=None)


def has_inversion(space_group: int) -> bool:
    """Return whether a space group has an inversion centre."""
    from orix.crystal_map import Phase

    return bool(Phase(space_group=space_group).point_group.contains_inversion)


def require_ebsdsim():
    """Return the module ebsdsim, with a working adapter.

    Raises
    ------
    ImportError
        If it is not installed.
    RuntimeError
        If it finds no WebGPU adapter.
    """
    try:
        import ebsdsim
        from ebsdsim.gpu.device import get_device
    except ImportError as error:
        raise ImportError(
            "Dynamical master patterns are computed by ebsdsim, which cannot "
            f"be imported ({error}): pip install kikuchipy_symml[dynamical]"
        ) from error
    try:
        get_device()
    except Exception as error:
        raise RuntimeError(
            f"ebsdsim finds no WebGPU adapter ({error}). Install the driver "
            "of a GPU, or Mesa's software adapter, on Debian and Ubuntu: "
            "apt install mesa-vulkan-drivers"
        ) from error
    return ebsdsim


def _material(crystal: Crystal, ebsdsim):
    """One atom of each site for ebsdsim, which finds the others."""
    shift = _origin_shift(crystal.space_group)
    kinds = list(
        zip(
            crystal.elements,
            crystal.occupancies.tolist(),
            crystal.u_iso.tolist(),
            strict=True,
        )
    )
    atoms = []
    rest = np.ones(len(kinds), dtype=bool)
    for i, element in enumerate(crystal.elements):
        if not rest[i]:
            continue
        images = orbit(
            crystal.space_group, crystal.matrix, crystal.positions[i]
        )
        steps = crystal.positions[:, None] - images
        steps -= np.rint(steps)
        distance = np.linalg.norm(steps @ crystal.matrix, axis=-1)
        alike = np.array([kind == kinds[i] for kind in kinds])
        rest &= ~(alike & (distance.min(axis=1) < SAME_SITE))
        x, y, z = (images[0] + shift).tolist()
        atoms.append(
            ebsdsim.Atom(
                element,
                x,
                y,
                z,
                occupancy=float(crystal.occupancies[i]),
                b_iso=float(8 * np.pi**2 * crystal.u_iso[i]),
            )
        )
    material = ebsdsim.Material(
        ebsdsim.Cell(*crystal.cell, space_group=crystal.space_group),
        atoms,
        name=crystal.name,
    )
    found = int(material.to_simulation_cell().multiplicities.sum())
    if found != len(kinds):
        raise RuntimeError(
            f"{crystal.name} has {len(kinds)} atoms in the cell, but ebsdsim "
            f"makes {found} of its sites"
        )
    return material


@lru_cache(maxsize=230)
def _origin_shift(space_group: int) -> np.ndarray:
    """What to add to coordinates for ebsdsim's choice of the origin.

    Where the International Tables have two origins, orix takes the first
    and ebsdsim the second.
    """
    from ebsdsim.crystal.spacegroup import ops_from_hall

    theirs = ops_from_hall(space_group).reshape(-1, 3, 4)
    wanted = _as_set(theirs[:, :, :3], theirs[:, :, 3])
    rotations, translations = operations(space_group)
    # All origins of the Tables are eighths apart.
    for eighths in itertools.product(range(8), repeat=3):
        shift = np.array(eighths) / 8
        moved = translations + shift - rotations @ shift
        if _as_set(rotations, moved) == wanted:
            return shift
    raise RuntimeError(
        f"ebsdsim's axes of space group {space_group} are not the standard "
        "ones"
    )


def _as_set(rotations: np.ndarray, translations: np.ndarray) -> set[tuple]:
    whole = np.rint(rotations).astype(int).reshape(-1, 9)
    ticks = np.rint(translations * 24).astype(int) % 24
    return set(map(tuple, np.hstack([whole, ticks]).tolist()))


def read_master(
    master: "EBSDMasterPattern | str | Path", energy: float | None = None
) -> np.ndarray:
    """Return a master pattern that kikuchipy reads as an array.

    Parameters
    ----------
    master
        Master pattern signal, or the path of a file that
        :func:`kikuchipy.load` takes for one, of EMsoft or ebsdsim. In
        the Lambert or in the stereographic projection.
    energy
        Energy in keV, of which the nearest in the file is taken. If not
        given, the highest one.

    Returns
    -------
    master
        Shape (2, size, size), float32. For
        :func:`~kikuchipy_symml.simulation.draw_patterns`.

    Raises
    ------
    ValueError
        If the file or signal is no master pattern, it does not tell its
        projection, hemisphere or space group, or it has one hemisphere
        only and no symmetry of the phase gives the other one.

    Notes
    -----
    Where symmetry makes the lower hemisphere of the upper one, it is made
    so whatever the signal holds: for ebsdsim's files kikuchipy gives a
    copy of the upper one if there is no other.
    """
    signal = master
    if isinstance(master, str | Path):
        signal = _load(master)
    name = type(signal).__name__
    if not hasattr(signal, "projection") or "MasterPattern" not in name:
        raise ValueError(
            f"expected an EBSD master pattern or the path of one, not a {name}"
        )
    if signal.projection is None or signal.hemisphere is None:
        raise ValueError(
            f"the master pattern of {signal.phase.name!r} has projection "
            f"{signal.projection} and hemisphere {signal.hemisphere}; set "
            "both, such as signal.projection = 'lambert'"
        )
    if signal.phase.space_group is None:
        raise ValueError(
            f"the master pattern of {signal.phase.name!r} has no space group; "
            "give one with signal.phase.space_group = 225, for example"
        )
    if signal.projection == "stereographic":
        signal = signal.as_lambert(show_progressbar=False)
    data = _at_energy(signal, energy)
    number = signal.phase.space_group.number
    if signal.hemisphere == "both":
        if _turn_upside_down(number) is None:
            return np.ascontiguousarray(data)
        return with_other(data[0], number)
    try:
        both = with_other(data, number)
    except ValueError as error:
        raise ValueError(
            f"{signal.phase.name!r}, {signal.hemisphere} hemisphere: {error}"
        ) from None
    return both[::-1] if signal.hemisphere == "lower" else both


def _load(path: str | Path):
    import kikuchipy as kp

    # Not all formats know these words, or have a lower hemisphere.
    for settings in (
        {"hemisphere": "both", "projection": "lambert"},
        {"hemisphere": "both"},
    ):
        try:
            return kp.load(path, **settings)
        except (TypeError, ValueError, KeyError):
            continue
    return kp.load(path)


def _at_energy(signal, energy: float | None) -> np.ndarray:
    """Hemispheres at one energy."""
    data = np.asarray(signal.data, dtype=np.float32)
    axes = signal.axes_manager.navigation_axes
    # Navigation axes are the other way round in the data.
    names = [axis.name for axis in axes][::-1]
    if "energy" in names:
        energies = next(a for a in axes if a.name == "energy").axis
        if energy is None:
            energy = energies.max()
        nearest = int(np.argmin(np.abs(energies - energy)))
        data = np.take(data, nearest, axis=names.index("energy"))
    return data
