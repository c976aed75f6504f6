# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
import subprocess
import sys
from pathlib import Path

import kikuchipy as kp
import numpy as np
import pytest
from orix.crystal_map import Phase

from kikuchipy_symml import symmetry
from kikuchipy_symml.crystals import library
from kikuchipy_symml.crystals._sites import operations
from kikuchipy_symml.simulation import (
    Camera,
    band_profiles,
    draw_patterns,
    dynamical_master,
    lambert_directions,
    master_from_bands,
    read_master,
)
from kikuchipy_symml.simulation import _dynamical as dynamical


def _signal(data, space_group, hemisphere, projection="lambert", **kwargs):
    return kp.signals.EBSDMasterPattern(
        data,
        projection=projection,
        hemisphere=hemisphere,
        phase=Phase("some", space_group=space_group),
        **kwargs,
    )


def _even(directions):
    """Some function that opposite directions share, without mirrors."""
    x, y, z = np.moveaxis(directions, -1, 0)
    return x * z + 0.3 * x * y - 0.5 * y * z + z**2


def _odd(directions):
    x, y, z = np.moveaxis(directions, -1, 0)
    return x * y * z + 0.3 * z


@pytest.fixture(scope="module")
def directions():
    upper = lambert_directions(41).astype(float)
    return np.stack([upper, upper * (1, 1, -1)])


class TestReadMaster:
    @pytest.mark.parametrize("space_group", [2, 14, 148, 225])
    def test_one_hemisphere_of_a_centrosymmetric_crystal(
        self, directions, space_group
    ):
        both = _even(directions)
        for i, hemisphere in enumerate(["upper", "lower"]):
            signal = _signal(both[i], space_group, hemisphere)
            assert np.allclose(read_master(signal), both, atol=1e-6)

    def test_wrong_lower_hemisphere_of_a_centrosymmetric_crystal(
        self, directions
    ):
        # As kikuchipy gives it for ebsdsim's files
        both = _even(directions)
        signal = _signal(both[[0, 0]], 148, "both")
        assert np.allclose(read_master(signal), both, atol=1e-6)

    def test_two_hemispheres(self, directions):
        both = _even(directions) + _odd(directions)
        master = read_master(_signal(both, 186, "both"))
        assert master.dtype == np.float32
        assert np.allclose(master, both)

    def test_one_hemisphere_without_inversion(self, directions):
        signal = _signal(_odd(directions)[0], 186, "upper")
        with pytest.raises(ValueError, match="group 186 has no operation"):
            read_master(signal)

    @pytest.mark.parametrize("hemisphere", ["upper", "both"])
    def test_energy(self, directions, hemisphere):
        both = _even(directions)
        energies = [10.0, 15.0, 20.0]
        data = np.stack([both * e for e in energies], axis=-3)
        axes = [
            {"name": "energy", "size": 3, "offset": 10.0, "scale": 5.0},
            {"name": "height", "size": 41},
            {"name": "width", "size": 41},
        ]
        if hemisphere == "both":
            axes.insert(0, {"name": "hemisphere", "size": 2})
        else:
            data = data[0]
        signal = _signal(data, 225, hemisphere, axes=axes)
        assert np.allclose(read_master(signal), both * 20, atol=1e-4)
        assert np.allclose(read_master(signal, 14), both * 15, atol=1e-4)

    def test_no_phase(self, directions):
        signal = _signal(_even(directions)[0], None, "upper")
        with pytest.raises(ValueError, match="has no space group"):
            read_master(signal)

    def test_not_a_master_pattern(self):
        with pytest.raises(ValueError, match="expected an EBSD master"):
            read_master(np.zeros((2, 5, 5)))

    def test_stereographic(self):
        read = kp.data.nickel_ebsd_master_pattern_small
        master = read_master(read(projection="stereographic"))
        lambert = read(projection="lambert").data
        assert master.shape == (2, 401, 401)
        inside = np.s_[40:-40, 40:-40]
        for hemisphere in master:
            together = [hemisphere[inside].ravel(), lambert[inside].ravel()]
            assert np.corrcoef(together)[0, 1] > 0.95

    def test_neither_projection_nor_hemisphere(self):
        # As HyperSpy's own format leaves it
        signal = _signal(np.zeros((5, 5)), 225, None, projection=None)
        with pytest.raises(ValueError, match="has projection None"):
            read_master(signal)

    def test_file_of_emsoft(self):
        path = (
            Path(kp.data.__file__).parent
            / "emsoft_ebsd_master_pattern"
            / "ni_mc_mp_20kv_uint8_gzip_opts9.h5"
        )
        if not path.exists():
            pytest.skip("this kikuchipy has no such file")
        lambert = kp.data.nickel_ebsd_master_pattern_small(
            projection="lambert"
        ).data
        for given in (path, str(path)):
            assert np.array_equal(read_master(given)[0], lambert)

    def test_can_be_drawn(self, directions):
        master = read_master(_signal(_even(directions), 2, "both"))
        patterns, _, _ = draw_patterns(
            np.random.default_rng(1),
            master[None],
            np.zeros(3, dtype=int),
            Camera(noise=(0.01, 0.01), dead=(0.0, 0.0)),
        )
        assert np.isfinite(patterns).all()
        assert patterns.std(axis=(1, 2)).min() > 0.02


