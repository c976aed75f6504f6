# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Crystals that others are made up of, and none that is kept from them."""

import re
from collections import Counter

import numpy as np
import pytest

pytest.importorskip("spglib")

from kikuchipy_symml import crystals, symmetry
from kikuchipy_symml.crystals._sites import orbit
from kikuchipy_symml.training._identity import identity, identity_of

# So many of them, evenly, where each takes long.
SOME = 60


@pytest.fixture(scope="module")
def prototypes():
    return crystals.prototypes()


@pytest.fixture(scope="module")
def some(prototypes):
    return prototypes[:: len(prototypes) // SOME]


def sites(crystal):
    """Sites of each orbit; hydrogen is often not located."""
    left = [
        tuple(x)
        for e, x in zip(crystal.elements, crystal.positions)
        if e != "H"
    ]
    counts = []
    while left:
        atoms = orbit(crystal.space_group, crystal.matrix, np.array(left[0]))
        counts.append(len(atoms))
        steps = np.array(left)[:, None] - atoms
        steps = (steps - np.rint(steps)) @ crystal.matrix
        near = np.linalg.norm(steps, axis=-1).min(axis=1) < 0.05
        left = [x for x, there in zip(left, near) if not there]
    return tuple(sorted(counts))


def test_number(prototypes):
    assert len(prototypes) > 500
    lattices = Counter(c.bravais_lattice for c in prototypes)
    assert set(lattices) == set(symmetry.class_names("bravais_lattice"))


def test_space_group(some):
    for crystal in some:
        found = crystals.detected_space_group(crystal)
        assert found == crystal.space_group, crystal.name


def test_contacts(some):
    for crystal in some:
        assert 0.7 <= crystals.closest_contact(crystal) < 1.6, crystal.name


def test_others_can_be_made_of_them(some):
    for crystal in some[::6]:
        made = crystals.decorated(crystal, np.random.default_rng(1))
        assert made.space_group == crystal.space_group
        assert made.elements != crystal.elements


def test_citation(prototypes):
    for crystal in prototypes:
        assert re.search(r"\(\d{4}\)", crystal.citation), crystal.name


def test_none_is_kept_for_evaluation(prototypes):
    parts = crystals.split()
    kept = {identity(*i) for i in crystals.measured_phases()}
    for part in ("seen_type", "unseen_type"):
        kept |= {identity_of(c) for c in parts[part]}
    assert not kept & {identity_of(c) for c in prototypes}


def test_no_type_is_kept_for_evaluation(prototypes):
    """None has the space group and the sites of a type that no network is
    trained on, whatever the elements on these."""
    unseen = crystals.split()["unseen_type"]
    groups = {c.space_group for c in unseen}
    kept = {(c.space_group, sites(c)) for c in unseen}
    assert len(kept) > 80
    alike = [
        c.name
        for c in prototypes
        if c.space_group in groups and (c.space_group, sites(c)) in kept
    ]
    assert alike == []
