# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""``masters``: compute dynamical master patterns of real crystals."""

import argparse
from pathlib import Path

from kikuchipy_symml._cli._output import CommandLineError, check_output


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        metavar="DIR",
        help="where each master pattern is kept; those that are there are "
        "not computed again",
    )
    parser.add_argument(
        "--pack",
        type=Path,
        default=None,
        metavar="FILE",
        help="at the end, write all that are there to one small file, *.npz, "
        "in place of one that is there",
    )
    parser.add_argument(
        "--total",
        type=int,
        default=102,
        metavar="N",
        help="number of crystals, 14 or more (default: 102)",
    )
    parser.add_argument(
        "--half-width",
        type=int,
        default=80,
        metavar="N",
        help="points from the pole to an edge (default: 80)",
    )
    parser.add_argument(
        "--energy-step",
        type=float,
        default=None,
        metavar="KEV",
        help="solve for each bin of energies of this width (default: for "
        "the energy of the incident electrons alone)",
    )
    parser.add_argument(
        "--strong",
        type=float,
        default=5.0,
        metavar="X",
        help="the higher, the more beams are solved for (default: 5)",
    )
    parser.add_argument(
        "--solver",
        choices=("lu_smith", "galerkin"),
        default="lu_smith",
        help="of ebsdsim; galerkin is for GPUs (default: lu_smith)",
    )
    parser.add_argument(
        "--minutes",
        type=float,
        default=None,
        help="begin no other after so many minutes; call again to go on. "
        "With 0 and --pack, only pack",
    )


def run(args: argparse.Namespace) -> None:
    """Compute the master patterns that are not there yet, and pack."""
    if args.total < 14 or args.half_width < 1:
        raise CommandLineError(
            "--total must be 14 or more and --half-width 1 or more, not "
            f"{args.total} and {args.half_width}"
        )
    if args.pack is not None:
        check_output(args.pack, (".npz",), force=True, inputs=[])

    from kikuchipy_symml._progress import progress_bar
    from kikuchipy_symml.simulation._dynamical import require_ebsdsim
    from kikuchipy_symml.training._masters import (
        compute_masters,
        dynamical_crystals,
        pack_masters,
    )

    crystals = dynamical_crystals(args.total)
    if args.minutes != 0:
        require_ebsdsim()
    done = 0
    with progress_bar(total=len(crystals), unit="master") as bar:
        for crystal in compute_masters(
            args.output,
            crystals,
            half_width=args.half_width,
            energy_step=args.energy_step,
            strong=args.strong,
            solver=args.solver,
            minutes=args.minutes,
        ):
            done += 1
            bar.set_postfix_str(crystal.name)
            bar.update(1)
    print(f"{done} of {len(crystals)} master patterns are in {args.output}")
    if args.pack is not None:
        n = pack_masters(args.output, args.pack)
        print(f"{n} are packed in {args.pack}")
