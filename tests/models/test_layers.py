# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every layer against what it should compute, written out slowly."""

import keras
import numpy as np
import pytest
from scipy.ndimage import map_coordinates
from scipy.spatial.transform import Rotation

from kikuchipy_symml.models.layers import (
    Bands,
    FindBands,
    GreatCircles,
    MeanOverPresent,
    PairAttention,
    PairUpdate,
    Poles,
    Present,
    Profiles,
    RefineBands,
    Relations,
    Shrink,
)
from kikuchipy_symml.models.layers._base import wrap
from kikuchipy_symml.pattern import ViewSpec, view_directions

VIEW = ViewSpec(size=80)
GEOMETRY = {"view": VIEW.to_dict(), "azimuths": 120, "tilts": 72}
SMALL_VIEW = ViewSpec(size=32, background=8.0)
SMALL = {"view": SMALL_VIEW.to_dict(), "azimuths": 24, "tilts": 16}


def normal_of(azimuth, tilt):
    """Plane normal for an azimuth and a tilt in degrees."""
    a, t = np.deg2rad(azimuth), np.deg2rad(tilt)
    return np.stack(
        [np.cos(t) * np.cos(a), np.cos(t) * np.sin(a), np.sin(t)], axis=-1
    )


def grid_of_normals(geometry, radius):
    """Normals of the map's cells, as the layer's docstring has them."""
    p, a = geometry["azimuths"], geometry["tilts"]
    azimuth = (np.arange(p) + 0.5) * 180 / p
    tilt = np.linspace(-(radius - 2), radius - 2, a)
    return normal_of(*np.meshgrid(azimuth, tilt, indexing="ij"))


def draw(normals, spec=VIEW, width=0.02, heights=None):
    """View of bright bands with a Gaussian profile; everything seen."""
    v = view_directions(spec)[..., 0, :].astype(float)
    seen = np.isfinite(v[..., 0])
    v = np.nan_to_num(v)
    image = np.zeros(v.shape[:2])
    heights = np.ones(len(normals)) if heights is None else heights
    for n, height in zip(np.atleast_2d(normals), heights, strict=True):
        image += height * np.exp(-0.5 * ((v @ n) / width) ** 2)
    image = (image - image[seen].mean()) / image[seen].std()
    view = np.stack([image * seen, seen], axis=-1).astype(np.float32)
    return view


def angle_between(a, b):
    """Angle in degrees between lines."""
    return np.rad2deg(np.arccos(np.clip(np.abs(a @ b), 0, 1)))


# ---------------------------------------------------------- great circles


def slow_great_circles(view, spec, normals):
    """Mean over the part of each great circle in the view, and the share
    of it that was seen, one circle at a time."""
    edge = 2 * np.sin(np.deg2rad(spec.radius) / 2)
    mean = np.zeros(normals.shape[:-1])
    share = np.zeros(normals.shape[:-1])
    for index in np.ndindex(mean.shape):
        n = normals[index]
        one = np.cross(n, [0.3, 0.5, 0.8])
        one /= np.linalg.norm(one)
        two = np.cross(n, one)
        t = np.linspace(0, 2 * np.pi, 4000, endpoint=False)
        v = np.cos(t)[:, None] * one + np.sin(t)[:, None] * two
        v = v[v[:, 2] > np.cos(np.deg2rad(spec.radius))]
        scale = np.sqrt(2 / (1 + v[:, 2])) / edge
        column = (v[:, 0] * scale + 1) / 2 * spec.size - 0.5
        row = (1 - v[:, 1] * scale) / 2 * spec.size - 0.5
        for out, channel in ((mean, 0), (share, 1)):
            out[index] = map_coordinates(
                view[..., channel], [row, column], order=1, mode="nearest"
            ).mean()
    return mean, share


