# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""What must be true of the result whatever the scan."""

import copy

import dask
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kikuchipy.detectors import EBSDDetector
from kikuchipy.signals import EBSD

from kikuchipy_symml import classify_symmetry, compute_symmetry_results
from kikuchipy_symml.pattern import ViewSpec, canonical_views
from kikuchipy_symml.symmetry import LEVELS

# Another place in a batch changes the order in which 32-bit floats are
# summed, and what the network makes of it.
TOLERANCE = {"rtol": 0, "atol": 1e-5}

few = settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


@st.composite
def scans(draw, max_side=4, min_patterns=1):
    """Signals of any shape, with detector, and arguments that fit."""
    side = st.integers(1, max_side)
    navigation = draw(
        st.one_of(st.just(()), st.tuples(side), st.tuples(side, side)).filter(
            lambda shape: np.prod(shape, dtype=int) >= min_patterns
        )
    )
    shape = (*navigation, draw(st.integers(20, 33)), draw(st.integers(20, 33)))
    dtype = draw(st.sampled_from(["uint8", "uint16", "float32"]))
    rng = np.random.default_rng(draw(st.integers(0, 999)))
    signal = EBSD(rng.integers(0, 250, shape).astype(dtype))
    pc_shape = navigation if draw(st.booleans()) else ()
    pc = rng.uniform((0.3, 0.2, 0.4), (0.7, 0.6, 0.9), (*pc_shape, 3))
    signal.detector = EBSDDetector(shape=shape[-2:], pc=pc)
    signal.metadata.General.title = "a scan"

    arguments = {"level": draw(st.sampled_from(LEVELS))}
    if navigation and draw(st.booleans()):
        mask = rng.random(navigation) < 0.3
        mask.flat[0] = False
        arguments["navigation_mask"] = mask
    if draw(st.booleans()):
        arguments["signal_mask"] = rng.random(shape[-2:]) < 0.1
    return signal, arguments


def classify(signal, model, **arguments):
    return classify_symmetry(
        signal, model, show_progressbar=False, **arguments
    )


def assert_same(phases, expected, **tolerance):
    np.testing.assert_allclose(
        phases.probabilities,
        expected.probabilities,
        **{**TOLERANCE, **tolerance},
    )
    # Where two classes are next to equal, either may come first
    top = np.sort(expected.probabilities, axis=-1)
    clear = top[..., -1] - top[..., -2] > 1e-4
    same = phases.phase_id == expected.phase_id
    assert np.all(same | ~clear)


def lazy_of(signal, rng):
    """The signal in chunks of any size, even of parts of a pattern."""
    lazy = signal.as_lazy()
    chunks = tuple(int(rng.integers(1, n + 1)) for n in signal.data.shape)
    lazy.data = lazy.data.rechunk(chunks)
    return lazy


@few
@given(scan=scans(), seed=st.integers(0, 999))
def test_lazy_is_eager_is_deferred(model_file, scan, seed):
    signal, arguments = scan
    expected = classify(signal, model_file, **arguments)
    lazy = lazy_of(signal, np.random.default_rng(seed))
    assert_same(classify(lazy, model_file, **arguments), expected)
    deferred = classify(lazy, model_file, compute=False, **arguments)
    for scheduler in ("synchronous", "threads"):
        with dask.config.set(scheduler=scheduler):
            phases = compute_symmetry_results(
                deferred,
                lazy,
                arguments["level"],
                show_progressbar=False,
            )
        assert_same(phases, expected)


# Of the cluster's own, such as of a slow machine's
@pytest.mark.filterwarnings("ignore:::distributed")
@few
@given(scan=scans(), seed=st.integers(0, 999))
def test_distributed_is_eager(model_file, cluster_client, scan, seed):
    signal, arguments = scan
    with dask.config.set(scheduler="synchronous"):
        expected = classify(signal, model_file, **arguments)
    lazy = lazy_of(signal, np.random.default_rng(seed))
    assert_same(classify(lazy, model_file, **arguments), expected)
    deferred = classify(lazy, model_file, compute=False, **arguments)
    future = cluster_client.compute(deferred)
    phases = compute_symmetry_results(
        future.result(), lazy, arguments["level"], show_progressbar=False
    )
    assert_same(phases, expected)
    # The work was the workers', not this process'
    assert set(cluster_client.who_has(future)[future.key]) <= set(
        cluster_client.scheduler_info()["workers"]
    )


