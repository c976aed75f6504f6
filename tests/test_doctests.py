# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Examples in docstrings give what they say."""

import doctest
import importlib
import pkgutil

import matplotlib.pyplot as plt
import pytest

import kikuchipy_symml

# Quick ones: no network is read or trained in these
QUICK = ("symmetry", "pattern", "classify", "crystals", "data")
MODULES = [
    module.name
    for module in pkgutil.walk_packages(
        kikuchipy_symml.__path__, "kikuchipy_symml."
    )
    if module.name.split(".")[1] in QUICK and not module.ispkg
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_of(name):
    failed, _ = doctest.testmod(importlib.import_module(name))
    plt.close("all")
    assert not failed


def test_there_are_examples():
    finder = doctest.DocTestFinder()
    modules = [importlib.import_module(name) for name in MODULES]
    found = [test for m in modules for test in finder.find(m) if test.examples]
    assert len(found) > 20
