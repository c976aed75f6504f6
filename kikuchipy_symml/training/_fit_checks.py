# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must be true of the arguments of :func:`.fit` before any pattern
is read."""

from collections.abc import Sequence
from numbers import Integral, Real
from pathlib import Path

import numpy as np
from kikuchipy.signals import EBSD

from kikuchipy_symml import symmetry
from kikuchipy_symml.models import ModelError, SymmetryModel, load_model
from kikuchipy_symml.models._model import SUFFIX
from kikuchipy_symml.pattern import ViewSpec
from kikuchipy_symml.pattern._checks import navigation_shape

from ._scans import Scan, counts_by_name
from ._split import SPLITS

NETWORKS = ("default", "xception", "resnet50")


class telling_which:
    """Context whose errors say of which signal they are."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind, error, _) -> None:
        if kind in (TypeError, ValueError):
            raise kind(f"Signal {self.number}: {error}") from None


def as_lists(signals, labels, masks) -> tuple[list, list, list]:
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


def class_indices(label, level: str, signal: EBSD) -> np.ndarray:
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


def check_choices(
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


def checked_path(path: str | Path | None) -> Path:
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


def checked_network(
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
    model = load_model(start_from)
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


def check_classes(scans: Sequence[Scan], level: str) -> None:
    present = np.unique(np.concatenate([scan.classes for scan in scans]))
    names = [symmetry.class_names(level)[i] for i in present if i >= 0]
    if len(names) < 2:
        raise ValueError(
            f"Labels must name at least two classes, not {names}: there is "
            "nothing to tell apart"
        )


def check_parts(
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
    trained = counts_by_name(scans, train, level)
    labelled = counts_by_name(
        scans, [scan.classes >= 0 for scan in scans], level
    )
    missing = [name for name in labelled if name not in trained]
    if missing:
        raise ValueError(
            f"With split={split!r} and validation={validation} there is "
            f"nothing of {missing} left to train on"
        )
    scored = counts_by_name(scans, held_out, level)
    return [name for name in labelled if name not in scored]
