# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
from collections import Counter

import numpy as np
import pytest

from kikuchipy_symml import symmetry
from kikuchipy_symml.crystals import library, measured_phases, split
from kikuchipy_symml.simulation import lambert_directions
from kikuchipy_symml.simulation._dynamical import has_inversion
from kikuchipy_symml.training import _masters as masters
from kikuchipy_symml.training._identity import identity, identity_of


def _kept_out():
    parts = split()
    return {identity(*phase) for phase in measured_phases()} | {
        identity_of(c)
        for part in ("seen_type", "unseen_type")
        for c in parts[part]
    }


@pytest.fixture(scope="module")
def chosen():
    return masters.dynamical_crystals()


class TestChoice:
    def test_all_lattices(self, chosen):
        assert len(chosen) >= 100
        of = symmetry.class_index("bravais_lattice")
        counts = Counter(of[c.space_group - 1] for c in chosen)
        assert len(counts) == 14
        assert min(counts.values()) >= 2
        assert max(counts.values()) <= 12
        few = masters.dynamical_crystals(14)
        assert len({of[c.space_group - 1] for c in few}) == 14

    def test_quickest_first(self, chosen):
        costs = [masters.relative_cost(c) for c in chosen]
        assert costs == sorted(costs)

    def test_always_the_same(self, chosen):
        again = masters.dynamical_crystals()
        assert [c.name for c in again] == [c.name for c in chosen]

    def test_only_for_training(self, chosen):
        identities = {identity_of(c) for c in chosen}
        assert len(identities) == len(chosen)
        assert not identities & _kept_out()
        train = split()["train"].names
        assert {c.name for c in chosen} <= set(train)

    def test_fully_occupied_and_varied(self, chosen):
        assert all((c.occupancies == 1).all() for c in chosen)
        of = symmetry.class_index("bravais_lattice")
        kinds = Counter(
            (of[c.space_group - 1], c.structure_type) for c in chosen
        )
        assert max(kinds.values()) <= 3
        assert {masters.master_energy(c) for c in chosen} == {15, 20, 25}

    def test_cost(self):
        # One atom in the primitive cell of each; 48 operations
        crystals = library()
        nickel, polonium = crystals["Ni"], crystals["Po (Pm-3m)"]
        ratio = masters.relative_cost(polonium) / masters.relative_cost(nickel)
        volumes = polonium.volume / (nickel.volume / 4)
        assert np.isclose(ratio, volumes**2)

    def test_none(self):
        with pytest.raises(ValueError, match="14 or more.*not 13"):
            masters.dynamical_crystals(13)


def _simulate(crystal, energy, *, half_width, **_):
    """In place of ebsdsim."""
    directions = lambert_directions(2 * half_width + 1)
    upper = directions[..., 0] * directions[..., 2] * energy
    if has_inversion(crystal.space_group):
        return np.stack([upper, upper[::-1, ::-1]])
    return np.stack([upper, upper**2])


@pytest.fixture
def simulated(monkeypatch):
    calls = []

    def simulate(crystal, *args, **kwargs):
        calls.append(crystal.name)
        return _simulate(crystal, *args, **kwargs)

    monkeypatch.setattr(masters, "dynamical_master", simulate)
    return calls


@pytest.fixture
def few():
    crystals = library()
    # With and without an inversion centre
    names = ("Co (Fm-3m)", "Qingsongite", "Cr")
    return [crystals[name] for name in names]


def _run(directory, crystals, **kwargs):
    return [
        c.name
        for c in masters.compute_masters(
            directory, crystals, half_width=10, **kwargs
        )
    ]


class TestCompute:
    def test_goes_on_where_it_was(self, simulated, few, tmp_path):
        assert len(_run(tmp_path, few[:2])) == 2
        assert _run(tmp_path, few) == [c.name for c in few]
        assert simulated == [c.name for c in few]
        assert _run(tmp_path, few, minutes=0) == [c.name for c in few]

    def test_no_time(self, simulated, few, tmp_path):
        assert _run(tmp_path, few, minutes=0) == []
        assert not simulated

    def test_killed_while_writing(self, few, tmp_path, monkeypatch):
        def fail(path, **_):
            path.write_bytes(b"half")
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(masters, "dynamical_master", _simulate)
            patch.setattr(np, "savez_compressed", fail)
            with pytest.raises(KeyboardInterrupt):
                _run(tmp_path, few)
        monkeypatch.setattr(masters, "dynamical_master", _simulate)
        assert len(_run(tmp_path, few)) == 3
        assert masters.pack_masters(tmp_path, tmp_path / "packed.npz") == 3

    def test_one_that_fails(self, few, tmp_path, monkeypatch):
        def simulate(crystal, *args, **kwargs):
            if crystal is few[1]:
                raise RuntimeError("too many beams")
            return _simulate(crystal, *args, **kwargs)

        monkeypatch.setattr(masters, "dynamical_master", simulate)
        with pytest.warns(UserWarning, match="Qingsongite: too many beams"):
            assert _run(tmp_path, few) == [few[0].name, few[2].name]

    @pytest.mark.parametrize(
        "other", [{"half_width": 12}, {"strong": 9.0}, {"energy_step": 1.0}]
    )
    def test_other_settings(self, simulated, few, tmp_path, other):
        _run(tmp_path, few)
        settings = {"half_width": 10} | other
        with pytest.raises(ValueError, match="was made with .*'half_width'"):
            list(masters.compute_masters(tmp_path, few, **settings))


