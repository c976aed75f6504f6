# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""What several patterns of one crystal say together, while training.

Errors that all patterns of a crystal share do not go away when these are
fused. A loss on what comes out then asks for evidence that adds up.
"""

from collections.abc import Callable

import numpy as np
from keras import ops

from kikuchipy_symml.symmetry import training_prior
from kikuchipy_symml.symmetry._fuse import (
    CORRELATION,
    FLOOR,
    effective_count,
)


def fused(p, count: int):
    """Fuse consecutive patterns as
    :func:`~kikuchipy_symml.symmetry.fuse_probabilities` does.

    Parameters
    ----------
    p
        Probabilities (B, 230), of B / count crystals one after the other.
    count
        Patterns of each crystal.

    Returns
    -------
    p
        For each pattern what all of its crystal say, (B, 230).
    """
    prior = training_prior().astype("float32")
    log_prior = np.log(prior)
    evidence = ops.log((1 - FLOOR) * p + FLOOR * prior) - log_prior
    evidence = ops.reshape(evidence, (-1, count, len(prior)))
    n_eff = effective_count(count, CORRELATION)
    both = ops.softmax(log_prior + n_eff * ops.mean(evidence, axis=1))
    return ops.repeat(both, count, axis=0)


def fused_loss(loss: Callable, count: int) -> Callable:
    """Return a loss function of labels and probabilities that takes the
    latter for what they come to when fused."""
    return lambda allowed, p: loss(allowed, fused(p, count))
