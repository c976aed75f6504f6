# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of the parts of a recipe."""

from dataclasses import dataclass, field

from kikuchipy_symml.symmetry import LEVELS


def check_numbers(settings, lowest: float, *names: str) -> None:
    """Check that settings are numbers and at least so large."""
    for name in names:
        value = getattr(settings, name)
        # YAML takes 1e-3 for text; it wants 1.0e-3.
        if not isinstance(value, int | float) or not value >= lowest:
            raise ValueError(
                f"{name} must be a number of at least {lowest}, not {value!r}"
            )


@dataclass(frozen=True)
class CrystalSettings:
    """Which crystals to train on.

    Parameters
    ----------
    shards
        Number of shards of made-up crystals.
    skip
        Number of the first of them. For going on from a recipe that has
        used those before.
    random, decorated
        Crystals of each Bravais lattice in each shard that are random,
        and that have the structure type of a training crystal of the
        library but other elements.
    prototypes
        How many of :func:`kikuchipy_symml.crystals.prototypes`, the first
        ones, those of a known structure type may be of, too. As others
        are only ever added at the end, a recipe that says so draws the
        same whatever is added later. Master patterns of many beams are
        of crystals without them.
    near
        Share of made-up crystals, of lattices that can, with a cell that
        is nearly one of higher symmetry.
    near_told
        By how much of the strongest reflection those at least differ that
        the higher symmetry of such a cell would make equal.
    shares
        Probability that a pattern is of a random, a decorated and a
        library crystal.
    empty
        Probability that a pattern shows no bands at all.
    dynamical
        Probability that all patterns of a batch are drawn from the
        dynamical master patterns that come with the repository.
    masters
        How many of those, the first ones of the file; all, if not given.
        As others are only ever added at its end, a recipe that says so
        draws the same whatever is added later.
    many_beam
        Probability that all patterns of a batch are drawn from master
        patterns of many beams, which are made of one crystal of each
        Bravais lattice for each shard.
    many_beam_shards
        How many of the shards, the first ones, have them.
    many_beam_simple
        How many of the shards, the first ones, have others of simple
        crystals besides, elements above all: cubic ones and hP, with
        primitive cells of at most 120 cubic ångström.
    many_beam_cell
        Largest primitive cell in cubic ångström of these crystals. Larger
        ones take longer.
    many_beam_loss
        Largest mean share of their energy that the electrons of these
        have lost; each crystal has one. Master patterns are
        then the mean over several energies, exponentially distributed.
    first_shards
        Shards in use from the first step on.
    steps_per_shard
        One more shard comes into use every so many steps.
    energy
        Lowest and highest energy of the electrons in keV.
    escape
        Lowest and highest factor of the mean depth that they come from
        (:func:`kikuchipy_symml.simulation.escape_depth`), drawn on a
        logarithmic scale.
    depth
        In place of `escape`, the lowest and highest depth itself in
        ångström, whatever the crystal.
    atoms_power
        Of crystals of one lattice and source, one with more atoms in its
        primitive cell is less likely, by their number to this power.
        Simple structures are what most patterns are of.
    order
        Crystals whose superlattice reflections are weaker than this,
        relative to the strongest of all, are left out: their patterns
        are those of the disordered crystal, which has another lattice.
    """

    shards: int = 60
    skip: int = 0
    random: int = 6
    decorated: int = 6
    shares: tuple[float, float, float] = (0.45, 0.4, 0.15)
    empty: float = 0.0
    dynamical: float = 0.0
    masters: int | None = None
    many_beam: float = 0.0
    many_beam_shards: int = 0
    many_beam_cell: float = 160.0
    many_beam_loss: float = 0.0
    first_shards: int = 4
    steps_per_shard: int = 100
    energy: tuple[float, float] = (10.0, 30.0)
    escape: tuple[float, float] = (0.6, 1.7)
    depth: tuple[float, float] | None = None
    atoms_power: float = 0.0
    order: float = 0.0
    near: float = 0.0
    near_told: float = 0.1
    prototypes: int = 0
    many_beam_simple: int = 0

    def __post_init__(self) -> None:
        check_numbers(
            self,
            1,
            "shards",
            "random",
            "decorated",
            "first_shards",
            "steps_per_shard",
        )
        if (
            len(self.shares) != 3
            or min(self.shares) < 0
            or abs(sum(self.shares) - 1) > 1e-6
        ):
            raise ValueError(
                f"shares {self.shares} must be three, not negative, and sum "
                "to one"
            )
        check_numbers(
            self,
            0,
            "skip",
            "empty",
            "dynamical",
            "many_beam",
            "many_beam_shards",
            "many_beam_simple",
            "many_beam_loss",
            "atoms_power",
            "order",
            "near",
            "near_told",
            "prototypes",
        )
        if self.prototypes is True:
            # As recipes said when there were as many.
            object.__setattr__(self, "prototypes", 797)
        # Of some lattices there are none that are much smaller.
        check_numbers(self, 100, "many_beam_cell")
        if self.many_beam and not 0 < self.many_beam_shards <= self.shards:
            raise ValueError(
                f"many_beam_shards must be 1 to {self.shards}, the number of "
                f"shards, not {self.many_beam_shards}"
            )
        if self.many_beam_simple > self.shards:
            raise ValueError(
                f"many_beam_simple must be 0 to {self.shards}, the number of "
                f"shards, not {self.many_beam_simple}"
            )
        for name in ("near", "near_told", "many_beam_loss"):
            if getattr(self, name) > 1:
                raise ValueError(
                    f"{name} must be at most 1, not {getattr(self, name)}"
                )
        if self.empty >= 1:
            raise ValueError(f"empty must be less than 1, not {self.empty}")
        if self.dynamical > 1:
            raise ValueError(
                f"dynamical must be at most 1, not {self.dynamical}"
            )
        if self.many_beam + self.dynamical > 1:
            raise ValueError(
                f"many_beam {self.many_beam} and dynamical {self.dynamical} "
                "must sum to at most 1"
            )
        if self.masters is not None:
            check_numbers(self, 1, "masters")
        if len(self.energy) != 2 or not (
            1 <= self.energy[0] <= self.energy[1] <= 100
        ):
            raise ValueError(
                f"energy {self.energy} must be two numbers from 1 to 100 "
                "keV, the lower one first"
            )
        for name in ("escape", "depth"):
            value = getattr(self, name)
            if value is None and name == "depth":
                continue
            if (
                value is None
                or len(value) != 2
                or not 0 < value[0] <= value[1]
            ):
                raise ValueError(
                    f"{name} {value} must be two positive numbers, the "
                    "lower one first"
                )


