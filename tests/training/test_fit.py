# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
import dask.array as da
import kikuchipy as kp
import numpy as np
import pytest
import tensorflow as tf
from kikuchipy.detectors import EBSDDetector
from kikuchipy.signals import EBSD, EBSDMasterPattern
from orix.crystal_map import Phase
from orix.quaternion import Rotation

import kikuchipy_symml  # noqa: F401
from kikuchipy_symml.crystals import Crystal
from kikuchipy_symml.models import ModelError, save_model
from kikuchipy_symml.pattern import ViewSpec
from kikuchipy_symml.simulation import band_profiles, master_from_bands
from kikuchipy_symml.symmetry import class_index, class_names
from kikuchipy_symml.training import _fit, _fit_checks, _scans, _split, fit

VIEW = ViewSpec(size=32, background=8.0)
SHAPE = (24, 26)
CF = class_names("bravais_lattice").index("cF")
CI = class_names("bravais_lattice").index("cI")


@pytest.fixture(scope="module")
def masters():
    """A dynamical master pattern of nickel, and one of ferrite."""
    nickel = kp.data.nickel_ebsd_master_pattern_small(projection="lambert")
    ferrite = Crystal(
        name="Fe",
        space_group=229,
        cell=(2.866, 2.866, 2.866, 90, 90, 90),
        elements=("Fe", "Fe"),
        positions=np.array([[0, 0, 0], [0.5, 0.5, 0.5]]),
        occupancies=np.ones(2),
        u_iso=np.full(2, 0.004),
    )
    half = master_from_bands(band_profiles(ferrite), 101)[0]
    phase = Phase("ferrite", space_group=229)
    return {
        "cF": nickel,
        "cI": EBSDMasterPattern(
            half, projection="lambert", hemisphere="upper", phase=phase
        ),
    }


@pytest.fixture(scope="module")
def make_scan(masters):
    rng = np.random.default_rng(7)

    def make(name, shape):
        q = rng.normal(size=(*shape, 4))
        rotations = Rotation(q / np.linalg.norm(q, axis=-1, keepdims=True))
        detector = EBSDDetector(shape=SHAPE, pc=(0.48, 0.3, 0.55))
        patterns = masters[name].get_patterns(
            rotations, detector, dtype_out="float32", show_progressbar=False
        )
        return EBSD(
            patterns.data.reshape(*shape, *SHAPE), detector=detector.deepcopy()
        )

    return make


@pytest.fixture(scope="module")
def scans(make_scan):
    return [make_scan("cF", (11, 4)), make_scan("cI", (4, 10))]


@pytest.fixture(scope="module")
def settings(tiny):
    return {
        "start_from": None,
        "view": VIEW,
        "network_settings": {
            k: v
            for k, v in tiny["network"].items()
            if k
            not in ("extrema", "refine", "lattices", "reader", "superlattices")
        },
        "batch_size": 16,
        "show_progressbar": False,
    }


@pytest.fixture(scope="module")
def fitted(scans, settings, tmp_path_factory):
    """A model fitted to two scans, held out by region."""
    path = tmp_path_factory.mktemp("fitted") / "mine.symml"
    return fit(
        scans,
        ["cF", "cI"],
        split="region",
        epochs=8,
        learning_rate=5e-3,
        path=path,
        **settings,
    )


# ------------------------------------------------------------ the training


def test_learns_and_classifies(fitted, scans):
    history = fitted.card["training_set"]["history"]
    assert len(history) == 8
    # Of an even guess at 230 space groups, 11 are of cF and 10 of cI.
    assert history[-1]["loss"] < 0.5 * history[0]["loss"]
    for signal in scans:
        phases = signal.classify_symmetry(
            model=str(fitted.path), show_progressbar=False
        )
        pair = phases.probabilities[..., [CF, CI]].sum(axis=-1)
        # So few steps learn which classes there are: 0.09 at first.
        assert pair.mean() > 0.3


