# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Feed the loader of model files with spoiled ones.

    python tests/robustness/fuzz.py 10000

prints how many inputs of each kind there were and what came of them. An
input is held if it is refused by a ModelError, or loads as a model that
works. Anything else stops the run: another error, a file left behind, or
an attempt to start a program, unpickle, connect, or write elsewhere.
"""

import argparse
import io
import json
import random
import sys
import tempfile
import time
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np

from kikuchipy_symml.models import ModelError, _model, load_model
from kikuchipy_symml.models._archive import read_archive, write_archive
from kikuchipy_symml.models._model import MEMBERS
from kikuchipy_symml.models._network_file import MEMBERS as NETWORK_MEMBERS

SECONDS = 60
NAMES = [
    "../../evil",
    "/etc/passwd",
    "..\\evil",
    "C:\\evil",
    "card.json/",
    "network.keras\0",
    "./card.json",
    "",
    "ｃard.json",
    "a" * 5000,
]
VALUES = [
    None,
    True,
    0,
    -1,
    2**31,
    2**64,
    10**400,
    1e308,
    -0.5,
    float("nan"),
    float("inf"),
    "",
    "\0",
    "../../evil",
    "Lambda",
    "__lambda__",
    "os",
    "builtins",
    "eval",
    "keras.src.utils.file_utils",
    "get_file",
    "kikuchipy_symml>NoSuchLayer",
    "é" * 1000,
    [],
    {},
    [[[[]]]],
    {"class_name": "Lambda", "config": {"function": "os.system"}},
    {"class_name": "__lambda__", "config": {"value": "print(1)"}},
    {"module": "os", "class_name": "function", "config": "system"},
]
# What no loader of arrays has to do
FORBIDDEN = (
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "subprocess.Popen",
    "pickle.find_class",
    "socket.connect",
    "urllib.Request",
    "shutil.unpack_archive",
)


class Watch:
    """Notes what Python does that a loader should not."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.on = False
        sys.addaudithook(self._hook)

    def _hook(self, event: str, args: tuple) -> None:
        if not self.on:
            return
        writes = event == "open" and set(str(args[1])) & set("wax+")
        if event in FORBIDDEN or writes:
            self.seen.append(f"{event}{args!r:.200}")


def spoil_bytes(data: bytes, rng: random.Random) -> bytes:
    """Return bytes with a few changes anywhere."""
    data = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 5, 30])):
        if not data:
            break
        i = rng.randrange(len(data))
        n = rng.choice([1, 1, 2, 4, 8, 100])
        kind = rng.randrange(6)
        if kind == 0:
            data[i] ^= 1 << rng.randrange(8)
        elif kind == 1:
            data[i : i + n] = rng.randbytes(n)
        elif kind == 2:
            data[i : i + n] = rng.choice([b"\0", b"\xff"]) * n
        elif kind == 3:
            del data[i : i + n]
        elif kind == 4:
            data[i:i] = data[i : i + n]
        elif rng.random() < 0.2:
            del data[i:]
    return bytes(data)


def spoil_json(data: bytes, rng: random.Random) -> bytes:
    """Return JSON in which a few values or keys are others."""
    if rng.random() < 0.15:
        return spoil_bytes(data, rng)
    tree = json.loads(data)
    for _ in range(rng.choice([1, 1, 1, 2, 4])):
        places = list(_places(tree))
        if not places:
            break
        parent, key = rng.choice(places)
        kind = rng.randrange(4)
        if kind == 0:
            del parent[key]
        elif kind == 1 and isinstance(parent, dict):
            parent[rng.choice(["x", "class_name", "module"])] = parent[key]
        elif kind == 2:
            # From elsewhere in the tree
            other, name = rng.choice(places)
            if name in other if isinstance(other, dict) else True:
                parent[key] = json.loads(json.dumps(other[name]))
        else:
            parent[key] = rng.choice(VALUES)
    return json.dumps(tree).encode()


def _places(tree):
    keys = tree if isinstance(tree, dict) else range(len(tree))
    for key in list(keys):
        yield tree, key
        if isinstance(tree[key], dict | list):
            yield from _places(tree[key])


def spoil_zip(members: dict[str, bytes], rng: random.Random) -> bytes:
    """Return an archive of other names, methods, sizes or order."""
    members = list(members.items())
    kind = rng.randrange(5)
    i = rng.randrange(len(members))
    method = zipfile.ZIP_DEFLATED
    if kind == 0:
        members.append((rng.choice(NAMES), rng.randbytes(20)))
    elif kind == 1:
        members[i] = (rng.choice(NAMES), members[i][1])
    elif kind == 2:
        members *= rng.choice([2, 50])
    elif kind == 3:
        method = rng.choice(
            [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, zipfile.ZIP_STORED]
        )
    else:
        members[i] = (members[i][0], bytes(rng.choice([0, 2**20, 9 * 2**20])))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, data in members:
            archive.writestr(zipfile.ZipInfo(name), data, method)
    data = bytearray(buffer.getvalue())
    if rng.random() < 0.5:
        # A header that says something else than there is
        start = data.find(rng.choice([b"PK\x01\x02", b"PK\x05\x06"]))
        i = start + 4 + rng.randrange(38)
        data[i % len(data)] = rng.randrange(256)
    return bytes(data)


