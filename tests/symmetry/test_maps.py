# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
import matplotlib.pyplot as plt
import numpy as np
import orix.io
import pytest
from kikuchipy.detectors import EBSDDetector
from kikuchipy.signals import EBSD
from matplotlib.backend_bases import CloseEvent
from orix.crystal_map import Phase, PhaseList

from kikuchipy_symml.symmetry import SymmetryPhaseList, class_names


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture
def probabilities():
    """Left cF of 0.75, right cI of 0.625, hP in one corner left out."""
    p = np.zeros((4, 6, 230), dtype=np.float32)
    p[:, :3, 225 - 1], p[:, :3, 229 - 1] = 0.75, 0.25
    p[:, 3:, 225 - 1], p[:, 3:, 229 - 1] = 0.375, 0.625
    return p


@pytest.fixture
def phases(probabilities):
    mask = np.zeros((4, 6), dtype=bool)
    mask[0, 0] = True
    return SymmetryPhaseList(
        probabilities,
        navigation_mask=mask,
        step_sizes=(1.5, 0.5),
        scan_unit="um",
    )


def legend_of(figure):
    return [text.get_text() for text in figure.legends[0].get_texts()]


class TestPlot:
    def test_colors_and_legend(self, phases):
        figure = phases.plot(overlay=False)
        left, right = figure.axes[:2]
        image = left.images[0]
        colors = np.asarray(image.get_array())
        assert colors.shape == (4, 6, 3)
        assert np.allclose(colors[1, 0], phases["cF"].color_rgb)
        assert np.allclose(colors[1, 5], phases["cI"].color_rgb)
        assert np.allclose(colors[0, 0], 1)
        # x from the left edge of the first point, y downwards
        assert image.get_extent() == [-0.25, 2.75, 5.25, -0.75]
        assert left.get_xlabel() == "x / µm"
        assert left.get_title() == "Bravais lattice"
        assert legend_of(figure) == [
            "cI, 50.0%",
            "cF, 45.8%",
            "not indexed, 4.2%",
        ]
        shown = np.ma.filled(right.images[0].get_array(), np.nan)
        assert np.isnan(shown[0, 0])
        assert np.allclose(shown.ravel()[1:], phases.confidence.ravel()[1:])
        assert right.images[0].get_clim() == (0, 1)

    def test_overlay_darkens_by_confidence_itself(self, phases):
        figure = phases.plot(confidence=False)
        assert len(figure.axes) == 1
        colors = np.asarray(figure.axes[0].images[0].get_array())
        expected = 0.8 * np.array(phases["cF"].color_rgb)  # 0.2 + 0.8 * 0.75
        assert np.allclose(colors[1, 0], expected)

    @pytest.mark.parametrize("shape", [(6,), (1, 6), (4, 1), (1,)])
    def test_other_shapes(self, probabilities, shape):
        p = probabilities[: shape[0], : shape[-1]].reshape(-1, 230)
        p = p[: np.prod(shape)].reshape(*shape, 230)
        figure = SymmetryPhaseList(p).plot()
        figure.canvas.draw()
        n = np.asarray(figure.axes[0].images[0].get_array()).shape
        assert n[:2] == tuple(np.atleast_2d(np.empty(shape)).shape)

    def test_single_pattern_gives_bars(self, probabilities):
        figure = SymmetryPhaseList(probabilities[0, 5]).plot()
        axes = figure.axes[0]
        assert [t.get_text() for t in axes.get_yticklabels()][:2] == [
            "cI",
            "cF",
        ]
        assert np.isclose(axes.patches[0].get_width(), 0.625)

    def test_many_phases_share_a_legend_entry(self):
        p = np.eye(230, dtype=np.float32)
        figure = SymmetryPhaseList(p, "space_group").plot()
        labels = legend_of(figure)
        assert len(labels) == 31
        assert labels[-1].startswith("200 others, 87.0%")

    def test_candidates_own_names_and_colors(self, phases):
        own = PhaseList(
            [
                Phase("austenite", space_group=225, color="lime"),
                Phase("ferrite", space_group=229, color="black"),
            ]
        )
        figure = phases.restrict_to(own).plot(overlay=False)
        assert figure.axes[0].get_title() == "Candidate"
        colors = np.asarray(figure.axes[0].images[0].get_array())
        assert np.allclose(colors[1, 0], own["austenite"].color_rgb)

    def test_candidates_of_one_color_are_told_apart(self, phases):
        # As orix makes them from phases
        own = PhaseList(
            [Phase("a", space_group=225), Phase("b", space_group=229)]
        )
        assert own["a"].color == own["b"].color
        figure = phases.restrict_to(own).plot(overlay=False)
        colors = np.asarray(figure.axes[0].images[0].get_array())
        assert not np.allclose(colors[1, 0], colors[1, 5])


