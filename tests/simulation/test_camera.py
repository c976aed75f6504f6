# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
import json
from dataclasses import replace

import kikuchipy as kp
import numpy as np
import pytest
from orix.quaternion import Rotation

from kikuchipy_symml.simulation import (
    BandStack,
    Camera,
    band_profiles,
    draw_patterns,
    master_from_bands,
    random_rotations,
    sample_master,
)


@pytest.fixture(scope="module")
def masters(crystals):
    return np.stack(
        [
            master_from_bands(band_profiles(crystals[i], n_rows=40), 121)
            for i in ("Al", "Mg")
        ]
    )


def draw(masters, camera, seed=1, n=4, **kwargs):
    rng = np.random.default_rng(seed)
    return draw_patterns(rng, masters, np.zeros(n, int), camera, **kwargs)


@pytest.fixture(scope="module")
def rotations():
    return random_rotations(np.random.default_rng(8), 4)


@pytest.fixture(scope="module")
def clean(masters, rotations, perfect):
    return draw(masters, perfect, rotations=rotations)[0]


# ------------------------------------------------------------- geometry


@pytest.mark.parametrize("tilt", [0.0, 8.0])
@pytest.mark.parametrize(
    ["pc", "shape"],
    [[(0.45, 0.3, 0.6), (60, 60)], [(0.55, 0.2, 0.8), (45, 60)]],
)
def test_same_patterns_as_kikuchipy(crystals, tilt, pc, shape, perfect):
    """Our master pattern through kikuchipy's own projection.

    An orientation G in kikuchipy takes directions from the sample's
    frame to the crystal's. Right, up and forward of the detector in the
    sample's frame depend on its tilt against the sample.
    """
    crystal = crystals["Mg"]
    # Points as far apart as pixels: kikuchipy looks at one for each.
    master = master_from_bands(band_profiles(crystal, n_rows=40), 91)
    phase = crystal.to_phase()
    signal = kp.signals.EBSDMasterPattern(
        # Friedel: the southern hemisphere is the northern one, opposite.
        np.stack([master[0], master[0][::-1, ::-1]]),
        projection="lambert",
        hemisphere="both",
        phase=phase,
    )
    detector = kp.detectors.EBSDDetector(
        shape=shape, pc=pc, convention="bruker", sample_tilt=70, tilt=tilt
    )
    orientations = Rotation.from_euler(
        [[20, 40, 70], [200, 110, 310]], degrees=True
    )
    expected = signal.get_patterns(
        orientations,
        detector,
        dtype_out="float32",
        compute=True,
        show_progressbar=False,
    ).data

    a = np.deg2rad(90 - detector.sample_tilt + detector.tilt)
    right, up, forward = np.array(
        [[0, 1, 0], [-np.cos(a), 0, np.sin(a)], [np.sin(a), 0, np.cos(a)]]
    )
    to_sample = np.column_stack([right, up, forward])
    camera = replace(
        perfect,
        pixels=(shape[0], shape[0]),
        aspect_ratio=(shape[1] / shape[0],) * 2,
        **{n: (v, v) for n, v in zip(("pcx", "pcy", "pcz"), pc, strict=True)},
    )
    patterns, given, aspect_ratio = draw(
        master[None],
        camera,
        n=2,
        rotations=orientations.to_matrix() @ to_sample,
    )
    assert patterns.shape == (2, *shape)
    assert aspect_ratio == pytest.approx(detector.aspect_ratio)
    np.testing.assert_allclose(given, [pc, pc])
    for ours, theirs in zip(patterns, expected, strict=True):
        assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.99
        assert np.corrcoef(ours[::-1].ravel(), theirs.ravel())[0, 1] < 0.7


