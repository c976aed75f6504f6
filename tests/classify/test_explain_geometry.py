# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Explanations in the right place: on the detector and in the crystal."""

import kikuchipy as kp
import numpy as np
import pytest
from hyperspy.signals import Signal2D
from kikuchipy.detectors import EBSDDetector
from kikuchipy.signals import EBSDMasterPattern
from orix.crystal_map import CrystalMap, Phase, PhaseList
from orix.quaternion import Rotation
from orix.vector import Vector3d

from kikuchipy_symml.classify import (
    average_in_crystal,
    network_filters,
    symmetry_overlay,
)
from kikuchipy_symml.classify._detector_maps import (
    clipped,
    detector_directions,
    lines_of,
    on_detector,
)
from kikuchipy_symml.classify._symmetry_elements import (
    laue_matrices,
    mirror_normals,
    name_of,
    rotation_axes,
)
from kikuchipy_symml.pattern import ViewSpec, view_directions, view_frame

SPEC = ViewSpec()
SHAPE = (45, 60)
PC = np.array([[0.45, 0.35, 0.6], [0.6, 0.5, 0.8]])


class TestOnDetector:
    def test_inverts_the_view(self):
        pole = np.array([0.3, -0.2, 1.0])
        pole /= np.linalg.norm(pole)
        directions = np.nan_to_num(view_directions(SPEC)[:, :, 0])
        frames = view_frame(PC, SHAPE[1] / SHAPE[0])
        # cos of the angle to one direction of the detector's frame
        views = np.einsum("yxv,nvd,d->nyx", directions, frames, pole)
        found = on_detector(views, PC, SPEC, SHAPE)
        for k in range(2):
            see = detector_directions(PC[k], SHAPE)
            near = see @ frames[k, 2] > np.cos(np.deg2rad(SPEC.radius - 3))
            assert near.mean() > 0.5
            assert np.allclose(found[k][near], (see @ pole)[near], atol=2e-3)

    def test_nothing_beyond_the_view(self):
        narrow = ViewSpec(radius=20)
        found = on_detector(np.ones((2, 80, 80)), PC, narrow, SHAPE)
        for k in range(2):
            see = detector_directions(PC[k], SHAPE)
            forward = view_frame(PC, SHAPE[1] / SHAPE[0])[k, 2]
            inside = see @ forward > np.cos(np.deg2rad(20))
            assert np.array_equal(found[k] > 0, inside)


class TestLines:
    def test_go_through_the_pixels_of_the_plane(self):
        see = detector_directions(PC[0], SHAPE)
        a, b = see[5, 10], see[40, 30]
        normal = np.cross(a, b)
        line = lines_of(normal[None, None], PC[:1], SHAPE)[0, 0]
        for y, x in ((5, 10), (40, 30)):
            distance = line @ (x, y, 1) / np.hypot(*line[:2])
            assert abs(distance) < 1e-6

    @pytest.mark.parametrize(
        "line, ends",
        [
            ((1, -1, 0), [(0, 0), (2, 2)]),
            ((1, 0, -1), [(1, 0), (1, 2)]),
            ((0, 1, -1), [(0, 1), (2, 1)]),
            ((1, 1, -5), None),
        ],
    )
    def test_clipped(self, line, ends):
        found = clipped(np.array(line, dtype=float), (0, 2, 0, 2))
        if ends is None:
            assert found is None
        else:
            assert np.allclose(found[np.argsort(found.sum(axis=1))], ends)


