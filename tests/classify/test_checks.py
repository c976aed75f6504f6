# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bad input gives an error before any pattern is read."""

import dask.array as da
import hyperspy.api as hs
import numpy as np
import pytest
from kikuchipy.detectors import EBSDDetector
from kikuchipy.signals import EBSD, LazyEBSD
from orix.crystal_map import Phase, PhaseList

from kikuchipy_symml.classify import (
    classify_symmetry,
    compute_symmetry_results,
)
from kikuchipy_symml.models import ModelError


@pytest.fixture(autouse=True)
def nothing_is_read(monkeypatch):
    """The mapping is not even set up when the input is bad."""

    def fail(*args, **kwargs):
        raise AssertionError("Bad input was let through")

    monkeypatch.setattr(
        "kikuchipy_symml.classify._classify.map_probabilities", fail
    )


def false(shape):
    return np.zeros(shape, dtype=bool)


@pytest.mark.parametrize(
    ["arguments", "error", "match"],
    [
        ({"level": "lattice"}, ValueError, "lattice.*bravais_lattice"),
        ({"level": None}, ValueError, "None.*bravais_lattice"),
        ({"model": "resnet"}, ModelError, "'resnet'.*names are"),
        ({"model": "none.symml"}, FileNotFoundError, "none.symml"),
        ({"model": 3}, TypeError, "not by 3"),
        ({"candidates": Phase("a", 225)}, TypeError, "not Phase"),
        ({"candidates": PhaseList()}, ValueError, "no phase"),
        (
            {"candidates": PhaseList([Phase("a", point_group="m-3m")])},
            ValueError,
            r"\['a'\] have no space group",
        ),
        (
            {"navigation_mask": false((4, 3))},
            ValueError,
            r"\(4, 3\) must be the signal's navigation shape \(3, 4\)",
        ),
        (
            {"navigation_mask": np.zeros((3, 4), int)},
            ValueError,
            "navigation mask must be a boolean .* int64",
        ),
        (
            {"navigation_mask": [[False] * 4] * 3},
            ValueError,
            "navigation mask must be a boolean .* list",
        ),
        (
            {"navigation_mask": ~false((3, 4))},
            ValueError,
            "navigation mask leaves no pattern",
        ),
        (
            {"signal_mask": false((30, 24))},
            ValueError,
            r"\(30, 24\) must be the signal's signal shape \(24, 30\)",
        ),
        (
            {"signal_mask": np.zeros((24, 30))},
            ValueError,
            "signal mask must be a boolean .* float64",
        ),
        (
            {"signal_mask": ~false((24, 30))},
            ValueError,
            "signal mask leaves no pixel",
        ),
        ({"min_confidence": -0.1}, ValueError, "0 to 1, not -0.1"),
        ({"min_confidence": 1.01}, ValueError, "0 to 1, not 1.01"),
        ({"min_confidence": np.nan}, ValueError, "0 to 1, not nan"),
        ({"min_confidence": "high"}, ValueError, "0 to 1, not 'high'"),
        ({"min_confidence": True}, ValueError, "0 to 1, not True"),
        ({"batch_size": 0}, ValueError, "positive integer or None, not 0"),
        ({"batch_size": -5}, ValueError, "positive integer or None, not -5"),
        ({"batch_size": 2.0}, ValueError, "positive integer or None, not 2"),
        ({"batch_size": True}, ValueError, "positive integer or None, not T"),
    ],
)
def test_bad_argument(signal, model_file, arguments, error, match):
    with pytest.raises(error, match=match):
        classify_symmetry(signal, **{"model": model_file, **arguments})


