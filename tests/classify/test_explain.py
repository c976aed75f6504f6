# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""explain_symmetry() on scans."""

import pickle
from pathlib import Path

import hyperspy.api as hs
import numpy as np
import pytest
import yaml
from hyperspy.drawing.markers import Markers
from kikuchipy.detectors import EBSDDetector
from kikuchipy.signals import EBSD

import kikuchipy_symml
from kikuchipy_symml import (
    LazySymmetryExplanation,
    SymmetryExplanation,
    explain_symmetry,
)
from kikuchipy_symml.classify import _explain
from kikuchipy_symml.classify._explain import _BlockExplainer
from kikuchipy_symml.classify._question import Question
from kikuchipy_symml.models import ModelError, make_card, save_model
from kikuchipy_symml.pattern import ViewSpec

VIEW = ViewSpec(size=32, background=8.0)
QUIET = {"show_progressbar": False}
FAST = {"bands": False, **QUIET}
# A network of the package's own kind
SMALL = {
    "azimuths": 24,
    "tilts": 16,
    "bands": 8,
    "poles": 2,
    "width": 16,
    "pair_width": 8,
    "heads": 2,
    "depth": 1,
}


def assert_same(maps, expected):
    """But for rounding: threads add up gradients in any order."""
    np.testing.assert_allclose(
        maps, expected, rtol=0, atol=1e-5 * np.abs(expected).max()
    )


def saved(network, path):
    card = make_card("small", VIEW, training_set={"crystals": 0})
    return save_model(network, card, path)


@pytest.fixture(scope="module")
def band_model(tmp_path_factory):
    """A small network of the package's own kind, with random weights."""
    import keras

    from kikuchipy_symml.models._network import build_network

    keras.utils.set_random_seed(1)
    network = build_network(VIEW, **SMALL)
    path = tmp_path_factory.mktemp("models") / "bands.symml"
    return saved(network, path)


@pytest.fixture(scope="module")
def cnn_model(tmp_path_factory):
    import keras
    from keras import layers as kl

    keras.utils.set_random_seed(2)
    network = keras.Sequential(
        [
            keras.Input((32, 32, 2)),
            kl.Conv2D(6, 5, strides=2, activation="relu"),
            kl.Conv2D(8, 3, activation="relu"),
            kl.GlobalAveragePooling2D(),
            kl.Dense(230, activation="softmax"),
        ]
    )
    path = tmp_path_factory.mktemp("models") / "cnn.symml"
    return saved(network, path)