def test_card(fitted):
    card = fitted.card
    assert card["name"] == "mine" and fitted.view == VIEW
    assert "bravais_lattice" in card["description"]
    about = card["training_set"]
    assert about["split"] == "region" and about["start_from"] is None
    assert about["levels_trained"] == ["bravais_lattice"]
    scores = card["scores"]["held_out"]
    held_out = sum(scan["held_out"] for scan in about["scans"])
    assert held_out == sum(scores["classes"].values())
    assert scores["bravais_lattice"]["patterns"] == held_out > 0
    assert scores["bravais_lattice"]["classes"] == 2
    trained = sum(scan["trained"] for scan in about["scans"])
    assert trained == sum(about["classes"].values())
    # The lines between are in neither part.
    assert trained + held_out < 84


def test_same_seed_lazy(scans, settings, fitted, tmp_path, without_xla):
    """Lazily and in memory the same; going on changes no other model."""
    weights = fitted.network.get_weights()
    results = []
    for signals in (scans, [scan.as_lazy() for scan in scans]):
        model = fit(
            signals,
            [np.full((11, 4), "cF"), np.full((4, 10), CI)],
            split="region",
            epochs=1,
            seed=3,
            start_from=fitted,
            batch_size=16,
            show_progressbar=False,
            path=tmp_path / f"{len(results)}.symml",
        )
        results.append(model)
    one, other = (m.card["training_set"] for m in results)
    assert one["scans"] == other["scans"] and one["learning_rate"] == 1e-4
    assert one["start_from"] == {"name": "mine", "sha256": fitted.sha256}
    a, b = (m.network.get_weights() for m in results)
    # Other batches would give another loss.
    losses = [i["history"][0]["loss"] for i in (one, other)]
    assert losses[0] == pytest.approx(losses[1], abs=2e-4)
    for x, y in zip(a, b, strict=True):
        assert np.mean(np.abs(x - y)) < 2e-5
    assert any(np.any(x != y) for x, y in zip(a, weights, strict=True))
    for x, y in zip(weights, fitted.network.get_weights(), strict=True):
        np.testing.assert_array_equal(x, y)


