# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m kikuchipy_symml classify``."""

import argparse
import ast
import sys
from pathlib import Path

import kikuchipy as kp
import matplotlib
from kikuchipy.detectors import EBSDDetector
from kikuchipy.signals import EBSD
from orix.crystal_map import Phase, PhaseList

import kikuchipy_symml
from kikuchipy_symml._cli._output import (
    CommandLineError,
    check_output,
    replacing,
)
from kikuchipy_symml._cli._plot import plot_probabilities
from kikuchipy_symml.symmetry import LEVELS, SymmetryPhaseList
from kikuchipy_symml.symmetry._save import write_hdf5

MAP_SUFFIXES = (".h5", ".hdf5")
PLOT_SUFFIXES = (".png", ".pdf", ".svg", ".jpg", ".tif")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of this command to its parser."""
    add = parser.add_argument
    add("scan", type=Path, help="patterns, in any format kikuchipy reads")
    add(
        "-o",
        "--output",
        type=Path,
        required=True,
        metavar="FILE",
        help="crystal map to write, orix's HDF5 format (.h5 or .hdf5)",
    )
    add(
        "--level",
        choices=LEVELS,
        default="bravais_lattice",
        help="which kind of symmetry to tell (default: %(default)s)",
    )
    add(
        "--model",
        default="default",
        help="name of a model or path of a model file (default: %(default)s)",
    )
    add(
        "--candidate",
        action="append",
        type=Path,
        default=[],
        metavar="CIF",
        help="choose among these crystals only; may be given several times",
    )
    add(
        "--min-confidence",
        type=float,
        default=0.0,
        metavar="P",
        help="probability below which a point is not indexed "
        "(default: %(default)s)",
    )
    pc = parser.add_mutually_exclusive_group()
    pc.add_argument(
        "--find-pc",
        action="store_true",
        help="find the projection centre: where the patterns show most "
        "symmetry; best where the static background was taken off",
    )
    pc.add_argument(
        "--pc",
        type=float,
        nargs=3,
        metavar=("X", "Y", "Z"),
        help="projection centre of all patterns, in place of the file's",
    )
    add(
        "--pc-convention",
        choices=("bruker", "tsl", "oxford"),
        default="bruker",
        help="convention that --pc is given in (default: %(default)s)",
    )
    add(
        "--reader",
        action="append",
        default=[],
        type=_keyword,
        metavar="KEY=VALUE",
        help="keyword for kikuchipy's reader of this format, for example "
        "'nav_shape=(40, 50)' or 'scan_group_names=Scan 2'; may be given "
        "several times",
    )
    add(
        "--batch-size",
        type=int,
        metavar="N",
        help="patterns that go through the network at once",
    )
    add(
        "--plot",
        type=Path,
        metavar="FILE",
        help="picture of the map, or of a single pattern's most probable "
        "classes, to write",
    )
    add(
        "--plot-probabilities",
        type=Path,
        metavar="FILE",
        help="picture of the classes' probabilities to write",
    )
    add(
        "--force",
        action="store_true",
        help="replace output files that exist",
    )
    add(
        "--quiet",
        action="store_true",
        help="print no progress bar and no phase list",
    )


def run(args: argparse.Namespace) -> None:
    """Classify a scan and write what was found.

    Raises
    ------
    CommandLineError
        If a file to read is missing or a file to write cannot be.
    OSError, ValueError
        If the scan cannot be read or not be classified.
    """
    _check_files(args)
    model = kikuchipy_symml.load_model(args.model)
    candidates = _read_candidates(args.candidate)
    signal = _read_scan(args.scan, dict(args.reader))
    if args.pc is not None:
        _set_projection_centre(signal, args.pc, args.pc_convention)

    # HyperSpy's preference decides, but a bar in a log file helps nobody
    hide_bar = args.quiet or not sys.stdout.isatty()
    if args.find_pc:
        signal.detector = kikuchipy_symml.find_projection_centre(
            signal, model, show_progressbar=False if hide_bar else None
        )
        if not args.quiet:
            pc = ", ".join(f"{i:.3f}" for i in signal.detector.pc_average)
            print(f"Projection centre found: ({pc})")
    phases = kikuchipy_symml.classify_symmetry(
        signal,
        model,
        args.level,
        candidates=candidates,
        min_confidence=args.min_confidence,
        batch_size=args.batch_size,
        show_progressbar=False if hide_bar else None,
    )

    if not args.quiet:
        print(phases)
    with replacing(args.output, args.force) as path:
        write_hdf5(path, phases, **_origin(args, signal))
    matplotlib.use("agg")
    for draw, target in (
        (SymmetryPhaseList.plot, args.plot),
        (plot_probabilities, args.plot_probabilities),
    ):
        if target is not None:
            with replacing(target, args.force) as path:
                draw(phases).savefig(path, dpi=150)
    if not args.quiet:
        for path in (args.output, args.plot, args.plot_probabilities):
            if path is not None:
                print(f"Wrote {path}")


def _check_files(args: argparse.Namespace) -> None:
    inputs = [args.scan, *args.candidate]
    for path in inputs:
        if not path.exists():
            raise CommandLineError(f"There is no file '{path}'")
    inputs.append(Path(args.model))
    outputs: list[tuple[Path, tuple[str, ...]]]
    outputs = [(args.output, MAP_SUFFIXES)]
    for path in (args.plot, args.plot_probabilities):
        if path is not None:
            outputs.append((path, PLOT_SUFFIXES))
    for path, suffixes in outputs:
        check_output(path, suffixes, args.force, inputs)
    resolved = [path.resolve() for path, _ in outputs]
    if len(set(resolved)) < len(resolved):
        raise CommandLineError("Two output files have the same name")


def _read_candidates(paths: list[Path]) -> PhaseList | None:
    if not paths:
        return None
    return PhaseList([Phase.from_cif(path) for path in paths])


def _read_scan(path: Path, options: dict) -> EBSD:
    try:
        signal = kp.load(path, lazy=True, **options)
    except OSError as error:
        if path.name in str(error):
            raise
        # What HDF5 says of a damaged file does not name it
        raise OSError(f"'{path}' cannot be read: {error}") from error
    except Exception as error:
        # Readers fail in many ways on a file that is not what they expect
        raise ValueError(
            f"kikuchipy cannot read '{path}': {type(error).__name__}: {error}"
        ) from error
    if isinstance(signal, list):
        raise ValueError(
            f"'{path}' holds {len(signal)} scans; choose one of them with "
            "--reader scan_group_names=NAME"
        )
    if not isinstance(signal, EBSD):
        raise ValueError(
            f"'{path}' holds {type(signal).__name__}, not EBSD patterns"
        )
    return signal


def _set_projection_centre(
    signal: EBSD, pc: list[float], convention: str
) -> None:
    detector = EBSDDetector(
        shape=signal.detector.shape, pc=pc, convention=convention
    )
    signal.detector.pc = detector.pc


def _origin(args: argparse.Namespace, signal: EBSD) -> dict:
    origin = {
        "version": kikuchipy_symml.__version__,
        "model": str(args.model),
        "scan": str(args.scan),
    }
    if args.find_pc:
        origin["projection_centre_found"] = signal.detector.pc_average
    return origin


def _keyword(text: str) -> tuple[str, object]:
    key, equals, value = text.partition("=")
    if not key.isidentifier() or not equals:
        raise argparse.ArgumentTypeError(f"'{text}' is not KEY=VALUE")
    try:
        return key, ast.literal_eval(value)
    except (SyntaxError, ValueError):
        return key, value