@pytest.mark.parametrize(
    ["make", "error", "match"],
    [
        (
            lambda: np.zeros((3, 4, 24, 30)),
            TypeError,
            "EBSD signal, not ndarray",
        ),
        (
            lambda: hs.signals.Signal2D(np.zeros((3, 4, 24, 30))),
            TypeError,
            "EBSD signal, not Signal2D",
        ),
        (
            lambda: EBSD(np.zeros((2, 24, 30), complex)),
            (TypeError, ValueError),
            "complex",
        ),
        (
            lambda: EBSD(np.full((2, 24, 30), None)),
            ValueError,
            "not of data type object",
        ),
        (
            lambda: EBSD(np.zeros((2, 24, 30), bool)),
            ValueError,
            "not of data type bool",
        ),
        (
            lambda: EBSD(np.ones((2, 19, 30), "u1")),
            ValueError,
            r"\(19, 30\) are too small: at least 20",
        ),
        (
            lambda: EBSD(np.ones((2, 30, 1), "u1")),
            ValueError,
            "too small|signal dimensions",
        ),
        (
            lambda: LazyEBSD(da.zeros((3, 0, 24, 30), dtype="u1")),
            ValueError,
            r"no patterns.*\(3, 0, 24, 30\)",
        ),
        (
            lambda: EBSD(np.ones((2, 2, 2, 24, 30), "u1")),
            ValueError,
            "at most two navigation dimensions, not 2 and 3",
        ),
    ],
)
def test_bad_signal(model_file, make, error, match):
    with pytest.raises(error, match=match):
        classify_symmetry(make(), model_file)


class TestDetector:
    def test_none(self, signal, model_file):
        signal._detector = None
        with pytest.raises(ValueError, match=r"signal.detector = .*24, 30"):
            classify_symmetry(signal, model_file)
        del signal._detector
        with pytest.raises(ValueError, match="no detector"):
            classify_symmetry(signal, model_file)

    def test_other_shape(self, signal, model_file):
        signal._detector = EBSDDetector(shape=(60, 60))
        with pytest.raises(ValueError, match=r"\(60, 60\).*\(24, 30\)"):
            classify_symmetry(signal, model_file)

    def test_other_number_of_projection_centres(self, signal, model_file):
        signal.detector.pc = np.full((4, 3, 3), 0.4)
        with pytest.raises(ValueError, match=r"\(3, 4\), not .*\(4, 3\)"):
            classify_symmetry(signal, model_file)

    @pytest.mark.parametrize("z", [0, -0.5, np.nan, np.inf])
    def test_behind_the_detector(self, signal, model_file, z):
        signal.detector.pc = (0.5, 0.6, z)
        with pytest.raises(ValueError, match=rf"PCz > 0, not .*{z}"):
            classify_symmetry(signal, model_file)

    def test_behind_the_detector_in_one_point(self, signal, model_file):
        pc = np.full((3, 4, 3), 0.4)
        pc[1, 2, 2] = -1
        signal.detector.pc = pc
        with pytest.raises(ValueError, match=r"-1.0\), .* \(1, 2\) has"):
            classify_symmetry(signal, model_file)

    @pytest.mark.parametrize("shape", [(), (3, 4)])
    def test_never_calibrated(self, signal, model_file, shape):
        signal.detector.pc = np.full((*shape, 3), 0.5)
        with pytest.warns(UserWarning, match=r"\(0.5, 0.5, 0.5\)") as record:
            with pytest.raises(AssertionError, match="let through"):
                classify_symmetry(signal, model_file)
        # Other packages may deprecate things meanwhile.
        ours = [i for i in record if i.category is UserWarning]
        assert len(ours) == 1


@pytest.mark.parametrize(
    ["array", "match"],
    [
        (da.zeros((3, 4, 14), dtype="f4"), r"\(3, 4, 230\), not .*14"),
        (da.zeros((4, 3, 230), dtype="f4"), r"not float32 of .*\(4, 3, 230"),
        (da.zeros((3, 4, 230), dtype="u1"), "not uint8"),
        (da.zeros((230,), dtype="f4"), r"\(230,\)"),
    ],
)
def test_bad_probabilities(signal, array, match):
    with pytest.raises(ValueError, match=match):
        compute_symmetry_results(array, signal)


@pytest.mark.parametrize(
    ["arguments", "error"],
    [
        ({"level": "lattice"}, ValueError),
        ({"candidates": PhaseList()}, ValueError),
        ({"min_confidence": 2}, ValueError),
    ],
)
def test_bad_argument_when_computing(signal, arguments, error):
    def fail(block):
        raise AssertionError("computed")

    array = da.zeros((3, 4, 230), dtype="f4").map_blocks(fail, dtype="f4")
    with pytest.raises(error):
        compute_symmetry_results(array, signal, **arguments)
