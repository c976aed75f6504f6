# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Crystal symmetry of EBSD patterns by machine learning, for kikuchipy.

Importing this package gives :class:`kikuchipy.signals.EBSD` and its lazy
counterpart the method ``classify_symmetry()``. Nothing here imports
TensorFlow before a model is loaded.
"""

import lazy_loader

from kikuchipy_symml._register import register_methods

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

register_methods()

del lazy_loader, register_methods
