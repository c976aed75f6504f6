# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``make demo`` runs: two scans of nickel, one real, one larger.

Nickel is face-centred cubic, so the right answer is cF everywhere. What
the model answers is reported as it is.
"""

import os
import time
from pathlib import Path

# Before TensorFlow is imported: only errors, no chatter
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("MPLBACKEND", "agg")

import dask.array as da
import hyperspy.api as hs
import kikuchipy as kp
import numpy as np
import orix.io
from kikuchipy.detectors import EBSDDetector
from kikuchipy.signals import EBSD, LazyEBSD
from orix.quaternion import Rotation

import kikuchipy_symml
from kikuchipy_symml._cli._plot import plot_probabilities
from kikuchipy_symml.models import SymmetryModel
from kikuchipy_symml.symmetry import SymmetryPhaseList

FOLDER = Path("demo_output")
SHAPE = (40, 50)
N_GRAINS = 15
SEED = 20


def main() -> None:
    """Classify both scans, write and read back what was found."""
    hs.preferences.General.show_progressbar = False
    FOLDER.mkdir(exist_ok=True)
    model = kikuchipy_symml.load_model("default")
    print(f"Model: {model.name}. {model.card['description']}\n")

    print("1. Nine measured patterns of nickel, which come with kikuchipy")
    measured = kp.data.nickel_ebsd_small(lazy=True)
    classify(measured, model)
    print("   The same with the detector's static background divided out")
    measured.remove_static_background("divide")
    classify(measured, model)

    scan = FOLDER / "scan.h5"
    print(
        f"2. A lazy scan of {SHAPE[0]} x {SHAPE[1]} points, simulated from "
        f"EMsoft's\n   master pattern of nickel, with noise, in {scan}"
    )
    write_scan(scan)
    signal = kp.load(scan, lazy=True)
    phases = classify(signal, model)

    results = FOLDER / "symmetry.h5"
    phases.save(results, overwrite=True)
    check(results, phases, signal)
    phases.plot().savefig(FOLDER / "map.png", dpi=150)
    plot_probabilities(phases).savefig(FOLDER / "probabilities.png", dpi=150)

    print("The second scan and what was found in it:")
    for name, what in {
        "scan.h5": "patterns, for kikuchipy",
        "symmetry.h5": "crystal map, for orix and kikuchipy",
        "map.png": "map of the Bravais lattices, dark where unsure",
        "probabilities.png": "probabilities of the Bravais lattices",
    }.items():
        print(f"  {(FOLDER / name).resolve()}  ({what})")


def classify(signal: EBSD, model: SymmetryModel) -> SymmetryPhaseList:
    """Classify a scan of nickel and print the result."""
    start = time.perf_counter()
    phases = signal.classify_symmetry(model)
    seconds = time.perf_counter() - start
    print(f"\n{phases}\n")
    for level in ("bravais_lattice", "laue_group", "crystal_system"):
        found = phases.at_level(level)
        names, counts = np.unique(found.phase_id, return_counts=True)
        order = np.argsort(-counts)
        parts = ", ".join(
            f"{counts[i] / found.phase_id.size:.1%} "
            + ("not indexed" if names[i] < 0 else found.class_names[names[i]])
            for i in order
        )
        print(f"  {level}: {parts}")
    print(
        "  right: cF, m-3m, cubic; mean confidence "
        f"{phases.confidence.mean():.2f}; {seconds:.1f} s\n"
    )
    return phases


def write_scan(path: Path) -> None:
    """Write a noisy scan of nickel to kikuchipy's HDF5 format.

    Neither the patterns nor the noise are in memory at one time.
    """
    master = kp.data.nickel_ebsd_master_pattern_small(
        projection="lambert", hemisphere="both", energy=20
    )
    detector = EBSDDetector(shape=(60, 60), pc=(0.42, 0.22, 0.5), tilt=5)
    patterns = master.get_patterns(
        grain_rotations(),
        detector,
        energy=20,
        dtype_out=np.float32,
        compute=False,
    )
    LazyEBSD(noisy(patterns.data), detector=patterns.detector).save(
        path, overwrite=True
    )


def grain_rotations() -> Rotation:
    """Return one rotation a point, in grains that turn by a few degrees
    from one side to the other.
    """
    rng = np.random.default_rng(SEED)
    y, x = np.indices(SHAPE)
    seeds = rng.uniform((0, 0), SHAPE, (N_GRAINS, 2))
    # Axes: (y, x, grain)
    dy = y[..., np.newaxis] - seeds[:, 0]
    dx = x[..., np.newaxis] - seeds[:, 1]
    grain = np.argmin(dy**2 + dx**2, axis=-1)
    mean = Rotation(rng.normal(size=(N_GRAINS, 4)))
    angle = 0.1 * np.take_along_axis(dx, grain[..., np.newaxis], axis=-1)
    gradient = Rotation.from_axes_angles([0, 1, 0], angle, degrees=True)
    return gradient.reshape(*SHAPE) * mean[grain]


def noisy(patterns: da.Array) -> da.Array:
    """Return patterns as a camera would give them: on a background of
    scattered electrons, few of them, in 8 bits.
    """
    ny, nx = patterns.shape[-2:]
    y, x = np.indices((ny, nx))
    background = np.exp(
        -((y / ny - 0.35) ** 2 + (x / nx - 0.5) ** 2) / (2 * 0.45**2)
    )
    mean = patterns.mean(axis=(-2, -1), keepdims=True)
    spread = patterns.std(axis=(-2, -1), keepdims=True)
    # Bands and noise stand out about as in the measured patterns
    pattern = 1 + 0.06 * (patterns - mean) / spread
    electrons = 2500 * background * pattern
    counts = da.random.default_rng(SEED).poisson(electrons)
    return da.clip(0.07 * counts, 0, 255).astype(np.uint8)


def check(path: Path, phases: SymmetryPhaseList, signal: EBSD) -> None:
    """Raise an error if a crystal map is not read back as written."""
    xmap = orix.io.load(path)
    same = np.array_equal(xmap.phase_id, phases.phase_id.ravel())
    same &= np.array_equal(xmap.prop["confidence"], phases.confidence.ravel())
    if not same:
        raise RuntimeError(f"{path} was not read back as it was written")
    signal.xmap = xmap  # Raises an error if it does not fit the signal
    print(f"orix read {path} back, and kikuchipy took it\n")


if __name__ == "__main__":
    main()