class TestResult:
    def test_has_the_axes_of_the_patterns(self, signal, cnn_model):
        made = signal.explain_symmetry(cnn_model, **QUIET)
        assert type(made) is SymmetryExplanation
        assert made.data.shape == signal.data.shape
        assert made.data.dtype == np.float32
        ours, theirs = made.axes_manager._axes, signal.axes_manager._axes
        for a, b in zip(ours, theirs, strict=True):
            assert (a.name, a.scale, a.units) == (b.name, b.scale, b.units)
        assert np.isfinite(made.data).all()
        assert made.data.std() > 0

    def test_explains_the_most_probable_class(self, signal, cnn_model):
        made = explain_symmetry(signal, cnn_model, "laue_group", **FAST)
        phases = signal.classify_symmetry(cnn_model, "laue_group", **QUIET)
        assert made.level == "laue_group"
        assert np.array_equal(made.class_id, phases.phase_id)
        assert np.allclose(made.probability, phases.confidence, atol=1e-5)
        assert np.all(made.against_id == -1)
        p, q = made.probability, made.probability_against
        assert np.allclose(p + q, 1, atol=1e-5)
        assert np.allclose(made.log_odds, np.log(p / q), atol=1e-4)

    def test_explains_a_named_class_against_another(self, signal, cnn_model):
        made = explain_symmetry(
            signal, cnn_model, of="cF", against="tP", **FAST
        )
        names = made.class_names
        assert np.all(made.class_id == names.index("cF"))
        assert np.all(made.against_id == names.index("tP"))
        assert "cF against tP" in repr(made)

    def test_explains_another_class_than_the_one_against(
        self, signal, cnn_model
    ):
        first = explain_symmetry(signal, cnn_model, **FAST)
        best = int(first.class_id[0, 0])
        made = explain_symmetry(
            signal, cnn_model, against=first.class_names[best], **FAST
        )
        assert made.class_id[0, 0] not in (best, -1)
        assert np.all(made.log_odds[first.class_id == best] <= 0)

    @pytest.mark.parametrize("method", ["grad_cam", "integrated_gradients"])
    def test_the_opposite_question_has_the_opposite_map(
        self, signal, cnn_model, method
    ):
        maps = [
            explain_symmetry(
                signal, cnn_model, of=a, against=b, method=method, **FAST
            ).data
            for a, b in (("cF", "tP"), ("tP", "cF"))
        ]
        scale = np.abs(maps[0]).max()
        assert scale > 0
        assert np.allclose(maps[0], -maps[1], atol=1e-4 * scale)

    @pytest.mark.parametrize("shape", [(24, 30), (2, 24, 30)])
    def test_other_navigation_dimensions(self, make_signal, cnn_model, shape):
        s = make_signal(shape)
        made = explain_symmetry(s, cnn_model, **FAST)
        assert made.data.shape == shape
        assert made.class_id.shape == shape[:-2]

    def test_one_projection_centre_a_pattern(self, make_signal, band_model):
        s = make_signal((1, 2, 24, 30))
        s.data[0, 1] = s.data[0, 0]
        pcs = np.array([[[0.4, 0.3, 0.6], [0.6, 0.5, 0.5]]])
        s.detector.pc = pcs
        made = explain_symmetry(s, band_model, of="cF", **FAST)
        assert not np.allclose(made.data[0, 0], made.data[0, 1])
        s.detector.pc = pcs[0, 1]
        alone = explain_symmetry(s, band_model, of="cF", **FAST)
        assert np.allclose(alone.data[0, 1], made.data[0, 1], atol=1e-6)

    def test_few_and_many(self, signal, band_model, monkeypatch):
        few = explain_symmetry(signal, band_model, of="cF", **FAST)
        monkeypatch.setattr(_explain, "FEW", 0)
        many = explain_symmetry(signal, band_model, of="cF", **FAST)
        scale = np.abs(few.data).max()
        assert scale > 0
        # Rounding may decide which bands are found.
        off = np.abs(few.data - many.data).max(axis=(2, 3)) / scale
        assert np.median(off) < 0.01


class TestMethods:
    @pytest.mark.parametrize(
        "method", ["grad_cam", "integrated_gradients", "occlusion"]
    )
    @pytest.mark.parametrize("model", ["band_model", "cnn_model"])
    def test_gives_a_map(self, make_signal, model, method, request):
        model = request.getfixturevalue(model)
        s = make_signal((1, 2, 24, 30))
        made = explain_symmetry(s, model, method=method, **FAST)
        assert np.isfinite(made.data).all()
        assert np.all(made.data.std(axis=(2, 3)) > 0)
        assert made.method == method

    def test_depends_on_the_class(self, signal, band_model):
        a, b = (
            explain_symmetry(signal, band_model, of=of, **FAST).data
            for of in ("cF", "mS")
        )
        assert np.corrcoef(a.ravel(), b.ravel())[0, 1] < 0.99


