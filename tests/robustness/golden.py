# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the shipped models say of 50 fixed patterns, kept in a file.

    python tests/robustness/golden.py

writes the file anew. Do so when the answers are meant to change, as with
another model, and say in the changelog why they did.

    python tests/robustness/golden.py --check

says how far the answers are from those in the file.
"""

import argparse
from pathlib import Path

import kikuchipy as kp
import numpy as np

from kikuchipy_symml import list_models, load_model
from kikuchipy_symml.pattern import canonical_views

PATH = Path(__file__).with_name("golden.npz")
N_PATTERNS = 50


def fixed_patterns() -> tuple[np.ndarray, np.ndarray]:
    """Return patterns and their projection centres.

    The nine measured patterns of nickel in kikuchipy's wheel, seen in
    six ways: as they are, mirrored, upside down, noisy, half saturated,
    and from another distance. Some of these are of no crystal, which is
    as well: an answer is an answer.

    Returns
    -------
    patterns
        Shape (50, 60, 60), uint8.
    pc
        Shape (50, 3), in Bruker's convention.
    """
    signal = kp.data.nickel_ebsd_small()
    patterns = signal.data.reshape(9, 60, 60)
    pc = np.broadcast_to(signal.detector.pc_bruker(), (3, 3, 3)).reshape(9, 3)
    x, y, z = np.eye(3)
    # Not from a generator, whose numbers may change with NumPy
    grain = (np.arange(3600).reshape(60, 60) * 7919 % 61).astype(int)
    noisy = np.clip(patterns + grain - 30, 0, 255).astype("uint8")
    bright = np.clip(patterns.astype(int) * 2, 0, 255).astype("uint8")
    ways = [
        (patterns, pc),
        (patterns[:, :, ::-1], pc * (1 - 2 * x) + x),
        (patterns[:, ::-1], pc * (1 - 2 * y) + y),
        (noisy, pc),
        (bright, pc),
        (patterns, pc * (1 + 0.2 * z)),
    ]
    return (
        np.concatenate([way[0] for way in ways])[:N_PATTERNS],
        np.concatenate([way[1] for way in ways])[:N_PATTERNS],
    )


def answers(name: str) -> tuple[str, np.ndarray]:
    """Return the hash of a model and its probabilities."""
    model = load_model(name)
    patterns, pc = fixed_patterns()
    views, valid = canonical_views(patterns, pc, model.view)
    if not valid.all():
        raise AssertionError(f"Patterns {np.flatnonzero(~valid)} are no use")
    return model.sha256, model.predict(views)


def golden(name: str) -> tuple[str, np.ndarray]:
    """Return what the file holds: the same."""
    with np.load(PATH) as file:
        return str(file[f"{name}_sha256"]), file[f"{name}_probabilities"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args()
    found = {name: answers(name) for name in list_models()}
    if args.check:
        for name, (sha256, probabilities) in found.items():
            known, expected = golden(name)
            print(f"{name}: {'as it was' if sha256 == known else 'another'}")
            difference = np.abs(probabilities - expected).max()
            print(f"largest difference of a probability: {difference:.1e}")
    else:
        arrays = {}
        for name, (sha256, probabilities) in found.items():
            arrays[f"{name}_sha256"] = sha256
            arrays[f"{name}_probabilities"] = probabilities
        np.savez_compressed(PATH, **arrays)
        print(f"Wrote {PATH} for {', '.join(found)}")


if __name__ == "__main__":
    main()
