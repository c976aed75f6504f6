# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""What models say of the nickel of ``make demo``.

    python benchmarks/nickel.py default other.symml

prints how many of the nine measured patterns that come with kikuchipy are
cF, as they were recorded and with the static background divided out or
subtracted, which share of the demo's simulated scan is, and the mean
confidence there.
"""

import argparse
import tempfile
from pathlib import Path

import hyperspy.api as hs
import kikuchipy as kp
import numpy as np

from kikuchipy_symml import _demo, load_model

WAYS = ("as recorded", "divide", "subtract")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("models", nargs="+", help="names or files")
    args = parser.parse_args()
    models = [load_model(name) for name in args.models]
    hs.preferences.General.show_progressbar = False
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "scan.h5"
        _demo.write_scan(path)
        print("".join(f"{way:>13s}" for way in (*WAYS, "scan", "confidence")))
        for name, model in zip(args.models, models, strict=True):
            line = ""
            for way in WAYS:
                signal = kp.data.nickel_ebsd_small()
                if way != WAYS[0]:
                    signal.remove_static_background(way)
                found = cubic(signal.classify_symmetry(model))
                line += f"{found.sum():8d} of {found.size}"
            scan = kp.load(path, lazy=True)
            phases = scan.classify_symmetry(model)
            line += f"{cubic(phases).mean():13.1%}"
            print(
                f"{line}{phases.confidence.mean():13.2f}  {name}", flush=True
            )


def cubic(phases) -> np.ndarray:
    """Whether each point is found face-centred cubic."""
    return phases.phase_id == phases.class_names.index("cF")


if __name__ == "__main__":
    main()
