# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
import hashlib
import json
import pickle
import shutil

import pytest

from kikuchipy_symml.models import (
    ModelError,
    _registry,
    list_models,
    load_model,
)


@pytest.fixture
def weights(model_file, tmp_path, monkeypatch):
    """A folder of shipped models with one, named "default"."""
    shutil.copy(model_file, tmp_path / "default.symml")
    sha256 = hashlib.sha256(model_file.read_bytes()).hexdigest()
    registry = {"default": {"file": "default.symml", "sha256": sha256}}
    (tmp_path / "registry.json").write_text(json.dumps(registry))
    monkeypatch.setattr(_registry, "WEIGHTS", tmp_path)
    return tmp_path


def test_names(weights):
    assert list_models() == ("default",)
    model = load_model("default")
    assert model.name == "default"
    assert model.path == weights / "default.symml"


def test_pickled_by_name(weights):
    model = load_model("default")
    data = pickle.dumps(model)
    assert str(weights).encode() not in data
    assert pickle.loads(data) is model


@pytest.mark.parametrize("name", ["Default", "", "other", "../default"])
def test_unknown_name_lists_the_names(weights, name):
    with pytest.raises(ModelError, match=rf"'{name}'.*\['default'\]"):
        load_model(name)


def test_wrong_hash(weights):
    path = weights / "default.symml"
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(ModelError, match="not the file that was shipped"):
        load_model("default")


@pytest.mark.parametrize(
    "text", [None, "{", "[]", '{"a": 1}', '{"a": {"file": "a.symml"}}']
)
def test_damaged_registry(weights, text):
    path = weights / "registry.json"
    path.unlink() if text is None else path.write_text(text)
    with pytest.raises(ModelError, match="registry.json.*damaged"):
        list_models()


def test_what_the_package_ships_is_what_the_registry_says():
    for shipped in _registry.read_registry().values():
        data = shipped.path.read_bytes()
        assert hashlib.sha256(data).hexdigest() == shipped.sha256