class TestLeavingOut:
    def test_navigation_mask(self, signal, band_model):
        mask = np.zeros((3, 4), dtype=bool)
        mask[1, 2] = True
        made = explain_symmetry(
            signal, band_model, navigation_mask=mask, **QUIET
        )
        assert np.isnan(made.data[1, 2]).all()
        assert np.isfinite(made.data[~mask]).all()
        assert made.class_id[1, 2] == -1
        whole = explain_symmetry(signal, band_model, **QUIET)
        assert np.allclose(made.data[~mask], whole.data[~mask], atol=1e-6)
        assert len(made.bands.segments((1, 2))[0]) == 0

    def test_signal_mask(self, signal, cnn_model):
        mask = np.zeros((24, 30), dtype=bool)
        mask[:6] = True
        made = explain_symmetry(signal, cnn_model, signal_mask=mask, **FAST)
        assert np.all(made.data[..., mask] == 0)
        assert np.any(made.data[..., ~mask] != 0)
        changed = signal.deepcopy()
        changed.data[..., mask] = 255
        again = explain_symmetry(changed, cnn_model, signal_mask=mask, **FAST)
        assert_same(again.data, made.data)

    def test_unusable_patterns(self, signal, cnn_model):
        signal.data[0, 0] = 7
        with pytest.warns(UserWarning, match="1 of 12 patterns are constant"):
            made = explain_symmetry(signal, cnn_model, **QUIET)
        assert np.all(made.data[0, 0] == 0)
        assert made.class_id[0, 0] == -1

    def test_does_not_change_the_signal(self, signal, cnn_model):
        before = signal.deepcopy()
        explain_symmetry(signal, cnn_model, **QUIET)
        assert np.array_equal(before.data, signal.data)
        assert np.array_equal(before.detector.pc, signal.detector.pc)


class TestLazy:
    def test_equals_in_memory(self, signal, band_model):
        eager = explain_symmetry(signal, band_model, **QUIET)
        lazy = explain_symmetry(
            signal.as_lazy(), band_model, compute=False, **QUIET
        )
        assert type(lazy) is LazySymmetryExplanation
        assert np.array_equal(lazy.class_id, eager.class_id)
        lazy.compute(show_progressbar=False)
        assert type(lazy) is SymmetryExplanation
        assert_same(lazy.data, eager.data)
        assert_same(lazy.bands.weights, eager.bands.weights)

    def test_blocks_and_batches_do_not_matter(self, make_signal, band_model):
        s = make_signal((4, 5, 24, 30))
        one = explain_symmetry(s, band_model, **QUIET)
        lazy = s.as_lazy()
        lazy.data = lazy.data.rechunk((3, 2, -1, -1))
        many = explain_symmetry(lazy, band_model, batch_size=3, **QUIET)
        scale = np.abs(one.data).max()
        assert np.allclose(many.data, one.data, atol=1e-4 * scale)
        assert np.array_equal(many.class_id, one.class_id)

    def test_reads_nothing_before(self, make_signal, cnn_model):
        import dask.array as da

        s = make_signal().as_lazy()

        def fail(block):
            raise RuntimeError("read")

        s.data = da.map_blocks(fail, s.data, dtype="uint8", meta=s.data._meta)
        made = explain_symmetry(s, cnn_model, compute=False, **FAST)
        with pytest.raises(RuntimeError, match="read"):
            made.compute(show_progressbar=False)

    def test_task_is_small_to_send(self, band_model):
        task = _BlockExplainer(
            band_model,
            Question("bravais_lattice"),
            "grad_cam",
            0,
            None,
            64,
            True,
            ((0.0, 1.0), (0.0, 1.0)),
        )
        sent = pickle.dumps(task)
        assert len(sent) < 2000
        assert pickle.loads(sent).question == task.question


@pytest.fixture(scope="module")
def kept(band_model):
    rng = np.random.default_rng(4)
    s = EBSD(rng.integers(0, 255, (3, 4, 24, 30)).astype("uint8"))
    s.detector = EBSDDetector(shape=(24, 30), pc=(0.4, 0.3, 0.6))
    return explain_symmetry(s, band_model, against="tP", **QUIET)