@pytest.mark.parametrize("half_seen", [False, True])
@pytest.mark.parametrize("azimuths", [24, 20])
def test_great_circles_by_brute_force(rng, azimuths, half_seen):
    """Random pixels, no symmetry, seen in full or in part; with a quarter
    that has an azimuth on the diagonal and without."""
    spec = SMALL_VIEW
    geometry = SMALL | {"azimuths": azimuths}
    v = view_directions(spec)[..., 0, :]
    seen = np.isfinite(v[..., 0])
    if half_seen:
        # A slanted rim: no mirror symmetry either.
        y, x = np.mgrid[:32, :32]
        seen &= 2 * x + y < 56
    view = np.stack([rng.normal(size=(32, 32)) * seen, seen], axis=-1)
    maps = GreatCircles(**geometry)(view[None].astype(np.float32))
    maps = keras.ops.convert_to_numpy(maps)[0]
    assert maps.shape == (azimuths, 16, 2)

    mean, share = slow_great_circles(
        view, spec, grid_of_normals(geometry, spec.radius)
    )
    # The share is kept at half the resolution.
    assert np.abs(maps[..., 1] - share).mean() < 0.07
    enough = (maps[..., 1] > 0.2) & (share > 0.2)
    assert enough.mean() > (0.3 if half_seen else 0.9)
    expected = mean / np.sqrt(maps[..., 1] + 0.02)
    ratio = maps[..., 0][enough].std() / expected[enough].std()
    # The layer takes fewer points along each circle.
    off = maps[..., 0][enough] - ratio * expected[enough]
    assert np.sqrt(np.mean(off**2)) < 0.05 * maps[..., 0].std()
    assert np.abs(off).max() < 0.3 * maps[..., 0].std()
    assert not maps[..., 0][maps[..., 1] < 0.12].any()
    # A signal-to-noise ratio: the scale is that of the map itself.
    assert np.sqrt(np.mean(maps[..., 0] ** 2)) == pytest.approx(1, abs=1e-3)


def test_great_circles_of_nothing():
    maps = GreatCircles(**SMALL)(np.zeros((2, 32, 32, 2), np.float32))
    assert not keras.ops.convert_to_numpy(maps).any()


def test_great_circles_do_not_mix_patterns(rng):
    views = rng.normal(size=(3, 32, 32, 2)).astype(np.float32)
    views[..., 1] = 1
    layer = GreatCircles(**SMALL)
    together = keras.ops.convert_to_numpy(layer(views))
    for i in range(3):
        alone = keras.ops.convert_to_numpy(layer(views[i : i + 1]))
        np.testing.assert_allclose(together[i], alone[0], atol=1e-5)


def test_seam():
    """Beyond half a turn stands the opposite normal: azimuth a + 180 and
    tilt t are azimuth a and tilt -t."""
    maps = np.arange(2 * 6 * 4.0).reshape(2, 6, 4, 1)
    wrapped = keras.ops.convert_to_numpy(wrap(maps, 2))
    assert wrapped.shape == (2, 10, 8, 1)
    np.testing.assert_array_equal(wrapped[:, 2:-2, 2:-2], maps)
    np.testing.assert_array_equal(wrapped[:, :2, 2:-2], maps[:, -2:, ::-1])
    np.testing.assert_array_equal(wrapped[:, -2:, 2:-2], maps[:, :2, ::-1])
    assert not wrapped[:, :, :2].any() and not wrapped[:, :, -2:].any()


def test_map_is_smooth_across_the_seam():
    """A band whose peak lies on the seam goes on beyond it."""
    view = draw(normal_of([0.0], [20.0]), width=0.06)
    maps = keras.ops.convert_to_numpy(GreatCircles(**GEOMETRY)(view[None]))
    wrapped = keras.ops.convert_to_numpy(wrap(maps[..., :1], 2))
    line = wrapped[0, :, :, 0]
    row, column = np.unravel_index(line.argmax(), line.shape)
    assert row in (1, 2, 121, 122)
    # Rows 1 | 2 and 121 | 122 are the neighbours across the seam.
    top = line.max()
    for a, b in ((1, 2), (121, 122)):
        np.testing.assert_allclose(line[a], line[b], atol=0.1 * top)


@pytest.mark.parametrize(
    ["settings", "match"],
    [
        ({"azimuths": 30}, "azimuths must be a multiple of 4.*not 30"),
        ({"tilts": 18}, "tilts must be a multiple of 4.*not 18"),
        ({"tilts": 4}, "tilts .*at least 8, not 4"),
        ({"view": {"size": 34}}, "size of the view .*not 34"),
        ({"view": {"width": 34}}, "Not the settings of a canonical view"),
    ],
)
def test_wrong_geometry(settings, match):
    with pytest.raises(ValueError, match=match):
        GreatCircles(**(SMALL | settings))