class TestMaterial:
    """What ebsdsim is told of a crystal; needs no adapter."""

    @pytest.mark.parametrize(
        "bravais_lattice",
        "aP mP mS oP oS oI oF tP tI hR hP cP cI cF".split(),
    )
    def test_all_atoms_are_where_they_were(self, bravais_lattice):
        ebsdsim = pytest.importorskip(
            "ebsdsim", reason="ebsdsim is not installed"
        )
        some = library().where(bravais_lattice=bravais_lattice)[::9]
        for crystal in some:
            if len(crystal.elements) > 60:
                continue
            cell = dynamical._material(crystal, ebsdsim).to_simulation_cell()
            positions = np.concatenate(cell.positions)
            positions -= dynamical._origin_shift(crystal.space_group)
            steps = positions[:, None] - crystal.positions
            steps -= np.rint(steps)
            distance = np.linalg.norm(steps @ crystal.matrix, axis=-1)
            assert distance.min(axis=0).max() < 0.05
            assert distance.min(axis=1).max() < 0.05
            direct = np.reshape(cell.direct_structure_matrix, (3, 3)) * 10
            assert np.allclose(direct.T, crystal.matrix, atol=1e-6)

    def test_second_origin(self):
        pytest.importorskip("ebsdsim", reason="ebsdsim is not installed")
        # International Tables A: (1/8, 1/8, 1/8) apart in Fd-3m.
        shift = dynamical._origin_shift(227)
        assert np.allclose(shift * 8 % 2, 1)
        assert np.allclose(dynamical._origin_shift(225), 0)


class TestErrors:
    @pytest.mark.parametrize(
        "settings, match",
        [
            ({"energy": 1}, "energy must be 5 to 50 keV, not 1"),
            ({"half_width": 0}, "half_width must be a whole .* not 0"),
            ({"half_width": 2.5}, "not 2.5"),
            ({"d_min": 0}, "d_min must be positive, not 0"),
            ({"strong": -1}, "strong must be positive, not -1"),
            ({"energy_step": 30}, "energy_step .* not 30"),
        ],
    )
    def test_settings(self, crystals, settings, match):
        with pytest.raises(ValueError, match=match):
            dynamical_master(crystals["Al"], **settings)

    def test_no_displacement(self, make_crystal):
        still = make_crystal(
            "still", 221, (3.0,), "Po", np.zeros((1, 3)), u_iso=np.zeros(1)
        )
        with pytest.raises(ValueError, match="displacement is zero"):
            dynamical_master(still)

    def test_no_ebsdsim(self, crystals, monkeypatch):
        monkeypatch.setitem(sys.modules, "ebsdsim", None)
        with pytest.raises(ImportError, match=r"symml\[dynamical\]"):
            dynamical_master(crystals["Al"])

    def test_no_adapter(self, crystals, monkeypatch):
        pytest.importorskip("ebsdsim", reason="ebsdsim is not installed")
        from ebsdsim.gpu import device

        def fail(**_):
            raise RuntimeError("no adapters")

        monkeypatch.setattr(device, "get_device", fail)
        with pytest.raises(RuntimeError, match="apt install mesa-vulkan"):
            dynamical_master(crystals["Al"])


