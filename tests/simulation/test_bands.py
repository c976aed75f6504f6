# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
import numpy as np
import pytest
from diffsims.utils.atomic_scattering_params import (
    ATOMIC_SCATTERING_PARAMS,
)

from kikuchipy_symml.crystals import library
from kikuchipy_symml.simulation import _bands, band_profiles, escape_depth

# h^2 / (2 m e) in volt times square ångström.
VOLT = 150.4121


@pytest.mark.parametrize(
    ["energy", "wavelength"],
    # Williams & Carter, Transmission Electron Microscopy (2009), and
    # 12.2643 / sqrt(V (1 + 0.978476e-6 V)) for 20 kV.
    [(20, 0.08588), (100, 0.03701), (200, 0.02508), (300, 0.01969)],
)
def test_wave_number(energy, wavelength):
    assert 1 / _bands.wave_number(energy) == pytest.approx(
        wavelength, rel=3e-4
    )


def reflections(crystal, bands, energy=20.0):
    """Indices (h, k, l) of the strongest order of each band."""
    length = 2 * _bands.wave_number(energy) * bands.bragg
    return (bands.normals * length[:, None]) @ crystal.matrix.T


def is_allowed(name, hkl):
    h = np.rint(hkl).astype(int)
    if name == "Fe":
        return h.sum(axis=1) % 2 == 0
    same_parity = np.ptp(h % 2, axis=1) == 0
    if name in ("Al", "GaAs"):
        return same_parity
    even = (h % 2 == 0).all(axis=1)
    return same_parity & (~even | (h.sum(axis=1) % 4 == 0))


@pytest.mark.parametrize("name", ["Al", "Fe", "Si", "GaAs", "Po", "Mg"])
def test_bands_are_lattice_planes(crystals, name):
    bands = band_profiles(crystals[name])
    n = len(bands.reach)
    # 128, and the rest of the family of the last one.
    assert 60 < n < 128 + 24
    assert bands.normals.shape == (n, 3)
    assert bands.profiles.shape == (n, _bands.N_ANGLES)
    np.testing.assert_allclose(
        np.linalg.norm(bands.normals, axis=1), 1, atol=1e-6
    )
    hkl = reflections(crystals[name], bands)
    np.testing.assert_allclose(hkl, np.rint(hkl), atol=1e-3)
    # No plane twice, not even as its opposite.
    cosines = np.abs(bands.normals @ bands.normals.T) - np.eye(n)
    assert cosines.max() < 0.9999
    assert np.isfinite(bands.profiles).all()
    assert np.all(bands.reach > bands.bragg)


@pytest.mark.parametrize("name", ["Al", "Fe", "Si", "GaAs"])
def test_extinctions(crystals, name):
    hkl = reflections(crystals[name], band_profiles(crystals[name]))
    assert is_allowed(name, hkl).all()


def test_rows_without_any_reflection_are_left_out(crystals):
    """Silicon: 420 is forbidden, 840 closer than d_min, 210 and 630
    forbidden by the lattice."""
    crystal = crystals["Si"]

    def has_row(d_min):
        bands = band_profiles(crystal, d_min=d_min, n_rows=1000)
        normal = np.array([2, 1, 0]) / np.sqrt(5)
        return np.any(np.abs(bands.normals @ normal) > 0.9999)

    assert not has_row(0.65)
    assert has_row(0.6)


def test_strongest_first(crystals):
    """Face-centred cubic: 111, then 200, then 220."""
    hkl = reflections(crystals["Al"], band_profiles(crystals["Al"]))
    families = np.sort(np.abs(np.rint(hkl)), axis=1).astype(int).tolist()
    assert families[:4] == [[1, 1, 1]] * 4
    assert families[4:7] == [[0, 0, 2]] * 3
    assert families[7:13] == [[0, 2, 2]] * 6


def test_symmetry_makes_rows_equal(crystals):
    """Rows of one family have one profile, to the last bit."""
    bands = band_profiles(crystals["Al"])
    for family in (slice(0, 4), slice(4, 7), slice(7, 13)):
        assert np.ptp(bands.profiles[family], axis=0).max() == 0
        assert np.ptp(bands.reach[family]) == 0


def test_bragg_angle(crystals):
    bands = band_profiles(crystals["Al"], 15.0)
    wavelength = 1 / _bands.wave_number(15.0)
    expected = wavelength / (2 * 4.049 / np.sqrt(3))
    np.testing.assert_allclose(bands.bragg[:4], expected, rtol=1e-5)


