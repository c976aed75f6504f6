# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order of the examples, and what each of them starts from."""

import warnings

import hyperspy.api as hs
from dask.diagnostics import ProgressBar

# The order to read them in. Others follow, by name.
ORDER = (
    "first_classification.py",
    "levels.py",
    "masks.py",
    "confidence.py",
    "projection_centre.py",
    "grains.py",
    "candidate_phases.py",
    "maps_and_files.py",
    "big_scan.py",
    "cluster.py",
    "dictionary_indexing.py",
    "hough_indexing.py",
    "own_scans.py",
    "explanation_maps.py",
)


class ReadingOrder:
    """Sort the examples for Sphinx-gallery.

    Parameters
    ----------
    folder
        Of the examples.
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def __call__(self, filename: str) -> tuple[int, str]:
        """Return what to sort an example by."""
        place = ORDER.index(filename) if filename in ORDER else len(ORDER)
        return place, filename

    def __repr__(self) -> str:
        # Part of the settings that Sphinx compares to the last build's
        return f"<{type(self).__name__}>"


def quiet(gallery_conf: dict, fname: str) -> None:
    """Show no progress bars, and no warnings about other packages' use
    of each other.
    """
    hs.preferences.General.show_progressbar = False
    # kikuchipy 0.13 draws some bars whatever the preference, and each step
    # of them would be on the page.
    ProgressBar._draw_bar = lambda *args: None
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    warnings.filterwarnings("ignore", category=FutureWarning)