@dataclass(frozen=True)
class AuxiliarySettings:
    """What the network learns to tell besides the symmetry.

    The simulation knows every band of a pattern. That the network has to
    tell them makes it find out sooner what they have to do with the
    symmetry. The layers that tell are left out of the model file.

    Parameters
    ----------
    angles
        Weight in the loss of the Bragg angles of each band that was
        found: that of its strongest order, and that of the shortest
        vector of the reciprocal lattice along its normal.
    families
        Weight in the loss of which bands symmetry makes equal.
    width
        Features of each band by which families are told.
    blocks
        Numbers of blocks of attention after which both are told as well
        as at the end, so that later blocks have them to work with.
    """

    angles: float = 0.0
    families: float = 0.0
    width: int = 32
    blocks: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        check_numbers(self, 0, "angles", "families")
        check_numbers(self, 1, "width")
        if not isinstance(self.blocks, tuple) or not all(
            isinstance(i, int) and i > 0 for i in self.blocks
        ):
            raise ValueError(
                "blocks must be a list of whole numbers of at least 1, not "
                f"{self.blocks!r}"
            )

    @property
    def used(self) -> bool:
        """Whether there is anything else to tell."""
        return self.angles > 0 or self.families > 0


@dataclass(frozen=True)
class DetectorSettings:
    """How the layer that finds bands is trained, ahead of all else, or
    after it the ones that set them right, that read their widths and that
    look for superlattices.

    Only networks with `extrema`, `refine`, `lattices` and `superlattices`
    have them.

    Parameters
    ----------
    steps
        Number of batches.
    learning_rate
        Of Adam; it falls to zero over the second half of the steps.
    again
        Whether it is trained on, as well, before training goes on from the
        checkpoint of another recipe. For where the view or the
        simulation is not that of the checkpoint.
    """

    steps: int = 600
    learning_rate: float = 2e-3
    again: bool = False

    def __post_init__(self) -> None:
        check_numbers(self, 1, "steps")
        check_numbers(self, 0, "learning_rate")
        if not isinstance(self.again, bool):
            raise ValueError(
                f"again must be true or false, not {self.again!r}"
            )