def test_each_pattern_has_its_master(masters, rotations, perfect):
    rng = np.random.default_rng(1)
    which = np.array([0, 1, 1, 0])
    patterns, _, _ = draw_patterns(rng, masters, which, perfect, rotations)
    for k, i in enumerate(which):
        alone, _, _ = draw_patterns(
            np.random.default_rng(1),
            masters[[i]],
            np.zeros(4, int),
            perfect,
            rotations,
        )
        np.testing.assert_array_equal(patterns[k], alone[k])


def test_small_integers_do(masters, rotations, clean, perfect):
    """Masters are kept as int8."""
    scale = 16 / masters[:, 0].std(axis=(1, 2))
    small = np.round(masters * scale[:, None, None, None])
    small = np.clip(small, -127, 127).astype(np.int8)
    patterns, _, _ = draw(small, perfect, rotations=rotations)
    for a, b in zip(patterns, clean, strict=True):
        assert np.corrcoef(a.ravel(), b.ravel())[0, 1] > 0.99


def test_one_channel_has_no_edges(masters, rotations, clean, perfect):
    camera = replace(perfect, edges=(0.5, 0.5))
    alone, _, _ = draw(masters[:, :1], camera, rotations=rotations)
    np.testing.assert_array_equal(alone, clean)
    with_edges, _, _ = draw(masters, camera, rotations=rotations)
    assert np.abs(with_edges - clean).mean() > 0.02


def test_edges_of_bands_along_the_beam(perfect):
    """A band whose plane holds the beam has no excess and deficiency
    lines; one across has a bright and a dark one."""
    from kikuchipy_symml.simulation import Bands

    profile = np.where(np.arange(40) < 12, 1.0, 0.0)[None]
    bands = Bands(
        normals=np.array([[1, 0, 0]], dtype=np.float32),
        reach=np.array([0.3], dtype=np.float32),
        profiles=profile.astype(np.float32),
        bragg=np.array([0.09], dtype=np.float32),
        first=np.array([0.09], dtype=np.float32),
        family=np.array([0]),
    )
    master = master_from_bands(bands, 241)[None]
    camera = replace(perfect, pcx=(0.5, 0.5), pcy=(0.5, 0.5), edges=(0.5, 0.5))
    # Columns: where right, up and forward are in the crystal.
    vertical = np.eye(3)
    across = np.array([[0, 1, 0], [-1, 0, 0], [0, 0, 1]])
    patterns, _, _ = draw(
        master, camera, n=2, rotations=np.stack([vertical, across])
    )
    upright, level = patterns
    line = upright.mean(axis=0)
    np.testing.assert_allclose(line, line[::-1], atol=0.02)
    line = level.mean(axis=1)
    assert np.abs(line - line[::-1]).max() > 0.3


def test_edges_have_the_sign_of_measured_ones(perfect):
    """Nine measured patterns of nickel, fitted by bands and their edges."""
    from kikuchipy_symml.crystals import library
    from kikuchipy_symml.pattern import ViewSpec, canonical_views

    s = kp.data.nickel_ebsd_small()
    s.remove_static_background(show_progressbar=False)
    a = np.deg2rad(90 - s.detector.sample_tilt + s.detector.tilt)
    to_sample = np.column_stack(
        [[0, 1, 0], [-np.cos(a), 0, np.sin(a)], [np.sin(a), 0, np.cos(a)]]
    )
    master = master_from_bands(band_profiles(library()["Ni"]), 301)[None]
    spec = ViewSpec(size=64, background=8.0)
    found = []
    for pattern, pc, orientation in zip(
        s.data.reshape(-1, 60, 60),
        s.detector.pc_bruker().reshape(-1, 3),
        s.xmap.rotations.to_matrix(),
        strict=True,
    ):
        views = [canonical_views(pattern[None], pc, spec)[0][0]]
        for edges in (-0.1, 0.1):
            camera = replace(
                perfect,
                edges=(edges, edges),
                **{
                    n: (v, v)
                    for n, v in zip(("pcx", "pcy", "pcz"), pc, strict=True)
                },
            )
            drawn, _, _ = draw(
                master, camera, n=1, rotations=(orientation @ to_sample)[None]
            )
            views.append(canonical_views(drawn, pc, spec)[0][0])
        seen = views[0][..., 1] > 0
        measured, dark, bright = [v[..., 0][seen] for v in views]
        assert np.corrcoef(measured, dark + bright)[0, 1] > 0.2
        found.append(np.corrcoef(measured, bright - dark)[0, 1])
    # They agree on which edge is the bright one.
    assert abs(np.sign(found).sum()) == 9
    assert np.sign(np.mean(found)) == np.sign(np.mean(Camera().edges))