# ------------------------------------------------------------------ bands


@pytest.fixture(scope="module")
def find_bands():
    maps = GreatCircles(**GEOMETRY)
    bands = Bands(**GEOMETRY, count=12)

    def find(views):
        views = np.asarray(views, dtype=np.float32)
        return [keras.ops.convert_to_numpy(i) for i in bands(maps(views))]

    return find


def test_one_band_is_found_where_it_is(find_bands):
    """All around, also next to the seam at 0 and 180 degrees."""
    azimuth = [0.0, 0.2, 1.0, 23.4, 45.0, 77.7, 90.0, 131.3, 179.0, 179.9]
    tilt = [10.0, -20.0, 0.0, 31.1, -5.5, 12.3, 0.0, -33.3, 15.0, 0.4]
    expected = normal_of(azimuth, tilt)
    normals, _, strength = find_bands([draw(n[None]) for n in expected])
    assert normals.shape == (10, 12, 3) and strength.shape == (10, 12)
    np.testing.assert_allclose(np.linalg.norm(normals, axis=-1), 1, atol=1e-5)
    for found, true in zip(normals[:, 0], expected, strict=True):
        assert angle_between(found, true) < 0.5
    assert np.all(strength[:, 0] > 3)
    assert np.all(np.diff(strength, axis=1) <= 0)


def test_strength_follows_brightness(find_bands):
    expected = normal_of([10.0, 70.0, 130.0], [5.0, -15.0, 20.0])
    view = draw(expected, heights=[1.0, 0.75, 0.5])
    normals, _, strength = find_bands(view[None])
    for i in range(3):
        assert angle_between(normals[0, i], expected[i]) < 0.6
    assert np.all(np.diff(strength[0, :3]) < -0.1)


def test_band_seen_in_part(find_bands):
    true = normal_of([60.0], [10.0])
    view = draw(true)
    view[:, :32] = 0
    normals, features, _ = find_bands(view[None])
    assert angle_between(normals[0, 0], true[0]) < 1
    covered = features[0, 0, -5]
    assert 0.3 < covered < 0.95


def test_nothing_to_find(find_bands):
    normals, features, strength = find_bands(np.zeros((1, 80, 80, 2)))
    assert not strength.any() and not features.any()
    assert np.isfinite(normals).all()


@pytest.fixture(scope="module")
def tell_bands():
    """Bands among extrema, by a network that knows nothing: each is as
    likely to be one, and where it is."""
    maps = GreatCircles(**GEOMETRY)
    layer = FindBands(**GEOMETRY, count=8, extrema=20)
    shape = (None, GEOMETRY["azimuths"], GEOMETRY["tilts"], 2)
    layer.build(shape)
    for weight in layer.weights:
        weight.assign(np.zeros(weight.shape, np.float32))

    def tell(views, logit=0.0, offsets=(0.0, 0.0)):
        layer.told.bias.assign(np.array([logit, *offsets], np.float32))
        views = np.asarray(views, dtype=np.float32)
        return [keras.ops.convert_to_numpy(i) for i in layer(maps(views))]

    return tell


@pytest.mark.parametrize("sign", [1, -1])
def test_extrema_are_bright_or_dark(tell_bands, sign):
    expected = normal_of([10.0, 70.0, 131.0], [5.0, -15.0, 20.0])
    view = draw(expected)
    view[..., 0] *= sign
    normals, features, strength = tell_bands(view[None])
    np.testing.assert_allclose(strength[0, :3], 0.5, atol=1e-6)
    # Cells are wide, and nothing is told of what is between.
    for true in expected:
        assert min(angle_between(n, true) for n in normals[0]) < 1.2
    middle = (features.shape[-1] - 6) // 2
    assert np.all(sign * features[0, :3, middle] > 0)


def test_offsets_move_bands(tell_bands):
    """By parts of cells, and across the seam to the opposite tilt."""
    azimuth = GEOMETRY["azimuths"]
    expected = normal_of([179.7, 60.0], [12.0, 3.0])
    view = draw(expected)[None]
    before = tell_bands(view)[0][0]
    after = tell_bands(view, offsets=(1.5, 0.0))[0][0]
    for true in expected:
        i = np.argmin([angle_between(n, true) for n in before])
        moved = min(angle_between(n, before[i]) for n in after)
        wanted = 1.5 * 180 / azimuth * np.sqrt(1 - before[i, 2] ** 2)
        there = [abs(angle_between(n, before[i]) - wanted) for n in after]
        assert min(there) < 0.1 and moved > 0.5


