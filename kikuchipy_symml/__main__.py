# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``python -m kikuchipy_symml`` runs."""

import sys

from kikuchipy_symml._cli import main

if __name__ == "__main__":
    sys.exit(main())
