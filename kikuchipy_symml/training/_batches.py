# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Batches of views, each a function of the recipe and its number alone."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

import numpy as np

from kikuchipy_symml import symmetry
from kikuchipy_symml.pattern import canonical_views
from kikuchipy_symml.simulation import (
    BandStack,
    Rest,
    draw_patterns,
    random_rotations,
    random_strain,
)

from ._auxiliary import Truth
from ._recipe import Recipe
from ._shards import Shard, Shards


class Batches:
    """Batches to train on.

    Parameters
    ----------
    recipe
        The recipe.
    shards
        Its crystals.
    """

    def __init__(self, recipe: Recipe, shards: Shards) -> None:
        self.recipe = recipe
        self.shards = shards
        self._tables: dict[int, list] = {}

    def __call__(self, number: int) -> tuple[np.ndarray, np.ndarray, Truth]:
        """Return the views (N, size, size, 2), the space groups (N,), 0
        where nothing is shown, and the bands of a batch."""
        # By the step at which the batch is first taken.
        o = self.recipe.optimiser
        block, position = divmod(number, o.pool)
        step = block * o.pool * o.repeats + position
        rng = np.random.default_rng([self.recipe.seed, 3, number])
        return self._draw(rng, self.shards.in_use(step))

    def ahead(self, number: int) -> tuple[np.ndarray, np.ndarray, Truth]:
        """Return a batch as above that is none of those of the steps."""
        rng = np.random.default_rng([self.recipe.seed, 5, number])
        return self._draw(rng, self.shards.in_use(0))

    def _draw(
        self, rng: np.random.Generator, shards: range
    ) -> tuple[np.ndarray, np.ndarray, Truth]:
        crystals = self.recipe.crystals
        per_crystal = self.recipe.optimiser.per_crystal
        source: BandStack | np.ndarray
        rest = None
        # Where none are dynamical no number is spent on the question.
        if crystals.many_beam and rng.random() < crystals.many_beam:
            source, rest, numbers = self._choose_many_beams(rng)
            stack = source
            which = np.repeat(np.arange(len(numbers)), per_crystal)
            stack, numbers = stack[which], numbers[which]
        elif crystals.dynamical and rng.random() < crystals.dynamical:
            source, shard = self.shards.dynamical()
            which = np.repeat(self._choose_evenly(rng, shard), per_crystal)
            stack, numbers = shard.source[which], shard.space_groups[which]
        else:
            chosen = self._choose(rng, shards)
            numbers = np.array([shard.space_groups[i] for shard, i in chosen])
            stack = BandStack.join(
                [shard.source[[i]] for shard, i in chosen]
            ).varied(rng, numbers, self.recipe.variety)
            empty = rng.random(len(chosen)) < crystals.empty
            source = stack = stack.without_bands(empty)
            numbers[empty] = 0
            which = np.repeat(np.arange(len(chosen)), per_crystal)
            stack, numbers = stack[which], numbers[which]
        rotations = random_rotations(rng, len(which))
        patterns, pc, aspect_ratio = draw_patterns(
            rng,
            source,
            which,
            self.recipe.camera,
            rotations,
            per_crystal,
            rest,
        )
        views, _ = canonical_views(
            patterns, pc, self.recipe.view, aspect_ratio=aspect_ratio
        )
        return views, numbers, Truth.of(stack, rotations, pc, aspect_ratio)

    def iterate(
        self, first: int, last: int, prepare: Callable, threads: int = 2
    ) -> Iterator[tuple]:
        """Yield what `prepare` makes of the views and the bands, and the
        space groups, of steps first to last - 1 in order, worked out ahead
        in threads.

        Each batch is taken again `repeats` times in all, which saves
        drawing it anew: `pool` batches one after the other, then the same
        ones again, and so on.
        """
        numbers = [self.batch_of(step) for step in range(first, last)]
        left = Counter(numbers)
        order = list(dict.fromkeys(numbers))

        def work(number: int) -> tuple:
            views, space_groups, truth = self(number)
            return prepare(views, truth), space_groups

        with ThreadPoolExecutor(threads) as executor:
            ready: dict[int, Future] = {}
            started = 0
            for number in numbers:
                # Those that wait for their turn, besides those kept.
                while started < len(order) and (
                    number not in ready
                    or sum(not f.done() for f in ready.values()) < 2 * threads
                    and len(ready) < self.recipe.optimiser.pool + 2 * threads
                ):
                    ready[order[started]] = executor.submit(
                        work, order[started]
                    )
                    started += 1
                batch = ready[number].result()
                left[number] -= 1
                if not left[number]:
                    del ready[number]
                yield batch

    def batch_of(self, step: int) -> int:
        """Number of the batch of a step."""
        o = self.recipe.optimiser
        block, position = divmod(step, o.pool * o.repeats)
        return block * o.pool + position % o.pool

    def _choose(self, rng, shards: range) -> list[tuple[Shard, int]]:
        """Crystals of a batch: every Bravais lattice is as likely, and
        simple crystals are likelier than others of theirs."""
        n = self.recipe.optimiser.crystals_per_batch
        lattices = rng.integers(14, size=n)
        sources = rng.choice(3, size=n, p=self.recipe.crystals.shares)
        which = rng.integers(shards.start, shards.stop, size=n)
        position = rng.random(n)
        chosen = []
        for lattice, source, k, x in zip(
            lattices, sources, which, position, strict=True
        ):
            shard, table = self._table(-1 if source == 2 else int(k))
            candidates, likely = table[source][lattice]
            if len(candidates) == 0:
                # The library has none of this lattice to train on.
                shard, table = self._table(int(k))
                candidates, likely = table[1][lattice]
            i = np.searchsorted(likely[:-1], x, "right")
            chosen.append((shard, int(candidates[i])))
        return chosen

    def _choose_many_beams(self, rng) -> tuple[BandStack, Rest, np.ndarray]:
        """Bands of the crystals of a batch, what many beams add to them, and
        space groups, every Bravais lattice as likely. The bands are
        varied."""
        n = self.recipe.optimiser.crystals_per_batch
        parts = self.shards.with_many_beams()
        chosen = []
        for k, lattice in zip(
            rng.integers(len(parts), size=n),
            rng.integers(14, size=n),
            strict=True,
        ):
            rest, shard = self.shards.many_beams(*parts[k])
            which = np.flatnonzero(_lattices(shard) == lattice)
            if len(which) == 0:
                # Simple ones are not of all lattices.
                k %= self.recipe.crystals.many_beam_shards
                rest, shard = self.shards.many_beams(*parts[k])
                which = np.flatnonzero(_lattices(shard) == lattice)
            chosen.append((rest, shard, int(which[0])))
        numbers = np.array([shard.space_groups[i] for _, shard, i in chosen])
        # What is added to the bands cannot be scaled with them, and has its
        # own losses of energy.
        variety = replace(self.recipe.variety, scale=0.0, loss=0.0)
        strain = variety.strain * random_strain(rng, numbers)
        stack = BandStack.join([shard.source[[i]] for _, shard, i in chosen])
        return (
            stack.varied(rng, numbers, variety, strain),
            Rest(np.stack([rest[i] for rest, _, i in chosen]), strain),
            numbers,
        )

    def _choose_evenly(self, rng, shard: Shard) -> np.ndarray:
        """Crystals of a batch, all of one shard: every Bravais lattice of
        which it has one whose order can be seen is as likely."""
        lattice = _lattices(shard)
        table = [
            self._likely(shard, np.flatnonzero(lattice == b))
            for b in np.unique(lattice)
        ]
        table = [each for each in table if len(each[0])]
        n = self.recipe.optimiser.crystals_per_batch
        return np.array(
            [
                candidates[np.searchsorted(likely[:-1], x, "right")]
                for (candidates, likely), x in zip(
                    [table[i] for i in rng.integers(len(table), size=n)],
                    rng.random(n),
                    strict=True,
                )
            ]
        )

    def _likely(
        self, shard: Shard, which: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Those of some crystals of a shard whose order can be seen, and
        their cumulative probability."""
        which = which[shard.order[which] >= self.recipe.crystals.order]
        power = self.recipe.crystals.atoms_power
        total = np.cumsum(shard.atoms[which] ** -power)
        return which, total / total[-1:]

    def _table(self, number: int) -> list:
        """A shard and its crystals by source and Bravais lattice, with
        their cumulative probability; the library is number -1."""
        if number not in self._tables:
            shard = (
                self.shards.library("train")
                if number < 0
                else self.shards.made_up(number)
            )
            lattice = _lattices(shard)
            table = [
                [
                    self._likely(
                        shard,
                        np.flatnonzero((shard.sources == s) & (lattice == b)),
                    )
                    for b in range(14)
                ]
                for s in range(3)
            ]
            self._tables[number] = (shard, table)
        return self._tables[number]


def _lattices(shard: Shard) -> np.ndarray:
    """Index of the Bravais lattice of each crystal of a shard."""
    return symmetry.class_index("bravais_lattice")[shard.space_groups - 1]


def draw_set(
    recipe: Recipe,
    shard: Shard,
    seed: int,
    patterns: int,
    per_grain: int = 1,
    batch: int = 128,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw patterns of a fixed set of crystals, in new orientations.

    Parameters
    ----------
    recipe
        Gives the view and the camera.
    shard
        The crystals. Bravais lattices are equally likely, and so are the
        crystals of each.
    seed
        Seed of the set.
    patterns
        About how many patterns.
    per_grain
        Consecutive patterns of one crystal, each in its own orientation,
        recorded by one camera.
    batch
        Patterns recorded by detectors of one make.

    Returns
    -------
    views
        Shape (N, size, size, 2).
    space_groups
        Shape (N,).
    crystals
        Index of the crystal in the shard, shape (N,).
    """
    rng = np.random.default_rng([seed, 4])
    lattice = _lattices(shard)
    present = np.unique(lattice)
    views, crystals = [], []
    batch = max(per_grain, batch // per_grain * per_grain)
    for _ in range(-(-patterns // batch)):
        grains = [
            rng.choice(np.flatnonzero(lattice == b))
            for b in rng.choice(present, batch // per_grain)
        ]
        which = np.repeat(grains, per_grain)
        drawn, pc, aspect_ratio = draw_patterns(
            rng,
            shard.source[grains],
            np.repeat(np.arange(len(grains)), per_grain),
            recipe.camera,
            per_camera=per_grain,
        )
        view, _ = canonical_views(
            drawn, pc, recipe.view, aspect_ratio=aspect_ratio
        )
        views.append(view)
        crystals.append(which)
    crystals = np.concatenate(crystals)
    return np.concatenate(views), shard.space_groups[crystals], crystals