def test_likeliest_of_one_band_is_kept(tell_bands):
    normals, _, strength = tell_bands(draw(normal_of([40.0], [9.0]))[None])
    normals = normals[0][strength[0] > 0]
    cosine = np.abs(normals @ normals.T)
    # Those that are as likely stay: none is better than the other.
    assert len(normals) > 1 and np.isfinite(cosine).all()


def test_nothing_to_tell(tell_bands):
    normals, features, strength = tell_bands(np.zeros((1, 80, 80, 2)))
    assert not strength.any() and not features.any()
    assert np.isfinite(normals).all()


CUBIC = np.array(
    [
        *[[1, 1, 1], [1, 1, -1], [1, -1, 1], [-1, 1, 1]],
        *[[1, 0, 0], [0, 1, 0], [0, 0, 1]],
        *[[1, 1, 0], [1, -1, 0], [1, 0, 1], [1, 0, -1], [0, 1, 1]],
    ],
    dtype=float,
)
CUBIC /= np.linalg.norm(CUBIC, axis=1, keepdims=True)


@pytest.mark.parametrize("turn", [30.0, 101.0, 180.0, 215.5])
def test_turned_scene_has_the_same_angles(find_bands, turn):
    """The camera rolls: bands move, the angles between them stay."""
    start = Rotation.from_euler("zxz", [15, 40, 25], degrees=True)
    scene = start.apply(CUBIC)
    # Bands that cross the view well, whatever its roll.
    scene = scene[np.abs(scene[:, 2]) < np.sin(np.deg2rad(38))]
    n = len(scene)
    assert n >= 5
    heights = np.linspace(1, 0.6, n)
    roll = Rotation.from_euler("z", turn, degrees=True)
    normals, _, strength = find_bands(
        [
            draw(scene, heights=heights),
            draw(roll.apply(scene), heights=heights),
        ]
    )
    pairs = np.triu_indices(n, 1)
    angles = [
        np.sort(
            np.rad2deg(
                np.arccos(np.clip(np.abs(i[:n] @ i[:n].T)[pairs], 0, 1))
            )
        )
        for i in normals
    ]
    np.testing.assert_allclose(angles[0], angles[1], atol=1.5)
    # They are the bands of the scene, not others.
    for found, true in zip(normals, (scene, roll.apply(scene)), strict=True):
        nearest = angle_between(found[:n], true.T).min(axis=1)
        assert nearest.max() < 1
    np.testing.assert_allclose(strength[0, :n], strength[1, :n], rtol=0.15)


# ------------------------------------------------------------------ poles


def test_pole_where_bands_cross():
    """Three bands through one direction, and a fourth elsewhere."""
    pole = np.array([0.25, -0.2, 1.0])
    pole /= np.linalg.norm(pole)
    across = np.cross(pole, [0.0, 1.0, 0.0])
    across /= np.linalg.norm(across)
    normals = np.stack(
        [
            Rotation.from_rotvec(a * pole, degrees=True).apply(across)
            for a in (0, 50, 110)
        ]
        + [normal_of(30.0, -30.0)]
    )
    strength = np.array([[3.0, 3.0, 3.0, 3.0]], dtype=np.float32)
    poles = Poles(**GEOMETRY, count=3)
    directions, features, power = [
        keras.ops.convert_to_numpy(i)
        for i in poles(
            normals[None].astype(np.float32), strength, draw(normals)[None]
        )
    ]
    assert angle_between(directions[0, 0], pole) < 1
    # All three cross there: each brings the root of its strength.
    # Less a little, as its direction is not one of the grid's.
    assert 0.75 < power[0, 0] / (3 * np.sqrt(3)) <= 1
    assert power[0, 1] < 0.9 * power[0, 0]
    assert np.isfinite(features).all()


def test_no_pole_where_nothing_was_seen():
    normals = normal_of([0.0, 90.0], [0.0, 0.0])[None].astype(np.float32)
    strength = np.ones((1, 2), dtype=np.float32)
    view = draw(normals[0])
    view[32:48, 32:48] = 0
    directions, _, power = [
        keras.ops.convert_to_numpy(i)
        for i in Poles(**GEOMETRY, count=4)(normals, strength, view[None])
    ]
    middle = directions[0, :, 2] > np.cos(np.deg2rad(6))
    assert not power[0][middle].any()


