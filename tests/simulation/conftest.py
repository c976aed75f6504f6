# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest

from kikuchipy_symml.crystals import Crystal
from kikuchipy_symml.simulation import Camera

CORNER = np.zeros((1, 3))
BODY = np.array([[0, 0, 0], [1, 1, 1]]) / 2
FACES = np.array([[0, 0, 0], [0, 1, 1], [1, 0, 1], [1, 1, 0]]) / 2


def _make(name, space_group, cell, elements, positions, **kwargs):
    n = len(positions)
    if isinstance(elements, str):
        elements = (elements,) * n
    if len(cell) == 1:
        cell = (*cell, *cell, *cell, 90, 90, 90)
    settings = {"occupancies": np.ones(n), "u_iso": np.full(n, 0.006)}
    return Crystal(
        name=name,
        space_group=space_group,
        cell=cell,
        elements=tuple(elements),
        positions=positions,
        **(settings | kwargs),
    )


@pytest.fixture(scope="session")
def make_crystal():
    return _make


@pytest.fixture(scope="session")
def crystals():
    quarter = np.full(3, 0.25)
    diamond = np.concatenate([FACES, FACES + quarter])
    return {
        "Al": _make("Al", 225, (4.049,), "Al", FACES),
        "Fe": _make("Fe", 229, (2.866,), "Fe", BODY),
        "Si": _make("Si", 227, (5.431,), "Si", diamond),
        "GaAs": _make("GaAs", 216, (5.653,), ["Ga"] * 4 + ["As"] * 4, diamond),
        "Po": _make("Po", 221, (3.359,), "Po", CORNER),
        "Mg": _make(
            "Mg",
            194,
            (3.209, 3.209, 5.211, 90, 90, 120),
            "Mg",
            np.array([[1 / 3, 2 / 3, 0.25], [2 / 3, 1 / 3, 0.75]]),
        ),
    }


@pytest.fixture(scope="session")
def perfect():
    """A camera with as few faults as one can have."""
    return Camera(
        pixels=(60, 60),
        aspect_ratio=(1.0, 1.0),
        pcx=(0.45, 0.45),
        pcy=(0.3, 0.3),
        pcz=(0.6, 0.6),
        pc_error=(0.0, 0.0),
        gamma=(0.0, 0.0),
        edges=(0.0, 0.0),
        blur=(0.2, 0.2),
        noise=(1e-6, 1e-6),
        bump=(0.0, 0.0),
        slope=(0.0, 0.0),
        dead=(0.0, 0.0),
        saturation=(0.0, 0.0),
        round_screen=0.0,
        low_depth=0.0,
    )