class TestPlotProbabilities:
    def test_found_or_named(self, phases):
        maps = [a for a in phases.plot_probabilities().axes if a.images]
        titles = [a.get_title() for a in maps]
        assert titles == ["Probability of cI", "Probability of cF"]
        shown = np.ma.filled(maps[1].images[0].get_array(), np.nan)
        i = class_names("bravais_lattice").index("cF")
        assert np.allclose(shown[1:], phases.probabilities[1:, :, i])
        assert np.isnan(shown[0, 0])
        # One that was not found has a map as well
        figure = phases.plot_probabilities("hP")
        assert figure.axes[0].get_title() == "Probability of hP"

    def test_errors(self, phases, probabilities):
        with pytest.raises(ValueError, match="'cG'.*not among the classes"):
            phases.plot_probabilities("cG")
        with pytest.raises(ValueError, match="single pattern"):
            SymmetryPhaseList(probabilities[0, 0]).plot_probabilities()
        none = SymmetryPhaseList(probabilities, min_confidence=1)
        with pytest.raises(ValueError, match="No point is indexed"):
            none.plot_probabilities()
        groups = phases.at_level("space_group")
        with pytest.raises(ValueError, match="31 classes are too many"):
            groups.plot_probabilities(*groups.class_names[:31])


class TestBrowse:
    @staticmethod
    def bars(figure):
        axes = figure.axes[0]
        return [t.get_text() for t in axes.get_yticklabels()]

    @pytest.mark.parametrize("lazy", [False, True])
    def test_bars_follow_the_navigator(self, phases, rng, lazy):
        data = rng.integers(0, 255, (4, 6, 10, 12), dtype=np.uint8)
        s = EBSD(data, detector=EBSDDetector(shape=(10, 12)))
        s = s.as_lazy() if lazy else s
        figure = phases.browse(s, n_classes=2)
        s.axes_manager.indices = (1, 2)
        assert self.bars(figure) == ["cF", "cI"]
        assert "(y, x) = (2, 1): cF" in figure.axes[0].get_title()
        s.axes_manager.indices = (5, 2)
        assert self.bars(figure) == ["cI", "cF"]
        # Closed, it follows no more and nothing fails
        event = CloseEvent("close_event", figure.canvas)
        figure.canvas.callbacks.process("close_event", event)
        s.axes_manager.indices = (1, 2)
        assert self.bars(figure) == ["cI", "cF"]

    def test_line_of_points(self, probabilities, rng):
        data = rng.integers(0, 255, (6, 10, 12), dtype=np.uint8)
        s = EBSD(data, detector=EBSDDetector(shape=(10, 12)))
        figure = SymmetryPhaseList(probabilities[0]).browse(s)
        s.axes_manager.indices = (4,)
        assert self.bars(figure)[0] == "cI"

    def test_errors(self, phases, rng):
        s = EBSD(rng.integers(0, 255, (6, 4, 10, 12), dtype=np.uint8))
        with pytest.raises(ValueError, match=r"\(6, 4\).*\(4, 6\)"):
            phases.browse(s)
        s = EBSD(rng.integers(0, 255, (4, 6, 10, 12), dtype=np.uint8))
        with pytest.raises(ValueError, match="0 classes"):
            phases.browse(s, n_classes=0)