# ------------------------------------------------- finer than the map


def test_shrink_by_whole_numbers_is_the_mean(rng):
    views = rng.normal(size=(2, 24, 24, 2)).astype(np.float32)
    views[..., 1] = 1
    small = np.asarray(Shrink(8)(views))
    means = views.reshape(2, 8, 3, 8, 3, 2).mean(axis=(2, 4))
    np.testing.assert_allclose(small, means, atol=1e-5)


def test_shrink_by_parts_of_pixels():
    """Area means: of a ramp they are the ramp in the middle of pixels."""
    ramp = (np.arange(120) + 0.5) / 120
    views = np.ones((1, 120, 120, 2), dtype=np.float32)
    views[0, ..., 0] = ramp + 2 * ramp[:, None]
    small = np.asarray(Shrink(80)(views))[0]
    ramp = (np.arange(80) + 0.5) / 80
    np.testing.assert_allclose(
        small[..., 0], ramp + 2 * ramp[:, None], atol=3e-3
    )
    assert (small[..., 1] == 1).all()


def test_shrink_takes_the_mean_of_what_was_seen():
    views = np.zeros((1, 24, 24, 2), dtype=np.float32)
    views[0, :, :11, 0], views[0, :, :11, 1] = 3, 1
    small = np.asarray(Shrink(8)(views))[0]
    np.testing.assert_allclose(small[:, :4, 0], 3, rtol=1e-5)
    assert (small[:, :4, 1] == 1).all()
    # A pixel of which less than half was seen was not.
    assert not small[:, 4:].any()


def test_shrink_does_not_enlarge():
    with pytest.raises(ValueError, match="24 pixels a side .* to 25"):
        Shrink(25)(np.zeros((1, 24, 24, 2)))


FINE = ViewSpec(size=120)


def profiles_of(normals, views, strength=None):
    normals = np.asarray(normals, dtype=np.float32)[None]
    strength = np.ones(normals.shape[:2]) if strength is None else strength
    return np.asarray(
        Profiles(FINE.to_dict())(
            normals, np.asarray(strength, np.float32), views[None]
        )
    )[0]


@pytest.mark.parametrize("azimuth, tilt", [(10, 0), (75, 20), (140, -35)])
def test_profile_of_a_band(azimuth, tilt):
    """That of a Gaussian band, wherever it runs, at the right angles."""
    n = normal_of(azimuth, tilt)
    width = 0.03
    profile = profiles_of([n], draw([n], FINE, width))[0]
    angle = np.deg2rad((np.arange(17) - 8) * 0.7)
    expected = np.exp(-0.5 * (np.sin(angle) / width) ** 2)
    assert np.corrcoef(profile, expected)[0, 1] > 0.995
    assert np.sqrt(np.mean(profile**2)) == pytest.approx(1, abs=1e-3)


def test_profile_tells_widths_apart():
    """Bands of fcc's {111} and {200} differ by 0.2 degrees in the Bragg
    angle, a third of a pixel."""
    n = normal_of(55, 12)
    v = view_directions(FINE)[..., 0, :].astype(float)
    seen = np.isfinite(v[..., 0])
    found = []
    for half in (1.2, 1.4):
        image = np.abs(np.nan_to_num(v) @ n) < np.sin(np.deg2rad(half))
        view = np.stack([(image - 0.05) * seen, seen], axis=-1)
        profile = profiles_of([n], view.astype(np.float32))[0]
        profile = profile / profile[7:10].mean()
        found.append(profile.sum() * 0.7 / 2)
    assert found[1] - found[0] == pytest.approx(0.2, abs=0.1)


def test_no_profile_where_there_is_no_band():
    view = draw([normal_of(10, 0)], FINE)
    normals = [normal_of(10, 0), normal_of(80, 20)]
    profiles = profiles_of(normals, view, [[1.0, 0.0]])
    assert profiles[0].any() and not profiles[1].any()
    view[..., 1] = 0
    assert not profiles_of(normals, view).any()


# -------------------------------------------------------------- relations


