# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Training on a user's own measured and labelled scans."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from kikuchipy.signals import EBSD

from kikuchipy_symml import symmetry
from kikuchipy_symml._progress import progress_bar
from kikuchipy_symml.models import (
    SymmetryModel,
    make_card,
    save_model,
)
from kikuchipy_symml.models._network_file import read_network, write_network
from kikuchipy_symml.pattern import ViewSpec
from kikuchipy_symml.pattern._checks import (
    check_navigation_mask,
    check_projection_centres,
    check_signal,
    check_signal_mask,
    navigation_shape,
)

from ._fit_checks import (
    as_lists,
    check_choices,
    check_classes,
    check_parts,
    checked_network,
    checked_path,
    class_indices,
    telling_which,
)
from ._labels import allowed_space_groups, set_loss
from ._scans import Scan, ahead, batches, counts_by_name, counts_of
from ._scores import score
from ._split import split_groups, split_patterns

if TYPE_CHECKING:  # pragma: no cover
    import keras

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
        "resnet50" are the image classifiers of Kaufmann et al. [1]_,
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
        under ``network`` in a recipe, but for `extrema` and what takes
        it: those layers learn from simulated patterns.
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
        message quotes it. While training, if no pattern of those to train
        on or of those held out can be used, or the loss is not finite.
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
    signals, labels, masks = as_lists(signals, labels, navigation_masks)
    check_choices(split, validation, epochs, batch_size, learning_rate, seed)
    path = checked_path(path)
    start, view = checked_network(
        network, start_from, size, view, network_settings
    )
    for i, signal in enumerate(signals):
        with telling_which(i):
            check_signal(signal)
            check_navigation_mask(masks[i], signal)
            check_signal_mask(signal_mask, signal)
            labels[i] = class_indices(labels[i], level, signal)
    centres = []
    for i, signal in enumerate(signals):
        with telling_which(i):
            centres.append(check_projection_centres(signal))
    scans = [
        Scan.of(signal, *rest)
        for signal, *rest in zip(signals, labels, masks, centres, strict=True)
    ]
    check_classes(scans, level)

    rng = np.random.default_rng([seed, 5])
    if split == "pattern":
        warnings.warn(
            "Neighbouring patterns of a scan are near-copies of each other: "
            "with split='pattern' the score says how well the network "
            "remembers these scans, not how well it generalises to others",
            stacklevel=2,
        )
        parts = split_patterns(scans, validation, rng)
    else:
        parts = split_groups(scans, split, validation, rng)
    train, held_out = parts
    unscored = check_parts(scans, train, held_out, split, validation, level)
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
            "classes": counts_by_name(scans, train, level),
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
                "classes": counts_by_name(scans, held_out, level),
                **scores,
            }
        },
    )
    return save_model(fitter.network, card, path)


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
        # Made in the first step, its variables would have it traced twice.
        self.trunk.optimizer.build(self.trunk.trainable_variables)

    def prepare(self, views: np.ndarray):
        """Return what the trunk takes."""
        if self.geometry is None:
            return views
        return self.geometry.predict_on_batch(views)

    def train(self, scans, chosen, rng, bar) -> float:
        """Go through the patterns once; return the mean loss."""
        losses = []
        self.unusable = 0
        patterns = batches(
            scans, chosen, self.batch_size, self.view, self.signal_mask, rng
        )
        for views, classes, valid in ahead(patterns):
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
        patterns = batches(
            scans, chosen, self.batch_size, self.view, self.signal_mask
        )
        for views, classes, valid in ahead(patterns):
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


def _class_weights(scans, train, level: str) -> np.ndarray:
    """Return the weight of a pattern of each class: that of a class is
    the same in all, and the mean of a pattern is one."""
    counts = counts_of(scans, train, level)
    return (counts.sum() / np.count_nonzero(counts)) / np.maximum(counts, 1)
