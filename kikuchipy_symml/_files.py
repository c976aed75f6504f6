# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that nobody ever meets half written."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def written_whole(
    path: str | Path, ending: str | None = None
) -> Iterator[Path]:
    """Yield a temporary path that becomes the file in the end.

    A file that was there is replaced in one step, and a failure leaves it
    as it was and nothing beside it. Processes that write the same file at
    the same time do not disturb each other.

    Parameters
    ----------
    path
        File to write.
    ending
        Of the temporary path. If not given, that of *path*, which some
        writers go by. A process that is killed leaves it behind.

    Yields
    ------
    temporary
        Path in the same folder.
    """
    path = Path(path)
    ending = path.suffix if ending is None else ending
    temporary = path.with_name(f".{path.stem}.{secrets.token_hex(4)}{ending}")
    try:
        yield temporary
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
