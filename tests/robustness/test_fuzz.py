# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Model files of strangers. The full number of inputs is a command:
``python tests/robustness/fuzz.py 10000``."""

import importlib.util
import io
import os
import zipfile
from pathlib import Path

import pytest

from kikuchipy_symml.models import ModelError, load_model
from kikuchipy_symml.models._archive import read_archive
from kikuchipy_symml.models._model import MEMBERS

# Beside this file, which no import finds in pytest's importlib mode
_spec = importlib.util.spec_from_file_location(
    "fuzz", Path(__file__).with_name("fuzz.py")
)
fuzz = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(fuzz)

INPUTS = int(os.environ.get("KIKUCHIPY_SYMML_FUZZ", 300))


@pytest.mark.filterwarnings("ignore:Duplicate name:UserWarning")
def test_spoiled_model_files(model_file):
    counts = fuzz.fuzz(model_file.read_bytes(), INPUTS, seed=1, networks=10)
    assert counts.total() == INPUTS
    refused = sum(n for (_, how), n in counts.items() if how == "refused")
    assert refused > INPUTS / 3, fuzz.table_of(counts)
    # Every kind of spoiling is found out at least at times
    assert len({kind for kind, how in counts if how == "refused"}) == 7


@pytest.mark.parametrize(
    "method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA], ids=["bzip2", "lzma"]
)
def test_methods_that_unpack_without_bounds(model_file, tmp_path, method):
    """A declared size does not stop Python from unpacking more of these:
    here 20 MiB from a few kilobytes that claim to be two bytes."""
    members = read_archive(model_file.read_bytes(), MEMBERS, "the model")
    bomb = bytes(20 * 2**20)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("network.keras", members["network.keras"])
        archive.writestr(zipfile.ZipInfo("card.json"), bomb, method)
    data = buffer.getvalue()
    assert len(data) < 200_000
    size = len(bomb).to_bytes(4, "little")
    data = data.replace(size, (2).to_bytes(4, "little"))
    path = tmp_path / "bomb.symml"
    path.write_bytes(data)
    with pytest.raises(ModelError, match=f"packed by method {method}"):
        load_model(path)


def test_directory_of_very_many_entries(tmp_path):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for i in range(1000):
            archive.writestr(str(i), b"")
    path = tmp_path / "many.symml"
    path.write_bytes(buffer.getvalue())
    with pytest.raises(ModelError, match="1000 directory entries, more than"):
        load_model(path)
