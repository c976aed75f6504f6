# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The method on kikuchipy's signals."""

import inspect
import warnings

import kikuchipy as kp
import pytest
from hyperspy.extensions import ALL_EXTENSIONS
from kikuchipy.signals import EBSD, LazyEBSD

import kikuchipy_symml
from kikuchipy_symml._register import (
    METHODS,
    register_methods,
    register_signals,
)


@pytest.fixture(scope="module")
def scan():
    return kp.data.nickel_ebsd_small()


class TestRegistered:
    def test_is_the_public_function(self):
        assert EBSD.classify_symmetry is kikuchipy_symml.classify_symmetry
        assert LazyEBSD.classify_symmetry is EBSD.classify_symmetry
        assert EBSD.explain_symmetry is kikuchipy_symml.explain_symmetry
        assert LazyEBSD.explain_symmetry is EBSD.explain_symmetry

    @pytest.mark.parametrize("method", METHODS, ids=lambda m: m.__name__)
    def test_is_documented_and_typed(self, method):
        assert "Parameters" in inspect.getdoc(method)
        parameters = inspect.signature(method).parameters
        for name, parameter in parameters.items():
            assert parameter.annotation is not parameter.empty, name

    @pytest.mark.parametrize(
        "derive",
        [
            lambda s: s.inav[0],
            lambda s: s.isig[:40, :40],
            lambda s: s - 1,
            lambda s: s.deepcopy(),
            lambda s: s.as_lazy(),
            lambda s: s.rebin(scale=(1, 1, 2, 2)),
        ],
    )
    def test_survives(self, scan, derive):
        signal = derive(scan)
        assert signal.classify_symmetry.__func__ is METHODS[0]


class TestRegisterMethods:
    def test_again_changes_nothing(self):
        before = EBSD.classify_symmetry
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            register_methods()
        assert EBSD.classify_symmetry is before

    def test_restores_what_was_removed(self, monkeypatch):
        monkeypatch.delattr(EBSD, "classify_symmetry")
        assert not hasattr(LazyEBSD, "classify_symmetry")
        register_methods()
        assert LazyEBSD.classify_symmetry is METHODS[0]

    def test_a_reloaded_function_takes_the_place_of_the_old(self, monkeypatch):
        def classify_symmetry():
            pass

        classify_symmetry.__module__ = METHODS[0].__module__
        classify_symmetry.__qualname__ = METHODS[0].__qualname__
        monkeypatch.setattr(EBSD, "classify_symmetry", classify_symmetry)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            register_methods()
        assert EBSD.classify_symmetry is METHODS[0]

    @pytest.mark.parametrize("signal_class", [EBSD, LazyEBSD])
    def test_leaves_others_alone(self, monkeypatch, signal_class):
        def classify_symmetry(self):
            return "another package's"

        before = EBSD.classify_symmetry
        monkeypatch.setattr(
            signal_class, "classify_symmetry", classify_symmetry, raising=False
        )
        owner = f"{__name__}.*classify_symmetry"
        with pytest.warns(
            UserWarning,
            match=rf"{signal_class.__name__}\.classify_symmetry .*{owner}",
        ):
            register_methods()
        assert signal_class.classify_symmetry is classify_symmetry
        if signal_class is LazyEBSD:
            assert EBSD.classify_symmetry is before

    def test_names_the_owner_of_what_is_no_function(self, monkeypatch):
        monkeypatch.setattr(EBSD, "classify_symmetry", 3)
        with pytest.warns(UserWarning, match=r"builtins\.int"):
            register_methods()
        assert EBSD.classify_symmetry == 3

    @pytest.mark.parametrize("method", METHODS, ids=lambda m: m.__name__)
    def test_warns_of_each_method_of_others(self, monkeypatch, method):
        name = method.__name__
        monkeypatch.setattr(EBSD, name, len)
        with pytest.warns(UserWarning, match=rf"{name} exists already"):
            register_methods()
        assert getattr(EBSD, name) is len


class TestRegisterSignals:
    names = ("SymmetryExplanation", "LazySymmetryExplanation")

    def test_are_known_to_hyperspy(self):
        for name in self.names:
            assert ALL_EXTENSIONS["signals"][name]["module"].startswith(
                "kikuchipy_symml."
            )

    def test_replaces_nothing(self, monkeypatch):
        known = {self.names[0]: {"module": "another"}}
        monkeypatch.setitem(ALL_EXTENSIONS, "signals", known)
        register_signals()
        assert known[self.names[0]] == {"module": "another"}
        assert self.names[1] in known
