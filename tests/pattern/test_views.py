# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest

from kikuchipy_symml.pattern import MIN_PIXELS, ViewSpec, canonical_views

SPEC = ViewSpec(size=48, background=8.0)
PC = (0.5, 0.35, 0.6)


@pytest.fixture(scope="module")
def patterns(scene, record):
    """Three orientations, shape (3, 48, 60)."""
    turns = [np.eye(3), np.eye(3)[[1, 2, 0]], np.eye(3)[[2, 0, 1]]]
    stack = np.stack([record(scene, (48, 60), PC, r) for r in turns])
    return stack.astype(np.float32)


@pytest.fixture(scope="module")
def views(patterns):
    views, valid = canonical_views(patterns, PC, SPEC)
    assert valid.all()
    views.setflags(write=False)
    return views


# ------------------------------------------------------ what it returns


def test_shape_and_type(views):
    assert views.shape == (3, 48, 48, 2) and views.dtype == np.float32
    assert set(np.unique(views[..., 1])) == {0, 1}


def test_nothing_where_nothing_was_seen(views):
    assert not views[..., 0][views[..., 1] == 0].any()
    assert views[..., 0][views[..., 1] == 1].all()


def test_contrast_is_even(views):
    for view in views:
        seen = view[..., 1] == 1
        assert abs(view[..., 0][seen].mean()) < 0.1
        assert 0.8 < view[..., 0][seen].std() < 1.1
        assert np.abs(view[..., 0]).max() <= SPEC.clip


def test_seen_is_the_detector(patterns):
    """A long camera length sees the middle, a short one all of it."""
    far, _ = canonical_views(patterns, (0.5, 0.5, 2.0), SPEC)
    near, _ = canonical_views(patterns, (0.5, 0.5, 0.2), SPEC)
    seen = far[0, ..., 1]
    rows, columns = seen.any(axis=1), seen.any(axis=0)
    # The detector's height and width are 2 arctan(0.25) and
    # 2 arctan(0.3125) of the view's 96 degrees, drawn equal-area.
    edge = 2 * np.sin(np.deg2rad(SPEC.radius) / 2)
    for n, half in ((rows.sum(), 0.25), (columns.sum(), 0.3125)):
        expected = 2 * np.sin(np.arctan(half) / 2) / edge * SPEC.size
        assert n == pytest.approx(expected, abs=2)
    circle = near[0, ..., 1]
    assert circle.mean() == pytest.approx(np.pi / 4, abs=0.02)
    assert not circle[0, 0] and circle[24, 1] and circle[1, 24]


def test_no_patterns():
    for pc in (PC, np.empty((0, 3))):
        views, valid = canonical_views(np.empty((0, 30, 30)), pc, SPEC)
        assert views.shape == (0, 48, 48, 2) and views.dtype == np.float32
        assert valid.shape == (0,) and valid.dtype == bool


# ------------------------------------------- what must not make a change


@pytest.mark.parametrize(
    ["gain", "offset"], [(1, 1000), (0.01, 0), (37.0, -500), (1e-6, 1e-3)]
)
def test_gain_and_offset(patterns, views, gain, offset):
    changed = patterns.astype(np.float64) * gain + offset
    other, valid = canonical_views(changed, PC, SPEC)
    assert valid.all()
    np.testing.assert_allclose(other, views, atol=2e-3)


def test_negative_gain_inverts(patterns, views):
    other, _ = canonical_views(-patterns, PC, SPEC)
    np.testing.assert_allclose(other[..., 0], -views[..., 0], atol=2e-3)


