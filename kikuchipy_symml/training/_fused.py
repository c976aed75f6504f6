# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""What several patterns of one crystal say together, while training.

Errors that all patterns of a crystal share do not go away when these are
fused. A loss on what comes out then asks for evidence that adds up.
"""

import numpy as np
from keras import layers, ops

from kikuchipy_symml.symmetry import training_prior
from kikuchipy_symml.symmetry._fuse import CORRELATION, FLOOR


class Fused(layers.Layer):
    """Probabilities of consecutive patterns, fused as
    :func:`~kikuchipy_symml.symmetry.fuse_probabilities` does.

    Input: probabilities (B, 230), of B / count crystals one after the
    other. Output (B, 230): of each pattern, what all of its crystal say.
    """

    def __init__(self, count: int, **kwargs):
        super().__init__(**kwargs)
        self.count = count
        self.prior = training_prior().astype("float32")
        self.n_eff = count / (1 + (count - 1) * CORRELATION)

    def call(self, p):
        q = (1 - FLOOR) * p + FLOOR * self.prior
        log_prior = np.log(self.prior)
        each = ops.reshape(ops.log(q) - log_prior, (-1, self.count, 230))
        both = log_prior + self.n_eff * ops.mean(each, axis=1)
        return ops.repeat(ops.softmax(both, axis=-1), self.count, axis=0)

    def compute_output_shape(self, shape):
        return shape