def test_pixels_record_means(crystals, perfect):
    """A coarse detector sees what a fine one does, binned."""
    bands = band_profiles(crystals["Fe"])
    master = master_from_bands(bands, 401)[None]
    rotations = random_rotations(np.random.default_rng(4), 3)
    (coarse, fine) = [
        draw(
            master,
            replace(
                perfect,
                pixels=(pixels, pixels),
                edges=(0.3, 0.3),
                pcz=(0.6, 0.6),
            ),
            n=3,
            rotations=rotations,
        )[0]
        for pixels in (40, 240)
    ]
    binned = fine.reshape(3, 40, 6, 40, 6).mean(axis=(2, 4))
    for a, b in zip(coarse, binned, strict=True):
        assert np.corrcoef(a.ravel(), b.ravel())[0, 1] > 0.995
    skipped = fine[:, 3::6, 3::6]
    for a, b in zip(skipped, binned, strict=True):
        assert np.corrcoef(a.ravel(), b.ravel())[0, 1] < 0.97


# ----------------------------------------------------------- randomness


def test_deterministic_by_seed(masters):
    camera = Camera(pixels=(30, 50))
    first, again, other = [draw(masters, camera, seed) for seed in (3, 3, 4)]
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)
    assert first[0].shape != other[0].shape or not np.array_equal(
        first[0], other[0]
    )


def test_what_comes_out(masters):
    patterns, pc, aspect_ratio = draw(masters, Camera(pixels=(30, 50)), n=9)
    n, ny, nx = patterns.shape
    assert n == 9 and 30 <= min(ny, nx) <= 50
    assert aspect_ratio == nx / ny
    assert patterns.dtype == np.float32
    assert patterns.min() >= 0 and patterns.max() <= 1
    assert pc.shape == (9, 3)
    assert np.all(np.ptp(patterns, axis=(1, 2)) > 0.5)


def test_no_patterns(masters):
    patterns, pc, _ = draw(masters, Camera(pixels=(30, 30)), n=0)
    assert patterns.shape[0] == 0 and pc.shape == (0, 3)


def test_ranges(masters):
    camera = Camera(pixels=(22, 26), pc_error=(0.0, 0.0))
    shapes, centres = [], []
    for seed in range(40):
        patterns, pc, _ = draw(masters, camera, seed, n=3)
        shapes.append(patterns.shape[1:])
        centres.append(pc)
    ny, nx = np.array(shapes).T
    assert set(ny) == {22, 23, 24, 25, 26}
    assert (nx / ny).min() > 0.97 and (nx / ny).max() < 1.37
    centres = np.concatenate(centres)
    for name, values in zip(("pcx", "pcy", "pcz"), centres.T, strict=True):
        low, high = getattr(camera, name)
        assert low <= values.min() < low + 0.1 * (high - low)
        assert high >= values.max() > high - 0.1 * (high - low)


def test_error_of_the_projection_centre(masters, rotations, perfect):
    """The patterns are those of the true one, the user gives another."""
    exact, pc, _ = draw(masters, perfect, n=1, rotations=rotations[:1])
    same, given, _ = draw(
        masters,
        replace(perfect, pc_error=(0.01, 0.01)),
        rotations=rotations[:1],
        n=1,
    )
    np.testing.assert_array_equal(exact, same)
    assert 0 < np.abs(given - pc).max() < 0.05


