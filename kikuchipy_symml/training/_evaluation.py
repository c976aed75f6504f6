# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Evaluation of a model on crystals it was and was not trained on.

Splits are by crystal. The first set is of training crystals, in new
orientations; no crystal of the other simulated sets was trained on.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import h5py
import numpy as np
from scipy.stats import mannwhitneyu

from kikuchipy_symml import symmetry
from kikuchipy_symml.models import SymmetryModel
from kikuchipy_symml.models._viewpoint import RANGE, find_viewpoint
from kikuchipy_symml.pattern import canonical_views
from kikuchipy_symml.symmetry._fuse import CORRELATION, fuse_regions

from ._batches import draw_set
from ._identity import identity
from ._recipe import Recipe
from ._scores import Scores, score
from ._shards import Shard, Shards

PER_GRAIN = 9
PIXELS = (60, 128)
"""Pixels along the shorter side of simulated patterns, whatever the recipe's
camera has: the range of detectors for which scores are stated."""
# A projection centre that is not known is found by so many patterns. Up to
# so many single ones may come from different positions of the camera.
_PATTERNS_FOR_PC = 12
_SINGLE_PATTERNS = 4
SETS = {
    "train": "training crystals, new orientations",
    "seen_type": "unseen crystals, seen structure type",
    "unseen_type": "unseen structure types",
    "random": "unseen random crystals",
    "emsoft": "EMsoft master patterns",
    "measured": "measured patterns",
}


@dataclass(frozen=True)
class TestSet:
    """Views of known space group.

    Parameters
    ----------
    name
        Key of ``SETS``.
    views
        Shape (N, size, size, 2).
    space_groups
        Shape (N,).
    grains
        Which patterns are of one grain, shape (N,).
    phases
        Name of the phase of each pattern.
    """

    name: str
    views: np.ndarray
    space_groups: np.ndarray
    grains: np.ndarray
    phases: list[str]


def recipe_of(model: SymmetryModel) -> Recipe:
    """Return the recipe in a model's card.

    Raises
    ------
    ValueError
        If the card holds none.
    """
    settings = model.card["training_set"].get("recipe")
    if settings is None:
        raise ValueError(
            f"The card of the model {model.name!r} holds no recipe: it was "
            "not trained by one, so its training crystals are not known"
        )
    return Recipe.from_dict(_of_today(settings))


def _of_today(settings: dict) -> dict:
    """Settings as they are written now, of models that were trained when
    patterns were drawn from master patterns of some size, strengths of
    bands were a setting, and the error of the projection centre was the
    same for all."""
    crystals = dict(settings["crystals"])
    for name in ("master_size", "spacing_power"):
        crystals.pop(name, None)
    camera = dict(settings["camera"])
    error = camera.get("pc_error")
    if isinstance(error, int | float):
        camera["pc_error"] = [error, error]
    return settings | {"crystals": crystals, "camera": camera}


def trained_on(model: SymmetryModel) -> frozenset[str]:
    """Return the identities of the crystals that a model was trained on.

    Whatever the recipe meant to keep out: no evaluation on unseen crystals
    takes one of these.
    """
    return frozenset(model.card["training_set"].get("crystals", ()))


def evaluated(recipe: Recipe) -> Recipe:
    """Return the recipe with the detectors of the evaluation."""
    return replace(recipe, camera=replace(recipe.camera, pixels=PIXELS))


def simulated_sets(
    recipe: Recipe,
    directory: str | Path,
    patterns: int,
    seen: Collection[str] = (),
) -> Iterator[TestSet]:
    """Yield the sets simulated by this package.

    Parameters
    ----------
    recipe
        The recipe that the model was trained by. Its camera is taken with
        ``PIXELS``, here and for the other sets.
    directory
        Where the recipe's crystals are kept.
    patterns
        About how many patterns in each set.
    seen
        Identities of the crystals that the model was trained on. They are
        left out of the sets of unseen ones.

    Yields
    ------
    test
        Views of known space groups, as :func:`evaluate_set` takes them:
        training crystals in new orientations, unseen crystals of seen
        types, unseen types, and unseen random crystals.
    """
    shards = Shards(recipe, Path(directory) / "crystals")
    for i, name in enumerate(("train", "seen_type", "unseen_type", "random")):
        shard = shards.to_score(name, seen)
        yield _drawn(name, recipe, shard, 200 + i, patterns)


def emsoft_set(
    recipe: Recipe, path: str | Path, patterns: int, seen: Collection[str] = ()
) -> TestSet:
    """Return patterns drawn from EMsoft's dynamical master patterns.

    Parameters
    ----------
    recipe
        Gives the view and the camera.
    path
        HDF5 file with one data set for each phase, (2, size, size):
        square Lambert projections of both hemispheres, with the
        attribute ``space_group``.
    patterns
        About how many patterns.
    seen
        Identities of the crystals that the model was trained on. They are
        left out.

    Returns
    -------
    test
        Views of known space groups, as :func:`evaluate_set` takes them.
    """
    with h5py.File(path) as f:
        names = list(f)
        masters = np.stack([f[name][...] for name in names]).astype("f4")
        numbers = np.array([f[name].attrs["space_group"] for name in names])
    masters -= masters.mean(axis=(1, 2, 3), keepdims=True)
    identities = [
        # Names read "Cr3Si (chromium silicide) [A15]".
        identity(name.split()[0], int(number))
        for name, number in zip(names, numbers, strict=True)
    ]
    shard = Shard(
        masters,
        numbers,
        sources=np.zeros(len(names), int),
        names=names,
        identities=identities,
        atoms=np.ones(len(names)),
        order=np.ones(len(names)),
    )
    return _drawn("emsoft", recipe, shard.without(seen), 300, patterns)


