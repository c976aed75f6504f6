# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from kikuchipy_symml.crystals import (
    SPLITS,
    measured_phases,
    prototypes,
    random_crystal,
    split,
)
from kikuchipy_symml.crystals._library import prototypes_fingerprint
from kikuchipy_symml.crystals._metric import is_clear, primitive_cells
from kikuchipy_symml.simulation import (
    BandStack,
    band_profiles,
    escape_depth,
    many_beam_master,
    take_apart,
)
from kikuchipy_symml.simulation._order import strength_of_metric
from kikuchipy_symml.symmetry import class_index, class_names
from kikuchipy_symml.training import Shards, _made_up, _shards
from kikuchipy_symml.training._identity import identity_of
from kikuchipy_symml.training._made_up import SOURCES

LATTICE = class_index("bravais_lattice")


def composition(crystal):
    """Share of each element, whatever their order, and space group."""
    amounts = Counter()
    for element, occupancy in zip(
        crystal.elements, crystal.occupancies, strict=True
    ):
        amounts[element] += occupancy
    total = sum(amounts.values())
    shares = frozenset((e, round(n / total, 3)) for e, n in amounts.items())
    return shares, crystal.space_group


@pytest.fixture(scope="module")
def made_up(recipe, tmp_path_factory):
    """Crystals of two shards, and those held out, with the full library."""
    shards = Shards(recipe, tmp_path_factory.mktemp("unused"))
    return {
        number: shards._make_up(number) for number in (0, 1, _shards._HELD_OUT)
    }


# ---------------------------------------------------------------- crystals


def test_every_lattice_in_every_shard(made_up):
    for number in (0, 1):
        crystals, sources = zip(*made_up[number], strict=True)
        counts = Counter(
            (LATTICE[c.space_group - 1], source)
            for c, source in zip(crystals, sources, strict=True)
        )
        assert len(counts) == 28 and set(counts.values()) == {1}
    held_out, sources = zip(*made_up[_shards._HELD_OUT], strict=True)
    assert set(sources) == {"random"}
    lattices = [LATTICE[c.space_group - 1] for c in held_out]
    assert sorted(lattices) == list(range(14))


@pytest.fixture(scope="module")
def held_out(made_up):
    """Compositions and space groups that are kept for evaluation."""
    parts = split()
    crystals = [*parts["seen_type"], *parts["unseen_type"]]
    crystals += [c for c, _ in made_up[_shards._HELD_OUT]]
    assert len(crystals) > 50
    return {composition(c): c.name for c in crystals}


def test_made_up_crystals_are_none_of_those_held_out(made_up, held_out):
    training = [c for n in (0, 1) for c, _ in made_up[n]]
    assert len(training) == 56
    assert [c.name for c in training if composition(c) in held_out] == []


def test_library_crystals_are_none_of_those_held_out(held_out):
    training = split()["train"]
    assert len(training) > 100
    assert [c.name for c in training if composition(c) in held_out] == []


def test_types_that_are_held_out(made_up):
    parts = split()
    types = {k: {c.structure_type for c in v} for k, v in parts.items()}
    assert not types["unseen_type"] & types["train"]
    assert types["seen_type"] <= types["train"]
    decorated = {
        c.structure_type
        for n in (0, 1)
        for c, source in made_up[n]
        if source == "decorated"
    }
    assert not decorated & types["unseen_type"]


@pytest.fixture
def first_random(monkeypatch, shards):
    """Make the first random crystal of a lattice a certain one."""
    # Made first, or it would take the crystal.
    shards.held_out()
    real = _made_up.random_crystal

    def use(crystal):
        lattice = crystal.bravais_lattice
        left = [crystal]

        def fake(rng, bravais_lattice, near):
            if bravais_lattice == lattice and left:
                return left.pop()
            return real(rng, bravais_lattice=bravais_lattice, near=near)

        monkeypatch.setattr(_made_up, "random_crystal", fake)
        return left

    return use


def refuses(shards, crystal, left):
    made = [c for c, _ in shards._make_up(0)]
    # It was offered, and not taken.
    assert not left
    return not any(c is crystal for c in made)


def test_a_held_out_crystal_is_drawn_again(shards, small_split, first_random):
    crystal = small_split["seen_type"][0]
    assert refuses(shards, crystal, first_random(crystal))


