# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The evidence of many patterns of one crystal, combined.

Axes: ``n`` patterns, ``r`` regions of patterns, ``k`` the 230 space
groups.
"""

from functools import cache

import numpy as np

from kikuchipy_symml.symmetry._levels import N_SPACE_GROUPS, class_index

FLOOR = 0.02
"""Share of the prior in every pattern's probabilities before they are
combined: the chance that a pattern says nothing of its crystal."""

CORRELATION = 0.65
"""Correlation between the evidence of patterns of one crystal. What a network
is wrong about in one, it is likely to be wrong about in others, also where
they show other orientations."""

ROWS = 16384
"""Patterns in work at a time: some 30 MB of 64-bit floats."""


@cache
def training_prior() -> np.ndarray:
    """Return how likely each space group is before a pattern is seen.

    Returns
    -------
    prior
        Array of shape (230,), read-only, that sums to one: the 14
        Bravais lattices are equally likely, and so are the space groups
        of each. This is how crystals are drawn for training, as far as
        the real ones among them allow.

    Examples
    --------
    Eleven space groups have a face-centred cubic lattice

    >>> from kikuchipy_symml.symmetry import training_prior
    >>> round(float(1 / training_prior()[225 - 1]))
    154
    """
    lattice = class_index("bravais_lattice")
    size = np.bincount(lattice)
    prior = 1 / (size.size * size[lattice])
    prior.flags.writeable = False
    return prior


def fuse_probabilities(
    p: np.ndarray,
    prior: np.ndarray | None = None,
    correlation: float = 0.0,
    weights: np.ndarray | None = None,
) -> np.ndarray:
    r"""Combine what several patterns say of the crystal they share.

    Parameters
    ----------
    p
        Probabilities of the 230 space groups by each pattern, of shape
        (n, 230). Rows that are all zero or hold NaN are no evidence and
        are left out.
    prior
        Probabilities of the space groups before any pattern is seen,
        shape (230,). If not given, :func:`training_prior`.
    correlation
        Correlation between the evidence of any two of the patterns: 0
        for independent views, 1 for repetitions of one pattern.
    weights
        How much each pattern counts, shape (n,), such as its quality.
        Only their ratios matter. If not given, all count the same.

    Returns
    -------
    fused
        Shape (230,), 64-bit floats that sum to one. If there is one row
        of evidence, that row; if there is none, all zero.

    Raises
    ------
    ValueError
        If an array or number is not as described.

    See Also
    --------
    SymmetryPhaseList.fuse
        Combine the patterns of each grain of a scan.

    Notes
    -----
    A pattern's evidence is the ratio of its probabilities to the prior.
    Ratios of independent views multiply:

    .. math::

        \log P_k = \log \pi_k + n_\mathrm{eff} \sum_i w_i
        \log \frac{q_{ik}}{\pi_k} + \mathrm{const}, \quad
        q_{ik} = (1 - \epsilon) p_{ik} + \epsilon \pi_k

    with prior :math:`\pi` and weights that sum to one. The floor
    :math:`\epsilon` = 0.02 bounds what one pattern can say against a
    space group, so that a single one, sure but wrong, is outvoted.

    Correlated views count as fewer. The variance of a mean of :math:`n`
    values with correlation :math:`\rho` among them is that of
    :math:`n_\mathrm{eff} = n / (1 + (n - 1) \rho)` independent values,
    with :math:`n = 1 / \sum_i w_i^2` under unequal weights (design
    effect and effective sample size [1]_). It stays below
    :math:`1 / \rho` however many patterns there are.

    References
    ----------
    .. [1] L. Kish, *Survey Sampling*, Wiley, New York (1965), sections
       5.4 and 11.7.

    Examples
    --------
    Two views in favour of one space group outweigh one against it

    >>> import numpy as np
    >>> from kikuchipy_symml.symmetry import fuse_probabilities
    >>> p = np.zeros((3, 230))
    >>> p[:, 225 - 1] = 0.7, 0.7, 0.2
    >>> p[:, 229 - 1] = 0.3, 0.3, 0.8
    >>> fused = fuse_probabilities(p)
    >>> int(fused.argmax()) + 1
    225
    """
    p = np.asarray(p)
    if p.ndim != 2 or p.shape[1] != N_SPACE_GROUPS:
        raise ValueError(
            f"Probabilities of shape {p.shape} given, expected (n, "
            f"{N_SPACE_GROUPS})"
        )
    if np.any(p < 0) or np.any(np.isinf(p)):
        raise ValueError(
            "Probabilities must be finite and not negative, the lowest is "
            f"{np.nanmin(p):.3g} and the highest {np.nanmax(p):.3g}"
        )
    regions = np.where(has_evidence(p), 0, -1)
    if not np.any(regions == 0):
        return np.zeros(N_SPACE_GROUPS)
    return fuse_regions(p, regions, prior, correlation, weights)[0]


def fuse_regions(
    p: np.ndarray,
    regions: np.ndarray,
    prior: np.ndarray | None = None,
    correlation: float = 0.0,
    weights: np.ndarray | None = None,
) -> np.ndarray:
    """Combine the evidence in each region, see :func:`fuse_probabilities`.

    Parameters
    ----------
    p
        Shape (n, 230).
    regions
        Index of each pattern's region, shape (n,). Negative where a
        pattern is in none. Those in a region must have evidence.
    prior, correlation, weights
        As for :func:`fuse_probabilities`.

    Returns
    -------
    fused
        Shape (highest index + 1, 230). Regions without patterns, or of
        patterns with no weight, are 0.
    """
    prior = _as_prior(prior)
    correlation = check_correlation(correlation)
    weights = _as_weights(weights, len(p))

    members = np.flatnonzero((regions >= 0) & (weights > 0))
    members = members[np.argsort(regions[members], kind="stable")]
    n_regions = int(regions.max(initial=-1)) + 1
    log_prior = np.log(prior)
    evidence = np.zeros((n_regions, N_SPACE_GROUPS))
    for start in range(0, members.size, ROWS):
        rows = members[start : start + ROWS]
        q = _normalized(p[rows]) * (1 - FLOOR) + FLOOR * prior
        ratio = (np.log(q) - log_prior) * weights[rows, np.newaxis]
        # Members are in order of regions: sum each run of the same
        here, first = np.unique(regions[rows], return_index=True)
        evidence[here] += np.add.reduceat(ratio, first, axis=0)

    region = regions[members]
    weight = weights[members]
    total = np.bincount(region, weight, n_regions).astype(np.float64)
    squares = np.bincount(region, weight**2, n_regions).astype(np.float64)
    count = np.bincount(region, minlength=n_regions)
    none = count == 0
    total[none] = squares[none] = 1
    n = total**2 / squares
    n_eff = effective_count(n, correlation)
    # In place, as there may be nearly as many regions as patterns
    fused = evidence
    fused *= (n_eff / total)[:, np.newaxis]
    fused += log_prior
    fused -= fused.max(axis=1, keepdims=True)
    np.exp(fused, out=fused)
    fused /= fused.sum(axis=1, keepdims=True)
    fused[none] = 0
    # Nothing to combine: no floor either
    alone = members[count[region] == 1]
    fused[regions[alone]] = _normalized(p[alone])
    return fused


def effective_count(n, correlation: float):
    """Return how many independent patterns n correlated ones, one number or
    an array, count for, see :func:`fuse_probabilities`."""
    return n / (1 + (n - 1) * correlation)


def has_evidence(p: np.ndarray) -> np.ndarray:
    """Return whether rows (..., 230) say anything: not NaN, not all 0."""
    # Comparing with NaN gives False
    return p.sum(axis=-1) > 0


def check_correlation(correlation: float) -> float:
    """Return a number from 0 to 1, or say what is wrong with it."""
    if not 0 <= correlation <= 1:
        raise ValueError(f"Correlation {correlation!r} is not between 0 and 1")
    return float(correlation)


def _as_prior(prior: np.ndarray | None) -> np.ndarray:
    if prior is None:
        return training_prior()
    prior = np.asarray(prior, dtype=np.float64)
    if prior.shape != (N_SPACE_GROUPS,):
        raise ValueError(
            f"Prior of shape {prior.shape} given, expected ({N_SPACE_GROUPS},)"
        )
    # Not so for NaN either. A prior of 0 would rule out what a pattern
    # may yet have seen.
    if not (prior.min() > 0 and abs(prior.sum() - 1) <= 1e-3):
        raise ValueError(
            f"Prior sums to {prior.sum():.6g}, the lowest is "
            f"{prior.min():.3g}: expected a sum of 1 and all above 0"
        )
    return prior / prior.sum()


def _as_weights(weights: np.ndarray | None, n: int) -> np.ndarray:
    if weights is None:
        return np.ones(n)
    weights = np.asarray(weights, dtype=np.float64)
    if weights.shape != (n,):
        raise ValueError(
            f"Weights of shape {weights.shape} given, expected ({n},)"
        )
    if not np.all((weights >= 0) & np.isfinite(weights)):
        raise ValueError(
            "Weights must be finite and not negative, the lowest is "
            f"{weights.min():.3g} and the highest {weights.max():.3g}"
        )
    highest = weights.max(initial=0)
    return weights / highest if highest > 0 else weights


def _normalized(p: np.ndarray) -> np.ndarray:
    p = p.astype(np.float64)
    return p / p.sum(axis=-1, keepdims=True)