def potential_by_hand(crystal, hkl, energy):
    """Sum over atoms, one at a time."""
    gamma = 1 + energy / 510.999
    d_star = np.linalg.norm(np.linalg.inv(crystal.matrix) @ hkl)
    total = 0
    for element, x, occupancy, u in zip(
        crystal.elements,
        crystal.positions,
        crystal.occupancies,
        crystal.u_iso,
        strict=True,
    ):
        s2 = (d_star / 2) ** 2
        f = sum(
            a * np.exp(-b * s2) for a, b in ATOMIC_SCATTERING_PARAMS[element]
        )
        f *= occupancy * np.exp(-8 * np.pi**2 * u * s2)
        total += f * np.exp(-2j * np.pi * (hkl @ x))
    return gamma * total / (np.pi * crystal.volume)


@pytest.mark.parametrize(
    ["name", "volts"],
    # Mean inner potential of neutral atoms: Gajdardziska-Josifovska &
    # Carim, in Introduction to Electron Holography (1999).
    [("Si", 13.9), ("GaAs", 15.3)],
)
def test_mean_inner_potential(crystals, name, volts):
    u0 = potential_by_hand(crystals[name], np.zeros(3), 0)
    assert u0.real * VOLT == pytest.approx(volts, rel=0.08)


def absorption_by_hand(crystal, hkl, energy):
    """Sum over atoms of the integral of Bird & King, by quadrature over the
    plane that thermal diffuse scattering goes to."""
    gamma = 1 + energy / 510.999
    speed = np.sqrt(1 - 1 / gamma**2)
    d_star = np.linalg.norm(np.linalg.inv(crystal.matrix) @ hkl)
    s = d_star / 2
    step = 0.04
    x, y = np.meshgrid(*2 * [np.arange(-8, 8 + step, step)])
    one, other = (x + s / 2) ** 2 + y**2, (x - s / 2) ** 2 + y**2
    form = {}
    for element in set(crystal.elements):
        f = [
            sum(
                a * np.exp(-b * s2)
                for a, b in ATOMIC_SCATTERING_PARAMS[element]
            )
            for s2 in (one, other)
        ]
        form[element] = f[0] * f[1]
    total = 0
    for element, place, u in zip(
        crystal.elements, crystal.positions, crystal.u_iso, strict=True
    ):
        b = 8 * np.pi**2 * u
        apart = np.exp(-b * s**2) - np.exp(-b * (one + other))
        f = 2 * 0.0242631 / speed * np.sum(form[element] * apart) * step**2
        total += f * np.exp(-2j * np.pi * (hkl @ place))
    return gamma * total / (np.pi * crystal.volume)


@pytest.mark.parametrize("name", ["Al", "GaAs"])
def test_absorption_by_quadrature(crystals, name):
    crystal = crystals[name]
    potential = _bands._Potential(crystal, 1 + 20 / 510.999)
    hkl = np.array([[0, 0, 0], [1, 1, 1], [2, 2, 0], [-5, 1, 3]])
    found = potential.absorption(hkl, _bands._relative_speed(20.0))
    expected = [absorption_by_hand(crystal, i, 20.0) for i in hkl]
    np.testing.assert_allclose(found, expected, atol=2e-3 * abs(expected[0]))


def test_escape_depth(crystals):
    """As Monte Carlo simulations: a few nanometres of a metal."""
    aluminium = escape_depth(crystals["Al"], 20.0)
    # 16.3 * 20 / (4 / 4.049**3 * 13**1.31)
    assert aluminium == pytest.approx(187.7, rel=2e-3)
    assert escape_depth(crystals["Al"], 10.0) == aluminium / 2
    assert escape_depth(library()["Pt"], 20.0) < aluminium / 5
    np.testing.assert_array_equal(
        band_profiles(crystals["Al"]).profiles,
        band_profiles(crystals["Al"], depth=aluminium).profiles,
    )