class TestSymmetryElements:
    @pytest.mark.parametrize(
        "name, symbols, mirrors",
        [
            ("1", "", 0),
            ("-1", "", 0),
            ("2/m", "2", 1),
            ("222", "2 2 2", 0),
            ("mmm", "2 2 2", 3),
            ("4mm", "4", 4),
            ("-4", "-4", 0),
            ("-42m", "-4 2 2", 2),
            ("-3", "-3", 0),
            ("-3m", "-3 2 2 2", 3),
            ("-6m2", "-6 2 2 2", 4),
            ("6/mmm", "6 2 2 2 2 2 2", 7),
            ("m-3", "-3 -3 -3 -3 2 2 2", 3),
            ("-43m", "-4 -4 -4 3 3 3 3", 6),
            ("432", "4 4 4 3 3 3 3 2 2 2 2 2 2", 0),
            ("m-3m", "4 4 4 -3 -3 -3 -3 2 2 2 2 2 2", 9),
        ],
    )
    def test_of_point_groups(self, name, symbols, mirrors):
        phase = Phase(point_group=name)
        found = rotation_axes(phase)
        assert [axis.symbol for axis in found] == symbols.split()
        assert len(mirror_normals(phase)) == mirrors

    @pytest.mark.parametrize("number", [3, 14, 38, 115, 149, 187, 198, 225])
    def test_space_groups_have_their_point_groups_elements(self, number):
        phase = Phase(space_group=number)
        plain = Phase(point_group=phase.point_group)
        a, b = rotation_axes(phase), rotation_axes(plain)
        assert [i.symbol for i in a] == [i.symbol for i in b]
        assert len(mirror_normals(phase)) == len(mirror_normals(plain))

    @pytest.mark.parametrize(
        "number, name",
        [
            (14, "[010]"),  # orix has the twofold axis along z
            (149, "[120]"),  # P312
            (150, "[010]"),  # P321
            (187, "[120]"),  # P-6m2
            (189, "[010]"),  # P-62m
        ],
    )
    def test_space_groups_tell_the_setting(self, number, name):
        phase = Phase(space_group=number)
        two = next(axis for axis in rotation_axes(phase) if axis.fold == 2)
        assert name_of(two.direction, phase) == f"${name}$"

    def test_laue_matrices(self):
        for number, n in ((1, 1), (2, 1), (14, 2), (194, 12), (216, 24)):
            assert len(laue_matrices(Phase(space_group=number))) == n


def spot(direction):
    """A master pattern with one bright spot and its opposite."""
    size = 201
    master = kp.signals.EBSDMasterPattern(
        np.zeros((2, size, size), dtype=np.float32)
    )
    from kikuchipy_symml.simulation import lambert_directions

    upper = lambert_directions(size)
    lower = upper * (1, 1, -1)
    for k, see in enumerate((upper, lower)):
        off = np.arccos(np.clip(np.abs(see @ direction), 0, 1))
        master.data[k] = np.exp(-0.5 * (off / np.deg2rad(1.5)) ** 2)
    return EBSDMasterPattern(
        master.data,
        projection="lambert",
        hemisphere="both",
        phase=Phase("spot", space_group=1),
    )


@pytest.fixture(scope="module")
def spots():
    # [012] of a cube, which faces this tilted detector
    direction = np.array([0, 1, 2]) / np.sqrt(5)
    detector = EBSDDetector(
        shape=(60, 80), pc=(0.4, 0.4, 0.5), tilt=10, sample_tilt=65
    )
    rotations = Rotation(np.random.default_rng(5).normal(size=(120, 4)))
    to_detector = rotations.to_matrix() @ (
        detector.sample_to_detector.to_matrix().squeeze().T
    )
    seen = direction @ to_detector
    x, y = seen[:, 0] / seen[:, 2], seen[:, 1] / seen[:, 2]
    facing = (np.abs(x) < 0.7) & (np.abs(y) < 0.7)
    rotations = rotations[facing][:4]
    s = spot(direction).get_patterns(
        rotations, detector, dtype_out="float32", show_progressbar=False
    )
    return direction, s


class TestInTheCrystal:
    """kikuchipy puts a bright spot where it belongs."""

    def test_overlay(self, spots):
        direction, s = spots
        overlay = symmetry_overlay(s, highest_index=2)
        shown = 0
        for k in range(s.axes_manager.navigation_size):
            pattern = s.data[k]
            # A spot between pixels is not at its brightest in any
            if pattern.max() < 0.7:
                continue
            y, x = np.unravel_index(np.argmax(pattern), pattern.shape)
            names = dict((n, p) for p, n in overlay._elements[k].names)
            found = [
                names[n]
                for n in ("$[012]$", r"$[0\bar{1}\bar{2}]$")
                if n in names
            ]
            assert len(found) == 1
            axes = s.axes_manager.signal_axes
            place = np.array([x, y]) * [a.scale for a in axes]
            assert np.allclose(found[0], place, atol=1.01 * axes[0].scale)
            shown += 1
        assert shown

    def test_average(self, spots):
        direction, s = spots
        size = 101
        average = average_in_crystal(s, s.xmap, s.detector, size=size)["spot"]
        assert average.n_patterns == s.axes_manager.navigation_size
        values = np.where(average.looks > 0, average.values, np.nan)
        row, column = np.unravel_index(np.nanargmax(values), values.shape)
        x, y = np.array([direction[0], direction[1]]) / (1 + direction[2])
        assert abs(column - (x + 1) / 2 * (size - 1)) <= 2
        assert abs(row - (1 - y) / 2 * (size - 1)) <= 2