def test_patterns_of_one_grain(masters):
    """They share camera and projection centre, not the orientation."""
    patterns, pc, _ = draw(masters, Camera(), n=7, per_camera=3)
    assert np.all(pc[:3] == pc[0]) and np.all(pc[3:6] == pc[3])
    assert np.all(pc[6] != pc[3]) and np.all(pc[0] != pc[3])
    assert not np.array_equal(patterns[0], patterns[1])


# ---------------------------------------------------- faults of a camera


def agreement(a, b):
    return np.mean(
        [
            np.corrcoef(i.ravel(), j.ravel())[0, 1]
            for i, j in zip(a, b, strict=True)
        ]
    )


def test_noise_rises(masters, rotations, clean, perfect):
    noisy = [
        draw(masters, replace(perfect, noise=(n, n)), rotations=rotations)[0]
        for n in (0.1, 0.5, 1.5)
    ]
    found = [agreement(i, clean) for i in noisy]
    # The standard deviation of the noise is n times that of the bands.
    expected = [1 / np.sqrt(1 + n**2) for n in (0.1, 0.5, 1.5)]
    np.testing.assert_allclose(found, expected, atol=0.02)
    a, b = noisy[2] - noisy[2].mean(), noisy[1] - noisy[1].mean()
    assert not np.array_equal(a[0] / a[0].std(), b[0] / b[0].std())


def test_blur(masters, rotations, clean, perfect):
    rough = []
    for sigma in (0.5, 1.0, 1.5):
        camera = replace(perfect, blur=(sigma, sigma))
        patterns, _, _ = draw(masters, camera, rotations=rotations)
        rough.append(np.diff(patterns, axis=2).std() / patterns.std())
    first = np.diff(clean, axis=2).std() / clean.std()
    assert first > rough[0] > rough[1] > rough[2]


@pytest.mark.parametrize(
    ["changes", "much"],
    [({"bump": (1.5, 1.5)}, 0.2), ({"slope": (0.4, 0.4)}, 0.1)],
)
def test_background(masters, rotations, clean, changes, much, perfect):
    """Smooth light on top: its gradients are much larger."""
    camera = replace(perfect, contrast=(0.03, 0.03), **changes)
    patterns, _, _ = draw(masters, camera, rotations=rotations)
    coarse = patterns.reshape(4, 6, 10, 6, 10).mean(axis=(2, 4))
    assert np.ptp(coarse, axis=(1, 2)).min() > much
    assert agreement(patterns, clean) < 0.7


def test_slope_rises_to_the_right_and_down(masters, rotations, perfect):
    camera = replace(perfect, contrast=(0.01, 0.01), slope=(0.4, 0.4))
    patterns, _, _ = draw(masters, camera, rotations=rotations)
    assert np.all(
        patterns[:, 40:, 40:].mean(axis=(1, 2))
        > patterns[:, :20, :20].mean(axis=(1, 2)) + 0.3
    )


def test_grey_levels(masters, perfect):
    few, _, _ = draw(masters, replace(perfect, low_depth=1.0), n=8)
    levels = [len(np.unique(i)) for i in few]
    assert 8 < min(levels) and max(levels) <= 64
    many, _, _ = draw(masters, perfect, n=8)
    assert all(len(np.unique(i)) > 100 for i in many)
    np.testing.assert_allclose(many * 255, np.round(many * 255), atol=1e-3)


def test_round_screen(masters, perfect):
    patterns, _, _ = draw(masters, replace(perfect, round_screen=1.0), n=8)
    for row, column in ((0, 0), (0, -1), (-1, 0), (-1, -1)):
        assert not patterns[:, row, column].any()
    assert np.all(patterns[:, 30, 30] > 0)