@pytest.mark.parametrize(
    ["dtype", "tolerance"],
    [
        ("uint8", 0.25),
        ("int16", 2e-3),
        ("uint16", 2e-3),
        (">u2", 2e-3),
        ("int32", 2e-3),
        (">u4", 2e-3),
        ("uint64", 2e-3),
        ("float16", 0.02),
        (">f4", 1e-5),
        ("float64", 1e-5),
        ("longdouble", 1e-5),
    ],
)
def test_data_type(patterns, views, dtype, tolerance):
    low, high = patterns.min(), patterns.max()
    scaled = (patterns - low) / (high - low)
    kind = np.dtype(dtype)
    if kind.kind in "iu":
        scaled = np.round(scaled * (255 if kind.itemsize == 1 else 30000))
    other, valid = canonical_views(scaled.astype(dtype), PC, SPEC)
    assert valid.all() and other.dtype == np.float32
    np.testing.assert_allclose(other, views, atol=tolerance)


def test_boolean_patterns(patterns):
    binary = patterns > 100
    expected, _ = canonical_views(binary.astype(np.uint8), PC, SPEC)
    other, valid = canonical_views(binary, PC, SPEC)
    assert valid.all()
    np.testing.assert_array_equal(other, expected)


@pytest.mark.parametrize("dtype", ["complex64", "U3", "O", "M8[s]"])
def test_not_real(dtype):
    with pytest.raises(ValueError, match="real numbers, not"):
        canonical_views(np.zeros((1, 30, 30)).astype(dtype), PC, SPEC)


def test_steep_background_is_removed(patterns, views):
    """A slope and a bump, each 13 standard deviations high."""
    y, x = np.mgrid[0:1:48j, 0:1:60j]
    background = (
        13
        * patterns.std()
        * (x + np.exp(-((x - 0.6) ** 2 + (y - 0.3) ** 2) / 0.5))
    )
    changed = patterns + background
    assert np.corrcoef(changed.ravel(), patterns.ravel())[0, 1] < 0.4
    other, valid = canonical_views(changed, PC, SPEC)
    assert valid.all()
    for view, expected in zip(other, views, strict=True):
        # The foot of the slope is dark enough to count as unlit.
        seen = view[..., 1] > 0
        assert seen.sum() > 0.8 * expected[..., 1].sum()
        r = np.corrcoef(view[..., 0][seen], expected[..., 0][seen])[0, 1]
        assert r > 0.895


def test_unlit_corners_are_left_out(patterns):
    """As if the user had masked them, but for the rim of the screen."""
    y, x = np.mgrid[-1:1:48j, -1:1:60j]
    unlit = x**2 + y**2 > 1.1
    lit = 100 + 20 * (patterns - patterns.mean()) / patterns.std()
    black = np.where(unlit, 0, lit)
    views, valid = canonical_views(black, PC, SPEC)
    masked, _ = canonical_views(lit, PC, SPEC, signal_mask=unlit)
    assert valid.all()
    for view, expected in zip(views, masked, strict=True):
        seen = view[..., 1] > 0
        assert expected[..., 1][seen].mean() > 0.95
        assert seen.sum() > 0.75 * expected[..., 1].sum()
        r = np.corrcoef(view[..., 0][seen], expected[..., 0][seen])[0, 1]
        assert r > 0.9


def test_uneven_contrast_is_evened_out(patterns, views):
    """Contrast that falls to a third from the left to the right."""
    x = np.linspace(1, 1 / 3, 60)
    other, _ = canonical_views((patterns - 100) * x, PC, SPEC)
    seen = views[0, ..., 1] > 0
    left, right = seen.copy(), seen.copy()
    left[:, 24:] = right[:, :24] = False
    ratio = other[0, ..., 0][left].std() / other[0, ..., 0][right].std()
    expected = views[0, ..., 0][left].std() / views[0, ..., 0][right].std()
    assert ratio == pytest.approx(expected, rel=0.2)


