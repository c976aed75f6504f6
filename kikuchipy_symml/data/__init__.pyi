# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later

from ._scan import master_pattern, simulated_scan

__all__ = [
    "master_pattern",
    "simulated_scan",
]