class TestKept:
    """What is known of each pattern follows the maps."""

    @pytest.mark.parametrize("lazy", [False, True])
    def test_saved_and_loaded(self, kept, tmp_path, lazy):
        path = tmp_path / "explanation.hspy"
        kept.save(path)
        loaded = hs.load(path, lazy=lazy)
        assert type(loaded) is (
            LazySymmetryExplanation if lazy else SymmetryExplanation
        )
        assert np.array_equal(loaded.class_id, kept.class_id)
        assert repr(loaded).split(":")[1:] == repr(kept).split(":")[1:]
        if lazy:
            loaded.compute(show_progressbar=False)
        assert np.array_equal(loaded.data, kept.data)
        assert np.array_equal(loaded.bands.lines, kept.bands.lines)

    def test_uncomputed_is_saved(self, signal, band_model, tmp_path):
        lazy = explain_symmetry(signal, band_model, compute=False, **QUIET)
        path = tmp_path / "explanation.hspy"
        lazy.save(path, show_progressbar=False)
        loaded = hs.load(path)
        eager = explain_symmetry(signal, band_model, **QUIET)
        assert_same(loaded.data, eager.data)
        assert_same(loaded.bands.weights, eager.bands.weights)

    def test_inav(self, kept):
        part = kept.inav[1:3, 2]
        assert np.array_equal(part.class_id, kept.class_id[2, 1:3])
        assert np.array_equal(part.bands.lines, kept.bands.lines[2, 1:3])
        one = kept.inav[1, 2]
        assert one.class_id == kept.class_id[2, 1]
        assert one.bands.weights.shape == (8,)

    def test_isig(self, kept):
        part = kept.isig[10:, 5:20]
        assert np.array_equal(part.class_id, kept.class_id)
        assert part.bands.extent == (9.5, 29.5, 4.5, 19.5)

    def test_copies(self, kept):
        assert np.array_equal(kept.deepcopy().class_id, kept.class_id)

    def test_what_no_longer_fits_is_an_error(self, kept):
        transposed = kept.transpose(navigation_axes=[1, 0])
        with pytest.raises(ValueError, match="does not fit the maps"):
            transposed.class_id

    def test_is_in_the_extension(self):
        path = Path(kikuchipy_symml.__file__).parent
        path = path / "hyperspy_extension.yaml"
        signals = yaml.safe_load(path.read_text())["signals"]
        for name, signal in signals.items():
            kind = getattr(kikuchipy_symml, name)
            assert kind._signal_type == signal["signal_type"]
            assert kind.__module__ == signal["module"]
            assert kind._lazy is signal["lazy"]


class TestPlot:
    @pytest.fixture
    def made(self, signal, band_model):
        return explain_symmetry(signal, band_model, **QUIET)

    def test_with_navigator(self, made):
        import matplotlib.pyplot as plt

        made.plot()
        image = made._plot.signal_plot.ax.images[0]
        assert image.norm.vmin == -image.norm.vmax
        made.axes_manager.indices = (2, 1)
        assert image.norm.vmin == -image.norm.vmax
        plt.close("all")

    def test_over_the_pattern(self, made, signal):
        import matplotlib.pyplot as plt

        axes = made.plot_over(signal, (1, 2), n_bands=4)
        k = made.class_id[1, 2]
        p = made.probability[1, 2]
        assert axes.get_title() == f"{made.class_names[k]} {p:.2f}"
        assert len(axes.collections[0].get_segments()) <= 4
        plt.close("all")

    def test_over_a_pattern_that_was_left_out(self, signal, band_model):
        import matplotlib.pyplot as plt

        mask = np.zeros((3, 4), dtype=bool)
        mask[1, 2] = True
        made = explain_symmetry(
            signal, band_model, navigation_mask=mask, **FAST
        )
        axes = made.plot_over(signal, (1, 2))
        assert axes.get_title() == "left out"
        axes.figure.canvas.draw()
        plt.close("all")

    def test_over_another_signal(self, made, signal):
        with pytest.raises(ValueError, match="must be those of the"):
            made.plot_over(signal.isig[:20, :20])

    def test_bands_as_markers(self, made, signal):
        import matplotlib.pyplot as plt

        markers = made.bands.markers(5)
        assert isinstance(markers, Markers)
        signal.plot()
        signal.add_marker(markers)
        for index in ((0, 0), (3, 2)):
            signal.axes_manager.indices = index
            lines, weights = made.bands.segments(index[::-1], 5)
            drawn = signal._plot.signal_plot.ax.collections[-1]
            assert np.allclose(drawn.get_segments(), lines)
            assert np.all(np.diff(np.abs(weights)) >= 0)
        plt.close("all")


