# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The computing of what was deferred."""

from contextlib import nullcontext

import dask.array as da
import hyperspy.api as hs
import numpy as np
from dask.diagnostics import ProgressBar


def computed(array: da.Array, show_progressbar: bool | None) -> np.ndarray:
    """Compute an array, with a progress bar if asked for, or by HyperSpy's
    preference if None."""
    if show_progressbar is None:
        show_progressbar = hs.preferences.General.show_progressbar
    with ProgressBar() if show_progressbar else nullcontext():
        return array.compute()
