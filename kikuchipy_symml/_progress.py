# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Progress bars that follow HyperSpy's preference."""

from tqdm.auto import tqdm


def show_progress(show: bool | None) -> bool:
    """Return whether to show a progress bar: as asked for, or as in
    HyperSpy's preferences if None."""
    if show is None:
        import hyperspy.api as hs

        return bool(hs.preferences.General.show_progressbar)
    return bool(show)


def progress_bar(*, show: bool | None = None, **kwargs) -> tqdm:
    """Return a progress bar of tqdm, silent if it is not to be shown."""
    return tqdm(disable=not show_progress(show), **kwargs)
