# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every test of the package starts from."""

import os

# Before any import: no window for plots, no chatter from TensorFlow.
os.environ.setdefault("MPLBACKEND", "agg")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import shutil
from contextlib import contextmanager
from hashlib import sha1
from importlib.util import find_spec
from pathlib import Path

# Processes that run tests side by side would spoil each other's cache of
# what numba compiles. Each has a cache of its own, and begins with a copy of
# what was compiled beside the source of packages, which saves it a minute.
# Folders of the cache are named by the path of the source, as numba does.
if worker := os.environ.get("PYTEST_XDIST_WORKER"):
    cache = Path(__file__).parent / ".pytest_cache" / "numba" / worker
    os.environ["NUMBA_CACHE_DIR"] = str(cache)
    for package in ("diffsims", "kikuchipy", "kikuchipy_symml", "orix"):
        for root in find_spec(package).submodule_search_locations:
            for compiled in Path(root).rglob("__pycache__/*.nb[ci]"):
                source = compiled.parents[1]
                of_path = sha1(str(source).encode()).hexdigest()
                copied = cache / f"{source.name}_{of_path}" / compiled.name
                if not copied.exists():
                    copied.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy(compiled, copied)

import hypothesis
import numpy as np
import pytest

# The same examples in each run: what fails once, fails again.
hypothesis.settings.register_profile("same", derandomize=True, deadline=None)
hypothesis.settings.load_profile("same")


# Files that take minutes. First, so that none is left for the end, when
# another process has nothing to do.
LONG = (
    "test_small_recipe",
    "test_network",
    "test_fit",
    "test_loop",
    "test_doctests",
    "test_faults",
    "test_auxiliary",
)


def pytest_collection_modifyitems(items):
    def place(item):
        name = item.path.stem
        return LONG.index(name) if name in LONG else len(LONG)

    items.sort(key=place)


@pytest.fixture(scope="session")
def untrained_model(tmp_path_factory) -> Path:
    """File of a small network that tells patterns apart but knows
    nothing.
    """
    import keras

    from kikuchipy_symml.models import make_card, save_model
    from kikuchipy_symml.pattern import ViewSpec

    view = ViewSpec()
    keras.utils.set_random_seed(42)
    network = keras.Sequential(
        [
            keras.layers.Input((view.size, view.size, 2)),
            keras.layers.AveragePooling2D(8),
            keras.layers.Flatten(),
            keras.layers.Dense(230, activation="softmax"),
        ]
    )
    card = make_card("untrained", view, training_set={"patterns": 0})
    path = tmp_path_factory.mktemp("model") / "untrained.symml"
    save_model(network, card, path)
    return path


@pytest.fixture
def rng() -> np.random.Generator:
    """Random numbers that are the same in each run."""
    return np.random.default_rng(42)


@pytest.fixture(scope="session")
def cluster_of():
    """Context of the client of a cluster of so many processes, that
    computes what is computed here."""
    distributed = pytest.importorskip("distributed")

    @contextmanager
    def start(n_workers):
        with (
            distributed.LocalCluster(
                n_workers=n_workers,
                threads_per_worker=1,
                processes=True,
                dashboard_address=None,
            ) as cluster,
            distributed.Client(cluster) as client,
        ):
            yield client

    return start


@pytest.fixture(scope="module")
def cluster_client(cluster_of):
    """Client of a cluster of two processes."""
    with cluster_of(2) as client:
        yield client