def test_independent_of_neighbours(patterns, views):
    dead = np.zeros_like(patterns[0])
    broken = np.full_like(dead, np.nan)
    mixed = np.stack([broken, patterns[1], dead, 1e6 * patterns[2]])
    other, valid = canonical_views(mixed, PC, SPEC)
    assert valid.tolist() == [False, True, False, True]
    np.testing.assert_array_equal(other[1], views[1])
    alone, _ = canonical_views(patterns[:1], PC, SPEC)
    np.testing.assert_array_equal(alone[0], views[0])
    reverse, _ = canonical_views(patterns[::-1], PC, SPEC)
    np.testing.assert_array_equal(reverse[::-1], views)


def test_one_projection_centre_for_all(patterns, views):
    other, valid = canonical_views(patterns, [PC] * 3, SPEC)
    assert valid.all()
    np.testing.assert_array_equal(other, views)


def test_each_has_its_own_projection_centre(patterns):
    """Also where some are so far that they are sampled finer."""
    pcs = np.array([PC, (0.4, 0.6, 0.3), (0.6, 0.2, 1.8)])
    together, valid = canonical_views(patterns, pcs, SPEC)
    assert valid.all()
    for i, pc in enumerate(pcs):
        alone, _ = canonical_views(patterns[i : i + 1], pc, SPEC)
        np.testing.assert_array_equal(together[i], alone[0])
    assert not np.array_equal(together[0, ..., 1], together[1, ..., 1])


def test_input_is_not_modified(patterns):
    pattern, pc = patterns.copy(), np.array(PC)
    mask = np.zeros((48, 60), dtype=bool)
    mask[:5] = True
    kept = mask.copy()
    canonical_views(pattern, pc, SPEC, signal_mask=mask)
    np.testing.assert_array_equal(pattern, patterns)
    np.testing.assert_array_equal(pc, PC)
    np.testing.assert_array_equal(mask, kept)


def test_read_only(patterns, views):
    pattern = patterns.copy()
    pattern.setflags(write=False)
    pc = np.array(PC)
    pc.setflags(write=False)
    other, _ = canonical_views(pattern, pc, SPEC)
    np.testing.assert_array_equal(other, views)


def test_not_contiguous(patterns, views):
    for strided in (
        np.repeat(patterns, 2, axis=2)[..., ::2],
        np.asfortranarray(patterns),
        patterns[:, ::-1].copy()[:, ::-1],
        np.broadcast_to(patterns[:1], patterns.shape),
    ):
        other, valid = canonical_views(strided, PC, SPEC)
        assert valid.all()
        np.testing.assert_array_equal(other[0], views[0])


def test_same_in_threads(patterns, views):
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(4) as pool:
        for other, _ in pool.map(
            lambda _: canonical_views(patterns, PC, SPEC), range(8)
        ):
            np.testing.assert_array_equal(other, views)


# ------------------------------------------------------------ the mask


@pytest.fixture(scope="module")
def round_mask():
    y, x = np.mgrid[-1:1:48j, -1.25:1.25:60j]
    return x**2 + y**2 > 1


@pytest.mark.parametrize("value", [0, 255, -1e9, np.nan, np.inf])
def test_values_under_the_mask_do_not_matter(patterns, round_mask, value):
    expected, _ = canonical_views(patterns, PC, SPEC, round_mask)
    changed = np.where(round_mask, np.float32(value), patterns)
    other, valid = canonical_views(changed, PC, SPEC, round_mask)
    assert valid.all()
    np.testing.assert_array_equal(other, expected)


def test_masked_pixels_are_not_seen(patterns, views, round_mask):
    other, _ = canonical_views(patterns, PC, SPEC, round_mask)
    fewer = other[..., 1].sum() / views[..., 1].sum()
    # The share of the detector, up to that of the view.
    assert 0.5 < fewer < 0.9
    assert np.all(other[..., 1] <= views[..., 1])
    hole = np.zeros((48, 60), dtype=bool)
    hole[20:28, 25:35] = True
    other, _ = canonical_views(patterns, PC, SPEC, hole)
    assert not other[:, 24, 24].any()
    assert other[0, ..., 1].sum() < views[0, ..., 1].sum() - 10