def test_whatever_the_order_of_its_atoms(shards, small_split, first_random):
    crystal = next(
        c
        for part in ("seen_type", "unseen_type")
        for c in small_split[part]
        if len(set(c.elements)) > 1
    )
    turned = replace(
        crystal,
        elements=crystal.elements[::-1],
        positions=crystal.positions[::-1],
        occupancies=crystal.occupancies[::-1],
        u_iso=crystal.u_iso[::-1],
    )
    assert composition(turned) == composition(crystal)
    assert refuses(shards, turned, first_random(turned))


def test_measured_phases_are_drawn_again(shards, first_random):
    assert ("Zr", 229) in measured_phases()
    cubic = random_crystal(np.random.default_rng(1), space_group=229)
    crystal = replace(cubic, elements=("Zr",) * len(cubic.elements))
    assert refuses(shards, crystal, first_random(crystal))


def test_random_crystals_held_out_are_drawn_again(shards, first_random):
    crystal = shards._make_up(_shards._HELD_OUT)[0][0]
    assert refuses(shards, crystal, first_random(crystal))


def test_nearly_of_higher_symmetry(recipe, shards, tmp_path):
    """Some crystals are, if asked for, and can be told from that; those
    held out stay the same."""
    settings = replace(recipe.crystals, near=1.0, near_told=0.3)
    near = Shards(replace(recipe, crystals=settings), tmp_path)
    assert near.directory.name != shards.directory.name
    made = near._make_up(0)
    random = [c for c, source in made if source == "random"]
    clear = [is_clear(c.matrix, c.space_group) for c in random]
    highest = [c.bravais_lattice in ("hP", "cP", "cI", "cF") for c in random]
    assert clear == highest
    assert min(strength_of_metric(c) for c, _ in made) >= 0.3
    assert [c.name for c, _ in near._make_up(_shards._HELD_OUT)] == [
        c.name for c, _ in shards._make_up(_shards._HELD_OUT)
    ]


def test_more_structure_types(recipe, shards, tmp_path):
    """Decorated crystals are of prototypes, too, if asked for; master
    patterns of many beams and those held out stay the same."""
    settings = replace(recipe.crystals, prototypes=900, decorated=4)
    more = Shards(replace(recipe, crystals=settings), tmp_path)
    plain = replace(settings, prototypes=0)
    plain = Shards(replace(recipe, crystals=plain), tmp_path)
    assert more.directory != plain.directory
    assert more._for_many_beams == plain._for_many_beams == plain.directory
    known = {c.name for c in prototypes()}
    types, usual = [
        {c.structure_type for c, source in made if source == "decorated"}
        for made in (more._make_up(0), plain._make_up(0))
    ]
    assert types & known - usual
    # Others that are added at the end change nothing.
    fewer = replace(settings, prototypes=797)
    fewer = replace(recipe, crystals=fewer)
    true = replace(recipe, crystals=replace(settings, prototypes=True))
    assert fewer.crystal_key() == true.crystal_key()
    assert fewer.crystal_key() != more.recipe.crystal_key()
    assert prototypes_fingerprint(797) == "d01c1d48b5ca0f75"
    with pytest.raises(ValueError, match="at most 993.*not 994"):
        prototypes_fingerprint(994)
    assert [
        [identity_of(c) for c, _ in some._make_for_many_beams(0)]
        for some in (more, plain)
    ] == [[identity_of(c) for c, _ in plain._make_for_many_beams(0)]] * 2
    assert [c.name for c, _ in more._make_up(_shards._HELD_OUT)] == [
        c.name for c, _ in plain._make_up(_shards._HELD_OUT)
    ]


# --------------------------------------------------------- bands on disk


def assert_same(one, other):
    for name, array in vars(one).items():
        np.testing.assert_array_equal(array, getattr(other, name))


def test_bands_are_those_of_the_crystals(shards):
    """At the energy that was written beside them."""
    shard = shards.made_up(0)
    about = json.loads((shards.directory / "shard_00000.json").read_text())
    crystal, _ = shards._make_up(0)[3]
    assert shard.names[3] == crystal.name
    bands = band_profiles(crystal, about["energies"][3])
    n = len(bands.reach)
    # Energies are rounded; equally strong planes come in any order.
    np.testing.assert_allclose(
        shard.source.bragg[3, :n], bands.bragg, rtol=1e-3
    )
    assert not shard.source.reach[3, n:].any()


