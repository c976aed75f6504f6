# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Model files that are damaged, foreign, or up to no good."""

import io
import json
import zipfile

import h5py
import numpy as np
import pytest

from kikuchipy_symml.models import ModelError, load_model
from kikuchipy_symml.models._archive import read_archive, write_archive
from kikuchipy_symml.models._model import MEMBERS
from kikuchipy_symml.models._network_file import MEMBERS as NETWORK_MEMBERS


@pytest.fixture
def members(model_file):
    return read_archive(model_file.read_bytes(), MEMBERS, "the file")


@pytest.fixture
def refused(tmp_path):
    """Assert that bytes, or the archive of members, are refused."""

    def check(content, match):
        path = tmp_path / "bad.symml"
        if isinstance(content, dict):
            content = write_archive(content)
        path.write_bytes(content)
        with pytest.raises(ModelError, match=match) as error:
            load_model(path)
        assert str(path) in str(error.value)

    return check


@pytest.fixture
def edit_network(members):
    """Return model members after a change of the Keras file's members."""

    def edit(change):
        network = read_archive(
            members["network.keras"], NETWORK_MEMBERS, "the network"
        )
        change(network)
        return {**members, "network.keras": write_archive(network)}

    return edit


@pytest.fixture
def edit_config(edit_network):
    def edit(change):
        def change_network(network):
            config = json.loads(network["config.json"])
            network["config.json"] = json.dumps(change(config)).encode()

        return edit_network(change_network)

    return edit


@pytest.fixture
def edit_weights(edit_network):
    def edit(change):
        def change_network(network):
            buffer = io.BytesIO(network["model.weights.h5"])
            with h5py.File(buffer, "r+") as file:
                change(file)
            network["model.weights.h5"] = buffer.getvalue()

        return edit_network(change_network)

    return edit


