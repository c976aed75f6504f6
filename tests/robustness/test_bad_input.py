# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every kind of bad input gives a clear error, or is not indexed.

One table: what is done, and what must come of it. ``Raises`` is an error
of a type whose message matches, ``NotIndexed`` a result in which exactly
so many points have no phase, with a warning that gives their number.
"""

import io
import json
import re
import shutil
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import dask.array as da
import h5py
import kikuchipy as kp
import numpy as np
import pytest
from kikuchipy.detectors import EBSDDetector
from kikuchipy.signals import EBSD, LazyEBSD
from orix.crystal_map import Phase, PhaseList

from kikuchipy_symml import (
    SymmetryPhaseList,
    classify_symmetry,
    compute_symmetry_results,
    label_grains,
    load_model,
)
from kikuchipy_symml._cli import main
from kikuchipy_symml.models import ModelError, make_card, save_model
from kikuchipy_symml.models._archive import read_archive, write_archive
from kikuchipy_symml.models._model import MEMBERS
from kikuchipy_symml.models._network_file import MEMBERS as NETWORK_MEMBERS
from kikuchipy_symml.pattern import ViewSpec, _blocks, canonical_views

VIEW = ViewSpec(size=16, background=8.0)


@dataclass
class Raises:
    error: type[Exception]
    match: str


@dataclass
class NotIndexed:
    points: int


@dataclass
class Exits:
    status: int
    match: str


@dataclass
class Bench:
    """What the cases of the table work with."""

    folder: Path
    model: Path
    make_signal: Callable
    make_network: Callable
    card: dict
    said: Callable = field(repr=False)

    def signal(self, shape=(2, 3, 24, 30), dtype="uint8", **kwargs) -> EBSD:
        return self.make_signal(shape, dtype, **kwargs)

    def patterns(self, change, dtype="float64") -> EBSD:
        """A signal whose patterns were changed in place."""
        signal = self.signal(dtype=dtype)
        change(signal.data)
        return signal

    def classify(self, signal=None, **arguments) -> SymmetryPhaseList:
        signal = self.signal() if signal is None else signal
        arguments = {"model": self.model, **arguments}
        return classify_symmetry(signal, show_progressbar=False, **arguments)

    def detector(self, **settings) -> SymmetryPhaseList:
        """Classify with a detector that is set up in another way."""
        signal = self.signal()
        for name, value in settings.items():
            setattr(signal.detector, name, value)
        return self.classify(signal)

    def pc_in_one_point(self, pc) -> SymmetryPhaseList:
        pcs = np.full((2, 3, 3), 0.4)
        pcs[1, 2] = pc
        return self.detector(pc=pcs)

    def weights_of(self, value: float) -> Path:
        """A model file with a network of one weight all over."""
        network = self.make_network()
        network.set_weights([np.full(i.shape, value) for i in network.weights])
        path = self.folder / "other.symml"
        save_model(network, self.card, path)
        return path

    def card_with(self, **changes) -> SymmetryPhaseList:
        card = {**self.card, **changes}
        card = {k: v for k, v in card.items() if v is not None}
        return self.member("card.json", json.dumps(card).encode())

    def member(self, name: str, data: bytes | None) -> SymmetryPhaseList:
        """Classify with a model file of which one part is another."""
        members = read_archive(self.model.read_bytes(), MEMBERS, "model")
        members[name] = data
        members = {k: v for k, v in members.items() if v is not None}
        return self.model_file(write_archive(members))

    def weights(self, change) -> SymmetryPhaseList:
        members = read_archive(self.model.read_bytes(), MEMBERS, "model")
        network = read_archive(
            members["network.keras"], NETWORK_MEMBERS, "network"
        )
        buffer = io.BytesIO(network["model.weights.h5"])
        with h5py.File(buffer, "r+") as file:
            change(file)
        network["model.weights.h5"] = buffer.getvalue()
        return self.member("network.keras", write_archive(network))

    def model_file(self, data: bytes) -> SymmetryPhaseList:
        path = self.folder / "bad.symml"
        path.write_bytes(data)
        return self.classify(model=path)

    def scan(self, change=None) -> Path:
        """A scan in a file, whose bytes may be changed."""
        path = self.folder / "scan.h5"
        # The one in kikuchipy's wheel: nine patterns of 60 x 60
        shutil.copy(
            Path(kp.__file__).parent / "data/kikuchipy_h5ebsd/patterns.h5",
            path,
        )
        if change is not None:
            path.write_bytes(change(path.read_bytes()))
        return path

    def command(self, scan, *arguments) -> int:
        return main(
            ["classify", str(scan), "-o", str(self.folder / "out.h5")]
            + ["--model", str(self.model), "--quiet"]
            + list(map(str, arguments))
        )


class FailingFile:
    """Patterns on a drive that goes away after some blocks were read."""

    shape, dtype, ndim = (8, 3, 24, 30), np.dtype("uint8"), 4

    def __init__(self, error: Exception, good_reads: int = 0) -> None:
        self.error, self.good_reads = error, good_reads

    def __getitem__(self, key):
        shape = tuple(
            len(range(*part.indices(n)))
            for part, n in zip(key, self.shape, strict=True)
        )
        # dask asks for nothing to learn the type
        if np.prod(shape):
            self.good_reads -= 1
            if self.good_reads < 0:
                raise self.error
        rng = np.random.default_rng(key[0].start)
        return rng.integers(0, 255, shape, dtype=self.dtype)

    def __repr__(self) -> str:
        return "<a file on a drive>"


def failing(error: Exception, good_reads: int = 0) -> LazyEBSD:
    file = FailingFile(error, good_reads)
    signal = LazyEBSD(da.from_array(file, chunks=(2, 3, 24, 30)))
    signal.detector = EBSDDetector(shape=(24, 30), pc=(0.4, 0.3, 0.6))
    return signal


def compressed_scan(b: Bench) -> Path:
    """A scan in order but for the bytes of one compressed pattern."""
    path = b.scan()
    name = "Scan 1/EBSD/Data/patterns"
    with h5py.File(path, "r+") as file:
        attributes = dict(file[name].attrs)
        patterns = file[name][()]
        del file[name]
        made = file.create_dataset(
            name, data=patterns, compression="gzip", chunks=(1, 60, 60)
        )
        made.attrs.update(attributes)
        chunk = made.id.get_chunk_info(4)
    with open(path, "r+b") as file:
        file.seek(chunk.byte_offset + 100)
        file.write(bytes(500))
    return path


def false(*shape):
    return np.zeros(shape, dtype=bool)


def phases(*arguments) -> PhaseList:
    return PhaseList([Phase(*a) for a in arguments])


def put(value, *points):
    """Return a function that sets patterns or pixels to a value."""

    def change(data):
        for point in points:
            data[point] = value

    return change


def same_names() -> PhaseList:
    candidates = phases(("a", 225), ("b", 229))
    candidates[1].name = candidates[0].name
    return candidates


def nan_rows(b: Bench) -> np.ndarray:
    p = np.full((2, 3, 230), 1 / 230, dtype=np.float32)
    p[0, 1] = 0
    return p


BIG = np.finfo("float64").max
TABLE = {
    # --- What is no scan of patterns
    "array": (
        lambda b: b.classify(np.zeros((2, 3, 24, 30))),
        Raises(TypeError, "EBSD signal, not ndarray"),
    ),
    "no signal": (
        lambda b: classify_symmetry(None),
        Raises(TypeError, "EBSD signal, not NoneType"),
    ),
    "complex": (
        lambda b: b.classify(EBSD(np.zeros((2, 24, 30), complex))),
        Raises((TypeError, ValueError), "complex"),
    ),
    "object": (
        lambda b: b.classify(EBSD(np.full((2, 24, 30), None))),
        Raises(ValueError, "not of data type object"),
    ),
    "bool": (
        lambda b: b.classify(b.signal(dtype="bool")),
        Raises(ValueError, "not of data type bool"),
    ),
    "time": (
        lambda b: b.classify(EBSD(np.zeros((2, 24, 30), "m8[s]"))),
        Raises(ValueError, r"not of data type timedelta64\[s\]"),
    ),
    "no rows": (
        lambda b: b.classify(LazyEBSD(da.zeros((0, 3, 24, 30)))),
        Raises(ValueError, r"no patterns: its shape is \(0, 3, 24, 30\)"),
    ),
    "no columns": (
        lambda b: b.classify(LazyEBSD(da.zeros((3, 0, 24, 30)))),
        Raises(ValueError, r"no patterns: its shape is \(3, 0, 24, 30\)"),
    ),
    "tiny patterns": (
        lambda b: b.classify(b.signal((2, 3, 19, 30))),
        Raises(ValueError, r"\(19, 30\) are too small: at least 20"),
    ),
    "patterns of two pixels": (
        lambda b: b.classify(b.signal((2, 3, 2, 2))),
        Raises(ValueError, r"\(2, 2\) are too small"),
    ),
    "three directions": (
        lambda b: b.classify(EBSD(np.ones((2, 2, 2, 24, 30), "u1"))),
        Raises(ValueError, "at most two navigation dimensions, not 2 and 3"),
    ),
    "transposed": (
        lambda b: b.classify(b.signal().transpose(signal_axes=1)),
        Raises((TypeError, ValueError), "signal dimension|EBSD signal, not"),
    ),
    # --- Patterns with nothing to see
    "one constant": (
        lambda b: b.classify(b.patterns(put(7, (0, 1)))),
        NotIndexed(1),
    ),
    "all black": (
        lambda b: b.classify(b.patterns(put(0, ...), "uint8")),
        NotIndexed(6),
    ),
    "all saturated": (
        lambda b: b.classify(b.patterns(put(65535, ...), "uint16")),
        NotIndexed(6),
    ),
    "NaN in a pixel": (
        lambda b: b.classify(b.patterns(put(np.nan, (1, 2, 5, 5)))),
        NotIndexed(1),
    ),
    "all NaN": (
        lambda b: b.classify(b.patterns(put(np.nan, ...), "float32")),
        NotIndexed(6),
    ),
    "infinite": (
        lambda b: b.classify(
            b.patterns(put(np.inf, (0, 0, 3, 3), (1, 0, 4, 4)), "float16")
        ),
        NotIndexed(2),
    ),
    "minus infinite": (
        lambda b: b.classify(b.patterns(put(-np.inf, (0, 0, 3, 3)))),
        NotIndexed(1),
    ),
    "a range that overflows": (
        lambda b: b.classify(
            b.patterns(
                lambda x: (
                    put(BIG, (0, 0, 3, 3))(x),
                    put(-BIG, (0, 0, 5, 5))(x),
                )
            )
        ),
        NotIndexed(1),
    ),
    "a range that underflows": (
        lambda b: b.classify(
            b.patterns(
                lambda x: (
                    put(0, (0, 0))(x),
                    put(5e-324, (0, 0, 5, 5))(x),
                )
            )
        ),
        NotIndexed(1),
    ),
    "one bright pixel off the view": (
        lambda b: b.classify(
            b.patterns(lambda x: (put(3, (0, 0))(x), put(4, (0, 0, 0, 0))(x))),
            signal_mask=np.eye(24, 30, dtype=bool),
        ),
        NotIndexed(1),
    ),
    "hardly a pixel left": (
        lambda b: b.classify(
            signal_mask=np.arange(720).reshape(24, 30) > 12,
        ),
        NotIndexed(6),
    ),
    "NaN, lazily": (
        lambda b: b.classify(b.patterns(put(np.nan, (1, 1, 0, 0))).as_lazy()),
        NotIndexed(1),
    ),
    "zero rows from a file": (
        lambda b: compute_symmetry_results(
            nan_rows(b), b.signal(), show_progressbar=False
        ),
        NotIndexed(1),
    ),
    # --- Files
    "file that is not there": (
        lambda b: b.command(b.folder / "none.h5"),
        Exits(2, "There is no file '.*none.h5'"),
    ),
    "empty file": (
        lambda b: b.command(b.scan(lambda data: b"")),
        Exits(1, "scan.h5"),
    ),
    "truncated by half": (
        lambda b: b.command(b.scan(lambda data: data[: len(data) // 2])),
        Exits(1, "scan.h5|truncated"),
    ),
    "truncated in the header": (
        lambda b: b.command(b.scan(lambda data: data[:100])),
        Exits(1, "scan.h5"),
    ),
    "text": (
        lambda b: b.command(b.scan(lambda data: b"not HDF5" * 99)),
        Exits(1, "scan.h5"),
    ),
    "header spoiled": (
        lambda b: b.command(b.scan(lambda d: d[:96] + bytes(900) + d[996:])),
        Exits(1, "scan.h5"),
    ),
    "compressed patterns spoiled": (
        lambda b: b.command(compressed_scan(b)),
        Exits(1, r"Patterns \[\d+:\d+\] of .*patterns.* could not be read"),
    ),
    "no such file format": (
        lambda b: b.command(shutil.copy(b.scan(), b.folder / "scan.xyz")),
        Exits(1, "scan.xyz"),
    ),
    "wrong size of a binary file": (
        lambda b: b.command(
            shutil.copy(
                Path(kp.__file__).parent / "data/edax_binary/edax_binary.up1",
                b.folder / "cut.up1",
            )
            and (b.folder / "cut.up1").write_bytes(bytes(50))
            and b.folder / "cut.up1"
        ),
        Exits(1, "cut.up1"),
    ),
    "drive goes away": (
        lambda b: b.classify(failing(OSError("Stale file handle"))),
        Raises(
            OSError,
            r"Patterns \[\d:\d, 0:3\] of <a file on a drive> could not "
            "be read: OSError: Stale file handle",
        ),
    ),
    "drive times out": (
        lambda b: b.classify(failing(TimeoutError("after 30 s"))),
        Raises(OSError, r"\[\d:\d, 0:3\].*TimeoutError: after 30 s"),
    ),
    "reader with a fault": (
        lambda b: b.classify(failing(KeyError("chunk"))),
        Raises(OSError, r"\[\d:\d, 0:3\].*KeyError: 'chunk'"),
    ),
    "drive goes away among grains": (
        lambda b: label_grains(
            failing(OSError("Input/output error")), show_progressbar=False
        ),
        Raises(OSError, r"\[\d:\d, 0:3\].*Input/output error"),
    ),
    # --- Detector
    "no detector": (
        lambda b: b.classify(_without_detector(b.signal())),
        Raises(ValueError, r"no detector.*shape=\(24, 30\)"),
    ),
    "detector of another shape": (
        lambda b: b.detector(shape=(60, 60)),
        Raises(ValueError, r"\(60, 60\) must be .*\(24, 30\)"),
    ),
    "as many projection centres as other scans have": (
        lambda b: b.detector(pc=np.full((3, 2, 3), 0.4)),
        Raises(ValueError, r"navigation shape \(2, 3\), not .*\(3, 2\)"),
    ),
    "PCz of zero": (
        lambda b: b.detector(pc=(0.4, 0.3, 0)),
        Raises(ValueError, r"PCz > 0, not \(0.4, 0.3, 0.0\)"),
    ),
    "PCz negative": (
        lambda b: b.detector(pc=(0.4, 0.3, -0.6)),
        Raises(ValueError, r"PCz > 0, not \(0.4, 0.3, -0.6\)"),
    ),
    "PCx NaN": (
        lambda b: b.detector(pc=(np.nan, 0.3, 0.6)),
        Raises(ValueError, r"finite with PCz > 0, not \(nan, 0.3, 0.6\)"),
    ),
    "PCy infinite": (
        lambda b: b.detector(pc=(0.4, -np.inf, 0.6)),
        Raises(ValueError, r"finite with PCz > 0, not \(0.4, -inf, 0.6\)"),
    ),
    "PC in pixels and micrometres": (
        lambda b: b.detector(pc=(3.4, 112.8, 15000.0)),
        Raises(ValueError, r"not pixels.*not \(3.4, 112.8, 15000.0\)"),
    ),
    "PCz next to nothing": (
        lambda b: b.detector(pc=(0.4, 0.3, 1e-300)),
        Raises(ValueError, r"PCz of 0.001 at least, not \(.*, 1e-300\)"),
    ),
    "PCz negative in one point": (
        lambda b: b.pc_in_one_point((0.4, 0.4, -1)),
        Raises(ValueError, r"-1.0\), which pattern \(1, 2\) has"),
    ),
    "PC in pixels in one point": (
        lambda b: b.pc_in_one_point((320, 240, 0.5)),
        Raises(ValueError, r"320.*which pattern \(1, 2\) has"),
    ),
    "views from PCs out of proportion": (
        lambda b: canonical_views(
            np.ones((1, 24, 30)), [(0.4, 1e30, 0.6)], VIEW
        ),
        Raises(ValueError, r"fractions .*not \[0.4, 1e\+30, 0.6\]"),
    ),
    "tilt beyond a right angle": (
        lambda b: b.detector(tilt=120.0),
        Raises(ValueError, "tilt must be -90 to 90 degrees, not 120.0"),
    ),
    "sample tilt NaN": (
        lambda b: b.detector(sample_tilt=np.nan),
        Raises(ValueError, "sample_tilt must be -90 to 90 degrees, not nan"),
    ),
    "sample tilt in another unit": (
        lambda b: b.detector(sample_tilt=-4200.0),
        Raises(ValueError, "sample_tilt must be .* not -4200.0"),
    ),
    # --- Masks
    "navigation mask of integers": (
        lambda b: b.classify(navigation_mask=np.zeros((2, 3), int)),
        Raises(ValueError, "navigation mask must be a boolean.*int64"),
    ),
    "navigation mask transposed": (
        lambda b: b.classify(navigation_mask=false(3, 2)),
        Raises(ValueError, r"mask's shape \(3, 2\) must be .*\(2, 3\)"),
    ),
    "navigation mask of all": (
        lambda b: b.classify(navigation_mask=~false(2, 3)),
        Raises(ValueError, "navigation mask leaves no pattern"),
    ),
    "navigation mask as a list": (
        lambda b: b.classify(navigation_mask=[[False] * 3] * 2),
        Raises(ValueError, "must be a boolean NumPy array.*not of type list"),
    ),
    "signal mask of floats": (
        lambda b: b.classify(signal_mask=np.zeros((24, 30))),
        Raises(ValueError, "signal mask must be a boolean.*float64"),
    ),
    "signal mask of another shape": (
        lambda b: b.classify(signal_mask=false(30, 24)),
        Raises(ValueError, r"mask's shape \(30, 24\) must be .*\(24, 30\)"),
    ),
    "signal mask of all": (
        lambda b: b.classify(signal_mask=~false(24, 30)),
        Raises(ValueError, "signal mask leaves no pixel"),
    ),
    # --- Numbers and names
    "level": (
        lambda b: b.classify(level="bravais"),
        Raises(ValueError, "'bravais'.*bravais_lattice"),
    ),
    "min_confidence over one": (
        lambda b: b.classify(min_confidence=50),
        Raises(ValueError, "number from 0 to 1, not 50"),
    ),
    "min_confidence NaN": (
        lambda b: b.classify(min_confidence=np.nan),
        Raises(ValueError, "number from 0 to 1, not nan"),
    ),
    "batch_size of zero": (
        lambda b: b.classify(batch_size=0),
        Raises(ValueError, "positive integer or None, not 0"),
    ),
    "batch_size of the network": (
        lambda b: load_model(b.model).predict(
            np.zeros((1, 16, 16, 2)), batch_size=-1
        ),
        Raises(ValueError, "positive integer, not -1"),
    ),
    "views of another size": (
        lambda b: load_model(b.model).predict(np.zeros((1, 32, 32, 2))),
        Raises(ValueError, r"\(N, 16, 16, 2\), not \(1, 32, 32, 2\)"),
    ),
    "views with NaN": (
        lambda b: load_model(b.model).predict(
            np.stack([np.zeros((16, 16, 2)), np.full((16, 16, 2), np.nan)])
        ),
        Raises(ValueError, "View 1 holds NaN or infinite"),
    ),
    "probabilities of another scan": (
        lambda b: compute_symmetry_results(
            np.zeros((5, 5, 230), "f4"), b.signal()
        ),
        Raises(ValueError, r"\(2, 3, 230\), not float32 of shape \(5, 5, 230"),
    ),
    "probabilities that are none": (
        lambda b: compute_symmetry_results(
            np.full((2, 3, 230), 0.5, "f4"), b.signal(), show_progressbar=False
        ),
        Raises(ValueError, r"point \(0, 0\) sum to 115.*expected a sum of 1"),
    ),
    # --- Candidates
    "candidates as a list": (
        lambda b: b.classify(candidates=["Fe", "Ni"]),
        Raises(TypeError, "PhaseList, not list"),
    ),
    "no candidates": (
        lambda b: b.classify(candidates=PhaseList()),
        Raises(ValueError, "no phase"),
    ),
    "candidate without space group": (
        lambda b: b.classify(
            candidates=PhaseList(
                [Phase("Ni", 225), Phase("x", point_group="m-3m")]
            )
        ),
        Raises(ValueError, r"\['x'\] have no space group"),
    ),
    "candidates of one name": (
        lambda b: b.classify(candidates=same_names()),
        Raises(ValueError, "Two candidates have the name 'a'"),
    ),
    "candidates of one space group": (
        lambda b: b.classify(candidates=phases(("Ni", 225), ("Cu", 225))),
        Raises(ValueError, "'Ni' and 'Cu' have the same space group, Fm-3m"),
    ),
    # --- Models
    "model of no name": (
        lambda b: b.classify(model="resnet"),
        Raises(ModelError, "'resnet'.*names are .*default"),
    ),
    "model of a number": (
        lambda b: b.classify(model=3),
        Raises(TypeError, "not by 3"),
    ),
    "no model file": (
        lambda b: b.classify(model=b.folder / "none.symml"),
        Raises(FileNotFoundError, "none.symml"),
    ),
    "model file of another kind": (
        lambda b: b.classify(model=b.folder / "model.h5"),
        Raises(ModelError, r"end with '.symml', not .*model.h5"),
    ),
    "model without card": (
        lambda b: b.member("card.json", None),
        Raises(ModelError, r"bad.symml has no member 'card.json'"),
    ),
    "model without network": (
        lambda b: b.member("network.keras", None),
        Raises(ModelError, r"bad.symml has no member 'network.keras'"),
    ),
    "card is no JSON": (
        lambda b: b.member("card.json", b"{'name'"),
        Raises(ModelError, "card.json in .*bad.symml is not valid JSON"),
    ),
    "card of a later version": (
        lambda b: b.card_with(card_version=2),
        Raises(ModelError, "card_version 2, but .* up to 1: update"),
    ),
    "card without classes": (
        lambda b: b.card_with(classes=None),
        Raises(ModelError, r"lacks \['classes'\]"),
    ),
    "card with another class table": (
        lambda b: b.card_with(
            classes={"level": "space_group", "numbers": [225, 229]}
        ),
        Raises(ModelError, "'classes' must be .*not .*225"),
    ),
    "card with classes of another level": (
        lambda b: b.card_with(
            classes={"level": "laue_group", "numbers": list(range(1, 231))}
        ),
        Raises(ModelError, "'classes' must be .*laue_group"),
    ),
    "card of another preprocessing": (
        lambda b: b.card_with(
            preprocessing={"name": "canonical_views", "version": 99}
        ),
        Raises(ModelError, "'preprocessing' must be .*99"),
    ),
    "card with a huge view": (
        lambda b: b.card_with(input=VIEW.to_dict() | {"size": 10**9}),
        Raises(ModelError, "'size' of 'input' .*1000000000"),
    ),
    "card with an impossible view": (
        lambda b: b.card_with(input=VIEW.to_dict() | {"radius": 500.0}),
        Raises(ModelError, "radius must be 10 to 80 degrees, not 500"),
    ),
    "network of another input shape": (
        lambda b: b.classify(
            model=_unchecked(b, b.make_network(size=32), "shape.symml")
        ),
        Raises(ModelError, r"take arrays of shape \(None, 16, 16, 2\), not"),
    ),
    "weights with NaN": (
        lambda b: b.weights(
            lambda file: put(np.nan, (0, 0))(file["layers/dense/vars/0"])
        ),
        Raises(ModelError, "layers/dense/vars/0' contain NaN"),
    ),
    "network that overflows": (
        lambda b: b.classify(model=b.weights_of(3e38)),
        Raises(ModelError, "other.symml does not give probabilities.*nan"),
    ),
    "model file cut short": (
        lambda b: b.model_file(b.model.read_bytes()[:-100]),
        Raises(ModelError, "bad.symml is not a zip archive|is damaged"),
    ),
    "model file of zeros": (
        lambda b: b.model_file(bytes(1000)),
        Raises(ModelError, "bad.symml is not a zip archive"),
    ),
    "card for another view": (
        lambda b: save_model(
            b.make_network(size=16),
            make_card(
                "x", ViewSpec(size=32, background=8.0), training_set={"n": 1}
            ),
            b.folder / "x.symml",
        ),
        Raises(ModelError, r"take arrays of shape \(None, 32, 32, 2\), not"),
    ),
}


def _without_detector(signal: EBSD) -> EBSD:
    signal._detector = None
    return signal


def _unchecked(b: Bench, network, name: str) -> Path:
    """Write a model file that save_model() would refuse."""
    from kikuchipy_symml.models._network_file import write_network

    members = read_archive(b.model.read_bytes(), MEMBERS, "model")
    members["network.keras"] = write_network(network)
    path = b.folder / name
    path.write_bytes(write_archive(members))
    return path


@pytest.fixture
def bench(tmp_path, model_file, make_signal, make_network, card, capsys):
    return Bench(
        tmp_path,
        model_file,
        make_signal,
        make_network,
        card,
        said=lambda: capsys.readouterr().err,
    )


def test_the_table_is_long_enough():
    assert len(TABLE) >= 60


@pytest.mark.filterwarnings("ignore:overflow encountered:RuntimeWarning")
@pytest.mark.parametrize(["do", "outcome"], TABLE.values(), ids=TABLE)
def test_bad_input(bench, do, outcome):
    if isinstance(outcome, Raises):
        with pytest.raises(outcome.error, match=outcome.match):
            do(bench)
    elif isinstance(outcome, Exits):
        assert do(bench) == outcome.status
        said = bench.said()
        assert re.search(outcome.match, said), said
        assert not (bench.folder / "out.h5").exists()
    else:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            found = do(bench)
        said = [str(w.message) for w in caught]
        n_all = found.phase_id.size
        start = f"{outcome.points} of {n_all} patterns are constant"
        assert [text for text in said if text.startswith(start)], said
        assert np.count_nonzero(found.phase_id == -1) == outcome.points
        assert not found.probabilities[found.phase_id == -1].any()
        assert np.isfinite(found.probabilities).all()


@pytest.mark.parametrize("shape", [(1, 2000, 2000), (1, 20, 2000)])
def test_huge_patterns(model_file, make_signal, shape):
    signal = make_signal(shape)
    phases = classify_symmetry(signal, model_file, show_progressbar=False)
    np.testing.assert_allclose(phases.probabilities.sum(axis=-1), 1, atol=1e-5)


def test_smallest_patterns(model_file, make_signal):
    signal = make_signal((2, 20, 20))
    phases = classify_symmetry(signal, model_file, show_progressbar=False)
    assert (phases.phase_id >= 0).all()


def test_patterns_that_cannot_be_written_to(model_file, make_signal):
    signal = make_signal()
    expected = classify_symmetry(signal, model_file, show_progressbar=False)
    signal.data.setflags(write=False)
    phases = classify_symmetry(signal, model_file, show_progressbar=False)
    np.testing.assert_array_equal(phases.probabilities, expected.probabilities)


def test_finished_blocks_stay_in_a_store(model_file, tmp_path, monkeypatch):
    """What was done before a reader failed is not lost, and only what is
    missing is done again."""
    # Chunks as small as those of this scan are put together otherwise
    monkeypatch.setattr(_blocks, "BLOCK_PATTERNS", 6)
    signal = failing(OSError("Stale file handle"), good_reads=2)
    lazy = classify_symmetry(signal, model_file, compute=False)
    with h5py.File(tmp_path / "store.h5", "w") as file:
        store = file.create_dataset(
            "p", lazy.shape, "f4", chunks=(2, 3, 230), fillvalue=np.nan
        )
        with pytest.raises(OSError, match=r"Patterns \[\d:\d, 0:3\]"):
            da.store(lazy, store, scheduler="synchronous")
        stored = store[()]
    rest = np.isnan(stored).any(axis=-1)
    assert np.count_nonzero(~rest) == 12

    signal = failing(OSError(), good_reads=100)
    again = classify_symmetry(
        signal, model_file, compute=False, navigation_mask=~rest
    )
    stored[rest] = again.compute()[rest]
    phases = compute_symmetry_results(stored, signal, show_progressbar=False)
    expected = classify_symmetry(signal, model_file, show_progressbar=False)
    np.testing.assert_allclose(
        phases.probabilities, expected.probabilities, atol=1e-6
    )