def measured_set(path: str | Path, model: SymmetryModel) -> TestSet:
    """Return measured patterns of known phases.

    Parameters
    ----------
    path
        HDF5 file with one data set for each phase, (N, y, x), with the
        attributes ``space_group`` and, where known, ``pc_bruker``.
    model
        Gives the view. Where the projection centre is not known, it is
        the one at which this model sees most symmetry in some patterns of
        the phase, or in each if there are no more than four, see
        :func:`kikuchipy_symml.find_projection_centre`; the name of the
        phase says so.

    Returns
    -------
    test
        Views of known space groups, as :func:`evaluate_set` takes them.
    """
    views, numbers, grains, phases = [], [], [], []
    with h5py.File(path) as f:
        for i, name in enumerate(f):
            attributes = dict(f[name].attrs)
            if "space_group" not in attributes:
                continue
            patterns = f[name][...]
            pc = attributes.get("pc_bruker")
            if pc is None:
                pc = _found(patterns, model)
                name += " (PC found)"
            v, valid = canonical_views(patterns, np.asarray(pc), model.view)
            views.append(v[valid])
            numbers += [int(attributes["space_group"])] * int(valid.sum())
            # Orientations differ, but a phase is one answer.
            grains += [i] * int(valid.sum())
            phases += [name] * int(valid.sum())
    return TestSet(
        "measured",
        np.concatenate(views),
        np.array(numbers),
        np.array(grains),
        phases,
    )


def _found(patterns: np.ndarray, model: SymmetryModel) -> np.ndarray:
    """Projection centre(s) of patterns, shape (3,) or (N, 3)."""

    def found(some: np.ndarray) -> np.ndarray:
        return find_viewpoint(
            some, model, np.array(RANGE), show_progressbar=False
        )[0]

    if len(patterns) <= _SINGLE_PATTERNS:
        return np.array([found(pattern[None]) for pattern in patterns])
    some = np.linspace(0, len(patterns) - 1, _PATTERNS_FOR_PC)
    return found(patterns[np.unique(some.round().astype(int))])


def band_free_views(
    recipe: Recipe, directory: str | Path, patterns: int
) -> np.ndarray:
    """Return views of patterns of the camera that show no bands.

    Parameters
    ----------
    recipe
        Gives the view and the camera.
    directory
        Where the recipe's crystals are kept.
    patterns
        About how many patterns.

    Returns
    -------
    views
        Shape (N, size, size, 2).
    """
    shard = Shards(recipe, Path(directory) / "crystals").library("unseen_type")
    nothing = np.ones(len(shard.names), dtype=bool)
    shard = replace(shard, source=shard.source.without_bands(nothing))
    return draw_set(evaluated(recipe), shard, 400, patterns)[0]


def _drawn(
    name: str, recipe: Recipe, shard: Shard, seed: int, patterns: int
) -> TestSet:
    views, numbers, crystals = draw_set(
        evaluated(recipe), shard, seed, patterns, per_grain=PER_GRAIN
    )
    return TestSet(
        name,
        views,
        numbers,
        np.arange(len(numbers)) // PER_GRAIN,
        [shard.names[i] for i in crystals],
    )


@dataclass(frozen=True)
class Result:
    """Scores of a model on one set.

    Parameters
    ----------
    name
        Key of ``SETS``.
    single, fused
        Scores at each level of single patterns, and of all patterns of
        a grain fused.
    phases
        For each phase, the Bravais lattice, number of patterns, share of
        patterns whose lattice is right, and lattice of all fused.
    rejection
        Area under the receiver operating characteristic of the confidence
        in the Bravais lattice, by which patterns without bands are to be
        told from those of the set: 1 if all of the set are more confident.
    """

    name: str
    single: dict[str, Scores]
    fused: dict[str, Scores]
    phases: dict[str, tuple[str, int, float, str]]
    rejection: float


def evaluate_set(
    model: SymmetryModel, test: TestSet, band_free: np.ndarray
) -> Result:
    """Score a model on a set.

    Parameters
    ----------
    model
        The model.
    test
        The set.
    band_free
        Probabilities of patterns without bands, shape (N, 230).

    Returns
    -------
    result
        The :class:`Scores` at each level, of single patterns and of those
        of a grain fused; of each phase its lattice, the number of its
        patterns, the share that is right and what all say together; and
        the area under the ROC curve of the confidence.
    """
    p = model.predict(test.views)
    _, first, of_grain = np.unique(
        test.grains, return_index=True, return_inverse=True
    )
    fused = fuse_regions(p, of_grain, correlation=CORRELATION)
    lattice = "bravais_lattice"
    names = symmetry.class_names(lattice)
    index = symmetry.class_index(lattice)
    at_level = symmetry.sum_to_level(p, lattice)
    chosen = at_level.argmax(axis=1)
    # Sums of equal numbers differ by rounding, which must not rank them.
    confidence = at_level.max(axis=1).round(5)
    free = symmetry.sum_to_level(band_free, lattice).max(axis=1).round(5)
    pairs = len(confidence) * len(free)
    phases = {}
    for phase in dict.fromkeys(test.phases):
        here = np.array([i == phase for i in test.phases])
        true = index[test.space_groups[here][0] - 1]
        together = symmetry.sum_to_level(
            symmetry.fuse_probabilities(p[here], correlation=CORRELATION),
            lattice,
        )
        phases[phase] = (
            names[true],
            int(here.sum()),
            float(np.mean(chosen[here] == true)),
            names[int(together.argmax())],
        )
    return Result(
        test.name,
        {i: score(p, test.space_groups, i) for i in symmetry.LEVELS},
        {
            i: score(fused, test.space_groups[first], i)
            for i in symmetry.LEVELS
        },
        phases,
        float(mannwhitneyu(confidence, free).statistic / pairs),
    )