class TestArchive:
    def test_unchanged_file_loads(self, members, tmp_path):
        path = tmp_path / "good.symml"
        path.write_bytes(write_archive(members))
        assert load_model(path).predict(np.zeros((1, 32, 32, 2))).any()

    @pytest.mark.parametrize("content", [b"", b"PK", b"\x89HDF" + bytes(99)])
    def test_not_a_zip(self, refused, content):
        refused(content, "not a zip archive")

    def test_cut_short(self, refused, model_file):
        data = model_file.read_bytes()
        for n in (10, len(data) // 2, len(data) - 1):
            refused(data[:n], "not a zip archive|damaged")

    def test_flipped_bytes(self, refused, model_file):
        data = bytearray(model_file.read_bytes())
        middle = len(data) // 2
        data[middle : middle + 8] = bytes(255 - b for b in data[middle:][:8])
        refused(bytes(data), "damaged")

    @pytest.mark.parametrize("name", list(MEMBERS))
    def test_missing_member(self, refused, members, name):
        del members[name]
        refused(members, f"no member '{name}'")

    @pytest.mark.parametrize("name", ["notes.txt", "../../.profile", "/etc/x"])
    def test_extra_member(self, refused, members, name):
        refused({**members, name: b""}, "exactly")

    def test_same_name_twice(self, refused, members):
        buffer = io.BytesIO(write_archive(members))
        with zipfile.ZipFile(buffer, "a") as archive:
            with pytest.warns(UserWarning, match="Duplicate"):
                archive.writestr("card.json", b"{}")
        refused(buffer.getvalue(), "exactly")

    def test_bomb(self, refused, members):
        members["card.json"] = bytes(17 * 2**20)
        data = write_archive(members)
        assert len(data) < 2**20
        refused(data, "declares 17825792 bytes for 'card.json'")

    def test_declared_size_is_too_small(self, refused, members):
        members["card.json"] = b"{}" + b" " * 10_000
        data = write_archive(members)
        # The uncompressed size, in the local header and the directory.
        size = (10_002).to_bytes(4, "little")
        assert data.count(size) == 2
        refused(data.replace(size, (2).to_bytes(4, "little")), "damaged")

    def test_encrypted(self, refused, members):
        data = bytearray(write_archive(members))
        data[data.index(b"PK\x01\x02") + 8] |= 1
        data[data.index(b"PK\x03\x04") + 6] |= 1
        refused(bytes(data), "damaged: .*encrypted")

    def test_bomb_in_the_network(self, refused, edit_network):
        def swell(network):
            network["metadata.json"] = bytes(2 * 2**20)

        refused(edit_network(swell), "declares .* 'metadata.json'")

    def test_file_too_large(self, refused, monkeypatch):
        monkeypatch.setitem(MEMBERS, "network.keras", 10)
        monkeypatch.setitem(MEMBERS, "card.json", 10)
        refused(bytes(2**20 + 100), "larger than")


class TestNetworkConfig:
    def test_written_without_defaults(self, members):
        """An argument that is not given is not written either: the oldest
        version of Keras may not know it."""
        network = read_archive(
            members["network.keras"], NETWORK_MEMBERS, "the network"
        )
        stack, n_objects = [json.loads(network["config.json"])], 0
        while stack:
            value = stack.pop()
            if isinstance(value, list):
                stack.extend(value)
            elif isinstance(value, dict):
                if (value.get("module") or "").startswith("keras."):
                    n_objects += 1
                    assert None not in value["config"].values()
                stack.extend(value.values())
        assert n_objects > 5

    def test_assets(self, refused, edit_network):
        refused(edit_network(lambda n: n.update({"assets/x": b""})), "exactly")

    def test_not_json(self, refused, edit_network):
        change = {"config.json": b"{"}
        refused(edit_network(lambda n: n.update(change)), "config.json")

    def test_deep_json(self, refused, edit_network):
        change = {"config.json": b"[" * 100_000}
        refused(edit_network(lambda n: n.update(change)), "config.json")

    @pytest.mark.parametrize("config", [None, [], {"class_name": "Dense"}])
    def test_no_network(self, refused, edit_config, config):
        refused(edit_config(lambda _: config), "functional or sequential")

    @pytest.mark.parametrize(
        ["module", "name", "registered"],
        [
            ("keras.layers", "Lambda", None),
            ("keras.layers", "TFSMLayer", None),
            ("keras.layers", "TorchModuleWrapper", None),
            ("keras.layers", "StringLookup", None),
            ("keras.layers", "Lambda", "kikuchipy_symml>Lambda"),
            ("keras.utils", "get_file", None),
            ("keras.models", "load_model", None),
            ("os", "system", None),
            ("os", "system", "kikuchipy_symml>system"),
            (None, "__lambda__", None),
            (None, "__typespec__", None),
            ("keras.src.ops.core", "Map", None),
            ("keras", ["Dense"], None),
        ],
    )
    def test_part_that_is_not_allowed(
        self, refused, edit_config, module, name, registered
    ):
        part = {
            "module": module,
            "class_name": name,
            "registered_name": registered,
            "config": {},
        }

        def as_layer(config):
            config["config"]["layers"].append(part)
            return config

        def as_activation(config):
            config["config"]["layers"][-1]["config"]["activation"] = part
            return config

        for change in (as_layer, as_activation):
            refused(edit_config(change), "not among the layers")

    def test_function_from_elsewhere(self, refused, edit_config):
        def change(config):
            config["config"]["layers"][-1]["config"]["activation"] = {
                "module": "os",
                "class_name": "function",
                "config": "system",
                "registered_name": "system",
            }
            return config

        refused(edit_config(change), "'function' from the module 'os'")

    def test_own_layer_that_does_not_exist(self, edit_config, tmp_path):
        def change(config):
            layers = config["config"]["layers"]
            layers[1] |= {
                "module": "kikuchipy_symml.models.layers",
                "class_name": "NoSuchLayer",
                "registered_name": "kikuchipy_symml>NoSuchLayer",
            }
            return config

        path = tmp_path / "bad.symml"
        path.write_bytes(write_archive(edit_config(change)))
        with pytest.raises(ModelError, match="NoSuchLayer"):
            load_model(path).network

    def test_training_state(self, refused, edit_config):
        refused(
            edit_config(lambda c: {**c, "compile_config": {"loss": "mse"}}),
            "training state",
        )

    @pytest.mark.parametrize("units", [10**12, 1e300, float("inf")])
    def test_asks_for_all_of_the_memory(self, refused, edit_config, units):
        def change(config):
            config["config"]["layers"][-1]["config"]["units"] = units
            return config

        refused(edit_config(change), "'units'")

    def test_config_does_not_fit_the_weights(self, edit_config, tmp_path):
        def change(config):
            pooling = config["config"]["layers"][1]["config"]
            pooling |= {"pool_size": [4, 4], "strides": [4, 4]}
            return config

        path = tmp_path / "bad.symml"
        path.write_bytes(write_archive(edit_config(change)))
        with pytest.raises(ModelError, match="bad.symml cannot be read"):
            load_model(path).network


class TestWeights:
    KERNEL = "layers/dense/vars/0"

    def test_not_hdf5(self, refused, edit_network):
        change = {"model.weights.h5": b"no"}
        refused(edit_network(lambda n: n.update(change)), "weights.h5")

    @pytest.mark.parametrize("value", [np.nan, np.inf])
    def test_not_finite(self, refused, edit_weights, value):
        def change(file):
            file[self.KERNEL][0, 0] = value

        refused(edit_weights(change), f"{self.KERNEL}.*NaN or infinite")

    def test_text(self, refused, edit_weights):
        def change(file):
            file["text"] = ["a"]

        refused(edit_weights(change), "'/text' are not numbers")

    @pytest.mark.parametrize(
        "link", [h5py.SoftLink("/x"), h5py.ExternalLink("/etc/passwd", "/")]
    )
    def test_link(self, refused, edit_weights, link):
        def change(file):
            file["away"] = link

        refused(edit_weights(change), "link, 'away'")

    def test_external_data(self, refused, edit_weights, tmp_path):
        def change(file):
            file.create_dataset(
                "x", (4,), "u1", external=[("/etc/passwd", 0, 4)]
            )

        refused(edit_weights(change), "'/x' refer to another file")

    def test_virtual_data(self, refused, edit_weights):
        def change(file):
            layout = h5py.VirtualLayout((4,), "u1")
            layout[:] = h5py.VirtualSource("/etc/passwd", "x", (4,))
            file.create_virtual_dataset("x", layout)

        refused(edit_weights(change), "'/x' refer to another file")

    def test_bomb(self, refused, edit_weights):
        def change(file):
            file.create_dataset("x", (2**40,), "f4", chunks=(2**20,))

        refused(edit_weights(change), "declare more than")

    def test_loop(self, refused, edit_weights):
        def change(file):
            file["layers/again"] = file["layers"]

        refused(edit_weights(change), "loop")