@pytest.fixture
def many_beams(recipe, shards, tmp_path, monkeypatch):
    """Shards with master patterns of many beams, as small as can be."""
    asked = []

    def small(crystal, energy, **settings):
        asked.append((crystal, energy, settings["depth"]))
        return many_beam_master(
            crystal, energy, half_width=2, beams=4, d_min=1.0
        )

    monkeypatch.setattr(_shards, "many_beam_master", small)
    crystals = replace(
        recipe.crystals,
        many_beam=0.5,
        many_beam_shards=1,
        many_beam_cell=300.0,
        skip=1,
        shards=2,
    )
    made = Shards(replace(recipe, crystals=crystals), tmp_path)
    # Those held out are the same and take long.
    made._open["held_out"] = shards.held_out()
    made.asked = asked
    return made


def test_many_beams(many_beams):
    assert many_beams.with_many_beams() == [(1, False)]
    rest, shard = many_beams.many_beams(1)
    (kept,) = many_beams.directory.glob("many_beams_*.npy")
    masters = np.load(kept)
    assert masters.shape == (14, 2, 5, 5) and masters.dtype == np.int8
    assert (np.abs(masters).max(axis=(1, 2, 3)) == 127).all()
    # It is what their bands do not explain of them.
    kept = np.load(kept.with_suffix(".npz"))
    bands, expected = take_apart(masters, BandStack(**kept))
    np.testing.assert_array_equal(rest, expected)
    np.testing.assert_array_equal(shard.source.profiles, bands.profiles)
    assert LATTICE[shard.space_groups - 1].tolist() == list(range(14))
    assert len(many_beams.asked) == 14
    volumes = []
    for i, (crystal, energy, depth) in enumerate(many_beams.asked):
        assert shard.names[i] == crystal.name
        volumes.append(crystal.volume / primitive_cells(crystal.space_group))
        ratio = depth / escape_depth(crystal, energy)
        low, high = many_beams.recipe.crystals.escape
        assert low <= ratio <= high
    assert 160 < max(volumes) <= 300
    # They are read, not made again.
    again = Shards(many_beams.recipe, many_beams.directory.parent)
    found, _ = again.many_beams(1)
    np.testing.assert_array_equal(found, rest)
    assert len(many_beams.asked) == 14


def test_many_beams_of_simple_crystals(many_beams):
    """Other crystals than those of all lattices, with few atoms, cubic or
    hP."""
    settings = replace(
        many_beams.recipe.crystals, many_beam_simple=2, shards=3
    )
    made = Shards(
        replace(many_beams.recipe, crystals=settings),
        many_beams.directory.parent,
    )
    made._open = many_beams._open
    assert made.with_many_beams() == [(1, False), (1, True), (2, True)]
    rest, shard = made.many_beams(1, simple=True)
    assert rest.shape == (4, 2, 5, 5)
    lattices = np.array(class_names("bravais_lattice"))[
        LATTICE[shard.space_groups - 1]
    ]
    assert lattices.tolist() == ["hP", "cP", "cI", "cF"]
    for crystal, *_ in many_beams.asked:
        volume = crystal.volume / primitive_cells(crystal.space_group)
        assert volume <= 120
    # How likely simple crystals are in other patterns does not change them.
    other = replace(settings, atoms_power=3.0)
    other = Shards(
        replace(many_beams.recipe, crystals=other), made.directory.parent
    )
    other._open = made._open
    assert other.many_beams(1, simple=True)[1].names == shard.names
    assert len(list(made.directory.glob("many_beams_*.npy"))) == 1


@pytest.mark.parametrize("depth", [None, (80.0, 90.0)])
def test_depth(recipe, shards, tmp_path, monkeypatch, depth):
    """By the crystal, unless it is given."""
    asked = []
    monkeypatch.setattr(
        _shards,
        "band_profiles",
        lambda crystal, energy, *, depth: (
            asked.append(depth / escape_depth(crystal, energy))
            or asked.append(depth)
            or band_profiles(crystal, energy, n_rows=1)
        ),
    )
    crystals = replace(recipe.crystals, depth=depth)
    made = Shards(replace(recipe, crystals=crystals), tmp_path)
    made._save(tmp_path / "few", shards._make_up(0)[:5], False)
    ratios, depths = np.array(asked[::2]), np.array(asked[1::2])
    if depth is None:
        assert 0.6 <= ratios.min() and ratios.max() <= 1.7
        assert np.ptp(depths) > 20
    else:
        assert 80 <= depths.min() and depths.max() <= 90


