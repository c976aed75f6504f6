# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Crystal symmetry of EBSD patterns by machine learning, for kikuchipy.

Importing this package gives :class:`kikuchipy.signals.EBSD` and its lazy
counterpart the methods ``classify_symmetry()``, ``explain_symmetry()``,
``find_projection_centre()`` and ``label_grains()``. Nothing here imports
TensorFlow before a model is loaded.
"""

import lazy_loader

from kikuchipy_symml._register import register_methods, register_signals

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

register_methods()
register_signals()

del lazy_loader, register_methods, register_signals