@dataclass(frozen=True)
class OptimiserSettings:
    """How to train.

    Parameters
    ----------
    method
        "adamw" (Loshchilov & Hutter, ICLR 2019) or "muon" (Liu et al.,
        arXiv 2502.16982: orthogonal updates of the matrices of hidden
        layers, and AdamW for all else).
    steps
        Number of steps.
    batch
        Patterns in each step.
    per_crystal
        How many of them are of one crystal, in orientations of their own
        and by one camera.
    fused
        Weight of the loss of what the patterns of one crystal say when
        they are fused, besides that of each.
    repeats, pool
        How often each batch is taken, and how many batches are taken one
        after the other before they are taken again. Drawing patterns costs
        as much as training on them.
    learning_rate
        Largest learning rate, reached after `warmup` steps; it falls as
        1 / sqrt(1 + step / `decay`) thereafter.
    warmup, decay
        See `learning_rate`. In steps.
    finish
        Over this share of the steps at the end, the learning rate falls
        to zero.
    weight_decay
        Share of the weights taken off each step, times the learning rate.
    clip
        Largest norm of the gradient.
    average
        Momentum of the moving average of the weights that is saved.
    level_weights
        Weight of each level of symmetry in the loss.
    precision
        "float32" or "mixed_bfloat16".
    """

    method: str = "adamw"
    steps: int = 20000
    batch: int = 128
    per_crystal: int = 1
    fused: float = 0.0
    repeats: int = 1
    pool: int = 25
    learning_rate: float = 1.5e-3
    warmup: int = 300
    decay: int = 20000
    finish: float = 0.0
    weight_decay: float = 1e-2
    clip: float = 1.0
    average: float = 0.999
    level_weights: dict = field(
        default_factory=lambda: {
            "bravais_lattice": 0.5,
            "laue_group": 0.3,
            "space_group": 0.2,
        }
    )
    precision: str = "float32"

    def __post_init__(self) -> None:
        check_numbers(
            self,
            1,
            "steps",
            "batch",
            "per_crystal",
            "repeats",
            "pool",
            "warmup",
            "decay",
        )
        if self.batch % self.per_crystal:
            raise ValueError(
                f"batch {self.batch} must be a multiple of per_crystal "
                f"{self.per_crystal}"
            )
        check_numbers(
            self,
            0,
            "fused",
            "learning_rate",
            "finish",
            "weight_decay",
            "average",
        )
        if self.fused and self.per_crystal == 1:
            raise ValueError(
                f"fused {self.fused} needs more than one pattern of each "
                "crystal: per_crystal must be above 1"
            )
        check_numbers(self, 1e-6, "clip")
        if self.method not in ("adamw", "muon"):
            raise ValueError(
                f"method must be 'adamw' or 'muon', not {self.method!r}"
            )
        if self.finish > 1 or self.average >= 1:
            raise ValueError(
                f"finish {self.finish} must not be more than 1, and average "
                f"{self.average} less than 1"
            )
        unknown = set(self.level_weights) - set(LEVELS)
        if unknown:
            raise ValueError(
                f"Unknown levels in level_weights: {sorted(unknown)}; known "
                f"are {LEVELS}"
            )
        if self.precision not in ("float32", "mixed_bfloat16"):
            raise ValueError(
                "precision must be 'float32' or 'mixed_bfloat16', not "
                f"{self.precision!r}"
            )

    @property
    def crystals_per_batch(self) -> int:
        """How many crystals are chosen for a batch."""
        return self.batch // self.per_crystal

    def rate(self, step: int) -> float:
        """Return the learning rate at a step, counted from 0."""
        rate = self.learning_rate * min(1, (step + 1) / self.warmup)
        rate /= (1 + step / self.decay) ** 0.5
        left = (self.steps - step) / max(1, self.finish * self.steps)
        return rate * min(1, left)
