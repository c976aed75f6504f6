# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Training on a user's own measured and labelled scans.

Neighbouring patterns of a scan are near-copies of each other, so what is
held out for scoring is whole scans, or whole regions of scans, with the
rows of points next to them left out of training, too.

Axes: ``y`` and ``x`` navigation rows and columns (of which there may be
fewer), ``N`` the points of a scan, one row after the other, ``c`` classes.
A line is a row or a column of points, across the longer navigation axis.
"""

import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING

import dask.array as da
import numpy as np
from kikuchipy.signals import EBSD

from kikuchipy_symml import symmetry
from kikuchipy_symml._progress import progress_bar
from kikuchipy_symml.classify._checks import (
    check_navigation_mask,
    check_projection_centres,
    check_signal,
    check_signal_mask,
    navigation_shape,
)
from kikuchipy_symml.classify._mapping import _in_blocks
from kikuchipy_symml.models import (
    ModelError,
    SymmetryModel,
    load_model,
    make_card,
    save_model,
)
from kikuchipy_symml.models._model import SUFFIX
from kikuchipy_symml.models._network_file import read_network, write_network
from kikuchipy_symml.pattern import ViewSpec, canonical_views

from ._labels import allowed_space_groups, set_loss
from ._scores import score

if TYPE_CHECKING:  # pragma: no cover
    import keras

NETWORKS = ("default", "xception", "resnet50")
SPLITS = ("scan", "region", "pattern")
# Blocks of patterns in memory at a time, among which patterns are shuffled.
POOL = 8
# XLA compiles for a minute or so and is faster from then on.
STEPS_WORTH_COMPILING = 2000


def fit(
    signals: EBSD | Sequence[EBSD],
    labels: str | np.ndarray | Sequence[str | np.ndarray],
    *,
    network: str = "default",
    level: str = "bravais_lattice",
    split: str = "scan",
    validation: float = 0.2,
    epochs: int = 10,
    batch_size: int = 32,
    learning_rate: float | None = None,
    seed: int = 0,
    navigation_masks: np.ndarray | Sequence[np.ndarray | None] | None = None,
    signal_mask: np.ndarray | None = None,
    start_from: str | Path | SymmetryModel | None = "default",
    size: int | None = None,
    view: ViewSpec | None = None,
    network_settings: dict | None = None,
    path: str | Path | None = None,
    show_progressbar: bool | None = None,
) -> SymmetryModel:
    """Train a network on measured scans whose symmetry is known.

    Parameters
    ----------
    signals
        EBSD patterns, in memory or lazy, each with the projection
        centre(s) in its ``detector``. None of them is changed. Lazy ones
        are read block by block, once in each epoch.
    labels
        For each signal the name of its class, or an array of the
        navigation shape with the class of each point: names, "" where it
        is not known, or integers that index
        :func:`~kikuchipy_symml.symmetry.class_names`, -1 where it is not
        known, as in ``phase_id`` of a
        :class:`~kikuchipy_symml.SymmetryPhaseList`.
    network
        "default" is the network of this package, "xception" and
        "resnet50" are the image classifiers of the seed paper [1]_,
        always trained anew.
    level
        Level of symmetry of the labels.
    split
        What is held out of training to score the network on: whole
        scans ("scan"), or strips of each scan ("region"), with a line of
        points on both sides of a strip in neither part. "pattern", single
        patterns at random, is possible, but see the warning below.
    validation
        Share of the labelled patterns of each class to hold out, about.
    epochs
        How many times to go through the training patterns.
    batch_size
        Patterns in one step of training.
    learning_rate
        Step size of the AdamW optimiser at the start, from where it falls
        to zero as a cosine. If not given, 1e-4 when going on from a model
        and 1e-3 for a new network.
    seed
        Seed of the split, the order of patterns and new weights. With the
        same blocks of patterns, the same seed gives the same training up
        to the rounding of floats. Keras', NumPy's and Python's global
        random numbers are seeded.
    navigation_masks
        For each signal a boolean array of the navigation shape, True for
        points to leave out, or None.
    signal_mask
        Boolean array of the signal shape, the same for all signals, True
        for detector pixels to leave out.
    start_from
        Model to go on from: "default", the one of the package, the path
        of another model file, or a model; None starts anew. Only for
        ``network="default"``.
    size
        Pixels along each side of the images that "xception" (71 at
        least) and "resnet50" (32 at least) take. If not given, 299.
    view
        Canonical view that a new network takes. If not given,
        ``ViewSpec()``.
    network_settings
        Settings of a new default network, such as ``{"width": 64}``, as
        under ``network`` in a recipe.
    path
        Model file to write, ending with ".symml". An existing file is
        replaced. If not given, "fitted.symml" in the working directory,
        or "fitted_2.symml" and so on if that exists.
    show_progressbar
        Whether to show a progress bar. If not given, HyperSpy's
        preference.

    Returns
    -------
    model
        The model in the file, for ``classify_symmetry(model=path)``. Its
        card tells what it was trained on, what was held out, and the
        scores on that.

    Raises
    ------
    TypeError
        If signals, labels or a model are of another kind.
    ValueError
        If something given does not fit, before any pattern is read. The
        message quotes it.
    FileNotFoundError
        If there is no model file to start from, or no folder to write
        to.

    Warns
    -----
    UserWarning
        If the split is by pattern, if no part of a class can be held
        out, if a projection centre is the one of a new detector, or if
        patterns are constant or hold NaN or infinite values: these are
        left out.

    See Also
    --------
    train
        Train on simulated patterns by a recipe.

    Notes
    -----
    A label is the set of space groups of its class, and the loss is minus
    the logarithm of the probability on the set, the mean of the label's
    own level and all levels that are coarser, weighted so that each class
    counts the same. Within a class nothing is learned: finer levels than
    that of the labels are as in the model that was started from, or
    arbitrary in a new network. Nor can a new network find a class that
    had no pattern.

    The held-out patterns choose nothing: the network is the one after the
    last epoch.

    References
    ----------
    .. [1] Kaufmann, K., Zhu, C., Rosengarten, A. S., Maryanovsky, D.,
       Harrington, T. J., Marin, E. & Vecchio, K. S. Science 367 (2020)
       564.
    """
    symmetry.class_names(level)
    signals, labels, masks = _as_lists(signals, labels, navigation_masks)
    _check_choices(split, validation, epochs, batch_size, learning_rate, seed)
    path = _checked_path(path)
    start, view = _checked_network(
        network, start_from, size, view, network_settings
    )
    for i, signal in enumerate(signals):
        with _telling_which(i):
            check_signal(signal)
            check_navigation_mask(masks[i], signal)
            check_signal_mask(signal_mask, signal)
            labels[i] = _class_indices(labels[i], level, signal)
    centres = []
    for i, signal in enumerate(signals):
        with _telling_which(i):
            centres.append(check_projection_centres(signal))
    scans = [
        _Scan.of(signal, *rest)
        for signal, *rest in zip(signals, labels, masks, centres, strict=True)
    ]
    _check_classes(scans, level)

    rng = np.random.default_rng([seed, 5])
    if split == "pattern":
        warnings.warn(
            "Neighbouring patterns of a scan are near-copies of each other: "
            "with split='pattern' the score says how well the network "
            "remembers these scans, not how well it generalises to others",
            stacklevel=2,
        )
        parts = _split_patterns(scans, validation, rng)
    else:
        parts = _split_groups(scans, split, validation, rng)
    train, held_out = parts
    unscored = _check_parts(scans, train, held_out, split, validation, level)
    if unscored:
        warnings.warn(
            f"No {split} with {unscored} can be held out and leave another "
            "to train on: the scores say nothing about them",
            stacklevel=2,
        )

    if learning_rate is None:
        learning_rate = 1e-3 if start is None else 1e-4
    n_train = sum(int(i.sum()) for i in train)
    batch_size = min(batch_size, n_train)
    fitter = _Fitter(
        _network(network, start, view, size, network_settings, seed),
        view,
        signal_mask,
        level,
        _class_weights(scans, train, level),
        learning_rate,
        epochs * (n_train // batch_size),
        batch_size,
    )
    history = []
    with progress_bar(
        total=epochs * (n_train // batch_size),
        show=show_progressbar,
        unit="step",
    ) as bar:
        for epoch in range(epochs):
            order = np.random.default_rng([seed, 6, epoch])
            loss = fitter.train(scans, train, order, bar)
            scores, n_held_out = fitter.score(scans, held_out)
            history.append(
                {"loss": round(loss, 4), "top_1": scores[level]["top_1"]}
            )
            bar.set_postfix(history[-1])
    n_wanted = sum(int(i.sum()) for i in held_out)
    if fitter.unusable or n_held_out < n_wanted:
        warnings.warn(
            f"{fitter.unusable} of {n_train} patterns to train on and "
            f"{n_wanted - n_held_out} of {n_wanted} held out are constant or "
            "hold NaN or infinite values: they are left out",
            stacklevel=2,
        )

    card = make_card(
        path.stem,
        view,
        description=(
            f"Network {network!r} trained on {len(scans)} measured scan(s) "
            f"labelled at the level {level!r}; finer levels were not trained."
        ),
        training_set={
            "description": "measured scans with known symmetry",
            "network": network,
            "network_settings": dict(network_settings or {}),
            "size": size,
            "start_from": None
            if start is None
            else {"name": start.name, "sha256": start.sha256},
            "level": level,
            "levels_trained": list(_coarser_levels(level)),
            "classes": _counts_by_name(scans, train, level),
            "scans": [
                {
                    "title": str(signal.metadata.General.title),
                    "navigation_shape": list(navigation_shape(signal)),
                    "signal_shape": list(signal.data.shape[-2:]),
                    "trained": int(train[i].sum()),
                    "held_out": int(held_out[i].sum()),
                }
                for i, signal in enumerate(signals)
            ],
            "split": split,
            "validation": float(validation),
            "epochs": int(epochs),
            "batch_size": int(batch_size),
            "learning_rate": float(learning_rate),
            "seed": int(seed),
            "history": history,
        },
        scores={
            "held_out": {
                "split": split,
                "classes": _counts_by_name(scans, held_out, level),
                **scores,
            }
        },
    )
    return save_model(fitter.network, card, path)


# -------------------------------------------------------------- the scans


@dataclass(frozen=True)
class _Scan:
    """One scan, its points in one row.

    Parameters
    ----------
    patterns
        Blocks of whole patterns, with one or two navigation axes.
    pc
        Projection centres, shape (3,) or (N, 3).
    classes
        Class of each point, -1 where it is left out, shape (N,).
    lines
        Number of the line of each point, shape (N,).
    """

    patterns: da.Array
    pc: np.ndarray
    classes: np.ndarray
    lines: np.ndarray

    @classmethod
    def of(cls, signal, classes, mask, pc) -> "_Scan":
        """Return the scan in a signal whose every part was checked."""
        shape = navigation_shape(signal) or (1,)
        patterns = signal.data
        if patterns.ndim == 2:
            patterns = patterns[None]
        if mask is not None:
            classes = np.where(mask, -1, classes)
        lines = np.indices(shape)[int(np.argmax(shape))]
        return cls(
            patterns=_in_blocks(patterns),
            pc=pc if pc.ndim == 1 else pc.reshape(-1, 3),
            classes=classes.ravel(),
            lines=lines.ravel(),
        )

    def blocks(self, chosen: np.ndarray) -> list[tuple]:
        """Return the number of each block with a chosen point, and the
        points in it.

        Parameters
        ----------
        chosen
            Points to read, shape (N,).

        Returns
        -------
        blocks
            Tuples of the index of a block, the points to read, and their
            places in the block.
        """
        shape = self.patterns.shape[:-2]
        points = np.arange(chosen.size).reshape(shape)
        starts = [np.r_[0, np.cumsum(c)] for c in self.patterns.chunks[:-2]]
        out = []
        for block in np.ndindex(*self.patterns.numblocks[:-2]):
            here = points[
                tuple(
                    slice(s[i], s[i + 1])
                    for s, i in zip(starts, block, strict=True)
                )
            ].ravel()
            places = np.flatnonzero(chosen[here])
            if places.size:
                out.append((block, here[places], places))
        return out

    def read(self, block: tuple, places: np.ndarray) -> np.ndarray:
        """Return some patterns of one block."""
        patterns = self.patterns.blocks[block].compute()
        return patterns.reshape(-1, *patterns.shape[-2:])[places]


def _entries(
    scans: Sequence[_Scan],
    chosen: Sequence[np.ndarray],
    rng: np.random.Generator | None,
) -> Iterator[tuple[int, int, np.ndarray]]:
    """Yield the scan, the point and the pattern of each chosen point, in
    random order if there is a generator of one."""
    blocks = [
        (i, *block)
        for i, scan in enumerate(scans)
        for block in scan.blocks(chosen[i])
    ]
    if rng is not None:
        blocks = [blocks[i] for i in rng.permutation(len(blocks))]
    # Held out patterns need no shuffling, so one block is enough there.
    for start in range(0, len(blocks), 1 if rng is None else POOL):
        pool: list[tuple[int, int, np.ndarray]] = []
        for i, block, points, places in blocks[start:][
            : 1 if rng is None else POOL
        ]:
            patterns = scans[i].read(block, places)
            pool += zip([i] * len(points), points, patterns, strict=True)
        if rng is not None:
            pool = [pool[i] for i in rng.permutation(len(pool))]
        yield from pool


def _batches(
    scans: Sequence[_Scan],
    chosen: Sequence[np.ndarray],
    batch_size: int,
    view: ViewSpec,
    signal_mask: np.ndarray | None,
    rng: np.random.Generator | None = None,
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Yield the views, their classes, and whether they can be used."""
    entries = _entries(scans, chosen, rng)
    while batch := list(islice(entries, batch_size)):
        of_scan = np.array([i for i, _, _ in batch])
        points = np.array([point for _, point, _ in batch])
        views = np.empty((len(batch), view.size, view.size, 2), np.float32)
        valid = np.empty(len(batch), bool)
        classes = np.empty(len(batch), int)
        for i in np.unique(of_scan):
            here = np.flatnonzero(of_scan == i)
            scan = scans[i]
            pc = scan.pc if scan.pc.ndim == 1 else scan.pc[points[here]]
            patterns = np.stack([batch[k][2] for k in here])
            views[here], valid[here] = canonical_views(
                patterns, pc, view, signal_mask
            )
            classes[here] = scan.classes[points[here]]
        yield views, classes, valid