# Mesa's software adapter brings an LLVM that TensorFlow, imported after
# it in the same process, crashes with: a process of its own.
_COMPUTE = """
import sys
import numpy as np
from kikuchipy_symml.crystals import library
from kikuchipy_symml.simulation import dynamical_master
from kikuchipy_symml.simulation._dynamical import require_ebsdsim
try:
    require_ebsdsim()
except (ImportError, RuntimeError) as error:
    print(error)
    sys.exit(77)
name, half_width, path = sys.argv[1:]
np.save(path, dynamical_master(library()[name], half_width=int(half_width)))
"""


@pytest.fixture
def compute(tmp_path):
    def compute_(name, half_width):
        path = tmp_path / "master.npy"
        done = subprocess.run(
            [sys.executable, "-c", _COMPUTE, name, str(half_width), path],
            capture_output=True,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        if done.returncode == 77:
            pytest.skip(done.stdout)
        assert done.returncode == 0, done.stderr
        return np.load(path)

    return compute_


class TestLowerHemisphere:
    """By symmetry, of crystals for which ebsdsim gives the upper one."""

    @pytest.mark.parametrize(
        "space_group",
        [2, 3, 6, 14, 16, 25, 75, 81, 89, 111, 115, 143, 146, 148]
        + [149, 150, 155, 156, 166, 168, 177, 187, 189, 195, 215, 225],
    )
    def test_all_operations_hold(self, space_group, directions):
        # The point group has one space group in the library at least.
        name = symmetry.class_index("point_group")[space_group - 1]
        crystal = next(
            c
            for c in library()
            if symmetry.class_index("point_group")[c.space_group - 1] == name
            and c.space_group >= space_group
        )
        rotations, _ = operations(crystal.space_group)
        axes = crystal.matrix.T
        rotations = axes @ rotations @ np.linalg.inv(axes)

        def value(points):
            # Has the symmetry of the crystal, and no other.
            turned = np.einsum("nij,...j->...ni", rotations, points)
            one = turned @ np.array([0.6, 0.3, 0.74])
            other = turned @ np.array([-0.2, 0.9, 0.39])
            return np.mean(np.exp(4 * one) + np.exp(2 * other), axis=-1)

        both = value(directions)
        if not any(np.allclose(r[2], (0, 0, -1)) for r in rotations):
            with pytest.raises(ValueError, match="no operation that turns"):
                dynamical.with_other(both[0], crystal.space_group)
            return
        made = dynamical.with_other(both[0], crystal.space_group)
        assert np.allclose(made, both, rtol=1e-3)


class TestDynamicalMaster:
    def test_aluminium(self, compute):
        master = compute("Al", 50)
        assert master.shape == (2, 101, 101)
        assert np.array_equal(master[1], master[0, ::-1, ::-1])
        rows = master_from_bands(band_profiles(library()["Al"]), 101)[0]
        assert np.corrcoef(master[0].ravel(), rows.ravel())[0, 1] > 0.5

    def test_without_inversion(self, compute):
        upper, lower = compute("Qingsongite", 10)
        # The fourfold rotoinversion of -43m, but no fourfold axis
        assert np.allclose(lower, np.rot90(upper), rtol=0.01)
        assert np.abs(lower - upper).max() > 0.1 * upper.std()
