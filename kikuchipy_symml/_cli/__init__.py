# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line: which commands there are and how they end.

A command is a module beside this one, with the name that the user types
and two functions: ``add_arguments(parser)`` and ``run(args)``. Only the
module of the command asked for is imported.

Exit status: 0 when all was done, 1 when the work failed, 2 when the
command line cannot be carried out and nothing was begun, 130 when the
user interrupted.
"""

import argparse
import importlib
import os
import sys
import traceback
import warnings
from collections.abc import Sequence
from importlib.util import find_spec

import kikuchipy_symml
from kikuchipy_symml._cli._output import CommandLineError

PROGRAM = "python -m kikuchipy_symml"

# In the order of use
COMMANDS = {
    "simulate": "simulate patterns to train a model with",
    "masters": "compute dynamical master patterns to train with",
    "train": "train a model",
    "evaluate": "score a model",
    "classify": "find the crystal symmetry of every pattern of a scan",
}


def available_commands() -> dict[str, str]:
    """Return the commands whose module is there, with their summary."""
    return {
        name: summary
        for name, summary in COMMANDS.items()
        if find_spec(f"{__name__}.{name}") is not None
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status.

    Parameters
    ----------
    argv
        Arguments without the name of the program. If not given, those
        of the process.

    Returns
    -------
    status
        See the module.

    Raises
    ------
    SystemExit
        By argparse: with 0 after ``--help`` and ``--version``, with 2
        after arguments that it does not understand.
    """
    argv = list(sys.argv[1:] if argv is None else argv)
    # Before TensorFlow is imported: only errors, no chatter
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

    parser, run = _parser(argv)
    args = parser.parse_args(argv)
    if run is None:
        parser.print_help()
        return 0

    with warnings.catch_warnings():
        warnings.showwarning = _show_warning
        try:
            run(args)
        except KeyboardInterrupt:
            print("Interrupted", file=sys.stderr)
            return 130
        except Exception as error:
            if args.debug:
                traceback.print_exc()
            else:
                _show_error(f"{PROGRAM} {args.command}", error)
            return 2 if isinstance(error, CommandLineError) else 1
    return 0


def _parser(argv):
    parser = argparse.ArgumentParser(
        prog=PROGRAM, description=kikuchipy_symml.__doc__.splitlines()[0]
    )
    parser.add_argument(
        "--version",
        action="version",
        version=f"kikuchipy_symml {kikuchipy_symml.__version__}",
    )
    commands = available_commands()
    subparsers = parser.add_subparsers(
        dest="command", metavar="COMMAND", title="commands"
    )
    chosen = next((arg for arg in argv if not arg.startswith("-")), None)
    run = None
    for name, summary in commands.items():
        subparser = subparsers.add_parser(
            name, help=summary, description=f"{summary.capitalize()}."
        )
        if name == chosen:
            module = importlib.import_module(f"{__name__}.{name}")
            module.add_arguments(subparser)
            subparser.add_argument(
                "--debug",
                action="store_true",
                help="show the traceback of an error",
            )
            run = module.run
    return parser, run


def _show_error(command: str, error: Exception) -> None:
    # An OSError or ValueError speaks for itself, a KeyError does not
    kind = type(error).__name__
    speaks = isinstance(error, (OSError, ValueError, CommandLineError))
    text = str(error) if speaks and str(error) else f"{kind}: {error}"
    print(f"{command}: error: {text}", file=sys.stderr)
    if not isinstance(error, CommandLineError):
        print("(--debug shows where it was raised)", file=sys.stderr)


def _show_warning(message, *args, **kwargs) -> None:
    print(f"warning: {message}", file=sys.stderr)
