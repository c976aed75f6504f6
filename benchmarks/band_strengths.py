# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""How strong bands are in full dynamical simulations, beside those of rows
of reflections that are solved alone.

    python benchmarks/band_strengths.py

takes the dynamical master patterns of ``recipes/dynamical_masters.npz`` and,
for each, finds the multiples of the bands of each family of planes that
sum to it best. It prints by how much these multiples depend on the spacing
of the planes: the power to which `SPACING_POWER` is to be raised or lowered
(zero when it is right), and how well all bands together, and with the
multiples, correlate with the master pattern.
"""

import argparse

import numpy as np

from kikuchipy_symml.crystals import Crystal, library
from kikuchipy_symml.simulation import band_profiles
from kikuchipy_symml.simulation._bands import SPACING_POWER, wave_number
from kikuchipy_symml.simulation._sphere import (
    _average,
    lambert_directions,
    point_spacing,
)
from kikuchipy_symml.training._masters import dynamical_masters

# Families of a smaller standard deviation say nothing.
WEAKEST = 0.01


def families(
    crystal: Crystal, energy: float, size: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return maps of the bands of each family, shape (F, size * size), and
    the spacing of the planes of their strongest order in ångström."""
    bands = band_profiles(crystal, energy)
    directions = lambert_directions(size).reshape(-1, 3)
    reach, profiles = _average(
        bands.reach, bands.tapered(), 1.5 * point_spacing(size)
    )
    maps, spacings = [], []
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
        spacings.append(1 / (2 * wave_number(energy) * bands.bragg[first]))
    maps = np.array(maps)
    return maps - maps.mean(axis=1, keepdims=True), np.array(spacings)


def main() -> None:
    argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    ).parse_args()
    known = dynamical_masters()
    crystals = {crystal.name: crystal for crystal in library()}
    spacings, multiples, weights = [], [], []
    print(f"{'crystal':24s}{'bands':>8s}{'multiples':>11s}{'power':>8s}")
    for name, energy, master in zip(
        known.names, known.energies, known.masters, strict=True
    ):
        wanted = master[0].astype(float).ravel()
        wanted -= wanted.mean()
        maps, spacing = families(
            crystals[name], float(energy), master.shape[-1]
        )
        total = maps.sum(axis=0)
        multiple = np.linalg.lstsq(maps.T, wanted, rcond=None)[0]
        multiple /= (wanted @ total) / (total @ total)
        weight = maps.std(axis=1)
        used = (weight > WEAKEST) & (multiple > 0)
        power = np.polyfit(
            np.log(spacing[used]),
            np.log(multiple[used]),
            1,
            w=np.sqrt(weight[used]),
        )[0]
        together = np.corrcoef(total, wanted)[0, 1]
        fitted = np.corrcoef(multiple @ maps, wanted)[0, 1]
        print(f"{name:24s}{together:8.3f}{fitted:11.3f}{power:8.2f}")
        spacings.append(np.log(spacing[used]))
        multiples.append(np.log(multiple[used]))
        weights.append(weight[used] / weight[used].sum())
    power, _ = np.polyfit(
        np.concatenate(spacings),
        np.concatenate(multiples),
        1,
        w=np.sqrt(np.concatenate(weights)),
    )
    print(f"All: power {power:+.2f} beside SPACING_POWER {SPACING_POWER}")


if __name__ == "__main__":
    main()
