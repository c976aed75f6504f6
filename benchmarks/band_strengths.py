# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""How strong bands are where many beams act at once, beside those of rows
of reflections that are solved alone.

    python benchmarks/band_strengths.py

takes the master patterns of many beams of the crystals of
``recipes/dynamical_masters.npz`` (with ``--ebsdsim`` those of the file) and,
for each, finds the multiples of the bands of each family of planes that
sum to it best. It prints how well all bands together, and with the
multiples, correlate with the master pattern, and by how much the logarithm
of the multiples still grows with the strongest Fourier coefficient of the
planes over the mean potential: by how much `STRENGTH` is to be raised or
lowered (zero when it is right). Last is what all crystals say together, and
the scatter that is left.
"""

import argparse

import numpy as np

from kikuchipy_symml.crystals import Crystal, library
from kikuchipy_symml.simulation import band_profiles, many_beam_master
from kikuchipy_symml.simulation._bands import (
    STRENGTH,
    _Potential,
    wave_number,
)
from kikuchipy_symml.simulation._sphere import (
    _average,
    lambert_directions,
    point_spacing,
)
from kikuchipy_symml.training._masters import dynamical_masters

# Families of a standard deviation below this share of that of the
# strongest say nothing.
WEAKEST = 0.1


def families(
    crystal: Crystal, energy: float, size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return maps of the bands of each family, shape (F, size * size), and
    their strongest Fourier coefficient over the mean potential."""
    bands = band_profiles(crystal, energy)
    directions = lambert_directions(size).reshape(-1, 3)
    reach, profiles = _average(
        bands.reach, bands.tapered(), 1.5 * point_spacing(size)
    )
    maps, first_of = [], []
    for family in np.unique(bands.family):
        members = np.flatnonzero(bands.family == family)
        first = members[0]
        sine = np.linspace(0, reach[first], profiles.shape[1])
        maps.append(
            sum(
                np.interp(
                    np.abs(directions @ bands.normals[i]),
                    sine,
                    profiles[i],
                    right=0,
                )
                for i in members
            )
        )
        first_of.append(first)
    maps = np.array(maps)
    length = 2 * wave_number(energy) * bands.bragg[first_of]
    hkl = np.rint(
        length[:, None] * bands.normals[first_of] @ crystal.matrix.T
    ).astype(int)
    u = np.abs(_Potential(crystal, 1.0)(np.vstack([np.zeros(3, int), hkl])))
    return maps - maps.mean(axis=1, keepdims=True), u[1:] / u[0]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "--ebsdsim",
        action="store_true",
        help="take the master patterns of the file, by ebsdsim",
    )
    args = parser.parse_args()
    known = dynamical_masters()
    crystals = {crystal.name: crystal for crystal in library()}
    logs, strengths, weights, correlations = [], [], [], []
    print(f"{'crystal':24s}{'bands':>8s}{'multiples':>11s}{'lacking':>9s}")
    for name, energy, master in zip(
        known.names, known.energies, known.masters, strict=True
    ):
        if not args.ebsdsim:
            master = many_beam_master(crystals[name], float(energy))
        wanted = master[0].astype(float).ravel()
        wanted -= wanted.mean()
        maps, strength = families(
            crystals[name], float(energy), master.shape[-1]
        )
        total = maps.sum(axis=0)
        multiple = np.linalg.lstsq(maps.T, wanted, rcond=None)[0]
        multiple /= (wanted @ total) / (total @ total)
        deviation = maps.std(axis=1)
        used = (deviation > WEAKEST * deviation.max()) & (multiple > 0)
        weight = deviation[used] / deviation[used].sum()
        log, strength = np.log(multiple[used]), strength[used]
        lacking = np.polyfit(strength, log, 1, w=np.sqrt(weight))[0]
        together = np.corrcoef(total, wanted)[0, 1]
        fitted = np.corrcoef(multiple @ maps, wanted)[0, 1]
        correlations.append((together, fitted))
        print(f"{name:24s}{together:8.3f}{fitted:11.3f}{lacking:9.2f}")
        # Each crystal has a contrast of its own.
        logs.append(log - np.average(log, weights=weight))
        strengths.append(strength - np.average(strength, weights=weight))
        weights.append(weight)
    log, strength, weight = map(np.concatenate, (logs, strengths, weights))
    lacking = np.sum(weight * log * strength) / np.sum(weight * strength**2)
    scatter = np.sqrt(
        np.average((log - lacking * strength) ** 2, weights=weight)
    )
    together, fitted = np.mean(correlations, axis=0)
    print(f"{'mean':24s}{together:8.3f}{fitted:11.3f}")
    print(
        f"All: {lacking:+.2f} beside STRENGTH {STRENGTH}, scatter of the "
        f"logarithm {scatter:.2f}"
    )


if __name__ == "__main__":
    main()
