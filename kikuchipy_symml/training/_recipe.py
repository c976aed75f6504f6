# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""A recipe: everything that decides what comes out of training."""

import hashlib
import json
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

import yaml

from kikuchipy_symml.crystals._library import (
    library_fingerprint,
    prototypes_fingerprint,
)
from kikuchipy_symml.pattern import MIN_PIXELS, ViewSpec
from kikuchipy_symml.simulation import Camera, Variety

from ._settings import (
    AuxiliarySettings,
    CrystalSettings,
    DetectorSettings,
    OptimiserSettings,
    check_numbers,
)

# One more whenever crystals or their bands come out otherwise.
_SIMULATION = 8


def _from_dict(cls, settings: dict, what: str):
    if not isinstance(settings, dict):
        raise ValueError(f"{what} must be a mapping, not {settings!r}")
    unknown = set(settings) - {f.name for f in fields(cls)}
    if unknown:
        raise ValueError(
            f"Unknown settings of {what}: {sorted(unknown)}; known are "
            f"{sorted(f.name for f in fields(cls))}"
        )
    return cls(
        **{
            k: tuple(v) if isinstance(v, list) else v
            for k, v in settings.items()
        }
    )


@dataclass(frozen=True)
class Recipe:
    """Everything that decides what comes out of training.

    Parameters
    ----------
    name
        Name of the model.
    seed
        Seed of all randomness.
    view
        The canonical view, :class:`~kikuchipy_symml.pattern.ViewSpec`.
    crystals
        Which crystals to train on, :class:`CrystalSettings`.
    variety
        How much they are varied from one pattern to the next,
        :class:`~kikuchipy_symml.simulation.Variety`.
    camera
        How their patterns are recorded,
        :class:`~kikuchipy_symml.simulation.Camera`.
    network
        Keyword arguments of
        :func:`~kikuchipy_symml.models.build_network`.
    detector
        How its layer that finds bands is trained,
        :class:`DetectorSettings`, as are the next three.
    refiner
        How its layer that sets their normals right is trained.
    reader
        How its layer that reads their widths is trained.
    prober
        How its layer that looks for superlattices is trained.
    auxiliary
        What else it learns to tell while it is trained,
        :class:`AuxiliarySettings`.
    optimiser
        How to train, :class:`OptimiserSettings`.
    score_every, save_every
        Steps between scores on held-out crystals, and between
        checkpoints.
    score_patterns
        Patterns of each held-out set in those scores.
    """

    name: str
    seed: int = 1
    view: ViewSpec = field(default_factory=ViewSpec)
    crystals: CrystalSettings = field(default_factory=CrystalSettings)
    variety: Variety = field(default_factory=Variety)
    camera: Camera = field(default_factory=Camera)
    network: dict = field(default_factory=dict)
    detector: DetectorSettings = field(default_factory=DetectorSettings)
    refiner: DetectorSettings = field(default_factory=DetectorSettings)
    reader: DetectorSettings = field(default_factory=DetectorSettings)
    prober: DetectorSettings = field(default_factory=DetectorSettings)
    auxiliary: AuxiliarySettings = field(default_factory=AuxiliarySettings)
    optimiser: OptimiserSettings = field(default_factory=OptimiserSettings)
    score_every: int = 500
    save_every: int = 500
    score_patterns: int = 1024

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise ValueError(f"name must be text, not {self.name!r}")
        check_numbers(self, 0, "seed")
        check_numbers(self, 1, "score_every", "save_every", "score_patterns")
        if self.camera.pixels[0] < MIN_PIXELS:
            raise ValueError(
                f"pixels of the camera {self.camera.pixels} must be at least "
                f"{MIN_PIXELS}"
            )

    @classmethod
    def from_dict(cls, settings: dict) -> "Recipe":
        """Return a recipe from plain settings.

        Raises
        ------
        ValueError
            If a setting is unknown or out of range; its name is given.
        """
        if not isinstance(settings, dict):
            raise ValueError(f"A recipe is a mapping, not {settings!r}")
        settings = dict(settings)
        parts = {
            "view": ViewSpec,
            "crystals": CrystalSettings,
            "variety": Variety,
            "camera": Camera,
            "detector": DetectorSettings,
            "refiner": DetectorSettings,
            "reader": DetectorSettings,
            "prober": DetectorSettings,
            "auxiliary": AuxiliarySettings,
            "optimiser": OptimiserSettings,
        }
        for name, part in parts.items():
            if name in settings:
                settings[name] = _from_dict(part, settings[name], name)
        if "name" not in settings:
            raise ValueError("A recipe needs a name")
        return _from_dict(cls, settings, "the recipe")

    @classmethod
    def load(cls, path: str | Path) -> "Recipe":
        """Read a recipe from a YAML file.

        Raises
        ------
        ValueError
            If the file is not YAML or a setting is unknown or out of
            range; its name is given.
        """
        try:
            settings = yaml.safe_load(Path(path).read_text())
        except yaml.YAMLError as e:
            raise ValueError(f"{path} is not a YAML file: {e}") from None
        return cls.from_dict(settings)

    def to_dict(self) -> dict:
        """Return plain settings that :meth:`from_dict` takes."""
        return json.loads(json.dumps(asdict(self)))

    def crystal_key(self) -> str:
        """Fingerprint of what decides which crystals are made."""
        crystals = {
            name: getattr(self.crystals, name)
            for name in ("random", "decorated", "energy", "escape", "depth")
        }
        # Recipes without them keep the crystals that they had.
        if self.crystals.near:
            crystals["near"] = (self.crystals.near, self.crystals.near_told)
        if self.crystals.prototypes:
            crystals["prototypes"] = prototypes_fingerprint(
                self.crystals.prototypes
            )
        text = json.dumps(
            [_SIMULATION, library_fingerprint(), self.seed, crystals],
            sort_keys=True,
        )
        return hashlib.sha256(text.encode()).hexdigest()[:16]