@pytest.fixture(scope="module")
def relate(find_bands):
    layer = Relations(**GEOMETRY)
    circles = GreatCircles(**GEOMETRY)

    def relate(view, normals, poles):
        n, z = len(normals), len(poles)
        return keras.ops.convert_to_numpy(
            layer(
                normals[None].astype(np.float32),
                poles[None].astype(np.float32),
                np.full((1, n), 4, np.float32),
                np.full((1, z), 4, np.float32),
                circles(view[None]),
            )
        )[0]

    return relate


def test_relations_hold_the_angle(relate):
    normals = normal_of([0.0, 60.0, 100.0], [0.0, 0.0, 30.0])
    poles = np.array([[0, 0, 1.0]])
    out = relate(draw(normals), normals, poles)
    assert out.shape == (4, 4, 32 + 3 + 1 + 8)
    tokens = np.concatenate([normals, poles])
    step = 90 / 31
    for i in range(4):
        for j in range(4):
            bins = out[i, j, :32]
            angle = np.sum(bins * np.arange(32)) / bins.sum() * step
            expected = angle_between(tokens[i], tokens[j])
            if 5 < expected < 85:
                assert angle == pytest.approx(expected, abs=0.1)
            else:
                assert bins.argmax() == round(expected / step)
    kind = out[..., 32:35]
    assert not kind[:3, :3].any()
    assert np.all(kind[:3, 3] == [1, 0, 0])
    assert np.all(kind[3, :3] == [0, 1, 0])
    assert np.all(kind[3, 3] == [0, 0, 1])


def test_relations_count_bands_of_a_zone(relate):
    """Normals in one plane share a zone axis; a fourth does not."""
    zone = normal_of([0.0, 40.0, 85.0], [0.0, 0.0, 0.0])
    normals = np.concatenate([zone, normal_of([60.0], [33.0])])
    out = relate(draw(normals), normals, np.array([[0, 0, 1.0]]))[..., 35]
    # Each of the three brings sqrt(4), times 0.3.
    assert out[0, 1] == pytest.approx(3 * 2 * 0.3, rel=0.02)
    assert out[0, 3] == pytest.approx(2 * 2 * 0.3, rel=0.05)
    np.testing.assert_allclose(out, out.T, atol=1e-5)


def test_relations_see_symmetry_axes(relate):
    """About a four-fold pole, a quarter of a turn takes bands to bands,
    and a third of a turn to none."""
    normals = np.concatenate(
        [
            normal_of([10.0, 100.0], [0.0, 0.0]),
            normal_of([40.0, 130.0], [22.0, 22.0]),
            normal_of([40.0, 130.0], [-22.0, -22.0]),
        ]
    )
    pole = np.array([[0, 0, 1.0]])
    out = relate(draw(normals), normals, pole)
    # Turns of 180, 120, 90 and 60 degrees: first shown, then seen.
    shown, seen = out[6, :6, 36:40], out[6, :6, 40:44]
    assert np.all(shown[:, [0, 2]] > 2.5)
    assert np.all(shown[:, [1, 3]] < 1.5)
    assert np.all(seen > 0.8)
    assert not out[:, 6:, 36:].any()


# -------------------------------------------------------------- attention