def test_dead_pixels(masters, rotations, clean, perfect):
    camera = replace(perfect, dead=(0.01, 0.01))
    patterns, _, _ = draw(masters, camera, rotations=rotations)
    changed = patterns != clean
    assert np.all(changed.sum(axis=(1, 2)) > 20)
    assert np.all(changed.sum(axis=(1, 2)) <= 36)
    assert set(np.unique(patterns[changed])) == {0, 1}


def test_saturation(masters, rotations, clean, perfect):
    camera = replace(perfect, saturation=(0.01, 0.01))
    patterns, _, _ = draw(masters, camera, rotations=rotations)
    assert np.mean(patterns == 1) > 2 * np.mean(clean == 1)
    np.testing.assert_allclose(patterns, np.minimum(clean / 0.8, 1), atol=0.01)


# --------------------------------------------------------------- settings


def test_settings_round_trip():
    camera = Camera(pixels=(40, 64), pc_error=(0.01, 0.01))
    settings = json.loads(json.dumps(camera.to_dict()))
    assert Camera.from_dict(settings) == camera
    assert Camera.from_dict({}) == Camera()


@pytest.mark.parametrize(
    ["settings", "match"],
    [
        ({"lens": 1}, r"Unknown camera settings \['lens'\]; known are.*pcx"),
        ({"pixels": 60}, "pixels must be two numbers.*not 60"),
        ({"pcx": [0.6, 0.4]}, r"pcx must be two.*not \(0.6, 0.4\)"),
        ({"noise": [0.1]}, r"noise must be two.*not \(0.1,\)"),
        ({"noise": ["a", "b"]}, "noise must be two"),
        ({"noise": [0.0, 1.0]}, "noise must be positive"),
        ({"blur": [0.0, 1.0]}, "blur must be positive"),
        ({"contrast": [-1, 1.0]}, "contrast must be positive"),
        ({"pcz": [0, 1.0]}, "pcz must be positive"),
        ({"pixels": [0, 40]}, "pixels must be positive"),
        ({"pc_error": 0.01}, "pc_error must be two numbers.*not 0.01"),
        ({"pc_error": [-0.1, 0.1]}, "pc_error must not be negative"),
        ({"grain": [-1.0, 0.1]}, "grain must not be negative"),
        ({"grain_size": [0.0, 1.0]}, "grain_size must be positive"),
        ({"pc_error": float("nan")}, "pc_error must be two numbers.*not nan"),
        ({"round_screen": 1.5}, "round_screen must be a probability.*1.5"),
        ({"low_depth": -0.1}, "low_depth must be a probability"),
    ],
)
def test_wrong_settings(settings, match):
    with pytest.raises(ValueError, match=match):
        Camera.from_dict(settings)


def test_sample_master_shows_what_the_camera_draws(masters, clean, rotations):
    """Both look the master pattern up at the same places."""
    x = ((np.arange(60) + 0.5) / 60 - 0.45) / 0.6
    y = (0.3 - (np.arange(60) + 0.5) / 60) / 0.6
    x, y = np.meshgrid(x, y)
    v = np.stack([x, y, np.ones_like(x)], axis=-1)
    v /= np.linalg.norm(v, axis=-1, keepdims=True)
    for pattern, rotation in zip(clean, rotations, strict=True):
        expected = sample_master(masters[0, 0], v @ rotation.T)
        r = np.corrcoef(pattern.ravel(), expected.ravel())[0, 1]
        assert r > 0.999


# --------------------------------------------------- straight from bands

WHICH = np.array([0, 1, 1, 0, 1, 0])


@pytest.fixture(scope="module")
def bands(crystals):
    return [band_profiles(crystals[i], n_rows=60) for i in ("Al", "Mg")]


@pytest.fixture(scope="module")
def stack(bands):
    return BandStack.of(bands)


@pytest.fixture(scope="module")
def turns():
    return random_rotations(np.random.default_rng(8), len(WHICH))