class TestPack:
    def test_there_and_back(self, simulated, few, tmp_path):
        _run(tmp_path / "all", few)
        path = tmp_path / "packed.npz"
        assert masters.pack_masters(tmp_path / "all", path) == 3
        packed = masters.dynamical_masters(path)
        assert len(packed) == 3
        assert packed.masters.shape == (3, 2, 21, 21)
        assert packed.masters.dtype == np.int8
        for i, name in enumerate(packed.names):
            crystal = library()[name]
            assert packed.space_groups[i] == crystal.space_group
            assert packed.identities[i] == identity_of(crystal)
            assert packed.energies[i] == masters.master_energy(crystal)
            wanted = _simulate(crystal, packed.energies[i], half_width=10)
            together = [packed.masters[i].ravel(), wanted.ravel()]
            assert np.corrcoef(together)[0, 1] > 0.999

    def test_what_is_there_stays_first(self, simulated, few, tmp_path):
        path = tmp_path / "packed.npz"
        _run(tmp_path / "all", few[2:])
        masters.pack_masters(tmp_path / "all", path)
        _run(tmp_path / "all", few)
        masters.pack_masters(tmp_path / "all", path)
        packed = masters.dynamical_masters(path)
        assert len(packed) == 3 and packed.names[0] == few[2].name
        assert set(packed.names) == {crystal.name for crystal in few}
        first = packed.first(1)
        assert first.names == [few[2].name] and len(first.masters) == 1
        np.testing.assert_array_equal(first.masters[0], packed.masters[0])
        with pytest.raises(ValueError, match="4 dynamical.*there are 3"):
            packed.first(4)

    def test_crystal_that_is_kept_out(self, simulated, tmp_path):
        nickel = library()["Ni"]
        _run(tmp_path, [nickel])
        with pytest.raises(ValueError, match="Ni 225, which is not among"):
            masters.pack_masters(tmp_path, tmp_path / "packed.npz")

    def test_nothing_there(self, tmp_path):
        with pytest.raises(ValueError, match="no master patterns in"):
            masters.pack_masters(tmp_path, tmp_path / "packed.npz")
        with pytest.raises(FileNotFoundError, match="symml masters"):
            masters.dynamical_masters(tmp_path / "packed.npz")


class TestCommand:
    def test_pack_only(self, simulated, few, tmp_path, capsys):
        from kikuchipy_symml._cli import main

        _run(tmp_path / "all", few)
        path = tmp_path / "packed.npz"
        status = main(
            ["masters", "-o", str(tmp_path / "all"), "--minutes", "0"]
            + ["--half-width", "10", "--pack", str(path)]
        )
        assert status == 0
        assert "3 are packed in" in capsys.readouterr().out
        assert len(masters.dynamical_masters(path)) == 3

    @pytest.mark.parametrize(
        "arguments", [["--total", "13"], ["--pack", "masters.h5"]]
    )
    def test_bad_arguments(self, arguments, tmp_path, capsys):
        from kikuchipy_symml._cli import main

        assert main(["masters", "-o", str(tmp_path), *arguments]) == 2
        assert arguments[1] in capsys.readouterr().err


@pytest.fixture(scope="module")
def packed():
    try:
        return masters.dynamical_masters()
    except FileNotFoundError as error:
        pytest.skip(str(error))


class TestPackedSet:
    """The set that the repository carries."""

    def test_no_crystal_is_kept_out(self, packed):
        assert not set(packed.identities) & _kept_out()

    def test_names_and_identities_agree(self, packed):
        train = split()["train"]
        assert len(set(packed.names)) == len(packed)
        for i, name in enumerate(packed.names):
            assert identity_of(train[name]) == packed.identities[i]
            assert train[name].space_group == packed.space_groups[i]

    def test_masters(self, packed):
        deviation = packed.masters.std(axis=(1, 2, 3))
        assert deviation.min() > 5
        for master, group in zip(
            packed.masters, packed.space_groups, strict=True
        ):
            inverted = np.array_equal(master[1], master[0, ::-1, ::-1])
            assert inverted or not has_inversion(int(group))
