# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Crystals for training and their bands, kept on disk.

A shard holds some crystals of every Bravais lattice. It is made from the
recipe's seed and its own number alone, so it comes out the same whenever
and wherever it is made.
"""

import json
import threading
import zlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from kikuchipy_symml import symmetry
from kikuchipy_symml._files import written_whole
from kikuchipy_symml.crystals import (
    SPLITS,
    Crystal,
    library,
    measured_phases,
    prototypes,
    split,
)
from kikuchipy_symml.simulation import (
    BandStack,
    band_profiles,
    escape_depth,
    many_beam_master,
    take_apart,
)
from kikuchipy_symml.simulation._order import strength_of_order
from kikuchipy_symml.simulation._stack import energy_losses

from ._identity import identity, identity_of
from ._made_up import SOURCES, Maker, primitive_atoms
from ._masters import dynamical_masters, in_8_bits
from ._recipe import Recipe

_HELD_OUT = 1_000_000
# Energies that master patterns of many beams are the mean of, where electrons
# have lost some.
_ENERGIES = 3
# Of the sources of the crystals of these, whatever share of the patterns
# each has, and how much likelier simple ones are: they take long to make.
_BEAM_SHARES = 0.5, 0.32, 0.18
_BEAM_POWER = 0.4
# The same for simple ones, their largest primitive cell in Å³, and their
# lattices: those of most elements, for which it does not take long.
_SIMPLE_SHARES = 0.25, 0.4, 0.35
_SIMPLE_POWER = 2.0
_SIMPLE_CELL = 120.0
_SIMPLE_LATTICES = "hP", "cP", "cI", "cF"
# Raised when many beams are solved in another way.
_MANY_BEAMS = 3
# Half width of the master patterns of many beams.
_HALF_WIDTH = 70


@dataclass(frozen=True)
class Shard:
    """Some crystals and what their patterns are drawn from.

    Parameters
    ----------
    source
        Bands of the crystals, or master patterns; see
        :func:`kikuchipy_symml.simulation.draw_patterns`.
    space_groups
        Space group number of each, shape (M,).
    sources
        Index into ``SOURCES`` of each, shape (M,).
    names
        Name of each.
    identities
        See :func:`~kikuchipy_symml.training._identity.identity`, of each.
    atoms
        Atoms in the primitive cell of each, shape (M,); those of sites
        that are not full count in part.
    order
        How well the order of the elements of each can be seen, shape
        (M,), see :mod:`kikuchipy_symml.simulation._order`.
    """

    source: BandStack | np.ndarray
    space_groups: np.ndarray
    sources: np.ndarray
    names: list[str]
    identities: list[str]
    atoms: np.ndarray
    order: np.ndarray

    def without(self, identities: Collection[str]) -> "Shard":
        """Return the crystals that are not among some identities."""
        keep = [
            i
            for i, name in enumerate(self.identities)
            if name not in identities
        ]
        if len(keep) == len(self.names):
            return self
        return Shard(
            source=self.source[keep],
            space_groups=self.space_groups[keep],
            sources=self.sources[keep],
            names=[self.names[i] for i in keep],
            identities=[self.identities[i] for i in keep],
            atoms=self.atoms[keep],
            order=self.order[keep],
        )


class Shards:
    """All crystals of a recipe.

    Parameters
    ----------
    recipe
        The recipe.
    directory
        Where shards are kept. They are made when they are asked for and
        not there.
    """

    def __init__(self, recipe: Recipe, directory: str | Path) -> None:
        self.recipe = recipe
        self.directory = Path(directory) / recipe.crystal_key()
        # Master patterns take long to make and are the same without.
        without = replace(recipe.crystals, prototypes=0)
        self._for_many_beams = (
            Path(directory) / replace(recipe, crystals=without).crystal_key()
        )
        self._open: dict[str, Shard] = {}
        self._kept: set[str] | None = None
        self._dynamical: tuple[np.ndarray, Shard] | None = None
        self._many_beams: dict[tuple, tuple[np.ndarray, Shard]] = {}
        # Of threads that ask for a shard, one makes it and others wait.
        self._lock = threading.RLock()

    def made_up(self, number: int) -> Shard:
        """Random and decorated crystals for training.

        Parameters
        ----------
        number
            Number of the shard, from 0.
        """
        return self._get(f"shard_{number:05d}", lambda: self._make_up(number))

    def held_out(self) -> Shard:
        """Random crystals that are never trained on."""
        return self._get("held_out", lambda: self._make_up(_HELD_OUT))

    def to_score(self, name: str, seen: Collection[str]) -> Shard:
        """Crystals to score a network on: those of a part of the library,
        or "random" ones that are held out.

        Save of "train", those whose identities were seen are left out. A
        recipe of another seed, from which this one goes on, may have been
        trained on what is held out here.
        """
        if name == "train":
            return self.library(name)
        shard = self.held_out() if name == "random" else self.library(name)
        return shard.without(seen)

    def library(self, part: str) -> Shard:
        """Library crystals of a part of the split.

        Parameters
        ----------
        part
            "train", "seen_type" or "unseen_type".

        Raises
        ------
        ValueError
            If there is no such part.
        """
        if part not in SPLITS:
            raise ValueError(f"part must be one of {SPLITS}, not {part!r}")
        crystals = list(split()[part])
        # The library may grow; its shards are named by what they hold.
        text = json.dumps([[c.name, c.cell] for c in crystals])
        key = f"{zlib.crc32(text.encode()):08x}"
        return self._get(
            f"library_{part}_{key}",
            lambda: [(c, "library") for c in crystals],
        )

    def dynamical(self) -> tuple[np.ndarray, Shard]:
        """Master patterns of the set of dynamical ones that comes with the
        repository, and their crystals with the bands that go with them.

        Raises
        ------
        FileNotFoundError
            If the set is not there.
        ValueError
            If it has fewer than the recipe asks for.
        """
        with self._lock:
            if self._dynamical is None:
                self._dynamical = _dynamical(self.recipe.crystals.masters)
            return self._dynamical

    def many_beams(
        self, number: int, simple: bool = False
    ) -> tuple[np.ndarray, Shard]:
        """One crystal of each Bravais lattice with its bands, and what
        many beams add to these, shape (14, 2, size, size), float32.
        Simple ones are of hP, cP, cI and cF only.

        Parameters
        ----------
        number
            Number of the shard that they go with.
        simple
            Whether they are simple ones with small cells.
        """
        which = number, simple
        with self._lock:
            if which not in self._many_beams:
                # What decides which crystals are taken is in the name.
                c = self.recipe.crystals
                shares, power, cell = self._of_many_beams(simple)
                text = json.dumps(
                    [
                        _MANY_BEAMS,
                        shares,
                        power,
                        c.order,
                        cell,
                        c.many_beam_loss,
                        *(_SIMPLE_LATTICES if simple else ()),
                    ]
                )
                key = f"{zlib.crc32(text.encode()):08x}"
                path = self._for_many_beams / f"many_beams_{key}_{number:05d}"
                shard = self._load(
                    path,
                    lambda: self._make_for_many_beams(number, simple),
                    many_beams=True,
                )
                masters = path.with_suffix(".npy")
                if not masters.exists():
                    raise FileNotFoundError(
                        f"{masters} is missing beside {path}.npz: remove "
                        "that, too, to have both made again"
                    )
                bands, rest = take_apart(np.load(masters), shard.source)
                self._many_beams[which] = rest, replace(shard, source=bands)
            return self._many_beams[which]

    def _of_many_beams(
        self, simple: bool
    ) -> tuple[tuple[float, ...], float, float]:
        """Shares of the sources, power of the number of atoms and largest
        cell of crystals that are solved with many beams."""
        if simple:
            return _SIMPLE_SHARES, _SIMPLE_POWER, _SIMPLE_CELL
        return _BEAM_SHARES, _BEAM_POWER, self.recipe.crystals.many_beam_cell

    def _make_up(self, number: int) -> list[tuple[Crystal, str]]:
        settings = self.recipe.crystals
        rng = np.random.default_rng([self.recipe.seed, 1, number])
        # Those that are held out do not change with the recipe.
        near = 0.0 if number == _HELD_OUT else settings.near
        types = prototypes()[: settings.prototypes]
        make = self._maker(rng, number, near, types)
        out = []
        for lattice in symmetry.class_names("bravais_lattice"):
            for _ in range(settings.random):
                out.append((make.random(lattice), "random"))
            if number == _HELD_OUT:
                continue
            for _ in range(settings.decorated):
                out.append((make.decorated(lattice), "decorated"))
        return out

    def _make_for_many_beams(
        self, number: int, simple: bool = False
    ) -> list[tuple[Crystal, str]]:
        settings = self.recipe.crystals
        stream = 8 if simple else 6
        rng = np.random.default_rng([self.recipe.seed, stream, number])
        shares, power, cell = self._of_many_beams(simple)
        return self._maker(rng, number, settings.near).simple_ones(
            shares,
            cell,
            settings.order,
            power,
            _SIMPLE_LATTICES if simple else None,
        )

    def _maker(
        self,
        rng: np.random.Generator,
        number: int,
        near: float,
        types: Sequence[Crystal] = (),
    ) -> Maker:
        told = self.recipe.crystals.near_told
        taken = self._taken(number)
        return Maker(rng, split()["train"], taken, near, told, types)

    def _taken(self, number: int) -> set[str]:
        """What made-up crystals of a shard must not be: crystals that are
        kept for evaluation."""
        if self._kept is None:
            parts = split()
            self._kept = {identity(*i) for i in measured_phases()} | {
                identity_of(c)
                for part in ("seen_type", "unseen_type")
                for c in parts[part]
            }
        if number == _HELD_OUT:
            return self._kept
        return self._kept | set(self.held_out().identities)

    def in_use(self, step: int) -> range:
        """Return the numbers of the shards in use at a step."""
        c = self.recipe.crystals
        some = min(c.shards, c.first_shards + step // c.steps_per_shard)
        return range(c.skip, c.skip + some)

    def with_many_beams(self) -> list[tuple[int, bool]]:
        """Return the numbers of the shards with master patterns of many
        beams, and whether these are of simple crystals."""
        c = self.recipe.crystals
        return [(c.skip + i, False) for i in range(c.many_beam_shards)] + [
            (c.skip + i, True) for i in range(c.many_beam_simple)
        ]

    def trained_on(self, steps: int) -> list[str]:
        """Return the identities of all crystals in use up to a step.

        Parameters
        ----------
        steps
            Number of steps of training.
        """
        out = set()
        for i in self.in_use(max(steps - 1, 0)):
            out.update(self.made_up(i).identities)
        if self.recipe.crystals.shares[2] > 0:
            out.update(self.library("train").identities)
        if self.recipe.crystals.dynamical > 0:
            out.update(self.dynamical()[1].identities)
        if self.recipe.crystals.many_beam > 0:
            for part in self.with_many_beams():
                out.update(self.many_beams(*part)[1].identities)
        return sorted(out)

    def _get(self, name: str, make) -> Shard:
        with self._lock:
            if name not in self._open:
                self._open[name] = self._load(self.directory / name, make)
            return self._open[name]

    def _load(self, path: Path, make, many_beams: bool = False) -> Shard:
        if not path.with_suffix(".json").exists():
            self._save(path, make(), many_beams)
        about = json.loads(path.with_suffix(".json").read_text())
        with np.load(path.with_suffix(".npz"), allow_pickle=False) as saved:
            source = BandStack(**saved)
        return Shard(
            source=source,
            space_groups=np.array(about["space_groups"]),
            sources=np.array([SOURCES.index(i) for i in about["sources"]]),
            names=about["names"],
            identities=about["identities"],
            atoms=np.array(about["atoms"]),
            order=np.array(about["order"]),
        )

    def _save(
        self,
        path: Path,
        crystals: list[tuple[Crystal, str]],
        many_beams: bool,
    ) -> None:
        rng = np.random.default_rng(
            [self.recipe.seed, 2, zlib.crc32(path.name.encode())]
        )
        n = len(crystals)
        energies = rng.uniform(*self.recipe.crystals.energy, n)
        settings = self.recipe.crystals
        lowest, highest = np.log(settings.depth or settings.escape)
        depths = np.exp(rng.uniform(lowest, highest, n))
        if settings.depth is None:
            depths *= [
                escape_depth(c, e)
                for (c, _), e in zip(crystals, energies, strict=True)
            ]
        source = BandStack.of(
            [
                band_profiles(c, e, depth=d)
                for (c, _), e, d in zip(
                    crystals, energies, depths, strict=True
                )
            ]
        )
        about = {
            "names": [c.name for c, _ in crystals],
            "space_groups": [int(c.space_group) for c, _ in crystals],
            "sources": [source for _, source in crystals],
            "identities": [identity_of(c) for c, _ in crystals],
            "atoms": [round(primitive_atoms(c), 3) for c, _ in crystals],
            "order": [round(strength_of_order(c), 3) for c, _ in crystals],
            "energies": [round(float(e), 3) for e in energies],
            "depths": [round(float(d), 2) for d in depths],
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        if many_beams:
            # Where none is lost, no number is spent on it.
            losses = np.zeros(n)
            if settings.many_beam_loss:
                losses = rng.uniform(0, settings.many_beam_loss, n)
            masters = [
                in_8_bits(_over_energies(c, e, d, loss))
                for (c, _), e, d, loss in zip(
                    crystals, energies, depths, losses, strict=True
                )
            ]
            with written_whole(path.with_suffix(".npy")) as temporary:
                np.save(temporary, np.array(masters))
        with written_whole(path.with_suffix(".npz")) as temporary:
            np.savez(temporary, **vars(source))
        # The last one: where it is, all are.
        with written_whole(path.with_suffix(".json")) as temporary:
            temporary.write_text(json.dumps(about))


def _over_energies(
    crystal: Crystal, energy: float, depth: float, loss: float
) -> np.ndarray:
    """Master pattern of many beams of electrons that have lost some share
    of their energy on average."""
    losses = energy_losses(loss, _ENERGIES) if loss else np.zeros(1)
    return np.mean(
        [
            many_beam_master(
                crystal, energy * (1 - x), half_width=_HALF_WIDTH, depth=depth
            )
            for x in losses
        ],
        axis=0,
    )


def _dynamical(number: int | None) -> tuple[np.ndarray, Shard]:
    known = dynamical_masters()
    if number is not None:
        known = known.first(number)
    crystals = [library()[name] for name in known.names]
    bands = [
        band_profiles(crystal, float(energy))
        for crystal, energy in zip(crystals, known.energies, strict=True)
    ]
    return known.masters, Shard(
        source=BandStack.of(bands),
        space_groups=known.space_groups,
        sources=np.full(len(known), SOURCES.index("library")),
        names=known.names,
        identities=known.identities,
        atoms=np.array([primitive_atoms(crystal) for crystal in crystals]),
        order=np.array([strength_of_order(crystal) for crystal in crystals]),
    )
