# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""A model: a trained network and the card that describes it.

On disk a model is one file, ``*.symml``: a zip archive with exactly the
members ``network.keras`` and ``card.json``. In memory it is a
:class:`SymmetryModel`, which holds the card and knows where the file is.
Its network is read at the first prediction, once per process.
"""

import hashlib
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kikuchipy_symml._files import written_whole
from kikuchipy_symml.models._archive import (
    ModelError,
    read_archive,
    write_archive,
)
from kikuchipy_symml.models._card import card_from_json, card_to_json, view_of
from kikuchipy_symml.models._forward import (
    compile_for,
    compile_forward,
    gains_by_xla,
    take_threads_of_worker,
)
from kikuchipy_symml.models._network_file import (
    LARGEST_NETWORK,
    MIB,
    check_network,
    read_network,
    write_network,
)
from kikuchipy_symml.models._registry import shipped_model
from kikuchipy_symml.pattern import ViewSpec

if TYPE_CHECKING:  # pragma: no cover
    import keras

SUFFIX = ".symml"
MEMBERS = {"network.keras": LARGEST_NETWORK, "card.json": 16 * MIB}
N_CLASSES = 230
# How far the sum of a softmax in half precision may be from one.
SUM_TOLERANCE = 1e-2
# Enough to keep the cores busy, few enough for their caches and memory.
BATCH_SIZE = 32

# What this process has read, by the reference and hash of the file, and one
# lock for all of it.
_MODELS: dict[tuple[str, str], "SymmetryModel"] = {}
_NETWORKS: dict[tuple[str, str], "_Network"] = {}
_LOCK = threading.RLock()
# Batches that go through networks at a time: a few keep the cores busy where
# one by itself has work for one core only, more would take memory.
THREADS_AT_ONCE = min(4, os.cpu_count() or 1)
_AT_ONCE = threading.BoundedSemaphore(THREADS_AT_ONCE)


@dataclass(frozen=True)
class _Network:
    network: "keras.Model"
    forward: Callable
    # By batch size, compiled by XLA.
    compiled: dict[int, Callable] = field(default_factory=dict)


class SymmetryModel:
    """A trained network that names the symmetry of canonical views.

    Made by :func:`load_model`, not by hand.

    Parameters
    ----------
    reference
        Name of a shipped model or path of a model file.
    path
        Path of the model file.
    sha256
        Hash of the file when its card was read.
    card
        The card.

    Attributes
    ----------
    name
        Name of a shipped model, else the name in the card.
    path
        Path of the model file.
    sha256
        Hash of the file.
    card
        Where the model comes from and what it can do, see
        :func:`make_card`.
    view
        The canonical view that the network takes.

    Notes
    -----
    Pickling carries the reference and the hash of the file only, so that
    a model costs nothing in a task graph. Another process reads the file
    itself, once, and raises a :class:`ModelError` if it is not the same.
    """

    def __init__(
        self, reference: str, path: Path, sha256: str, card: dict
    ) -> None:
        self._reference = reference
        self.path = path
        self.sha256 = sha256
        self.card = card
        self.view: ViewSpec = view_of(card, str(path))
        is_path = reference.endswith(SUFFIX)
        self.name: str = card["name"] if is_path else reference

    def __repr__(self) -> str:
        size = self.view.size
        return (
            f"<{type(self).__name__} {self.name!r}: views of {size} x {size} "
            f"pixels, {self.path}>"
        )

    def __reduce__(self) -> tuple:
        return _restore, (self._reference, self.sha256)

    @property
    def network(self) -> "keras.Model":
        """The Keras network, read from the file at first use."""
        return self._loaded().network

    def predict(
        self,
        views: np.ndarray,
        batch_size: int = BATCH_SIZE,
        *,
        compiled: bool = False,
    ) -> np.ndarray:
        """Return the probability of each space group.

        Parameters
        ----------
        views
            Canonical views of shape (N, size, size, 2), see
            :func:`kikuchipy_symml.pattern.canonical_views`.
        batch_size
            Number of views to pass through the network at a time. It
            changes time and memory, and the result by rounding only.
        compiled
            Whether XLA compiles the network for batches of this size, once
            in a process. That takes ten to twenty seconds, and saves two
            fifths of the time of every batch or more; probabilities change
            by some 1e-5. Only networks of this package are, on TensorFlow.

        Returns
        -------
        probabilities
            Shape (N, 230), float32. Column i is space group i + 1.

        Raises
        ------
        ValueError
            If the views have another shape or values that are not
            finite, or *batch_size* is no positive integer.
        ModelError
            If the network cannot be read from the file, or gives
            anything but probabilities.

        Notes
        -----
        As many threads may predict at once as there are cores, four at most;
        others wait. A network spreads over all cores by itself, but not in
        every part, and two share them better than one uses them.
        """
        views = np.asarray(views, dtype=np.float32)
        size = self.view.size
        if views.ndim != 4 or views.shape[1:] != (size, size, 2):
            raise ValueError(
                f"Views must have the shape (N, {size}, {size}, 2), not "
                f"{views.shape}"
            )
        is_integer = isinstance(batch_size, Integral)
        if not is_integer or isinstance(batch_size, bool) or batch_size < 1:
            raise ValueError(
                f"batch_size must be a positive integer, not {batch_size!r}"
            )
        forward = self._forward(batch_size if compiled else None)
        probabilities = np.empty((len(views), N_CLASSES), dtype=np.float32)
        for start in range(0, len(views), batch_size):
            batch = slice(start, start + batch_size)
            with _AT_ONCE:
                probabilities[batch] = forward(views[batch])
            self._check(probabilities[batch], views[batch], start)
        return probabilities

    def _forward(self, compiled_for: int | None) -> Callable:
        loaded = self._loaded()
        if compiled_for is None or not gains_by_xla(loaded.network):
            return loaded.forward
        with _LOCK:
            if compiled_for not in loaded.compiled:
                loaded.compiled[compiled_for] = compile_for(
                    loaded.network, compiled_for
                )
            return loaded.compiled[compiled_for]

    def _check(
        self, probabilities: np.ndarray, views: np.ndarray, start: int
    ) -> None:
        """Raise unless each row is a distribution."""
        total = probabilities.sum(axis=1)
        # NaN is not close to one either.
        bad = ~(np.abs(total - 1) <= SUM_TOLERANCE)
        bad |= probabilities.min(axis=1) < 0
        if not bad.any():
            return
        i = int(np.flatnonzero(bad)[0])
        if not np.isfinite(views[i]).all():
            raise ValueError(
                f"View {start + i} holds NaN or infinite values: views must "
                "be finite"
            )
        raise ModelError(
            f"The network of {self.path} does not give probabilities: for "
            f"view {start + i} they sum to {total[i]}, and the lowest is "
            f"{probabilities[i].min()}"
        )

    def save(self, path: str | Path) -> None:
        """Write a copy of the model file.

        Parameters
        ----------
        path
            Where to, ending with ".symml". An existing file is replaced
            only once the copy is complete.

        Raises
        ------
        ModelError
            If the model's own file has changed since it was read, or the
            path does not end with ".symml".
        """
        _write_file(_checked_path(path), self._read_file())

    def _read_file(self) -> bytes:
        data = _read_file(self.path)
        if hashlib.sha256(data).hexdigest() != self.sha256:
            raise ModelError(
                f"{self.path} has changed since its card was read: its "
                f"SHA-256 hash is no longer {self.sha256}"
            )
        return data

    def _loaded(self) -> _Network:
        key = (str(self.path), self.sha256)
        with _LOCK:
            if key not in _NETWORKS:
                take_threads_of_worker()
                members = read_archive(
                    self._read_file(), MEMBERS, str(self.path)
                )
                _NETWORKS[key] = _build(
                    members["network.keras"], self.view, str(self.path)
                )
            return _NETWORKS[key]


def load_model(name_or_path: str | Path | SymmetryModel) -> SymmetryModel:
    """Return a model that comes with the package or from a file.

    Parameters
    ----------
    name_or_path
        A name among :func:`list_models`, or the path of a model file. A
        string is a path if it ends with ".symml", and a name otherwise. A
        model is returned as it is.

    Returns
    -------
    model
        The model. Its network is only read at the first prediction.

    Raises
    ------
    TypeError
        If what is given is neither a name, a path nor a model.
    FileNotFoundError
        If there is no file at the path.
    ModelError
        If there is no model with the name, or the file is damaged, is
        not a model file, needs a later version, or for a model of the
        package, is not the file that was shipped.

    Notes
    -----
    Model files may come from strangers: loading one runs no code from
    it.
    """
    if isinstance(name_or_path, SymmetryModel):
        return name_or_path
    if not isinstance(name_or_path, str | os.PathLike):
        raise TypeError(
            "A model is given by its name or the path of its file, not by "
            f"{name_or_path!r}"
        )
    if isinstance(name_or_path, str) and not name_or_path.endswith(SUFFIX):
        reference = name_or_path
        shipped = shipped_model(reference)
        path, expected = shipped.path, shipped.sha256
    else:
        path, expected = _checked_path(name_or_path), None
        reference = str(path)

    data = _read_file(path)
    sha256 = hashlib.sha256(data).hexdigest()
    if expected is not None and sha256 != expected:
        raise ModelError(
            f"{path} is not the file that was shipped as {reference!r}: its "
            f"SHA-256 hash is {sha256}, not {expected}"
        )
    key = (reference, sha256)
    with _LOCK:
        if key not in _MODELS:
            _MODELS[key] = SymmetryModel(
                reference, path, sha256, _check_file(data, str(path))
            )
        return _MODELS[key]


def save_model(
    network: "keras.Model", card: Mapping, path: str | Path
) -> SymmetryModel:
    """Write a network and its card to a model file.

    Parameters
    ----------
    network
        A functional or sequential Keras network that takes canonical
        views of shape (B, size, size, 2) and gives probabilities of
        shape (B, 230). Its own layers are those of
        :mod:`kikuchipy_symml.models.layers`.
    card
        What :func:`make_card` returns.
    path
        Where to, ending with ".symml". An existing file is replaced only
        once the new one is complete and was read back.

    Returns
    -------
    model
        The model in the file.

    Raises
    ------
    ModelError
        If the card is not valid, the network does not fit it, or holds
        what :func:`load_model` would refuse, or the path does not end
        with ".symml".
    """
    path = _checked_path(path)
    members = {
        "network.keras": write_network(network),
        "card.json": card_to_json(card, "The card"),
    }
    source = f"The network for {path}"
    _build(members["network.keras"], view_of(card, "The card"), source)
    _write_file(path, write_archive(members))
    return load_model(path)


def _restore(reference: str, sha256: str) -> SymmetryModel:
    """Return the model that was pickled."""
    key = (reference, sha256)
    if key not in _MODELS:
        model = load_model(reference)
        if model.sha256 != sha256:
            raise ModelError(
                f"{model.path} has the SHA-256 hash {model.sha256}, but the "
                f"model was pickled with {sha256}"
            )
    return _MODELS[key]


def _checked_path(path: str | Path) -> Path:
    if Path(path).suffix != SUFFIX:
        raise ModelError(
            f"The path of a model file must end with {SUFFIX!r}, not {path}"
        )
    return Path(path).absolute()


def _read_file(path: Path) -> bytes:
    if not path.is_file():
        raise FileNotFoundError(f"There is no model file {path}")
    largest = sum(MEMBERS.values()) + MIB
    with open(path, "rb") as file:
        data = file.read(largest + 1)
    if len(data) > largest:
        raise ModelError(
            f"{path} is larger than the {largest} bytes of a model file"
        )
    return data


def _check_file(data: bytes, source: str) -> dict:
    """Return the card in a model file whose every part is in order."""
    members = read_archive(data, MEMBERS, source)
    card = card_from_json(members["card.json"], f"card.json in {source}")
    check_network(members["network.keras"], f"network.keras in {source}")
    return card


def _write_file(path: Path, data: bytes) -> None:
    # What is left of a write that was killed is not taken for a model.
    with written_whole(path, ending=".part") as temporary:
        temporary.write_bytes(data)


def _build(data: bytes, view: ViewSpec, source: str) -> _Network:
    """Return the network and its compiled forward pass, tried once."""
    network = read_network(data, source)
    shape = (None, view.size, view.size, 2)
    for what, found, expected in [
        ("take", getattr(network, "input_shape", None), shape),
        ("give", getattr(network, "output_shape", None), (None, N_CLASSES)),
    ]:
        if found != expected:
            raise ModelError(
                f"{source}: by its card the network must {what} arrays of "
                f"shape {expected}, not {found}"
            )
    forward = compile_forward(network, shape)
    # Shapes that only meet inside of the network fail here, not in a run.
    try:
        total = forward(np.zeros((1, *shape[1:]), dtype=np.float32)).sum()
    except Exception as e:
        raise ModelError(f"{source} cannot be evaluated: {e}") from e
    if not abs(total - 1) < 1e-3:
        raise ModelError(
            f"{source} does not give probabilities: they sum to {total}"
        )
    return _Network(network, forward)
