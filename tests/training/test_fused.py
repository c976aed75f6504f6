# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
from keras import ops

from kikuchipy_symml.symmetry import fuse_probabilities
from kikuchipy_symml.symmetry._fuse import CORRELATION
from kikuchipy_symml.training._fused import fused


def test_as_patterns_are_fused():
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.full(230, 0.05), size=12).astype(np.float32)
    rows = ops.convert_to_numpy(fused(p, 4))
    assert rows.shape == (12, 230)
    for i, row in enumerate(rows):
        own = p[i // 4 * 4 :][:4]
        expected = fuse_probabilities(own, correlation=CORRELATION)
        np.testing.assert_allclose(row, expected, rtol=1e-3, atol=1e-6)
