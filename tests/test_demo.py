# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``make demo`` runs, with a scan of a few points."""

import hyperspy.api as hs
import kikuchipy as kp
import numpy as np
import orix.io
import pytest

import kikuchipy_symml
from kikuchipy_symml import _demo


@pytest.fixture
def small(monkeypatch, tmp_path, untrained_model):
    model = kikuchipy_symml.load_model(untrained_model)
    monkeypatch.setattr(kikuchipy_symml, "load_model", lambda name: model)
    monkeypatch.setattr(_demo, "SHAPE", (4, 5))
    monkeypatch.setattr(_demo, "N_GRAINS", 3)
    monkeypatch.chdir(tmp_path)
    shown = hs.preferences.General.show_progressbar
    yield tmp_path / _demo.FOLDER
    hs.preferences.General.show_progressbar = shown


def test_main(small, capsys):
    _demo.main()
    printed = capsys.readouterr().out
    assert "Indexed: 9 of 9 points" in printed
    assert "Indexed: 20 of 20 points" in printed
    for name in ("scan.h5", "symmetry.h5", "map.png", "probabilities.png"):
        assert (small / name).stat().st_size > 0
        assert str(small / name) in printed
    assert orix.io.load(small / "symmetry.h5").shape == (4, 5)


def test_scan_is_the_same_in_each_run(small, tmp_path):
    scans = []
    for name in ("a.h5", "b.h5"):
        _demo.write_scan(tmp_path / name)
        scans.append(kp.load(tmp_path / name))
    np.testing.assert_array_equal(scans[0].data, scans[1].data)
    assert scans[0].data.dtype == np.uint8
    # Nothing to speak of is cut off by the 8 bits
    assert np.mean(scans[0].data == 255) < 0.001


def test_grains_turn_by_little(small):
    rotations = _demo.grain_rotations()
    angle = (~rotations[:, 1:] * rotations[:, :-1]).angle
    assert np.median(np.rad2deg(angle)) < 0.2


def test_check_raises_if_not_read_back_as_written(small, untrained_model):
    signal = kp.data.nickel_ebsd_small()
    phases = signal.classify_symmetry(untrained_model, show_progressbar=False)
    xmap = phases.xmap
    xmap.prop["confidence"] = xmap.prop["confidence"] + 0.1
    orix.io.save("wrong.h5", xmap)
    with pytest.raises(RuntimeError, match="wrong.h5 was not read back"):
        _demo.check("wrong.h5", phases, signal)
