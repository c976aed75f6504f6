# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
import kikuchipy as kp
import numpy as np
import pytest
from kikuchipy.detectors import EBSDDetector

from kikuchipy_symml import crystals, data


@pytest.fixture(scope="module")
def iron():
    return data.master_pattern("Fe (Im-3m)", size=101)


class TestMasterPattern:
    def test_hemispheres_obey_friedel(self, iron):
        upper, lower = iron.data
        assert np.allclose(upper, lower[::-1, ::-1])
        assert iron.hemisphere == "both"
        assert iron.projection == "lambert"
        assert iron.phase.space_group.number == 229
        # A cube's fourfold axis along z
        assert np.allclose(upper, np.rot90(upper), atol=0.02 * np.ptp(upper))

    def test_correlates_with_a_dynamical_simulation(self):
        given = kp.data.nickel_ebsd_master_pattern_small(projection="lambert")
        own = data.master_pattern("Ni", size=401)
        a = given.data.astype(float)
        r = np.corrcoef(a.ravel(), own.data[0].ravel())[0, 1]
        assert r > 0.7


class TestSimulatedScan:
    def test_truth_and_reproducibility(self, iron):
        masters = [iron, crystals.library()["Mg"]]
        s = data.simulated_scan(masters, (5, 8), n_grains=4, seed=1)
        assert s.data.shape == (5, 8, 60, 60)
        assert s.data.dtype == np.uint8
        assert s.xmap.shape == (5, 8)
        assert set(s.xmap.phase_id) == {0, 1}
        assert set(s.xmap.prop["grain"]) == {0, 1, 2, 3}
        assert np.array_equal(s.xmap.prop["grain"] % 2, s.xmap.phase_id)
        again = data.simulated_scan(masters, (5, 8), n_grains=4, seed=1)
        assert np.array_equal(s.data, again.data)
        other = data.simulated_scan(masters, (5, 8), n_grains=4, seed=2)
        assert not np.array_equal(s.data, other.data)

    def test_patterns_are_of_the_true_orientations(self, iron):
        s = data.simulated_scan(
            [iron], (1, 3), n_grains=2, electrons=1e6, turn=3
        )
        pure = iron.get_patterns(
            s.xmap.rotations,
            s.detector,
            dtype_out="float32",
            show_progressbar=False,
        )
        flat = s.data.reshape(3, -1) / s.static_background.ravel()
        expected = np.asarray(pure.data).reshape(3, -1)
        r = np.corrcoef(flat, expected)[:3, 3:]
        assert np.array_equal(r.argmax(axis=1), [0, 1, 2])

    def test_fewer_electrons_more_noise(self, iron):
        spread = []
        for electrons in (100, 10_000):
            s = data.simulated_scan(
                [iron], (1, 2), n_grains=1, electrons=electrons, turn=0
            )
            a, b = s.data[0].astype(float)
            spread.append((a - b).std())
        assert spread[0] > 3 * spread[1]

    def test_errors(self, iron):
        with pytest.raises(ValueError, match="different names"):
            data.simulated_scan([iron, iron])
        with pytest.raises(ValueError, match="different names"):
            data.simulated_scan([])
        with pytest.raises(ValueError, match="1 grains are too few for 2"):
            data.simulated_scan([iron, "Ni"], n_grains=1)
        detector = EBSDDetector(shape=(9, 9), pc=[(0.5, 0.5, 0.5)] * 2)
        with pytest.raises(ValueError, match="2 projection centres"):
            data.simulated_scan([iron], detector=detector)
