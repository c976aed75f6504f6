# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
import pickle
import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from kikuchipy_symml.models import (
    ModelError,
    SymmetryModel,
    _model,
    load_model,
    save_model,
)
from kikuchipy_symml.models._network import build_network
from kikuchipy_symml.pattern import ViewSpec


def counted(monkeypatch, name):
    """Return the list that calls of a function of the module go into."""
    calls = []
    function = getattr(_model, name)

    def call(*args):
        calls.append(args)
        return function(*args)

    monkeypatch.setattr(_model, name, call)
    return calls


@pytest.fixture
def copy(model_file, tmp_path):
    path = tmp_path / "copy.symml"
    shutil.copy(model_file, path)
    return path


@pytest.fixture(scope="module")
def views():
    rng = np.random.default_rng(2)
    views = rng.normal(size=(11, 32, 32, 2)).astype(np.float32)
    views[..., 1] = 1  # All of it was seen
    return views


class TestSaveAndLoad:
    def test_round_trip(self, tmp_path, card, views, make_network):
        network = make_network()
        path = tmp_path / "a.symml"
        saved = save_model(network, card, path)
        loaded = load_model(str(path))
        assert isinstance(loaded, SymmetryModel)
        assert saved is loaded
        assert loaded.card == card
        assert loaded.view == ViewSpec(size=32, background=8.0)
        assert loaded.path == path
        assert loaded.name == "throw-away"
        assert str(path) in repr(loaded)
        np.testing.assert_allclose(
            loaded.predict(views),
            network.predict_on_batch(views),
            rtol=1e-5,
            atol=1e-7,
        )

    def test_own_network(self, tmp_path, card, views):
        from kikuchipy_symml.models._network import build_network

        network = build_network(
            ViewSpec(size=32, background=8.0), width=16, depth=1
        )
        model = save_model(network, card, tmp_path / "a.symml")
        np.testing.assert_allclose(
            model.predict(views),
            network.predict_on_batch(views),
            rtol=1e-3,
            atol=1e-6,
        )

    @pytest.mark.filterwarnings("ignore:This model usually expects")
    def test_network_of_the_seed_paper_may_be_saved(self):
        import keras

        from kikuchipy_symml.models._network_file import (
            check_network,
            write_network,
        )

        network = keras.applications.Xception(
            weights=None, input_shape=(96, 96, 2), classes=230
        )
        check_network(write_network(network), "Xception")

    def test_nothing_else_is_left_in_the_folder(
        self, tmp_path, card, make_network
    ):
        save_model(make_network(), card, tmp_path / "a.symml")
        assert [p.name for p in tmp_path.iterdir()] == ["a.symml"]

    def test_training_state_is_left_out(
        self, tmp_path, card, views, make_network
    ):
        network = make_network()
        network.compile("adam", "categorical_crossentropy")
        network.fit(views, np.eye(230)[:11], verbose=0)
        model = save_model(network, card, tmp_path / "a.symml")
        assert not model.network.compiled
        np.testing.assert_allclose(
            model.predict(views),
            network.predict_on_batch(views),
            rtol=1e-5,
            atol=1e-7,
        )

    def test_replaces_an_existing_file(self, copy, card, views, make_network):
        before = load_model(copy).predict(views)
        after = save_model(make_network(seed=7), card, copy).predict(views)
        assert not np.allclose(before, after)
        np.testing.assert_array_equal(load_model(copy).predict(views), after)

    @pytest.mark.parametrize(
        ["network", "match"],
        [
            (dict(size=40), r"must take .*\(None, 32, 32, 2\).*40"),
            (dict(n_classes=14), r"must give .*\(None, 230\).*14"),
            (dict(activation="relu"), "does not give probabilities"),
        ],
    )
    def test_network_that_does_not_fit(
        self, tmp_path, card, network, match, make_network
    ):
        path = tmp_path / "a.symml"
        with pytest.raises(ModelError, match=match):
            save_model(make_network(**network), card, path)
        assert not path.exists()

    def test_network_with_nan(self, tmp_path, card, make_network):
        network = make_network()
        weights = network.get_weights()
        weights[0][3, 5] = np.nan
        network.set_weights(weights)
        with pytest.raises(ModelError, match="NaN"):
            save_model(network, card, tmp_path / "a.symml")

    def test_network_that_cannot_be_loaded_is_not_saved(
        self, tmp_path, card, make_network
    ):
        import keras

        network = keras.Sequential(
            [make_network(), keras.layers.Lambda(lambda x: x)]
        )
        with pytest.raises(ModelError, match="'Lambda'"):
            save_model(network, card, tmp_path / "a.symml")

    def test_path_without_the_suffix(self, tmp_path, card, make_network):
        with pytest.raises(ModelError, match=r"\.symml.*a\.keras"):
            save_model(make_network(), card, tmp_path / "a.keras")
        with pytest.raises(ModelError, match=r"\.symml.*a\.keras"):
            load_model(tmp_path / "a.keras")

    def test_no_file(self, tmp_path):
        with pytest.raises(FileNotFoundError, match="none.symml"):
            load_model(tmp_path / "none.symml")

    def test_neither_name_nor_path(self):
        with pytest.raises(TypeError, match="None"):
            load_model(None)

    def test_save_a_copy(self, model_file, tmp_path):
        model = load_model(model_file)
        model.save(tmp_path / "b.symml")
        assert (tmp_path / "b.symml").read_bytes() == model_file.read_bytes()
        assert load_model(tmp_path / "b.symml").sha256 == model.sha256

    def test_a_model_is_returned_as_it_is(self, model_file):
        model = load_model(model_file)
        assert load_model(model) is model