def inputs(good: bytes, rng: random.Random):
    """Yield kinds and spoiled model files without end."""
    members = read_archive(good, MEMBERS, "the model")
    network = read_archive(
        members["network.keras"], NETWORK_MEMBERS, "the network"
    )

    def with_network(name: str, data: bytes) -> bytes:
        spoiled = write_archive({**network, name: data})
        return write_archive({**members, "network.keras": spoiled})

    kinds = {
        "bytes of the file": lambda: spoil_bytes(good, rng),
        "archive": lambda: spoil_zip(members, rng),
        "card": lambda: write_archive(
            {**members, "card.json": spoil_json(members["card.json"], rng)}
        ),
        "bytes of the network": lambda: write_archive(
            {
                **members,
                "network.keras": spoil_bytes(members["network.keras"], rng),
            }
        ),
        "archive of the network": lambda: write_archive(
            {**members, "network.keras": spoil_zip(network, rng)}
        ),
        "layers": lambda: with_network(
            "config.json", spoil_json(network["config.json"], rng)
        ),
        "weights": lambda: with_network(
            "model.weights.h5", spoil_bytes(network["model.weights.h5"], rng)
        ),
    }
    while True:
        kind = rng.choice(list(kinds))
        yield kind, kinds[kind]()


def fuzz(good: bytes, n: int, seed: int, networks: int) -> Counter:
    """Load n spoiled files, and build up to so many of the networks that
    their files were let through with.

    Returns
    -------
    counts
        Number of inputs by kind and what came of them.
    """
    rng = random.Random(seed)
    watch = Watch()
    counts = Counter()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "spoiled.symml"
        for i, (kind, data) in zip(range(n), inputs(good, rng), strict=False):
            path.write_bytes(data)
            where = f"input {i} of seed {seed} ({kind})"
            start = time.monotonic()
            try:
                watch.on = True
                model = load_model(path)
                outcome = "let through"
            except ModelError:
                outcome = "refused"
            except Exception as e:
                raise AssertionError(f"{where}: {e!r}") from e
            finally:
                watch.on = False
            if outcome == "let through" and networks > 0:
                networks -= 1
                outcome = _build(model, where)
            if watch.seen:
                raise AssertionError(f"{where}: {watch.seen}")
            if time.monotonic() - start > SECONDS:
                raise AssertionError(f"{where} took over {SECONDS} s")
            if len(list(Path(folder).iterdir())) != 1:
                raise AssertionError(f"{where} left files behind")
            counts[kind, outcome] += 1
            _model._MODELS.clear()
            _model._NETWORKS.clear()
    return counts


def _build(model, where: str) -> str:
    size = model.view.size
    views = np.random.default_rng(0).normal(size=(2, size, size, 2))
    views[..., 1] = 1
    try:
        total = model.predict(views).sum(axis=1)
    except ModelError:
        return "refused when built"
    except Exception as e:
        raise AssertionError(f"{where}: {e!r}") from e
    if not np.allclose(total, 1, atol=1e-2):
        raise AssertionError(f"{where} gives sums of {total}")
    return "works"


def table_of(counts: Counter) -> str:
    """Return the counts as lines of text."""
    lines = [f"{kind}: {n} {o}" for (kind, o), n in sorted(counts.items())]
    outcomes = Counter()
    for (_, outcome), n in counts.items():
        outcomes[outcome] += n
    parts = ", ".join(f"{n} {outcome}" for outcome, n in outcomes.items())
    return "\n".join([*lines, f"all: {counts.total()} inputs, {parts}"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("inputs", type=int, nargs="?", default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--networks",
        type=int,
        default=200,
        help="build so many of the networks that are let through",
    )
    parser.add_argument(
        "--model", type=Path, help="file to spoil (default: a tiny one)"
    )
    args = parser.parse_args()
    if args.model is None:
        good = _tiny_model()
    else:
        good = args.model.read_bytes()
    counts = fuzz(good, args.inputs, args.seed, args.networks)
    print(table_of(counts))


def _tiny_model() -> bytes:
    import keras

    from kikuchipy_symml.models import make_card, save_model
    from kikuchipy_symml.pattern import ViewSpec

    view = ViewSpec(size=16, background=8.0)
    network = keras.Sequential(
        [
            keras.Input((view.size, view.size, 2)),
            keras.layers.AveragePooling2D(4),
            keras.layers.Flatten(),
            keras.layers.Dense(230, activation="softmax"),
        ]
    )
    card = make_card("tiny", view, training_set={"crystals": 0})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tiny.symml"
        save_model(network, card, path)
        return path.read_bytes()


if __name__ == "__main__":
    main()