def test_attention_by_hand(rng):
    """One head after the other, with the same weights."""
    b, n, width, f, heads = 2, 5, 8, 3, 2
    x = rng.normal(size=(b, n, width)).astype(np.float32)
    pairs = rng.normal(size=(b, n, n, f)).astype(np.float32)
    present = np.ones((b, n), dtype=np.float32)
    present[1, 3:] = 0
    layer = PairAttention(heads)
    out = keras.ops.convert_to_numpy(layer(x, pairs, present))
    assert out.shape == x.shape
    (qkv, qkv_bias), (steer, steer_bias), (mix, mix_bias) = [
        [np.asarray(w) for w in i.weights]
        for i in (layer.qkv, layer.steer, layer.out)
    ]
    for i in range(b):
        q, k, v = np.split(x[i] @ qkv + qkv_bias, 3, axis=1)
        bias = pairs[i] @ steer + steer_bias
        mixed, related = [], []
        for h in range(heads):
            part = slice(h * width // heads, (h + 1) * width // heads)
            logits = q[:, part] @ k[:, part].T / np.sqrt(width // heads)
            soft = np.exp(logits + bias[..., h]) * present[i]
            soft /= soft.sum(axis=1, keepdims=True)
            count = 1 / (1 + np.exp(-logits - bias[..., heads + h]))
            weight = soft + count * present[i] / 8
            mixed.append(weight @ v[:, part])
            related.append(np.einsum("ij,ijf->if", weight, pairs[i]))
        expected = np.concatenate(mixed + related, axis=1) @ mix + mix_bias
        np.testing.assert_allclose(out[i], expected, atol=2e-5)


def test_pairs_take_up_their_tokens(rng):
    """Each those of its own two, and not in the other order."""
    layer = PairUpdate()
    pairs = rng.normal(size=(2, 5, 5, 3)).astype(np.float32)
    x = rng.normal(size=(2, 5, 4)).astype(np.float32)
    np.testing.assert_array_equal(layer(pairs, x), pairs)
    layer.out.kernel.assign(rng.normal(size=(3, 3)))
    before = keras.ops.convert_to_numpy(layer(pairs, x))
    assert before.shape == pairs.shape
    other = x.copy()
    other[0, 2] += 1
    after = keras.ops.convert_to_numpy(layer(pairs, other))
    changed = np.abs(after - before).max(axis=-1) > 1e-6
    expected = np.zeros((2, 5, 5), dtype=bool)
    expected[0, 2] = expected[0, :, 2] = True
    np.testing.assert_array_equal(changed, expected)
    difference = after - before
    assert not np.allclose(difference[0, 2, 1], difference[0, 1, 2])


def test_absent_tokens_are_not_attended_to(rng):
    x = rng.normal(size=(1, 4, 8)).astype(np.float32)
    pairs = rng.normal(size=(1, 4, 4, 3)).astype(np.float32)
    present = np.array([[1, 1, 0, 0]], dtype=np.float32)
    layer = PairAttention(2)
    first = keras.ops.convert_to_numpy(layer(x, pairs, present))
    x[:, 2:] += 3
    pairs[:, :, 2:] -= 5
    second = keras.ops.convert_to_numpy(layer(x, pairs, present))
    np.testing.assert_allclose(first[:, :2], second[:, :2], atol=1e-5)


def test_width_and_heads():
    with pytest.raises(ValueError, match="width 8 .*multiple.* heads, 3"):
        PairAttention(3)(
            np.zeros((1, 4, 8)), np.zeros((1, 4, 4, 3)), np.ones((1, 4))
        )


def test_mean_over_those_present(rng):
    strength = np.array([[2.0, 0.1, 0.0], [0.0, 0.0, 0.0]], np.float32)
    present = keras.ops.convert_to_numpy(Present()(strength))
    np.testing.assert_array_equal(present, [[1, 1, 0], [0, 0, 0]])
    x = rng.normal(size=(2, 3, 4)).astype(np.float32)
    mean = keras.ops.convert_to_numpy(MeanOverPresent()(x, present))
    np.testing.assert_allclose(mean[0], x[0, :2].mean(axis=0), rtol=2e-3)
    assert not mean[1].any()


# --------------------------------------------------------- configurations


@pytest.mark.parametrize(
    "layer",
    [
        GreatCircles(**SMALL, name="a"),
        Bands(**SMALL, count=9),
        FindBands(**SMALL, count=9, extrema=20, width=5),
        Poles(**SMALL, count=5),
        Relations(**SMALL, bins=7),
        PairAttention(4),
        PairUpdate("relu"),
        Present(),
        Profiles(SMALL_VIEW.to_dict(), count=5, step=1.0),
        RefineBands(SMALL_VIEW.to_dict(), width=5),
        Shrink(16),
        MeanOverPresent(),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_configuration_round_trip(layer):
    made = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(layer)
    )
    assert type(made) is type(layer)
    assert made.get_config() == layer.get_config()
    name = keras.saving.get_registered_name(type(layer))
    assert name == f"kikuchipy_symml>{type(layer).__name__}"


def test_geometry_stays_in_full_precision():
    """Also where the rest of a network computes in half precision."""
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        layer = GreatCircles(**SMALL)
        bands = Bands(**SMALL)
    finally:
        keras.config.set_dtype_policy("float32")
    maps = layer(np.ones((1, 32, 32, 2), np.float32))
    assert maps.dtype == "float32"
    assert all(i.dtype == "float32" for i in bands(maps))