def test_many_beams_of_electrons_that_lost_energy(many_beams):
    crystals = replace(many_beams.recipe.crystals, many_beam_loss=0.2)
    recipe = replace(many_beams.recipe, crystals=crystals)
    lossy = Shards(recipe, many_beams.directory.parent)
    lossy._open["held_out"] = many_beams.held_out()
    # Of the same recipe otherwise, and kept beside those without.
    without, _ = many_beams.many_beams(1)
    many_beams.asked.clear()
    masters, shard = lossy.many_beams(1)
    assert masters.shape == without.shape
    assert not np.array_equal(masters, without)
    assert len(many_beams.asked) == 14 * 3
    for i in range(14):
        parts = many_beams.asked[3 * i : 3 * i + 3]
        assert [crystal.name for crystal, *_ in parts] == [shard.names[i]] * 3
        energies = np.array([energy for _, energy, _ in parts])
        assert (np.diff(energies) < 0).all()
        # A mean loss of up to a fifth, at most half for any.
        assert 0.7 < energies.mean() / energies.max() < 1
        assert len({depth for *_, depth in parts}) == 1


def test_many_beams_are_trained_on(many_beams, monkeypatch):
    _, shard = many_beams.many_beams(1)
    monkeypatch.setattr(many_beams, "made_up", lambda number: shard)
    monkeypatch.setattr(many_beams, "library", lambda part: shard)
    assert set(shard.identities) <= set(many_beams.trained_on(4))
    assert not set(shard.identities) & many_beams._taken(1)


def test_many_beams_go_with_their_bands(many_beams):
    many_beams.many_beams(1)
    next(many_beams.directory.glob("many_beams_*.npy")).unlink()
    again = Shards(many_beams.recipe, many_beams.directory.parent)
    with pytest.raises(FileNotFoundError, match="many_beams.*npy is missing"):
        again.many_beams(1)


def test_shard(shards, recipe):
    shard = shards.made_up(0)
    assert len(shard.source) == 28
    assert len(shard.names) == 28
    assert np.bincount(shard.sources).tolist() == [14, 14]
    assert [SOURCES[i] for i in (0, 1, 2)] == [
        "random",
        "decorated",
        "library",
    ]
    assert shards.made_up(0) is shard
    about = json.loads((shards.directory / "shard_00000.json").read_text())
    low, high = recipe.crystals.energy
    assert all(low <= e <= high for e in about["energies"])
    assert shards.directory.name == recipe.crystal_key()


def test_made_anew_it_is_the_same(shards, recipe, tmp_path):
    """And two threads that ask for it at once get one."""
    first = shards.made_up(0)
    other = Shards(recipe, tmp_path)
    with ThreadPoolExecutor(2) as pool:
        one, two = pool.map(other.made_up, [0, 0])
    assert one is two
    assert_same(one.source, first.source)
    np.testing.assert_array_equal(one.space_groups, first.space_groups)
    assert one.names == first.names
    files = sorted(p.name for p in other.directory.iterdir())
    # The held-out crystals have to be known first.
    assert files == [
        "held_out.json",
        "held_out.npz",
        "shard_00000.json",
        "shard_00000.npz",
    ]


def test_read_again_it_is_the_same(shards, recipe, monkeypatch):
    first = shards.made_up(0)
    again = Shards(recipe, shards.directory.parent)
    monkeypatch.setattr(again, "_make_up", None)
    assert_same(again.made_up(0).source, first.source)


def test_another_number_holds_other_crystals(made_up):
    names = [{c.name for c, _ in made_up[n]} for n in (0, 1)]
    assert len(names[0] & names[1]) < 5


def test_parts_of_the_library(shards, small_split):
    for part in SPLITS:
        shard = shards.library(part)
        assert shard.names == [c.name for c in small_split[part]]
        assert set(shard.sources) == {2}
        assert shard.space_groups.tolist() == [
            c.space_group for c in small_split[part]
        ]


def test_unknown_part(shards):
    with pytest.raises(ValueError, match="part must be one of.*not 'test'"):
        shards.library("test")


def test_crystals_to_score_on_were_not_seen(shards):
    """Save those that are meant to have been."""
    seen = (
        shards.held_out().identities[:3] + shards.library("train").identities
    )
    left = shards.to_score("random", seen).identities
    assert left == shards.held_out().identities[3:]
    train = shards.to_score("train", seen).identities
    assert train == shards.library("train").identities