@pytest.mark.parametrize("name", ["Al", "GaAs", "Mg"])
def test_profile_by_hand(crystals, name):
    """The formula of the notes, written out for one band."""
    crystal, energy, depth = crystals[name], 20.0, 130.0
    bands = band_profiles(crystal, energy, depth=depth)
    numbers = {"Al": 13, "Ga": 31, "As": 33, "Mg": 12}
    k = _bands.wave_number(energy)
    row = 5
    hkl = np.rint(reflections(crystal, bands)[row]).astype(int)
    hkl = hkl // np.gcd.reduce(hkl)
    g = np.linalg.norm(np.linalg.inv(crystal.matrix) @ hkl)
    u = {m: potential_by_hand(crystal, m * hkl, energy) for m in range(-8, 9)}
    beams = range(-4, 5)
    # Where electrons leave from, as far as the atoms are displaced.
    leave = {
        m: sum(
            numbers[element] ** 2
            * np.exp(-8 * np.pi**2 * w * (m * g / 2) ** 2)
            * np.exp(-2j * np.pi * m * (hkl @ x))
            for element, x, w in zip(
                crystal.elements,
                crystal.positions,
                crystal.u_iso,
                strict=True,
            )
        )
        for m in range(-8, 9)
    }
    sources = np.array([[leave[m - n] for n in beams] for m in beams])
    absorbed = {
        m: absorption_by_hand(crystal, m * hkl, energy) for m in range(-8, 9)
    }
    escape = k / (2 * np.pi * depth)
    intensity = []
    for sine in np.linspace(0, bands.reach[row], _bands.N_ANGLES):
        sides = []
        for side in (1, -1):
            matrix = np.array([[u[m - n] for n in beams] for m in beams])
            absorption = np.array(
                [[absorbed[m - n] for n in beams] for m in beams]
            )
            for i, m in enumerate(beams):
                matrix[i, i] = -(2 * k * m * g * side * sine + (m * g) ** 2)
            gamma, waves = np.linalg.eigh(matrix)
            mu = [(c.conj() @ absorption @ c).real for c in waves.T]
            total = 0
            for i, one in enumerate(waves.T):
                for j, other in enumerate(waves.T):
                    at_atoms = one.conj() @ sources @ other
                    total += (one[4] * other[4].conj() * at_atoms) / (
                        (mu[i] + mu[j]) / 2
                        + escape
                        + 0.5j * (gamma[i] - gamma[j])
                    )
            assert abs(total.imag) < 1e-6 * abs(total)
            sides.append(total.real)
        intensity.append(np.mean(sides))
    far = leave[0].real / (absorbed[0].real + escape)
    expected = np.array(intensity) / far - 1
    # Not of a row alone: strong bands are stronger.
    strongest = max(abs(u[m]) for m in range(1, 5) if m * g < 1 / 0.5)
    expected *= np.exp(1.5 * strongest / abs(u[0]))
    np.testing.assert_allclose(bands.profiles[row], expected, atol=2e-4)
    assert np.ptp(expected) > 0.05


@pytest.mark.parametrize("name", ["Al", "GaAs", "Mg"])
def test_origin_is_of_no_matter(crystals, make_crystal, name):
    """The same atoms from another origin."""
    crystal = crystals[name]
    moved = make_crystal(
        name,
        1,
        tuple(crystal.cell),
        crystal.elements,
        crystal.positions + [0.13, 0.27, 0.41],
        u_iso=crystal.u_iso,
    )
    expected, found = band_profiles(crystal), band_profiles(moved)
    cosine = np.abs(expected.normals @ found.normals.T)
    same = cosine.argmax(axis=1)
    assert cosine.max(axis=1).min() > 1 - 1e-5
    np.testing.assert_allclose(
        found.profiles[same], expected.profiles, atol=2e-3
    )


def test_band_is_bright_in_the_middle(crystals):
    """Inside the Bragg angle there is more intensity than outside, and a
    dark line stands beside it (see Winkelmann et al. 2007)."""
    bands = band_profiles(crystals["Al"])
    for i in (0, 4):
        sine = np.linspace(0, bands.reach[i], _bands.N_ANGLES)
        profile = bands.profiles[i]
        inside = profile[sine < 0.8 * bands.bragg[i]].mean()
        outside = profile[sine > 2 * bands.bragg[i]].mean()
        assert inside > outside + 0.05
        assert profile.max() > 0.2


def test_occupancy(crystals, make_crystal):
    """Two half atoms in one place are one atom."""
    whole = band_profiles(crystals["Al"])
    positions = np.repeat(crystals["Al"].positions, 2, axis=0)
    halves = band_profiles(
        make_crystal(
            "Al", 225, (4.049,), "Al", positions, occupancies=np.full(8, 0.5)
        )
    )
    np.testing.assert_allclose(halves.profiles, whole.profiles, atol=1e-5)
    half = band_profiles(
        make_crystal(
            "Al",
            225,
            (4.049,),
            "Al",
            crystals["Al"].positions,
            occupancies=np.full(4, 0.5),
        )
    )
    # Bands of half the potential are weaker.
    assert np.ptp(half.profiles[0]) < 0.9 * np.ptp(whole.profiles[0])


