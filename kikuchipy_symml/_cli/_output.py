# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Output files that are whole or not there, and never lost."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kikuchipy_symml._files import written_whole


class CommandLineError(Exception):
    """The command line cannot be carried out; nothing was begun."""


def check_output(
    path: Path, suffixes: tuple[str, ...], force: bool, inputs: list[Path]
) -> None:
    """Raise an error if a file cannot be written, before any work.

    Parameters
    ----------
    path
        File to write.
    suffixes
        Allowed endings, in lower case and with the dot.
    force
        Whether a file that exists may be replaced.
    inputs
        Files that are read, which are not replaced even so.

    Raises
    ------
    CommandLineError
        If the ending is not among *suffixes*, the folder does not exist
        or is not writable, or the file exists and may not be replaced.
    """
    if path.suffix.lower() not in suffixes:
        raise CommandLineError(
            f"'{path}' must end with one of {', '.join(suffixes)}, not with "
            f"'{path.suffix}'"
        )
    folder = path.parent
    if not folder.is_dir():
        raise CommandLineError(f"There is no folder '{folder}' for '{path}'")
    if not os.access(folder, os.W_OK):
        raise CommandLineError(f"The folder '{folder}' is not writable")
    if path.is_dir():
        raise CommandLineError(f"'{path}' is a folder")
    if path.exists():
        if any(other.exists() and path.samefile(other) for other in inputs):
            raise CommandLineError(f"'{path}' is also an input")
        if not force:
            raise CommandLineError(f"'{path}' exists: --force replaces it")


@contextmanager
def replacing(path: Path, force: bool) -> Iterator[Path]:
    """Yield a temporary path that becomes *path* in the end.

    Nobody sees half a file, and a failure leaves nothing behind.

    Parameters
    ----------
    path
        File to write.
    force
        Whether a file that exists may be replaced.

    Yields
    ------
    temporary
        Path beside *path*, with the same ending.

    Raises
    ------
    FileExistsError
        If the file has come into being meanwhile and *force* is False.
        The temporary file then stays, as the work is in it.
    """
    if force:
        with written_whole(path) as temporary:
            yield temporary
        return
    temporary = path.with_name(f".{path.stem}-{os.getpid()}{path.suffix}")
    try:
        yield temporary
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    try:
        _move(temporary, path)
    except KeyboardInterrupt:
        temporary.unlink(missing_ok=True)
        raise


def _move(temporary: Path, path: Path) -> None:
    """Give a file its name, if nobody has it."""
    try:
        # In one step, complete or not at all
        os.link(temporary, path)
    except FileExistsError:
        taken = True
    except OSError:
        # Some drives know no second names
        taken = path.exists()
        if not taken:
            os.replace(temporary, path)
    else:
        taken = False
        temporary.unlink()
    if taken:
        raise FileExistsError(
            f"'{path}' was written by something else meanwhile; the result "
            f"is in '{temporary}'"
        )
