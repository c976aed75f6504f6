# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Labels as sets of allowed space groups, and the loss on them."""

from collections.abc import Iterable

import numpy as np

from kikuchipy_symml import symmetry


def allowed_space_groups(level: str, names: Iterable[str | int]) -> np.ndarray:
    """Return which space groups labels allow.

    Parameters
    ----------
    level
        Level at which the labels are known, one of
        :data:`kikuchipy_symml.symmetry.LEVELS`.
    names
        Class name of each pattern at that level; space groups may be
        given by number as well.

    Returns
    -------
    allowed
        1 where allowed, else 0, shape (N, 230), float32.

    Raises
    ------
    ValueError
        If the level or a class name is unknown.
    """
    names = list(names)
    allowed = np.zeros((len(names), 230), dtype=np.float32)
    for i, name in enumerate(names):
        if level == "space_group" and isinstance(name, int | np.integer):
            if not 1 <= name <= 230:
                raise ValueError(f"Space group {name} is not in 1 to 230")
            numbers = np.array([name])
        else:
            numbers = symmetry.space_groups_of(level, str(name))
        allowed[i, numbers - 1] = 1
    return allowed


def set_loss(level_weights: dict[str, float]):
    r"""Return the loss on sets of allowed space groups.

    Parameters
    ----------
    level_weights
        Weight of each level.

    Returns
    -------
    loss
        Function of the sets (N, 230) and the probabilities (N, 230),
        returning the loss of each pattern (N,).

    Raises
    ------
    ValueError
        If a level is unknown or no weight is positive.

    Notes
    -----
    The loss is :math:`-\log \sum_{s \in S} p_s`, summed over levels with
    their weights, where :math:`S` at a level holds every space group in
    a class with an allowed one. A pattern of which only the Bravais
    lattice is known trains that level as much as any other pattern, and
    finer levels not at all.

    Of a pattern that shows nothing no space group is allowed. Its loss is
    the Kullback-Leibler divergence from even probabilities of all classes,
    at each level, so that the network learns to be unsure.
    """
    from keras import ops

    weights = {k: float(v) for k, v in level_weights.items() if v}
    if not weights or min(weights.values()) < 0:
        raise ValueError(
            f"At least one level needs a positive weight: {level_weights}"
        )
    # Space groups of the same class at each level, (230, 230).
    tables = {level: symmetry.sum_table(level) for level in weights}
    same = {level: table @ table.T for level, table in tables.items()}
    total = sum(weights.values())

    def loss(allowed, p):
        out = 0.0
        nothing = ops.sum(allowed, axis=-1) < 0.5
        for level, weight in weights.items():
            inside = ops.cast(ops.matmul(allowed, same[level]) > 0, "float32")
            on_set = ops.sum(p * inside, axis=-1)
            of_class = ops.matmul(p, tables[level])
            uneven = -np.log(of_class.shape[-1]) - ops.mean(
                ops.log(of_class + 1e-7), axis=-1
            )
            off = ops.where(nothing, uneven, -ops.log(on_set + 1e-7))
            out = out + weight / total * off
        return out

    return loss