def _ahead(batches: Iterator[tuple]) -> Iterator[tuple]:
    """Yield the same, with the next one worked out meanwhile."""
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, batches, None)
        while (batch := coming.result()) is not None:
            coming = pool.submit(next, batches, None)
            yield batch


# -------------------------------------------------------------- the split


def _split_patterns(
    scans: Sequence[_Scan], validation: float, rng: np.random.Generator
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return the points to train on and those held out, (N,) a scan, at
    random, with the same share of each class in each scan."""
    train, held_out = [], []
    for scan in scans:
        held = np.zeros(scan.classes.size, bool)
        for c in np.unique(scan.classes[scan.classes >= 0]):
            points = rng.permutation(np.flatnonzero(scan.classes == c))
            held[points[: round(validation * points.size)]] = True
        train.append((scan.classes >= 0) & ~held)
        held_out.append(held)
    return train, held_out


def _split_groups(
    scans: Sequence[_Scan],
    split: str,
    validation: float,
    rng: np.random.Generator,
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return the points to train on and those held out, (N,) a scan.

    Groups, that is scans or strips, are held out at random until each
    class has its share, rare classes first, and never so that a class
    has nothing left to train on.
    """
    n_classes = 1 + max(int(scan.classes.max()) for scan in scans)
    # Number of patterns of each line and class.
    counts = []
    for scan in scans:
        here = scan.classes >= 0
        table = np.zeros((scan.lines[-1] + 1, n_classes), int)
        np.add.at(table, (scan.lines[here], scan.classes[here]), 1)
        counts.append(table)
    groups = [
        (i, lines)
        for i, table in enumerate(counts)
        for lines in (
            [slice(None)]
            if split == "scan"
            else _strips(len(table), validation)
        )
    ]
    held = [np.zeros(len(table), bool) for table in counts]
    group_counts = np.array([counts[i][lines].sum(0) for i, lines in groups])
    total = group_counts.sum(0)
    out = np.zeros(n_classes, int)
    for c in np.argsort((group_counts > 0).sum(0), kind="stable"):
        candidates = np.flatnonzero(group_counts[:, c])
        for g in rng.permutation(candidates):
            i, lines = groups[g]
            if held[i][lines].all():
                continue
            after = out[c] + group_counts[g, c]
            wanted = validation * total[c]
            if out[c] and after - wanted > wanted - out[c]:
                continue
            held[i][lines] = True
            left = sum(
                table[_to_train(h)].sum(0)
                for table, h in zip(counts, held, strict=True)
            )
            if np.any((left == 0) & (total > 0)):
                held[i][lines] = False
                continue
            out = out + group_counts[g]
    return (
        [
            (scan.classes >= 0) & _to_train(h)[scan.lines]
            for scan, h in zip(scans, held, strict=True)
        ],
        [
            (scan.classes >= 0) & h[scan.lines]
            for scan, h in zip(scans, held, strict=True)
        ],
    )


def _strips(n_lines: int, validation: float) -> list[slice]:
    """Return the strips of a scan: about two make the share to hold out,
    as far as there are lines."""
    n = min(n_lines, int(np.ceil(2 / min(validation, 1 - validation))))
    edges = np.linspace(0, n_lines, n + 1).round().astype(int)
    return [slice(a, b) for a, b in zip(edges[:-1], edges[1:], strict=True)]


def _to_train(held: np.ndarray) -> np.ndarray:
    """Return the lines to train on, given those held out: not these, nor
    the lines next to them."""
    near = held.copy()
    near[1:] |= held[:-1]
    near[:-1] |= held[1:]
    return ~near


# ----------------------------------------------------------- the training


class _Fitter:
    """A network and what trains it."""

    def __init__(
        self,
        network: "keras.Model",
        view: ViewSpec,
        signal_mask: np.ndarray | None,
        level: str,
        class_weights: np.ndarray,
        learning_rate: float,
        steps: int,
        batch_size: int,
    ) -> None:
        import keras

        self.network = network
        self.view = view
        self.signal_mask = signal_mask
        self.level = level
        self.class_weights = class_weights
        self.batch_size = batch_size
        self.unusable = 0
        self.allowed = allowed_space_groups(level, symmetry.class_names(level))
        # What has no weights is worked out once, not in every gradient.
        self.geometry, trunk = _split_off_geometry(network)
        # Another model of the same layers: the network itself is saved
        # and stays as it was made, without training state.
        self.trunk = keras.Model(trunk.inputs, trunk.outputs[0])
        self.trunk.compile(
            keras.optimizers.AdamW(
                keras.optimizers.schedules.CosineDecay(learning_rate, steps),
                clipnorm=1.0,
            ),
            set_loss(dict.fromkeys(_coarser_levels(level), 1.0)),
            jit_compile=self.geometry is not None
            and steps >= STEPS_WORTH_COMPILING,
        )

    def prepare(self, views: np.ndarray):
        """Return what the trunk takes."""
        if self.geometry is None:
            return views
        return self.geometry.predict_on_batch(views)

    def train(self, scans, chosen, rng, bar) -> float:
        """Go through the patterns once; return the mean loss."""
        losses = []
        self.unusable = 0
        batches = _batches(
            scans, chosen, self.batch_size, self.view, self.signal_mask, rng
        )
        for views, classes, valid in _ahead(batches):
            self.unusable += int(np.count_nonzero(~valid))
            # An incomplete last batch waits for the next epoch's order.
            if len(views) < self.batch_size:
                continue
            bar.update(1)
            if not valid.any():
                continue
            # Batches of one size are compiled once.
            keep = np.resize(np.flatnonzero(valid), len(valid))
            loss = self.trunk.train_on_batch(
                self.prepare(views[keep]),
                self.allowed[classes[keep]],
                sample_weight=self.class_weights[classes[keep]],
            )
            self.trunk.reset_metrics()
            losses.append(float(np.ravel(loss)[0]))
        if not losses:
            raise ValueError(
                "No batch of patterns to train on can be used: "
                f"{self.unusable} patterns are constant or hold NaN or "
                "infinite values"
            )
        if not np.isfinite(losses[-1]):
            raise ValueError(
                f"The loss has become {losses[-1]}: the learning rate is too "
                "high"
            )
        return float(np.mean(losses))

    def score(self, scans, chosen) -> tuple[dict, int]:
        """Return the scores at each level that was trained, and of how
        many patterns."""
        representative = self.allowed.argmax(axis=1) + 1
        p, numbers = [], []
        batches = _batches(
            scans, chosen, self.batch_size, self.view, self.signal_mask
        )
        for views, classes, valid in _ahead(batches):
            if valid.any():
                prepared = self.prepare(views[valid])
                p.append(np.asarray(self.trunk.predict_on_batch(prepared)))
                numbers.append(representative[classes[valid]])
        if not p:
            raise ValueError(
                "None of the patterns held out can be used: all are constant "
                "or hold NaN or infinite values"
            )
        all_p, truth = np.concatenate(p), np.concatenate(numbers)
        levels = _coarser_levels(self.level)
        scores = {i: score(all_p, truth, i).to_dict() for i in levels}
        return scores, len(truth)


def _split_off_geometry(network: "keras.Model") -> tuple:
    """Return the part of the default network without weights, None for
    other networks, and the rest."""
    from kikuchipy_symml.models._network import split_network

    names = {layer.name for layer in network.layers}
    if {"bands", "poles", "relations"} <= names:
        return split_network(network)
    return None, network


def _network(
    name: str,
    start: SymmetryModel | None,
    view: ViewSpec,
    size: int | None,
    settings: dict | None,
    seed: int,
) -> "keras.Model":
    """Return the network to train, one that nobody else holds."""
    import keras

    from kikuchipy_symml.models._network import build_network
    from kikuchipy_symml.models._seed import INPUT_SIZE, build_seed_network

    keras.utils.set_random_seed(seed)
    if start is not None:
        return read_network(write_network(start.network), str(start.path))
    if name == "default":
        return build_network(view, **(settings or {}))
    return build_seed_network(name, view, size or INPUT_SIZE)


def _coarser_levels(level: str) -> tuple[str, ...]:
    """Return a level and those whose classes are unions of its classes,
    so that a label says what they are."""
    own = symmetry.class_index(level)
    n = len(symmetry.class_names(level))

    def follows(other: str) -> bool:
        pairs = set(zip(own, symmetry.class_index(other), strict=True))
        return len(pairs) == n

    return (level, *(i for i in symmetry.LEVELS if i != level and follows(i)))


def _counts(scans, chosen, level: str) -> np.ndarray:
    """Return the number of chosen patterns of each class."""
    counts = np.zeros(len(symmetry.class_names(level)), dtype=int)
    for scan, i in zip(scans, chosen, strict=True):
        counts += np.bincount(scan.classes[i], minlength=counts.size)
    return counts


def _counts_by_name(scans, chosen, level: str) -> dict[str, int]:
    counts = _counts(scans, chosen, level)
    names = symmetry.class_names(level)
    return {names[i]: int(counts[i]) for i in np.flatnonzero(counts)}


def _class_weights(scans, train, level: str) -> np.ndarray:
    """Return the weight of a pattern of each class: that of a class is
    the same in all, and the mean of a pattern is one."""
    counts = _counts(scans, train, level)
    return (counts.sum() / np.count_nonzero(counts)) / np.maximum(counts, 1)


# ------------------------------------------------------------- the checks


class _telling_which:
    """Context whose errors say of which signal they are."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind, error, _) -> None:
        if kind in (TypeError, ValueError):
            raise kind(f"Signal {self.number}: {error}") from None


def _as_lists(signals, labels, masks) -> tuple[list, list, list]:
    """Return one of each for each signal."""
    if isinstance(signals, EBSD):
        signals, labels = [signals], [labels]
        if masks is None or isinstance(masks, np.ndarray):
            masks = [masks]
    if isinstance(signals, str) or not isinstance(signals, Sequence):
        raise TypeError(
            "Signals must be a kikuchipy EBSD signal or a list of them, not "
            f"{type(signals).__name__}"
        )
    if not signals:
        raise ValueError("There must be at least one signal, not 0")
    if isinstance(labels, str) or not hasattr(labels, "__len__"):
        raise TypeError(
            f"Labels of {len(signals)} signals must be a list with a class "
            f"name or an array for each, not {labels!r}"
        )
    masks = [None] * len(signals) if masks is None else masks
    for what, given in (("labels", labels), ("navigation masks", masks)):
        if len(given) != len(signals):
            raise ValueError(
                f"There must be as many {what} as signals, "
                f"{len(signals)}, not {len(given)}"
            )
    return list(signals), list(labels), list(masks)


def _class_indices(label, level: str, signal: EBSD) -> np.ndarray:
    """Return the class of each point, of the navigation shape, at least
    one axis; -1 where it is not known."""
    names = symmetry.class_names(level)
    shape = navigation_shape(signal)
    if isinstance(label, str):
        label = np.full(shape, label)
    label = np.asarray(label)
    if label.shape != shape:
        raise ValueError(
            "Labels must be one class name or an array of the navigation "
            f"shape {shape}, not of shape {label.shape}"
        )
    label = np.atleast_1d(label)
    if label.dtype.kind in "iu":
        bad = label[(label < -1) | (label >= len(names))]
        if bad.size:
            raise ValueError(
                f"Labels at the level {level!r} must be from 0 to "
                f"{len(names) - 1}, or -1 where they are not known, not "
                f"{int(bad[0])}"
            )
        return label.astype(int)
    if label.dtype.kind not in "UO":
        raise TypeError(
            "Labels must be class names or integers, not of data type "
            f"{label.dtype}"
        )
    index = {name: i for i, name in enumerate(names)} | {"": -1}
    unknown = {name for name in label.ravel().tolist() if name not in index}
    if unknown:
        raise ValueError(
            f"Labels {sorted(map(str, unknown))[:5]} are not classes of the "
            f"level {level!r}: {names}"
        )
    present, which = np.unique(label.astype(str), return_inverse=True)
    of = np.array([index[str(name)] for name in present])
    return of[which].reshape(label.shape)


def _check_choices(
    split, validation, epochs, batch_size, learning_rate, seed
) -> None:
    if split not in SPLITS:
        raise ValueError(f"split must be one of {SPLITS}, not {split!r}")
    if not _is_number(validation) or not 0 < validation < 1:
        raise ValueError(
            "validation must be a number between 0 and 1, the share of "
            f"patterns to hold out, not {validation!r}"
        )
    for name, value, least in (
        ("epochs", epochs, 1),
        ("batch_size", batch_size, 1),
        ("seed", seed, 0),
    ):
        is_integer = isinstance(value, Integral) and _is_number(value)
        if not is_integer or value < least:
            raise ValueError(
                f"{name} must be an integer of at least {least}, not {value!r}"
            )
    if learning_rate is not None and not (
        _is_number(learning_rate) and 0 < learning_rate < np.inf
    ):
        raise ValueError(
            f"learning_rate must be a positive number, not {learning_rate!r}"
        )


def _is_number(value) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _checked_path(path: str | Path | None) -> Path:
    if path is None:
        path, i = Path("fitted" + SUFFIX), 1
        while path.exists():
            i += 1
            path = Path(f"fitted_{i}{SUFFIX}")
    path = Path(path)
    if path.suffix != SUFFIX:
        raise ModelError(
            f"The path of a model file must end with {SUFFIX!r}, not {path}"
        )
    if not path.absolute().parent.is_dir():
        raise FileNotFoundError(f"There is no folder {path.parent}")
    return path


def _checked_network(
    network, start_from, size, view, settings
) -> tuple[SymmetryModel | None, ViewSpec]:
    """Return the model to start from, if any, and the view."""
    if network not in NETWORKS:
        raise ValueError(f"network must be one of {NETWORKS}, not {network!r}")
    if view is not None and not isinstance(view, ViewSpec):
        raise TypeError(
            f"view must be a ViewSpec or None, not {type(view).__name__}"
        )
    if network != "default":
        from kikuchipy_symml.models._seed import (
            INPUT_SIZE,
            check_seed_network,
        )

        # "default" is what is there if nothing was asked for.
        if start_from not in (None, "default"):
            raise ValueError(
                f"The network {network!r} is always trained anew, not from "
                f"{start_from!r}"
            )
        if settings:
            raise ValueError(
                f"The network {network!r} has no settings, but "
                f"network_settings={settings!r}"
            )
        check_seed_network(network, INPUT_SIZE if size is None else size)
        return None, view or ViewSpec()
    if size is not None:
        raise ValueError(
            "size is for the networks 'xception' and 'resnet50' alone, not "
            f"for 'default': {size!r}"
        )
    if start_from is None:
        view = view or ViewSpec()
        if settings:
            _try_settings(view, settings)
        return None, view
    if settings:
        raise ValueError(
            "network_settings are for a new network, start_from=None: "
            f"{settings!r} cannot change those of {start_from!r}"
        )
    model = start_from
    if not isinstance(model, SymmetryModel):
        model = load_model(model)
    if view is not None and view != model.view:
        raise ValueError(
            f"The view must be the one of {start_from!r}, {model.view}, not "
            f"{view}"
        )
    return model, model.view


def _try_settings(view: ViewSpec, settings: dict) -> None:
    """Raise unless there is a network of these settings."""
    from inspect import signature

    from kikuchipy_symml.models._network import build_network

    known = set(signature(build_network).parameters) - {"view"}
    unknown = set(settings) - known
    if unknown:
        raise ValueError(
            f"Unknown network_settings {sorted(unknown)}; known are "
            f"{sorted(known)}"
        )
    if settings.get("extrema"):
        raise ValueError(
            f"network_settings with extrema {settings['extrema']}: the layer "
            "that finds bands among them learns from simulated patterns. "
            "Start from a model that a recipe made, or leave extrema out"
        )
    build_network(view, **settings)


def _check_classes(scans: Sequence[_Scan], level: str) -> None:
    present = np.unique(np.concatenate([scan.classes for scan in scans]))
    names = [symmetry.class_names(level)[i] for i in present if i >= 0]
    if len(names) < 2:
        raise ValueError(
            f"Labels must name at least two classes, not {names}: there is "
            "nothing to tell apart"
        )


def _check_parts(
    scans, train, held_out, split: str, validation: float, level: str
) -> list[str]:
    """Return the names of the classes of which nothing is held out.

    Raises
    ------
    ValueError
        If that is all, or a class has nothing to train on.
    """
    for part, what in ((train, "train on"), (held_out, "hold out")):
        if any(np.any(i) for i in part):
            continue
        n = sum(np.count_nonzero(scan.classes >= 0) for scan in scans)
        advice = {
            "scan": "each class needs a second scan, or split='region' "
            "holds out parts of scans",
            "region": "each class must reach over at least three rows or "
            "columns of points",
            "pattern": "there are too few patterns",
        }[split]
        raise ValueError(
            f"With split={split!r} and validation={validation} there is "
            f"nothing to {what} in {len(scans)} scan(s) with {n} labelled "
            f"patterns: {advice}"
        )
    trained = _counts_by_name(scans, train, level)
    labelled = _counts_by_name(
        scans, [scan.classes >= 0 for scan in scans], level
    )
    missing = [name for name in labelled if name not in trained]
    if missing:
        raise ValueError(
            f"With split={split!r} and validation={validation} there is "
            f"nothing of {missing} left to train on"
        )
    scored = _counts_by_name(scans, held_out, level)
    return [name for name in labelled if name not in scored]