@few
@given(scan=scans(min_patterns=2), seed=st.integers(0, 999))
def test_permuting_patterns_permutes_results(model_file, scan, seed):
    signal, arguments = scan
    shape = signal.data.shape
    n = int(np.prod(shape[:-2]))
    order = np.random.default_rng(seed).permutation(n)

    def permuted(array, last):
        flat = np.reshape(array, (n, *array.shape[array.ndim - last :]))
        return flat[order].reshape(array.shape)

    expected = classify(signal, model_file, **arguments)
    other = EBSD(permuted(signal.data, 2))
    pc = signal.detector.pc
    if pc.size > 3:
        pc = permuted(pc.reshape(*shape[:-2], 3), 1)
    other.detector = EBSDDetector(shape=shape[-2:], pc=pc)
    if "navigation_mask" in arguments:
        arguments = arguments | {
            "navigation_mask": permuted(arguments["navigation_mask"], 0)
        }
    phases = classify(other, model_file, **arguments)
    np.testing.assert_allclose(
        phases.probabilities, permuted(expected.probabilities, 1), **TOLERANCE
    )


@few
@given(scan=scans(), batch_size=st.integers(1, 20))
def test_batch_size_changes_rounding_only(model_file, scan, batch_size):
    signal, arguments = scan
    assert_same(
        classify(signal, model_file, batch_size=batch_size, **arguments),
        classify(signal, model_file, **arguments),
    )


@few
@given(scan=scans(), lazy=st.booleans())
def test_input_is_never_changed(model_file, scan, lazy):
    signal, arguments = scan
    if lazy:
        signal = signal.as_lazy()
    data = signal.data
    before = np.array(data), copy.deepcopy(arguments)
    description = signal.metadata.as_dictionary(), repr(signal.axes_manager)
    detector = copy.deepcopy(signal.detector.__dict__)
    classify(signal, model_file, **arguments)
    assert signal.data is data
    np.testing.assert_array_equal(np.array(data), before[0])
    assert description == (
        signal.metadata.as_dictionary(),
        repr(signal.axes_manager),
    )
    assert signal.detector.__dict__.keys() == detector.keys()
    for name, value in detector.items():
        if isinstance(value, np.ndarray | float | int | str | tuple | None):
            np.testing.assert_array_equal(
                getattr(signal.detector, name), value
            )
    for name, value in before[1].items():
        np.testing.assert_array_equal(arguments[name], value)


@few
@given(
    scan=scans(min_patterns=2),
    seed=st.integers(0, 999),
    fill=st.sampled_from([0, 255, "noise"]),
)
def test_neighbours_do_not_matter(model_file, scan, seed, fill):
    signal, arguments = scan
    shape = signal.data.shape[:-2]
    expected = classify(signal, model_file, **arguments)
    rng = np.random.default_rng(seed)
    others = rng.random(shape) < 0.5
    others.flat[0] = False
    if fill == "noise":
        fill = rng.integers(
            0, 255, (int(others.sum()), *signal.data.shape[-2:])
        )
    signal = signal.deepcopy()
    signal.data[others] = fill
    with pytest.MonkeyPatch.context() as patch:
        # Constant patterns draw the warning that they are not indexed
        patch.setattr("warnings.warn", lambda *args, **kwargs: None)
        phases = classify(signal, model_file, **arguments)
    np.testing.assert_allclose(
        phases.probabilities[~others],
        expected.probabilities[~others],
        **TOLERANCE,
    )


@few
@given(scan=scans())
def test_probabilities_sum_to_one_at_every_level(model_file, scan):
    signal, arguments = scan
    phases = classify(signal, model_file, **arguments)
    left_out = arguments.get("navigation_mask", False)
    for level in LEVELS:
        there = phases.at_level(level)
        p = there.probabilities
        assert np.isfinite(p).all()
        assert p.min() >= 0 and p.max() <= 1 + 1e-5
        np.testing.assert_allclose(
            p.sum(axis=-1), np.where(left_out, 0, 1), rtol=0, atol=1e-5
        )
        assert np.all((there.phase_id == -1) == left_out)


finite = st.floats(allow_nan=False, allow_infinity=False)


@settings(few, max_examples=100)
@given(
    low=finite,
    high=finite,
    pc=st.tuples(
        st.floats(-100, 100), st.floats(-100, 100), st.floats(0.001, 100)
    ),
    seed=st.integers(0, 99),
)
def test_finite_patterns_give_finite_views(low, high, pc, seed):
    rng = np.random.default_rng(seed)
    share = rng.random((1, 20, 24))
    with np.errstate(over="ignore"):
        patterns = low * share + high * (1 - share)
    views, valid = canonical_views(
        patterns, pc, ViewSpec(size=16, background=8.0)
    )
    assert np.isfinite(views).all()
    assert np.abs(views[..., 0]).max() <= 4.0001
    assert set(np.unique(views[..., 1])) <= {0, 1}
    assert valid.all() or not views.any()
