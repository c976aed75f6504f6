# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Crystals that are made up to train on."""

from collections.abc import Sequence

import numpy as np

from kikuchipy_symml import symmetry
from kikuchipy_symml.crystals import Crystal, decorated, random_crystal
from kikuchipy_symml.crystals._metric import primitive_cells
from kikuchipy_symml.simulation._order import (
    strength_of_metric,
    strength_of_order,
)

from ._identity import identity_of

SOURCES = ("random", "decorated", "library")
# Crystals of a lattice among which a simple one is chosen.
_TO_CHOOSE_FROM = 4
# So many crystals of the library that are no use, and random ones are taken.
_IN_VAIN = 200


def primitive_atoms(crystal: Crystal) -> float:
    """Return the number of atoms in the primitive cell; those of sites
    that are not full count in part."""
    atoms = crystal.occupancies.sum()
    return float(atoms / primitive_cells(crystal.space_group))


class Maker:
    """Makes up crystals.

    Parameters
    ----------
    rng
        Source of all randomness.
    models
        Crystals of the library that others are made from.
    taken
        Identities that none of those made up must have.
    near
        Share of them with a cell that is nearly one of higher symmetry.
    told
        By how much the strengths of reflections must tell these from that.
    types
        Crystals that others are made from, too, but that are not taken
        themselves.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        models: Sequence[Crystal],
        taken: set[str],
        near: float = 0.0,
        told: float = 0.0,
        types: Sequence[Crystal] = (),
    ) -> None:
        self.rng = rng
        self.taken = taken
        self.near = near
        self.told = told
        self.models = _by_lattice(models)
        self.types = _by_lattice([*models, *types])

    def random(self, lattice: str) -> Crystal:
        """A random crystal."""
        near = self._is_near()
        while True:
            crystal = random_crystal(
                self.rng, bravais_lattice=lattice, near=near
            )
            if self._will_do(crystal, near):
                return crystal

    def decorated(self, lattice: str) -> Crystal:
        """A known crystal with other elements, or a random one if none of
        this lattice is known."""
        models = self.types[lattice]
        near = bool(models) and self._is_near()
        while models:
            model = models[self.rng.integers(len(models))]
            try:
                crystal = decorated(model, self.rng, near=near)
            except (RuntimeError, ValueError):
                # Some types take no other elements.
                continue
            if self._will_do(crystal, near):
                return crystal
        return self.random(lattice)

    def simple_ones(
        self,
        shares: Sequence[float],
        largest: float,
        order: float,
        atoms_power: float,
        lattices: Sequence[str] | None = None,
    ) -> list[tuple[Crystal, str]]:
        """Return one crystal of each lattice and where it is from, likelier
        a simple one.

        Parameters
        ----------
        shares
            Of each of :data:`SOURCES`.
        largest
            Primitive cell in cubic ångström.
        order
            How well the order of their elements can be seen at least.
        atoms_power
            The likelihood goes by the inverse of this power of the number
            of atoms.
        lattices
            Those to make one of, all if not given.
        """
        out = []
        for lattice, models in self.models.items():
            if lattices is not None and lattice not in lattices:
                continue
            source = SOURCES[self.rng.choice(3, p=shares)]
            found: list[Crystal] = []
            in_vain = 0
            while len(found) < _TO_CHOOSE_FROM:
                if in_vain == _IN_VAIN:
                    source = "random"
                if source == "library" and models:
                    crystal = models[self.rng.integers(len(models))]
                elif source == "random":
                    crystal = self.random(lattice)
                else:
                    crystal = self.decorated(lattice)
                volume = crystal.volume / primitive_cells(crystal.space_group)
                if volume <= largest and strength_of_order(crystal) >= order:
                    found.append(crystal)
                else:
                    in_vain += 1
            likely = np.array([primitive_atoms(c) for c in found])
            likely **= -atoms_power
            chosen = self.rng.choice(len(found), p=likely / likely.sum())
            out.append((found[chosen], source))
        return out

    def _is_near(self) -> bool:
        # Where none are, no number is spent on the question.
        return self.near > 0 and self.rng.random() < self.near

    def _will_do(self, crystal: Crystal, near: bool) -> bool:
        return identity_of(crystal) not in self.taken and (
            not near or strength_of_metric(crystal) >= self.told
        )


def _by_lattice(crystals: Sequence[Crystal]) -> dict[str, list[Crystal]]:
    lattices = symmetry.class_names("bravais_lattice")
    of = symmetry.class_index("bravais_lattice")
    out: dict[str, list[Crystal]] = {i: [] for i in lattices}
    for crystal in crystals:
        out[lattices[of[crystal.space_group - 1]]].append(crystal)
    return out