def test_empty_mask_is_no_mask(patterns, views):
    mask = np.zeros((48, 60), dtype=bool)
    other, _ = canonical_views(patterns, PC, SPEC, signal_mask=mask)
    np.testing.assert_array_equal(other, views)


def test_everything_masked(patterns):
    mask = np.ones((48, 60), dtype=bool)
    views, valid = canonical_views(patterns, PC, SPEC, signal_mask=mask)
    assert not valid.any() and not views.any()


# ------------------------------------------------------ unusable patterns


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_not_finite(patterns, value):
    broken = patterns.copy()
    broken[1, 7, 9] = value
    views, valid = canonical_views(broken, PC, SPEC)
    assert valid.tolist() == [True, False, True]
    assert not views[1].any() and views[0].any()


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
@pytest.mark.parametrize("value", [0, 255])
def test_constant(dtype, value):
    pattern = np.full((2, 40, 40), value, dtype=dtype)
    pattern[1, 20, 20] -= 1 if value else 0
    views, valid = canonical_views(pattern, PC, SPEC)
    assert valid.tolist() == [False, bool(value)]
    assert not views[0].any()


def test_detector_that_the_view_hardly_sees(patterns):
    views, valid = canonical_views(patterns, (0.5, 0.5, 60.0), SPEC)
    assert not valid.any() and not views.any()


# ---------------------------------------------------------------- errors


def test_not_a_stack():
    with pytest.raises(ValueError, match=r"\(N, y, x\), not \(30, 30\)"):
        canonical_views(np.zeros((30, 30)), PC, SPEC)


@pytest.mark.parametrize("shape", [(19, 40), (40, 19)])
def test_too_small(shape):
    with pytest.raises(ValueError, match=rf"\({shape[0]}, {shape[1]}\).*20"):
        canonical_views(np.zeros((1, *shape)), PC, SPEC)
    assert MIN_PIXELS == 20
    canonical_views(np.zeros((1, 20, 20)), PC, SPEC)


@pytest.mark.parametrize("shape", [(2,), (4,), (1, 3), (2, 4), (3, 1, 3)])
def test_shape_of_projection_centres(shape):
    with pytest.raises(ValueError, match=r"\(3,\) or \(2, 3\), not"):
        canonical_views(np.zeros((2, 30, 30)), np.full(shape, 0.5), SPEC)


@pytest.mark.parametrize(
    "pc",
    [(0.5, 0.5, 0), (0.5, 0.5, -0.7), (np.nan, 0.5, 0.5), (0.5, np.inf, 0.5)],
)
def test_projection_centre_out_of_range(pc):
    pcs = [PC, pc]
    match = str(list(map(float, pc))).replace("[", r"\[").replace("]", r"\]")
    with pytest.raises(ValueError, match=f"PCz > 0, not {match}"):
        canonical_views(np.zeros((2, 30, 30)), pcs, SPEC)
    with pytest.raises(ValueError, match=f"PCz > 0, not {match}"):
        canonical_views(np.zeros((2, 30, 30)), pc, SPEC)


def test_wrong_mask():
    patterns = np.zeros((1, 30, 40))
    with pytest.raises(ValueError, match=r"\(30, 40\), not bool.*\(40, 30\)"):
        canonical_views(patterns, PC, SPEC, np.zeros((40, 30), dtype=bool))
    with pytest.raises(ValueError, match="boolean.*not int64"):
        canonical_views(patterns, PC, SPEC, np.zeros((30, 40), dtype="int64"))


@pytest.mark.parametrize("aspect_ratio", [0, -1.0, np.nan, np.inf])
def test_wrong_aspect_ratio(aspect_ratio):
    with pytest.raises(ValueError, match=f"positive, not {aspect_ratio}"):
        canonical_views(
            np.zeros((1, 30, 40)), PC, SPEC, aspect_ratio=aspect_ratio
        )