def test_mixed_site(crystals, make_crystal):
    """Half of the aluminium replaced by copper lies between the two."""
    positions = np.repeat(crystals["Al"].positions, 2, axis=0)
    mixed = make_crystal(
        "AlCu",
        225,
        (4.049,),
        ["Al", "Cu"] * 4,
        positions,
        occupancies=np.full(8, 0.5),
    )
    expected = np.mean(
        [
            potential_by_hand(
                make_crystal("a", 225, (4.049,), e, crystals["Al"].positions),
                np.array([1, 1, 1]),
                20,
            )
            for e in ("Al", "Cu")
        ]
    )
    assert potential_by_hand(mixed, np.array([1, 1, 1]), 20) == pytest.approx(
        expected
    )
    hkl = reflections(mixed, band_profiles(mixed))
    assert is_allowed("Al", hkl).all()


def test_displacement_weakens_high_orders(crystals, make_crystal):
    still, shaken = [
        band_profiles(
            make_crystal(
                "Al",
                225,
                (4.049,),
                "Al",
                crystals["Al"].positions,
                u_iso=np.full(4, u),
            ),
            n_rows=1000,
        )
        for u in (0.0, 0.03)
    ]
    height = [np.ptp(b.profiles, axis=1) for b in (still, shaken)]
    ratio = height[1] / height[0]
    assert ratio[:4].mean() < 1
    assert ratio[-12:].mean() < 0.5 * ratio[:4].mean()


def test_number_of_rows(crystals):
    many = band_profiles(crystals["Fe"], n_rows=60)
    # Families of six {110}, three {200} and twelve {112}.
    for n_rows, n in ((6, 6), (7, 9), (9, 9), (10, 21)):
        few = band_profiles(crystals["Fe"], n_rows=n_rows)
        assert len(few.reach) == n
        np.testing.assert_array_equal(few.normals, many.normals[:n])
        np.testing.assert_array_equal(few.bragg, many.bragg[:n])


@pytest.mark.parametrize("energy", [0.5, 101, -20, np.nan])
def test_energy_out_of_range(crystals, energy):
    with pytest.raises(ValueError, match=f"1 to 100 keV, not {energy}"):
        band_profiles(crystals["Al"], energy)


@pytest.mark.parametrize("energy", [5, 10, 30])
def test_other_energies(crystals, energy):
    bands = band_profiles(crystals["Al"], energy)
    hkl = reflections(crystals["Al"], bands, energy)
    np.testing.assert_allclose(hkl, np.rint(hkl), atol=1e-3)


@pytest.mark.parametrize(
    ["settings", "match"],
    [
        ({"d_min": 0}, "d_min 0 must be positive"),
        ({"d_min": np.nan}, "d_min nan"),
        ({"n_rows": 0}, "n_rows 0 at least 1"),
        ({"depth": 0.0}, "depth must be positive, not 0.0"),
        ({"depth": np.nan}, "depth must be positive, not nan"),
        ({"d_min": 9.0}, "Al has no reflection.*9.0 Å"),
        ({"d_min": 2.5}, "Al has no reflection.*2.5 Å"),
    ],
)
def test_nothing_to_draw(crystals, settings, match):
    with pytest.raises(ValueError, match=match):
        band_profiles(crystals["Al"], **settings)


def test_weak_bands_take_depth(crystals):
    """Waves exchange little intensity near the surface."""
    shallow = band_profiles(crystals["Al"], depth=25.0)
    deep = band_profiles(crystals["Al"], depth=1000.0)
    np.testing.assert_array_equal(shallow.normals, deep.normals)
    contrast = np.ptp(deep.profiles, axis=1) / np.ptp(shallow.profiles, axis=1)
    assert contrast[7:25].min() > 1.5
    assert contrast[10:].min() > contrast[0]


def test_unknown_element(make_crystal):
    crystal = make_crystal(
        "odd", 221, (3.0,), ["Xx", "Fe"], np.array([[0, 0, 0], [0.5] * 3])
    )
    with pytest.raises(ValueError, match="odd: no scattering factor for Xx"):
        band_profiles(crystal)


def test_too_many_atoms(crystals, monkeypatch):
    assert _bands.MAX_ATOMS == 500
    monkeypatch.setattr(_bands, "MAX_ATOMS", 3)
    with pytest.raises(ValueError, match="Al has 4 atoms.*more than 3"):
        band_profiles(crystals["Al"])
