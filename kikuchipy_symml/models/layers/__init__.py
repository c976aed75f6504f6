# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keras layers that see bands, poles and the angles between them.

A band is the trace of a lattice plane: a great circle of directions. The
mean intensity along every great circle that crosses the view is a map
over plane normals, in which a band is a peak (:class:`GreatCircles`). The
peaks are picked as tokens (:class:`Bands`), and so are the directions in
which many bands cross (:class:`Poles`). All that the rest of the network
knows about directions are quantities that no rotation changes: angles
between tokens, and what the map shows where a rotation about one token
takes another (:class:`Relations`). The reciprocal lattices that explain
most bands (:class:`Lattices`) say which vectors those have in common, and
weak bands whether there are more (:class:`Superlattices`).

Axes: ``B`` patterns, ``y`` and ``x`` view rows and columns, ``P`` azimuths
and ``A`` tilts of plane normals, ``T`` bands, ``Z`` poles, ``N = T + Z``
tokens.
"""

from ._attention import MeanOverPresent, PairAttention, PairUpdate, Present
from ._bands import Bands, FindBands
from ._lattices import Lattices
from ._poles import Poles, Relations
from ._profiles import Profiles, RefineBands
from ._superlattices import Superlattices
from ._views import GreatCircles, Shrink
from ._widths import ReadWidths

__all__ = [
    "Bands",
    "FindBands",
    "GreatCircles",
    "Lattices",
    "MeanOverPresent",
    "PairAttention",
    "PairUpdate",
    "Poles",
    "Present",
    "Profiles",
    "ReadWidths",
    "RefineBands",
    "Relations",
    "Shrink",
    "Superlattices",
]
