# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small images of patterns, to be compared with each other.

Images have no background, even contrast, a mean of zero and unit length,
so that the dot product of two is their correlation.

Axes: ``n`` patterns, ``i`` and ``j`` rows and columns of images.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from kikuchipy_symml.pattern import MIN_PIXELS

# Patterns are binned to about this many pixels along the longer side:
# enough to tell bands, few enough to average noise out.
SIDE = 30
# Standard deviation of the window whose mean is the background, as a
# fraction of the longer side. Contrast is evened out over twice that.
BACKGROUND = 0.08
# If without their common part neighbours have less than this fraction of
# their similarity, it is what they show, and the scan one of few grains.
ONE_GRAIN = 0.5


@dataclass(frozen=True)
class Flatten:
    """What makes images of the patterns of a scan."""

    factor: int  # Detector pixels along a side of a pixel of the images
    signal_mask: np.ndarray | None
    seen: np.ndarray  # (i, j), how many detector pixels of each are kept

    @classmethod
    def of(
        cls, shape: tuple[int, int], signal_mask: np.ndarray | None
    ) -> "Flatten":
        factor = max(1, round(max(shape) / SIDE))
        keep = np.ones(shape) if signal_mask is None else ~signal_mask
        seen = _binned(keep[np.newaxis], factor)[0]
        n = np.count_nonzero(seen)
        if n < MIN_PIXELS:
            raise ValueError(
                f"The signal mask leaves {n} of {seen.size} pixels of the "
                f"binned patterns: at least {MIN_PIXELS} are needed"
            )
        return cls(factor, signal_mask, seen)

    def __call__(self, patterns: np.ndarray) -> np.ndarray:
        """Return images (n, i, j) of patterns (n, rows, columns), NaN
        where a pattern is constant or not finite.
        """
        if self.signal_mask is not None:
            patterns = np.where(self.signal_mask, 0, patterns)
        inside = self.seen > 0
        with np.errstate(invalid="ignore"):  # Infinity less infinity
            images = _binned(patterns, self.factor)
            images /= np.where(inside, self.seen, 1)
            values = images[:, inside]
            lowest, highest = values.min(axis=1), values.max(axis=1)
            span = highest - lowest
            # More than rounding, and not NaN or infinite
            usable = span > 1e-6 * np.maximum(abs(lowest), abs(highest))
            usable &= span < np.inf
        flat = np.full(images.shape, np.nan, dtype=np.float32)
        if not usable.any():
            return flat

        images = images[usable] - lowest[usable, np.newaxis, np.newaxis]
        images /= span[usable, np.newaxis, np.newaxis]
        images = images.astype(np.float32)
        weight = inside.astype(np.float32)
        sigma = BACKGROUND * max(inside.shape)
        # Near the edges a window is one-sided and leaves part of a steep
        # background; the second pass takes that off.
        for _ in range(2):
            images -= _local_mean(images, weight, sigma)
        variance = _local_mean(images**2, weight, 2 * sigma)
        variance += 0.05 * variance.mean(axis=(1, 2), keepdims=True)
        # A floor for the rounding of what had no contrast at all
        images /= np.sqrt(variance + 1e-12)
        images -= images[:, inside].mean(axis=1)[:, np.newaxis, np.newaxis]
        flat[usable] = _unit(images * weight)
        return flat


def common_part(pairs: np.ndarray) -> np.ndarray:
    """Return what images have in common whatever their grain.

    The static background leaves its mark in every image: shading by the
    detector, dust, a pattern of pixels. It makes unlike patterns alike.
    The mean over grains shows it, where there are several. Every grain
    counts the same, however many images of it there are: taken off, a
    mean that is mostly one grain would take that grain along.

    Parameters
    ----------
    pairs
        Images of pairs of neighbours, shape (2, n, i, j), NaN where a
        pattern cannot be used.

    Returns
    -------
    common
        Image of unit length, shape (i, j), or 0 where nothing is found.
    """
    nothing = np.zeros(pairs.shape[2:], dtype=np.float32)
    pairs = pairs[:, np.isfinite(pairs).all(axis=(0, 2, 3))]
    if pairs.size == 0:
        return nothing
    images = pairs.reshape(-1, *pairs.shape[2:])
    flat = images.reshape(len(images), -1)
    alike = flat @ flat.T
    like = _likeness(pairs)
    unlike = np.quantile(alike, 0.05)
    grain = np.count_nonzero(alike >= (like + unlike) / 2, axis=1)
    # None are alike if all of a sample is noise
    weight = 1 / np.maximum(grain, 1)
    common = np.tensordot(weight, images, 1)
    common = _unit(common[np.newaxis])[0].astype(np.float32)
    # In a scan of one grain, the pattern itself is what is common
    left = _likeness(without(common, images).reshape(pairs.shape))
    return common if left >= ONE_GRAIN * like else nothing


def _likeness(pairs: np.ndarray) -> float:
    """Return the similarity of neighbours, most of which are like."""
    return np.quantile(np.sum(pairs[0] * pairs[1], axis=(1, 2)), 0.75)


def without(common: np.ndarray, images: np.ndarray) -> np.ndarray:
    """Return images with a part taken off, of unit length again."""
    share = np.tensordot(images, common, 2)
    return _unit(images - share[:, np.newaxis, np.newaxis] * common)


def _unit(images: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(images, axis=(1, 2), keepdims=True)
    return images / np.maximum(length, 1e-6)


def _binned(patterns: np.ndarray, factor: int) -> np.ndarray:
    """Return sums of factor x factor pixels; what is left over at the
    lower and right edges is left out.
    """
    n, rows, columns = patterns.shape
    rows, columns = rows // factor, columns // factor
    patterns = patterns[:, : rows * factor, : columns * factor]
    patterns = patterns.reshape(n, rows, factor, columns, factor)
    return patterns.sum(axis=(2, 4), dtype=np.float64)


def _local_mean(
    images: np.ndarray, weight: np.ndarray, sigma: float
) -> np.ndarray:
    """Return the mean in a Gaussian window of the pixels with weight."""
    rows, columns = (_gaussian(n, sigma) for n in weight.shape)
    total = rows @ (images * weight) @ columns
    return total / np.maximum(rows @ weight @ columns, 1e-6)


@cache
def _gaussian(n: int, sigma: float) -> np.ndarray:
    """Return the window around each of n pixels, shape (n, n)."""
    distance = np.subtract.outer(np.arange(n), np.arange(n)) / sigma
    return np.exp(-(distance**2) / 2).astype(np.float32)