def test_bands_are_those_that_were_refined(rng):
    """As all that follows in the network sees them."""
    import keras

    from kikuchipy_symml.classify._saliency import Explainer
    from kikuchipy_symml.models._network import build_network, found_bands

    keras.utils.set_random_seed(2)
    network = build_network(VIEW, **SMALL, extrema=12, refine=4)
    for v in network.get_layer("refined").weights:
        v.assign(rng.normal(size=v.shape))
    views = rng.normal(size=(2, 32, 32, 2)).astype(np.float32)
    views[..., 1] = 1
    of, against = np.zeros((2, 2, 230))
    of[:, :100] = against[:, 100:] = 1
    normals, weights = Explainer(network, VIEW).bands_used(views, of, against)
    found, before = [
        np.asarray(keras.Model(network.input, tensors[0])(views))
        for tensors in (
            found_bands(network),
            network.get_layer("bands").output,
        )
    ]
    assert np.abs(found - before).max() > 1e-3
    np.testing.assert_allclose(normals, found, atol=1e-5)
    assert np.count_nonzero(weights)


class TestErrors:
    @pytest.mark.parametrize(
        "arguments, message",
        [
            ({"of": "cX"}, "'cX' is not one of level 'bravais_lattice'"),
            ({"against": "m-3m"}, "'m-3m' is not one of level"),
            ({"level": "lattice"}, "'lattice' is not one of"),
            ({"of": "cF", "against": "cF"}, "with itself"),
            ({"method": "cam"}, "Method 'cam' is not one of"),
            ({"batch_size": 0}, "batch_size must be"),
            ({"navigation_mask": np.zeros((2, 2), bool)}, "navigation mask"),
            ({"signal_mask": np.zeros((2, 2), bool)}, "signal mask"),
        ],
    )
    def test_wrong_arguments(self, signal, cnn_model, arguments, message):
        with pytest.raises(ValueError, match=message):
            explain_symmetry(signal, cnn_model, **arguments)

    def test_no_signal(self):
        with pytest.raises(TypeError, match="EBSD signal"):
            explain_symmetry(np.zeros((20, 20)))

    def test_default_projection_centre(self, make_signal, cnn_model):
        s = make_signal(pc=(0.5, 0.5, 0.5))
        with pytest.warns(UserWarning, match="never calibrated"):
            explain_symmetry(s, cnn_model, **FAST)

    def test_no_gradients(self, make_signal, tmp_path):
        import keras
        from keras import layers as kl

        network = keras.Sequential(
            [
                keras.Input((32, 32, 2)),
                kl.AveragePooling2D(4),
                kl.GlobalAveragePooling2D(),
                kl.ReLU(threshold=1e4),
                kl.Dense(230, activation="softmax"),
            ]
        )
        model = saved(network, tmp_path / "flat.symml")
        s = make_signal((1, 1, 24, 30))
        for method in ("grad_cam", "integrated_gradients"):
            with pytest.raises(ModelError, match="gradients that are all zer"):
                explain_symmetry(s, model, method=method)
        made = explain_symmetry(s, model, method="occlusion", **QUIET)
        assert np.all(made.data == 0)

    def test_no_spatial_features(self, signal, tmp_path):
        import keras
        from keras import layers as kl

        network = keras.Sequential(
            [
                keras.Input((32, 32, 2)),
                kl.Flatten(),
                kl.Dense(230, activation="softmax"),
            ]
        )
        model = saved(network, tmp_path / "dense.symml")
        with pytest.raises(ModelError, match="have a place in the view"):
            explain_symmetry(signal, model)

    def test_no_bands(self, signal, band_model, cnn_model):
        for model, bands in ((cnn_model, True), (band_model, False)):
            made = explain_symmetry(signal, model, bands=bands, **QUIET)
            with pytest.raises(ValueError, match="There are no bands"):
                made.bands
