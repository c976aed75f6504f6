# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""How far master patterns of different origin agree.

Run with ``python benchmarks/masters.py DIR [EMSOFT]``, where DIR is that of
``python -m kikuchipy_symml masters`` and EMSOFT an HDF5 file with a master
pattern by EMsoft for each phase. Prints correlations over the sphere, of
the master patterns as they are and without what varies slowly: of those by
ebsdsim with the sum of many-beam bands of the same crystal at the same
energy, and of both with EMsoft. Phases of EMsoft are for measuring only;
ebsdsim's are computed for it here and kept nowhere.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates

from kikuchipy_symml.crystals import Crystal, library
from kikuchipy_symml.simulation import (
    band_profiles,
    dynamical_master,
    master_from_bands,
)


def correlations(a: np.ndarray, b: np.ndarray) -> str:
    """Correlation of two upper hemispheres, and without slow changes."""
    both = [a.astype(float), b.astype(float)]
    # About 10 degrees
    sharp = [i - gaussian_filter(i, len(i) / 18) for i in both]
    return "  ".join(
        f"{np.corrcoef(i[0].ravel(), i[1].ravel())[0, 1]:7.3f}"
        for i in (both, sharp)
    )


def of_bands(crystal: Crystal, energy: float, size: int) -> np.ndarray:
    """Upper hemisphere by many-beam bands."""
    return master_from_bands(band_profiles(crystal, energy), size)[0]


def resampled(image: np.ndarray, size: int) -> np.ndarray:
    """The same projection with other points."""
    at = np.linspace(0, len(image) - 1, size)
    grid = np.meshgrid(at, at, indexing="ij")
    return map_coordinates(image.astype(float), grid, order=1)


def compare_with_bands(directory: Path) -> None:
    print("ebsdsim with many-beam bands")
    for path in sorted(directory.glob("[!.]*.npz")):
        with np.load(path) as data:
            upper = data["hemispheres"][0]
            about = json.loads(str(data["about"]))
        crystal = library()[about["name"]]
        bands = of_bands(crystal, about["energy"], len(upper))
        print(
            f"{about['name']:28s} {about['space_group']:3d} "
            f"{about['energy']:4.0f} keV {correlations(upper, bands)}  "
            f"{about['processor_seconds']:8.1f} s of the processor",
            flush=True,
        )


def compare_with_emsoft(path: Path, names: list[str], half: int) -> None:
    import h5py

    print("phase: ebsdsim with EMsoft, bands with EMsoft")
    with h5py.File(path) as file:
        for name, data in file.items():
            group = int(data.attrs["space_group"])
            formula = name.split()[0]
            same = [
                crystal
                for crystal in library().where(space_group=group)
                if crystal.name == formula or crystal.formula == formula
            ]
            if not same or (names and formula not in names):
                continue
            theirs = resampled(data[0], 2 * half + 1)
            ours = dynamical_master(same[0], 20, half_width=half)[0]
            bands = of_bands(same[0], 20, 2 * half + 1)
            print(
                f"{formula:12s} {group:3d} {correlations(ours, theirs)}  "
                f"{correlations(bands, theirs)}",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("emsoft", type=Path, nargs="?")
    parser.add_argument(
        "--phases", nargs="*", default=[], help="formulae, default all"
    )
    parser.add_argument("--half-width", type=int, default=50)
    args = parser.parse_args()
    compare_with_bands(args.directory)
    if args.emsoft is not None:
        compare_with_emsoft(args.emsoft, args.phases, args.half_width)


if __name__ == "__main__":
    main()