class TestSave:
    def test_hdf5(self, phases, tmp_path):
        import h5py

        path = tmp_path / "map.h5"
        phases.save(path)
        xmap = orix.io.load(path)
        assert np.array_equal(xmap.phase_id, phases.phase_id.ravel())
        assert xmap.prop["probabilities"].shape == (24, 14)
        assert np.allclose(xmap.prop["confidence"], phases.confidence.ravel())
        with h5py.File(path) as file:
            attributes = dict(file["kikuchipy_symml"].attrs)
        assert tuple(attributes["class_names"]) == phases.class_names
        assert attributes["level"] == "bravais_lattice"
        with pytest.raises(FileExistsError, match="map.h5"):
            phases.save(path)
        phases.save(str(path), overwrite=True)

    def test_ang_says_what_is_lost(self, phases, tmp_path):
        path = tmp_path / "map.ang"
        with pytest.warns(UserWarning) as record:
            phases.save(path)
        # Other packages may deprecate things meanwhile.
        ours = [i for i in record if i.category is UserWarning]
        assert len(ours) == 1
        message = str(ours[0].message)
        for lost in (
            "probabilities of the 14 classes",
            "orientations",
            "lattice parameters",
            "not indexed",
        ):
            assert lost in message
        assert "unit" not in message
        assert "atoms" not in message
        assert ours[0].filename == __file__

        xmap = orix.io.load(path)
        assert xmap.shape == (4, 6)
        assert (xmap.dy, xmap.dx) == (1.5, 0.5)
        names = [xmap.phases[i].name for i in xmap.phase_id]
        expected = ["not_indexed"] + [
            phases[int(i)].name for i in phases.phase_id.ravel()[1:]
        ]
        assert names == expected
        seen = phases.phase_id.ravel() != -1
        assert np.allclose(xmap.ci[seen], phases.confidence.ravel()[seen])
        assert xmap.phases["cF"].point_group.name == "432"

    def test_ang_of_candidates_and_other_units(self, probabilities, tmp_path):
        found = SymmetryPhaseList(probabilities)
        own = PhaseList(
            [Phase("a", space_group=225), Phase("b", space_group=229)]
        )
        with pytest.warns(UserWarning, match="space groups.*unit.*px"):
            found.restrict_to(own).save(tmp_path / "map.ang")

    @pytest.mark.parametrize(
        "level", ["bravais_lattice", "point_group", "laue_group"]
    )
    @pytest.mark.filterwarnings("ignore::UserWarning")
    def test_every_class_can_be_read_back(self, level, tmp_path):
        found = SymmetryPhaseList(np.eye(230, dtype=np.float32), level)
        path = tmp_path / "map.ang"
        found.save(path)
        xmap = orix.io.load(path)
        names = [xmap.phases[i].name for i in xmap.phase_id]
        assert names == [found[int(i)].name for i in found.phase_id]

    @pytest.mark.filterwarnings("ignore::UserWarning")
    def test_as_many_phases_as_can_be_read_back(self, tmp_path):
        path = tmp_path / "map.ang"
        p = np.eye(230, dtype=np.float32)[-141:]
        SymmetryPhaseList(p[1:], "space_group").save(path)
        assert "" not in orix.io.load(path).phases.names
        with pytest.raises(ValueError, match="141 phases, the most is 140"):
            SymmetryPhaseList(p, "space_group").save(path, overwrite=True)

    def test_errors(self, phases, probabilities, tmp_path):
        with pytest.raises(ValueError, match="'.ctf'"):
            phases.save(tmp_path / "map.ctf")
        ang = tmp_path / "map.ang"
        for index in (np.s_[:, :1], np.s_[0, 0]):
            with pytest.raises(ValueError, match="one column"):
                SymmetryPhaseList(probabilities[index]).save(ang)
        with pytest.raises(ValueError, match="no point indexed"):
            SymmetryPhaseList(probabilities, min_confidence=1).save(ang)
        assert not ang.exists()