@pytest.fixture
def without_graphs():
    """Have TensorFlow compute step by step: to trace a deep network takes a
    minute, and a few steps take seconds."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.mark.parametrize(["name", "size"], [("resnet50", 32)])
def test_seed_network(name, size, scans, tmp_path, without_graphs):
    model = fit(
        scans,
        ["Fm-3m", "Im-3m"],
        level="space_group",
        network=name,
        size=size,
        view=VIEW,
        split="region",
        epochs=1,
        show_progressbar=False,
        path=tmp_path / "seed.symml",
    )
    assert len(model.card["training_set"]["levels_trained"]) == 5
    phases = scans[0].classify_symmetry(
        model=model.path, level="space_group", show_progressbar=False
    )
    assert phases.probabilities.shape == (11, 4, 230)


def test_xception_is_a_model_file(tmp_path, rng):
    from kikuchipy_symml.models import make_card
    from kikuchipy_symml.models._seed import build_seed_network

    network = build_seed_network("xception", VIEW, 71)
    card = make_card("x", VIEW, training_set={"patterns": 0})
    model = save_model(network, card, tmp_path / "x.symml")
    views = rng.normal(size=(2, 32, 32, 2)).astype(np.float32)
    expected = model.predict(views)
    views[..., 1] = 0
    np.testing.assert_array_equal(model.predict(views), expected)


def test_unusable_patterns_are_left_out(scans, settings, tmp_path):
    damaged = [scan.deepcopy() for scan in scans]
    for scan in damaged:
        scan.data[:, 0] = 0
    with pytest.warns(UserWarning, match=r"\d+ of \d+ patterns to train on"):
        model = fit(
            damaged,
            ["cF", "cI"],
            split="region",
            epochs=1,
            path=tmp_path / "a.symml",
            **settings,
        )
    about, scores = model.card["training_set"], model.card["scores"]
    held_out = sum(scan["held_out"] for scan in about["scans"])
    assert scores["held_out"]["bravais_lattice"]["patterns"] < held_out
    assert np.isfinite(about["history"][0]["loss"])


# --------------------------------------------------------------- the split


def scan_of(classes, chunks="auto"):
    """A scan of which only the labels matter."""
    classes = np.asarray(classes)
    lines = np.indices(classes.shape)[int(np.argmax(classes.shape))]
    number = np.arange(classes.size, dtype=float).reshape(classes.shape)
    patterns = np.broadcast_to(number[..., None, None], (*classes.shape, 2, 2))
    return _scans.Scan(
        da.from_array(patterns, chunks=chunks),
        np.array([0.5, 0.3, 0.6]),
        classes.ravel(),
        lines.ravel(),
    )


@pytest.mark.parametrize("seed", range(5))
def test_split_by_region(seed):
    shape = (50, 7)
    scans = [scan_of(np.zeros(shape, int)), scan_of(np.ones(shape, int).T)]
    train, held = _split.split_groups(
        scans, "region", 0.2, np.random.default_rng(seed)
    )
    for i, s in enumerate((shape, shape[::-1])):
        t, h = train[i].reshape(s), held[i].reshape(s)
        if i == 1:
            t, h = t.T, h.T
        # Whole lines, and none of both parts beside each other.
        assert np.all(t == t[:, :1]) and np.all(h == h[:, :1])
        t, h = t[:, 0], h[:, 0]
        assert not np.any(t & h) and not np.any(t[1:] & h[:-1])
        assert not np.any(t[:-1] & h[1:])
        assert h.mean() == pytest.approx(0.2)
        assert t.mean() >= 0.7


@pytest.mark.parametrize("seed", range(5))
def test_split_by_scan(seed):
    classes = [0, 0, 0, 1, 1, 2]
    scans = [scan_of(np.full((5, 4), c)) for c in classes]
    train, held = _split.split_groups(
        scans, "scan", 0.3, np.random.default_rng(seed)
    )
    is_held = np.array([i.all() for i in held])
    np.testing.assert_array_equal([not i.any() for i in held], ~is_held)
    np.testing.assert_array_equal([i.all() for i in train], ~is_held)
    # One of each class that has two or more.
    assert is_held[:3].sum() == 1 and is_held[3:5].sum() == 1
    assert not is_held[5]


def test_every_class_is_left_to_train_on():
    classes = np.zeros((30, 3), int)
    classes[12:14] = 1
    scan = scan_of(classes)
    for seed in range(10):
        train, held = _split.split_groups(
            [scan], "region", 0.3, np.random.default_rng(seed)
        )
        assert np.any(train[0] & (scan.classes == 1))
        assert np.any(held[0] & (scan.classes == 0))


@pytest.mark.parametrize("n", [1, 2, 3, 10, 37])
@pytest.mark.parametrize("validation", [0.1, 0.2, 0.9])
def test_strips_are_the_lines(n, validation):
    lines = np.arange(n)
    strips = [lines[s] for s in _split.strips(n, validation)]
    assert min(map(len, strips)) > 0
    np.testing.assert_array_equal(np.concatenate(strips), lines)


def test_entries_are_the_chosen_points(rng):
    """Each once, with its own pattern, whatever the blocks."""
    scans = [
        scan_of(np.zeros((7, 5), int), chunks=(3, 2, 2, 2)),
        scan_of(np.zeros(9, int), chunks=(4, 2, 2)),
    ]
    chosen = [rng.random(35) < 0.5, rng.random(9) < 0.5]
    expected = [(i, k) for i in (0, 1) for k in np.flatnonzero(chosen[i])]
    for order in (None, np.random.default_rng(1)):
        found = list(_scans.entries(scans, chosen, order))
        assert sorted((i, k) for i, k, _ in found) == expected
        assert all(np.all(pattern == k) for _, k, pattern in found)
    assert [(i, k) for i, k, _ in found] != expected


def test_blocks_without_a_chosen_point_are_not_read():
    chosen = np.zeros((6, 4), bool)
    chosen[4, 1] = True
    scan = scan_of(np.zeros((6, 4), int), chunks=(2, 2, 2, 2))
    ((block, points, places),) = scan.blocks(chosen.ravel())
    assert block == (2, 0)
    assert points.tolist() == [17] and places.tolist() == [1]


def test_levels_that_follow():
    assert _fit._coarser_levels("bravais_lattice") == ("bravais_lattice",)
    assert _fit._coarser_levels("laue_group") == (
        "laue_group",
        "crystal_system",
    )
    assert len(_fit._coarser_levels("space_group")) == 5
    system = class_index("crystal_system")
    for level in ("laue_group", "point_group"):
        of = class_index(level)
        for c in np.unique(of):
            assert len(np.unique(system[of == c])) == 1


def test_labels(make_scan):
    signal = make_scan("cF", (2, 2))
    for label in (
        np.array([["cF", ""], ["", "cI"]]),
        np.array([["cF", ""], ["", "cI"]], dtype=object),
        np.array([[CF, -1], [-1, CI]]),
    ):
        found = _fit_checks.class_indices(label, "bravais_lattice", signal)
        assert found.tolist() == [[CF, -1], [-1, CI]]
    found = _fit_checks.class_indices("cI", "bravais_lattice", signal)
    assert found.tolist() == [[CI, CI], [CI, CI]]


def test_masked_points_are_left_out(make_scan):
    signal = make_scan("cF", (2, 3))
    mask = np.array([[True, False, False], [False, False, True]])
    scan = _scans.Scan.of(signal, np.full((2, 3), CF), mask, np.ones(3))
    np.testing.assert_array_equal(scan.classes == -1, mask.ravel())
    assert scan.lines.tolist() == [0, 1, 2, 0, 1, 2]


# -------------------------------------------------- warnings and errors


@pytest.fixture
def no_training(monkeypatch):
    """Stop where long work would begin."""

    class LongWork(Exception):
        pass

    def stop(*_, **__):
        raise LongWork

    monkeypatch.setattr(_fit, "_network", stop)
    monkeypatch.setattr(_scans.Scan, "read", stop)
    return LongWork


def test_split_by_pattern_warns(scans, no_training, tmp_path):
    with (
        pytest.warns(UserWarning, match="near-copies.*not how well it gen"),
        pytest.raises(no_training),
    ):
        fit(
            scans,
            ["cF", "cI"],
            split="pattern",
            start_from=None,
            path=tmp_path / "a.symml",
        )


def test_class_that_cannot_be_held_out(scans, no_training, tmp_path):
    with (
        pytest.warns(UserWarning, match=r"No scan with \['cI'\]"),
        pytest.raises(no_training),
    ):
        fit(
            [scans[0], *scans],
            ["cF", "cF", "cI"],
            start_from=None,
            path=tmp_path / "a.symml",
        )


def test_uncalibrated_detector_warns(make_scan, no_training):
    scans = [make_scan("cF", (6, 2)) for _ in range(2)]
    scans[1].detector.pc = (0.5, 0.5, 0.5)
    with (
        pytest.warns(UserWarning, match="never calibrated"),
        pytest.raises(no_training),
    ):
        fit(scans, ["cF", "cI"], split="region", start_from=None)


@pytest.mark.parametrize(
    ["changes", "error", "match"],
    [
        ({"signals": "scan.h5"}, TypeError, "Signals must be .* not str"),
        ({"signals": []}, ValueError, "at least one signal, not 0"),
        ({"signals": [1, 2]}, TypeError, "Signal 0: .*not int"),
        ({"labels": "cF"}, TypeError, "for each, not 'cF'"),
        ({"labels": ["cF"]}, ValueError, "as many labels as signals, 2, no"),
        ({"labels": ["cF", "fcc"]}, ValueError, r"Signal 1: .*\['fcc'\].*cF"),
        ({"labels": ["cF", "cF"]}, ValueError, r"two classes, not \['cF'\]"),
        (
            {"labels": ["cF", np.zeros((4, 4), int)]},
            ValueError,
            r"Signal 1: .*\(4, 10\), not of shape \(4, 4\)",
        ),
        (
            {"labels": ["cF", np.full((4, 10), 14)]},
            ValueError,
            "from 0 to 13, .*not 14",
        ),
        ({"labels": ["cF", np.zeros((4, 10))]}, TypeError, "float64"),
        ({"level": "lattice"}, ValueError, "'lattice' is not one of"),
        ({"network": "vgg"}, ValueError, "network .*not 'vgg'"),
        ({"split": "grain"}, ValueError, "split .*not 'grain'"),
        ({"split": "scan"}, ValueError, "second scan, or split='region'"),
        ({"validation": 0}, ValueError, "validation .*not 0"),
        ({"validation": 1.0}, ValueError, "validation .*not 1.0"),
        ({"epochs": 0}, ValueError, "epochs .*not 0"),
        ({"batch_size": 2.5}, ValueError, "batch_size .*not 2.5"),
        ({"seed": -1}, ValueError, "seed .*not -1"),
        ({"learning_rate": 0}, ValueError, "learning_rate .*not 0"),
        ({"path": "model.h5"}, ModelError, "'.symml', not model.h5"),
        ({"path": "no/a.symml"}, FileNotFoundError, "no folder no"),
        ({"size": 96}, ValueError, "not for 'default': 96"),
        ({"network": "xception", "size": 70}, ValueError, "71 .*not 70"),
        ({"network": "resnet50", "size": 31}, ValueError, "32 .*not 31"),
        (
            {"network": "resnet50", "start_from": "a.symml"},
            ValueError,
            "trained anew, not from 'a.symml'",
        ),
        ({"start_from": "nothing"}, ModelError, "no model named 'nothing'"),
        ({"start_from": "a.symml"}, FileNotFoundError, "a.symml"),
        ({"network_settings": {"x": 1}}, ValueError, r"\['x'\]; known.*width"),
        ({"network_settings": {"extrema": 12}}, ValueError, "extrema 12: the"),
        ({"view": 80}, TypeError, "view .*not int"),
        (
            {"navigation_masks": [None]},
            ValueError,
            "navigation masks as signals, 2, not 1",
        ),
        (
            {"navigation_masks": [None, np.zeros((4, 4), bool)]},
            ValueError,
            r"Signal 1: .*\(4, 4\)",
        ),
        ({"signal_mask": np.zeros((3, 3), bool)}, ValueError, r"\(3, 3\)"),
    ],
)
def test_errors_before_work(
    changes, error, match, scans, no_training, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    given = {
        "signals": scans,
        "labels": ["cF", "cI"],
        "split": "region",
        "start_from": None,
    }
    with pytest.raises(error, match=match):
        fit(**(given | changes))


def test_scan_of_one_line_per_class(scans, no_training):
    """Nothing could be held out."""
    labels = np.full((11, 4), "", dtype="U2")
    labels[0], labels[10] = "cF", "cI"
    with pytest.raises(ValueError, match="nothing to hold out .* 8 labelled"):
        fit(scans[0], labels, split="region", start_from=None)


def test_free_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert _fit_checks.checked_path(None).name == "fitted.symml"
    (tmp_path / "fitted.symml").touch()
    (tmp_path / "fitted_2.symml").touch()
    assert _fit_checks.checked_path(None).name == "fitted_3.symml"
