# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plug: methods that kikuchipy's signals gain from this package."""

import warnings
from collections.abc import Callable
from pathlib import Path

import yaml
from hyperspy.extensions import ALL_EXTENSIONS
from kikuchipy.signals import EBSD, LazyEBSD

from kikuchipy_symml.classify import (
    classify_symmetry,
    explain_symmetry,
    find_projection_centre,
    label_grains,
)

# Functions of a signal, registered under their own names
METHODS: tuple[Callable, ...] = (
    classify_symmetry,
    label_grains,
    explain_symmetry,
    find_projection_centre,
)


def register_methods() -> None:
    """Give EBSD signals the methods in :data:`METHODS`.

    LazyEBSD inherits them. Doing it again changes nothing.

    Warns
    -----
    UserWarning
        If kikuchipy or another package already has something of that
        name on EBSD signals. That is left alone, so no other script
        changes its meaning by importing this package; the function of
        the same name in :mod:`kikuchipy_symml` does the work then.
    """
    for method in METHODS:
        name = method.__name__
        for signal_class in (LazyEBSD, EBSD):
            held = getattr(signal_class, name, method)
            if not _is_ours(held, method):
                warnings.warn(
                    f"{signal_class.__name__}.{name} exists already, from "
                    f"{_owner(held)}, and is left alone. Use "
                    f"kikuchipy_symml.{name}(signal) instead",
                    UserWarning,
                    stacklevel=2,
                )
                break
        else:
            setattr(EBSD, name, method)


def register_signals() -> None:
    """Make the package's signals known to HyperSpy.

    An installed package has an entry point for that. This is for one
    that is imported from its source folder.
    """
    path = Path(__file__).with_name("hyperspy_extension.yaml")
    signals = yaml.safe_load(path.read_text(encoding="utf-8"))["signals"]
    for name, signal in signals.items():
        ALL_EXTENSIONS["signals"].setdefault(name, signal)


def _is_ours(held: object, method: Callable) -> bool:
    # By name, as the function is another object after a reload
    return (
        getattr(held, "__module__", None) == method.__module__
        and getattr(held, "__qualname__", None) == method.__qualname__
    )


def _owner(held: object) -> str:
    module = getattr(held, "__module__", None) or type(held).__module__
    name = getattr(held, "__qualname__", None) or type(held).__qualname__
    return f"{module}.{name}"