def drawn(source, camera, turns, seed=1, **kwargs):
    rng = np.random.default_rng(seed)
    return draw_patterns(rng, source, WHICH, camera, turns, **kwargs)[0]


def correlations(a, b):
    return [
        np.corrcoef(i.ravel(), j.ravel())[0, 1]
        for i, j in zip(a, b, strict=True)
    ]


@pytest.mark.parametrize("edges", [0.0, 0.4, -0.3])
@pytest.mark.parametrize("pc", [(0.45, 0.3, 0.6), (0.6, 0.1, 0.45)])
def test_like_those_of_the_master(bands, stack, turns, edges, pc, perfect):
    camera = replace(
        perfect,
        edges=(edges, edges),
        **{n: (v, v) for n, v in zip(("pcx", "pcy", "pcz"), pc, strict=True)},
    )
    masters = np.stack([master_from_bands(i, 601) for i in bands])
    from_master = drawn(masters, camera, turns)
    from_bands = drawn(stack, camera, turns)
    alike = correlations(from_master, from_bands)
    assert min(alike) > 0.95
    # Not one pixel beside.
    beside = correlations(from_master, np.roll(from_bands, 1, axis=2))
    assert max(beside) < min(alike) - 0.1


def test_pixels_hold_means(stack, turns, perfect):
    """A coarse detector records what a fine one does on average."""
    fine = drawn(stack, replace(perfect, pixels=(240, 240)), turns)
    coarse = drawn(stack, replace(perfect, pixels=(48, 48)), turns)
    blocks = fine.reshape(-1, 48, 5, 48, 5)
    assert min(correlations(coarse, blocks.mean(axis=(2, 4)))) > 0.98
    assert max(correlations(coarse, blocks[:, :, 2, :, 2])) < 0.98


def test_each_pattern_of_its_own_crystal(stack, turns, perfect):
    """Whatever others are in the stack."""
    together = drawn(stack, perfect, turns)
    alone = draw_patterns(
        np.random.default_rng(1),
        stack[[1]],
        np.zeros(len(WHICH), int),
        perfect,
        turns,
    )[0]
    same = WHICH == 1
    np.testing.assert_array_equal(together[same], alone[same])
    assert max(correlations(together[~same], alone[~same])) < 0.8


def test_a_band_parallel_to_a_row(stack, perfect):
    """Where its normal has no component along the rows."""
    turns = np.repeat(np.eye(3, dtype=np.float32)[None], 6, axis=0)
    assert np.isfinite(drawn(stack, perfect, turns)).all()


def test_grain_is_alike_over_some_pixels(stack, turns, perfect):
    clean = drawn(stack, perfect, turns)
    noisy = drawn(
        stack,
        replace(perfect, grain=(0.5, 0.5), grain_size=(6.0, 6.0)),
        turns,
    )
    # Grey levels are scaled to their range: undo it.
    for a, b in zip(clean, noisy, strict=True):
        fit = np.polyfit(a.ravel(), b.ravel(), 1)
        grain = (b - np.polyval(fit, a)) / (fit[0] * a.std())
        assert 0.3 < grain.std() < 0.75
        near = np.corrcoef(grain[:, 1:].ravel(), grain[:, :-1].ravel())[0, 1]
        far = np.corrcoef(grain[:, 20:].ravel(), grain[:, :-20].ravel())[0, 1]
        assert near > 0.8 and abs(far) < 0.4


def test_shade_is_a_factor(stack, turns, perfect):
    """It leaves the bands' contrast relative to the brightness."""
    camera = replace(perfect, contrast=(0.03, 0.03), shade=(0.4, 0.4))
    flat = drawn(stack, replace(camera, shade=(0.0, 0.0)), turns)
    shaded = drawn(stack, camera, turns)
    for a, b in zip(flat, shaded, strict=True):
        assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 0.6
        assert b.std() > 0.1
