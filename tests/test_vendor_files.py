# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every vendor's files that come with kikuchipy load lazily and classify.

Most of them hold the same nine measured patterns of nickel, so these
must give the same answer when given the same projection centre.
"""

from pathlib import Path

import kikuchipy as kp
import numpy as np
import pytest
from kikuchipy.data._dummy_files.bruker_h5ebsd import (
    create_dummy_bruker_h5ebsd_file,
)
from kikuchipy.data._dummy_files.oxford_h5ebsd import (
    create_dummy_oxford_h5ebsd_file,
)
from kikuchipy.signals import LazyEBSD

import kikuchipy_symml  # noqa: F401

DATA = Path(kp.__file__).parent / "data"

# Files in kikuchipy's wheel, by the navigation shape they are read with
IN_WHEEL = {
    "kikuchipy_h5ebsd/patterns.h5": (3, 3),
    "kikuchipy_h5ebsd/patterns_nochunks.h5": (),
    "edax_h5ebsd/patterns.h5": (3, 3),
    "edax_binary/edax_binary.up1": (9,),
    "edax_binary/edax_binary.up2": (10,),
    "nordif/Pattern.dat": (3, 3),
    "oxford_binary/patterns.ebsp": (3, 3),
}
CREATED = {
    "bruker.h5": create_dummy_bruker_h5ebsd_file,
    "oxford.h5oina": create_dummy_oxford_h5ebsd_file,
}
# One pattern; nine of 16 bits and one empty; without their background
OTHER_PATTERNS = {
    "kikuchipy_h5ebsd/patterns_nochunks.h5",
    "edax_binary/edax_binary.up2",
    "oxford.h5oina",
}


@pytest.fixture(scope="module")
def measured():
    return kp.data.nickel_ebsd_small()


@pytest.fixture(scope="module")
def expected(measured, untrained_model):
    signal = measured.deepcopy()
    signal.detector.pc = signal.detector.pc_average
    return signal.classify_symmetry(untrained_model, show_progressbar=False)


@pytest.mark.filterwarnings("ignore:Returned signal has one navigation")
@pytest.mark.filterwarnings("ignore:1 of 10 patterns are constant")
@pytest.mark.parametrize("name", [*IN_WHEEL, *CREATED])
def test_loads_lazily_and_classifies(
    name, tmp_path, measured, expected, untrained_model
):
    if name in IN_WHEEL:
        path = DATA / name
    else:
        path = tmp_path / name
        CREATED[name](path)

    signal = kp.load(path, lazy=True)
    assert isinstance(signal, LazyEBSD)
    # The centre in most of these files is not that of the measurement
    signal.detector.pc = measured.detector.pc_average
    phases = signal.classify_symmetry(untrained_model, show_progressbar=False)

    shape = IN_WHEEL.get(name, (3, 3))
    assert phases.navigation_shape == shape
    probabilities = phases.probabilities.reshape(-1, 14)[:9]
    np.testing.assert_allclose(probabilities.sum(-1), 1, rtol=1e-5)
    if name not in OTHER_PATTERNS:
        np.testing.assert_allclose(
            probabilities, expected.probabilities.reshape(9, 14), atol=1e-6
        )