class TestPredict:
    def test_batches_change_nothing(self, model_file, views):
        model = load_model(model_file)
        whole = model.predict(views)
        assert whole.shape == (11, 230)
        assert whole.dtype == np.float32
        for batch_size in (1, 4, 11, 100):
            np.testing.assert_allclose(
                model.predict(views, batch_size), whole, rtol=1e-6
            )

    def test_one_trace_whatever_the_number_of_views(self, copy, views):
        model = load_model(copy)
        for n in (1, 2, 5, 11):
            model.predict(views[:n])
        traced = model._loaded().forward.traced
        assert traced.experimental_get_tracing_count() == 1

    def test_compiled_for_a_batch_size(self, card, tmp_path, rng, monkeypatch):
        """XLA compiles once for a batch size, also for threads that predict
        at once, and a batch that is not full gives what a full one does."""
        calls = counted(monkeypatch, "compile_for")
        network = build_network(
            ViewSpec(size=32, background=8.0),
            azimuths=24,
            tilts=16,
            bands=6,
            poles=2,
            width=16,
            pair_width=8,
            angle_bins=8,
            depth=1,
            heads=2,
        )
        model = save_model(network, card, tmp_path / "small.symml")
        views = rng.normal(size=(11, 32, 32, 2)).astype(np.float32)
        views[..., 1] = 1
        expected = model.predict(views)

        def predict(n):
            return model.predict(views[:n], 4, compiled=True)

        numbers = (11, 4, 3, 11)
        with ThreadPoolExecutor(4) as threads:
            for n, found in zip(
                numbers, threads.map(predict, numbers), strict=True
            ):
                np.testing.assert_allclose(found, expected[:n], atol=1e-5)
        assert len(calls) == 1
        assert list(model._loaded().compiled) == [4]
        assert np.abs(np.diff(expected, axis=0)).max() > 1e-4

    def test_networks_of_convolutions_are_not_compiled(
        self, model_file, views
    ):
        model = load_model(model_file)
        found = model.predict(views, 4, compiled=True)
        np.testing.assert_allclose(found, model.predict(views), rtol=1e-6)
        assert not model._loaded().compiled

    def test_no_views(self, model_file):
        views = np.zeros((0, 32, 32, 2))
        assert load_model(model_file).predict(views).shape == (0, 230)

    def test_views_of_another_shape(self, model_file):
        with pytest.raises(ValueError, match=r"\(N, 32, 32, 2\).*\(32, 32"):
            load_model(model_file).predict(np.zeros((32, 32, 2)))

    def test_threads_read_the_network_once(self, copy, views, monkeypatch):
        calls = counted(monkeypatch, "_build")
        model = load_model(copy)
        monkeypatch.setattr(_model, "_NETWORKS", {})
        results = [None] * 4

        def run(i):
            results[i] = load_model(copy).predict(views)

        threads = [threading.Thread(target=run, args=(i,)) for i in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(calls) == 1
        for result in results:
            np.testing.assert_allclose(result, model.predict(views), rtol=1e-6)

    def test_file_changed_after_its_card_was_read(self, copy, views):
        model = load_model(copy)
        copy.write_bytes(copy.read_bytes() + b"more")
        with pytest.raises(ModelError, match="has changed"):
            model.predict(views)

    def test_without_tensorflow_as_backend(
        self, model_file, views, monkeypatch
    ):
        import keras

        model = load_model(model_file)
        expected = model.predict(views)
        monkeypatch.setattr(keras.backend, "backend", lambda: "other")
        monkeypatch.setattr(_model, "_NETWORKS", {})
        assert not hasattr(model._loaded().forward, "traced")
        np.testing.assert_allclose(
            model.predict(views), expected, rtol=1e-4, atol=1e-6
        )


class TestPickle:
    def test_carries_the_path_only(self, model_file):
        model = load_model(model_file)
        data = pickle.dumps(model)
        assert len(data) < 500
        assert str(model_file).encode() in data
        assert pickle.loads(data) is model

    def test_another_process(self, model_file, views):
        folder = model_file.parent
        model = load_model(model_file)
        (folder / "model.pickle").write_bytes(pickle.dumps(model))
        np.save(folder / "views.npy", views)
        code = f"""
import pickle
import numpy as np
with open({str(folder / "model.pickle")!r}, "rb") as file:
    model = pickle.load(file)
assert pickle.loads(pickle.dumps(model)) is model
np.save(
    {str(folder / "result.npy")!r},
    model.predict(np.load({str(folder / "views.npy")!r})),
)
"""
        subprocess.run([sys.executable, "-c", code], check=True)
        np.testing.assert_array_equal(
            np.load(folder / "result.npy"), model.predict(views)
        )

    def test_another_file_at_the_path(
        self, copy, card, monkeypatch, make_network
    ):
        data = pickle.dumps(load_model(copy))
        save_model(make_network(seed=9), card, copy)
        monkeypatch.setattr(_model, "_MODELS", {})
        with pytest.raises(ModelError, match="was pickled with"):
            pickle.loads(data)


def test_card_and_names_need_no_tensorflow(model_file):
    code = f"""
import sys
from kikuchipy_symml.models import list_models, load_model
list_models()
load_model({str(model_file)!r}).card["name"]
assert not {{"tensorflow", "keras"}} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-c", code], check=True)