class TestAverage:
    def make(self, n=2):
        detector = EBSDDetector(shape=(20, 30), pc=(0.5, 0.5, 0.6))
        xmap = CrystalMap(
            rotations=Rotation.from_axes_angles(
                Vector3d.zvector(), np.arange(n) * 40, degrees=True
            ),
            phase_list=PhaseList(Phase("Ni", space_group=225)),
        )
        rng = np.random.default_rng(1)
        return Signal2D(rng.random((n, 20, 30))), xmap, detector

    def test_has_the_symmetry_of_the_phase(self):
        average = average_in_crystal(*self.make(), size=81)["Ni"]
        values = average.values
        known = np.isfinite(values) & np.isfinite(np.rot90(values))
        assert known.mean() > 0.5
        assert np.allclose(values[known], np.rot90(values)[known])
        assert "2 patterns of Ni" in repr(average)

    def test_lazy_blocks_are_computed_once(self):
        s, xmap, detector = self.make(6)
        xmap = CrystalMap(
            rotations=xmap.rotations,
            phase_id=np.array([0, 1, 0, 1, -1, -1]),
            phase_list=PhaseList(
                [Phase("Ni", space_group=225), Phase("Fe", space_group=229)]
            ),
        )
        expected = average_in_crystal(s, xmap, detector, size=21)
        seen = []

        def count(block):
            seen.append(len(block))
            return block

        lazy = s.as_lazy()
        data = lazy.data.rechunk((2, -1, -1))
        lazy.data = data.map_blocks(count, dtype=float, meta=data._meta)
        found = average_in_crystal(lazy, xmap, detector, size=21)
        assert seen == [2, 2]
        for name in ("Ni", "Fe"):
            np.testing.assert_array_equal(
                found[name].values, expected[name].values
            )
            assert found[name].n_patterns == 2

    def test_leaves_out_what_is_nan(self):
        s, xmap, detector = self.make(3)
        s.data[1] = np.nan
        average = average_in_crystal(s, xmap, detector, size=41)["Ni"]
        assert average.n_patterns == 2

    def test_plot(self):
        import matplotlib.pyplot as plt

        average = average_in_crystal(*self.make(), size=41)["Ni"]
        axes = average.plot()
        names = {text.get_text() for text in axes.texts}
        assert {"$[001]$", "$[111]$", "$[100]$"} <= names
        plt.close("all")

    def test_errors(self):
        s, xmap, detector = self.make()
        with pytest.raises(ValueError, match="odd number"):
            average_in_crystal(s, xmap, detector, size=20)
        with pytest.raises(ValueError, match="must be that of"):
            average_in_crystal(s.isig[:10], xmap, detector)
        with pytest.raises(ValueError, match="crystal map has 2 points"):
            average_in_crystal(s.inav[:1], xmap, detector)


class TestOverlay:
    @pytest.fixture
    def scan(self):
        s = kp.data.nickel_ebsd_small()
        return s

    def test_markers_and_plot(self, scan):
        import matplotlib.pyplot as plt

        overlay = symmetry_overlay(scan)
        assert overlay.names((0, 0))
        scan.plot()
        scan.add_marker(overlay.markers())
        scan.axes_manager.indices = (1, 2)
        axis = plt.figure().add_subplot()
        axis.imshow(scan.data[2, 1])
        overlay.plot(axis, (2, 1))
        assert [t.get_text() for t in axis.texts] == overlay.names((2, 1))
        plt.close("all")

    def test_errors(self, scan):
        with pytest.raises(ValueError, match="highest_index must be"):
            symmetry_overlay(scan, highest_index=-1)
        with pytest.raises(ValueError, match="crystal map has 9 points"):
            symmetry_overlay(scan.inav[0], scan.xmap)
        with pytest.raises(ValueError, match="crystal map with phases"):
            symmetry_overlay(scan, "xmap")


class TestFilters:
    def test_of_the_default_model(self):
        import matplotlib.pyplot as plt

        filters = network_filters()
        assert filters.pictures.shape[1:] == (9, 13)
        strength = np.linalg.norm(filters.pictures, axis=(1, 2))
        assert np.all(np.diff(strength) <= 0)
        assert filters.angles[0] == 0 and filters.angles[-1] == 90
        assert np.allclose(filters.responses.mean(axis=1), 0, atol=1e-5)
        filters.plot(4)
        plt.close("all")
