# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The models that come with the package.

``weights/registry.json`` gives for each name the file beside it and the
SHA-256 hash of its bytes.
"""

import json
from dataclasses import dataclass
from pathlib import Path

from kikuchipy_symml.models._archive import ModelError

WEIGHTS = Path(__file__).parents[1] / "weights"


@dataclass(frozen=True)
class ShippedModel:
    """Where a model of the package is and what its bytes must be.

    Parameters
    ----------
    path
        The model file.
    sha256
        Hash of the file, 64 hexadecimal digits.
    """

    path: Path
    sha256: str


def read_registry() -> dict[str, ShippedModel]:
    """Return the shipped models by name.

    Raises
    ------
    ModelError
        If the registry is missing or damaged, that is, the installation
        is.
    """
    path = WEIGHTS / "registry.json"
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
        return {
            name: ShippedModel(WEIGHTS / entry["file"], entry["sha256"])
            for name, entry in entries.items()
        }
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as e:
        raise ModelError(
            f"The registry of shipped models {path} cannot be read, so the "
            f"installation of kikuchipy_symml is damaged: {e!r}"
        ) from None


def list_models() -> tuple[str, ...]:
    """Return the names of the models that come with the package.

    Returns
    -------
    names
        Names that :func:`load_model` takes, sorted.
    """
    return tuple(sorted(read_registry()))


def shipped_model(name: str) -> ShippedModel:
    """Return where the shipped model with this name is.

    Raises
    ------
    ModelError
        If there is none with this name. The message lists the names.
    """
    registry = read_registry()
    if name not in registry:
        raise ModelError(
            f"There is no model named {name!r}. The names are "
            f"{sorted(registry)}. A model of your own is given as the path "
            "of its file, which ends with '.symml'"
        )
    return registry[name]
