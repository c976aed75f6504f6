# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""How near simulated master patterns are to those of EMsoft.

    python benchmarks/many_beams.py
    python benchmarks/many_beams.py MASTERS.h5
    python benchmarks/many_beams.py --ebsdsim

takes the master pattern of nickel that kikuchipy comes with and, if a file is
given, those of its master patterns whose crystals are in the library. The
file has a dataset of shape (2, size, size) on the square Lambert projection
for each phase, with the attributes ``phase`` (a formula first),
``space_group`` and ``beam_kV``. Or it takes those of
``recipes/dynamical_masters.npz``, which ebsdsim made. Printed is the
correlation with these, over some directions of the upper hemisphere, of the
sum of bands at one energy and at several with a mean loss of a tenth, and of
so many beams solved together, and the milliseconds that each direction takes.
Of the two ways to choose the axes of a crystal whose lattice has more
symmetry than itself, the one that fits better is taken.
"""

import argparse
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import kikuchipy
import numpy as np

from kikuchipy_symml.crystals import Crystal, library
from kikuchipy_symml.simulation import (
    BandStack,
    band_profiles,
    escape_depth,
    lambert_directions,
    many_beam_intensity,
)
from kikuchipy_symml.simulation._stack import energy_losses
from kikuchipy_symml.training._identity import identity, identity_of
from kikuchipy_symml.training._masters import dynamical_masters

BEAMS = (12, 24, 40)
DIRECTIONS = 1500
# Mean loss of energy of electrons, as a share.
LOSS = 0.1
# Crystals whose lattice has more symmetry than they can be described in two
# ways that are mirror images of each other.
SETTINGS = ((1, 1, 1), (-1, 1, 1))


def summed(
    crystal: Crystal, energy: float, directions: np.ndarray, losses: np.ndarray
) -> np.ndarray:
    """Return the sum of the bands of a crystal in some directions, for
    electrons that lost some shares of their energy."""
    bands = BandStack.of([band_profiles(crystal, energy)])
    total = np.zeros(len(directions))
    for normal, reach, profile in zip(
        bands.normals[0], bands.reach[0], bands.profiles[0], strict=True
    ):
        sine = np.linspace(0, reach, len(profile))
        off = np.abs(directions @ normal)
        # Bragg angles grow with the wavelength.
        for scale in np.sqrt(1 - losses):
            total += np.interp(off * scale, sine, profile, right=0)
    return total


def masters(
    path: Path | None, ebsdsim: bool
) -> Iterator[tuple[str, Crystal, float, np.ndarray]]:
    """Yield names, crystals, energies and upper hemispheres."""
    if ebsdsim:
        known = dynamical_masters()
        for name, energy, master in zip(
            known.names, known.energies, known.masters, strict=True
        ):
            yield name, library()[name], float(energy), master[0]
        return
    crystals = {identity_of(c): c for c in library()}
    nickel = crystals[identity("Ni", 225)]
    upper = kikuchipy.data.nickel_ebsd_master_pattern_small(
        projection="lambert", hemisphere="upper"
    ).data
    yield "Ni (kikuchipy)", nickel, 20.0, upper
    if path is None:
        return
    import h5py

    with h5py.File(path) as file:
        for name, data in file.items():
            about = data.attrs
            formula = about["phase"].split()[0]
            key = identity(formula, int(about["space_group"]))
            if key in crystals:
                yield name, crystals[key], float(about["beam_kV"]), data[0]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("masters", nargs="?", type=Path)
    parser.add_argument("--ebsdsim", action="store_true")
    args = parser.parse_args()
    rng = np.random.default_rng(0)
    heads = "".join(f"{n:>7d}" for n in BEAMS)
    print(
        f"{'phase':34s}{'depth/Å':>8s}{'bands':>7s}{'loss':>7s}{heads}{'ms':>9s}"
    )
    found = []
    for name, crystal, energy, upper in masters(args.masters, args.ebsdsim):
        directions = lambert_directions(upper.shape[-1]).reshape(-1, 3)
        chosen = rng.choice(len(directions), DIRECTIONS, replace=False)
        wanted = np.asarray(upper, dtype=float).ravel()[chosen]
        directions = directions[chosen].astype(float)
        ways = [
            partial(summed, crystal, energy, losses=losses)
            for losses in (np.zeros(1), energy_losses(LOSS))
        ]
        ways += [
            partial(many_beam_intensity, crystal, energy=energy, beams=n)
            for n in BEAMS
        ]
        near, took = [], []
        for way in ways:
            start = time.perf_counter()
            guesses = [way(directions * sign) for sign in SETTINGS]
            took.append(time.perf_counter() - start)
            near.append([np.corrcoef(x, wanted)[0, 1] for x in guesses])
        # The same setting for all ways
        found.append(max(np.transpose(near), key=np.sum))
        line = "".join(f"{x:7.2f}" for x in found[-1])
        depth = escape_depth(crystal, energy)
        each = len(SETTINGS) * DIRECTIONS
        took_each = "  ".join(f"{s / each * 1e3:.2f}" for s in took[2:])
        print(f"{name[:33]:34s}{depth:8.0f}{line}   {took_each}", flush=True)
    line = "".join(f"{x:7.2f}" for x in np.mean(found, axis=0))
    print(f"{'mean':42s}{line}")


if __name__ == "__main__":
    main()
