# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kikuchi bands of a crystal, each with its profile.

A kinematical band is a top-hat between two Bragg angles. Real bands have
bright and dark edges, several orders and an absorption contrast. Solving
each systematic row (-4g ... 4g) by itself as a small many-beam problem
gives those at nearly the price of top-hats.

Axes: ``R`` rows, ``T`` angles from the plane, ``B`` beams, ``J`` Bloch
waves, ``A`` atoms.
"""

from dataclasses import dataclass

import numpy as np
from scipy import constants

from kikuchipy_symml.crystals._crystal import Crystal
from kikuchipy_symml.crystals._sites import operations

N_ANGLES = 56
# Profiles are taken so many Bragg angles far, and fall to zero over this
# share at their end: they go on, ever weaker, between all other bands.
_REACH = 5
_TAPER = 0.4
_ORDERS = 4
# Bands are stronger than their rows solved alone by the exponential of so
# many times their strongest Fourier coefficient over the mean potential.
STRENGTH = 1.5
# Compton wavelength of the electron in ångström.
_COMPTON = constants.h / (constants.m_e * constants.c) * 1e10
MAX_ATOMS = 500


@dataclass(frozen=True)
class Bands:
    """The strongest bands of a crystal.

    Parameters
    ----------
    normals
        Unit normals of the lattice planes in the Cartesian frame of the
        crystal, shape (R, 3).
    reach
        Sine of the angle from the plane at which each profile ends,
        shape (R,).
    profiles
        Intensity relative to that far from the band, minus one, times the
        strength of the band beside others, at ``N_ANGLES`` equal steps of
        the sine from 0 to `reach`, shape (R, T).
    bragg
        Sine of the Bragg angle of the strongest order, shape (R,).
    first
        Sine of the Bragg angle of the shortest vector of the reciprocal
        lattice along the normal, whether or not it reflects, shape (R,).
        It is where centring shows.
    family
        Number of the family of planes that symmetry makes equal, shape
        (R,).
    """

    normals: np.ndarray
    reach: np.ndarray
    profiles: np.ndarray
    bragg: np.ndarray
    first: np.ndarray
    family: np.ndarray

    def tapered(self) -> np.ndarray:
        """Profiles that end at zero, shape (R, T)."""
        return self.profiles * taper(self.profiles.shape[1])


def taper(n: int) -> np.ndarray:
    """Factor by which a profile of so many angles falls to its end."""
    return np.minimum(1, np.linspace(1 / _TAPER, 0, n))


def wave_number(energy: float) -> float:
    """Wave number of an electron in reciprocal ångström.

    Parameters
    ----------
    energy
        Kinetic energy in keV.

    Returns
    -------
    wave_number
        One over the relativistic wavelength.
    """
    e = energy * 1e3 * constants.e
    rest = constants.m_e * constants.c**2
    return float(
        np.sqrt(e * (e + 2 * rest)) / (constants.h * constants.c) * 1e-10
    )


def _lorentz_factor(energy: float) -> float:
    """Energy of an electron of so many keV by that of one at rest."""
    return 1 + energy * 1e3 * constants.e / (constants.m_e * constants.c**2)


def _relative_speed(energy: float) -> float:
    """Speed of an electron of so many keV by that of light."""
    return float(np.sqrt(1 - 1 / _lorentz_factor(energy) ** 2))


def escape_depth(crystal: Crystal, energy: float = 20.0) -> float:
    r"""Return the mean depth that the electrons of a pattern come from.

    Parameters
    ----------
    crystal
        The crystal.
    energy
        Energy of the electrons in keV.

    Returns
    -------
    depth
        Mean depth in ångström.

    Notes
    -----
    :math:`16.3\, E / (n Z^{1.31})` with the energy :math:`E` in keV, the
    number :math:`n` of atoms in a cubic ångström and their mean atomic
    number :math:`Z`. This is within 6 % of what a Monte Carlo simulation
    of backscattered electrons that lost at most 4 keV gives, on a sample
    tilted by 70°: that of ebsdsim (https://github.com/ZacharyVarley/ebsdsim),
    by its surrogate, for 16 materials from carbon to uranium at 10 to 30 keV.
    """
    atoms = crystal.occupancies.sum()
    mean = np.sum(crystal.occupancies * _atomic_numbers(crystal)) / atoms
    return float(16.3 * energy * crystal.volume / (atoms * mean**1.31))


def band_profiles(
    crystal: Crystal,
    energy: float = 20.0,
    *,
    d_min: float = 0.5,
    n_rows: int = 128,
    depth: float | None = None,
) -> Bands:
    r"""Return the strongest bands of a crystal with their profiles.

    Parameters
    ----------
    crystal
        The crystal.
    energy
        Energy of the electrons in keV.
    d_min
        Smallest interplanar spacing in ångström.
    n_rows
        Number of bands. All that are as strong as the last of them are
        kept as well: planes that symmetry makes equal stay together.
    depth
        Mean depth in ångström that the electrons of a pattern come from,
        that of :func:`escape_depth` if not given. The smaller it is, the
        weaker the contrast by absorption.

    Returns
    -------
    bands
        The bands, strongest first.

    Raises
    ------
    ValueError
        If the energy is not 1 to 100 keV, no band is asked for, the
        depth is not positive, the crystal has more than 500 atoms in the
        cell, an element has no scattering factor, or no reflection has a
        spacing of `d_min`.

    Notes
    -----
    Each row of reflections :math:`m\mathbf{g}`, :math:`|m| \le 4`, is
    solved alone: the Bloch waves are the eigenvectors of the matrix with
    :math:`-(2 K m g \sin\theta + m^2 g^2)` on the diagonal and
    :math:`U_{(m - n)g}` off it, their eigenvalues :math:`2 K \gamma_j`.
    Electrons leave from the atoms, so the intensity is

    .. math::

       \sum_{jk} C_0^j C_0^{k*} \frac{
       \sum_{mn} C_m^{j*} S_{(m - n)g} C_n^k}{
       (\mu_j + \mu_k) / 2 + K / 2 \pi t + i K (\gamma_j - \gamma_k)}

    with :math:`S_g = \sum_a Z_a^2 \exp(-B_a g^2 / 4 - 2 \pi i \mathbf{g
    r}_a)`, the absorption :math:`\mu_j` of each wave by thermal diffuse
    scattering (Bird & King, Acta Cryst. A46 (1990) 202), and depths
    distributed exponentially with the mean :math:`t`.
    See Winkelmann et al., Ultramicroscopy 107 (2007) 414, and Callahan &
    De Graef, Microsc. Microanal. 19 (2013) 1255, for the theory with all
    beams. Scattering factors from International Tables for
    Crystallography C, table 4.3.2.3, as in diffsims.

    A row that is solved alone knows nothing of the others. In full
    dynamical simulations strong bands are stronger, beside weak ones, than
    such rows are: by :math:`\exp(1.5\, |U_g| / U_0)` with the
    strongest order :math:`g`, a number that
    ``benchmarks/band_strengths.py`` fits.
    """
    if not 1 <= energy <= 100:
        raise ValueError(f"energy must be 1 to 100 keV, not {energy}")
    if not d_min > 0 or n_rows < 1:
        raise ValueError(
            f"d_min {d_min} must be positive and n_rows {n_rows} at least 1"
        )
    if depth is not None and not depth > 0:
        raise ValueError(f"depth must be positive, not {depth}")
    if len(crystal.elements) > MAX_ATOMS:
        raise ValueError(
            f"{crystal.name} has {len(crystal.elements)} atoms in the cell, "
            f"more than {MAX_ATOMS}"
        )
    k = wave_number(energy)
    potential = _Potential(crystal, _lorentz_factor(energy))
    if depth is None:
        depth = escape_depth(crystal, energy)

    hkl, g = _primitive_rows(crystal, d_min)
    length = np.linalg.norm(g, axis=1)
    orders = np.arange(1, _ORDERS + 1)
    # Strength of each order as far as d_min; beyond, it is not looked at.
    u = np.zeros((len(hkl), _ORDERS))
    inside = length[:, None] * orders <= 1 / d_min
    u[inside] = np.abs(potential((hkl[:, None] * orders[:, None])[inside]))
    strongest = u.max(axis=1)
    # Extinct orders are zero up to rounding.
    if strongest.max(initial=0) < 1e-9:
        raise ValueError(
            f"{crystal.name} has no reflection with a spacing of at least "
            f"{d_min} Å"
        )
    order = np.argsort(-strongest, kind="stable")
    weakest = strongest[order[min(n_rows, len(order)) - 1]]
    weakest = max(weakest, 0.01 * strongest[order[0]])
    # Equal strengths differ by rounding.
    keep = order[strongest[order] > weakest * (1 - 1e-6)]
    hkl, g, length, u = hkl[keep], g[keep], length[keep], u[keep]

    main_order = orders[np.argmax(u, axis=1)]
    bragg = main_order * length / (2 * k)
    reach = np.clip(_REACH * bragg, 0.03, 0.35)

    # Rows that symmetry makes equal have one profile.
    key = np.round(np.column_stack([length * 1e4, u / u.max() * 1e5]))
    _, first, inverse = np.unique(
        key, axis=0, return_index=True, return_inverse=True
    )
    inverse = inverse.ravel()
    profiles = _row_profiles(
        potential,
        hkl[first],
        length[first],
        reach[first],
        k,
        _relative_speed(energy),
        depth,
    )[inverse]
    mean = np.abs(potential(np.zeros((1, 3), dtype=int)))
    profiles *= np.exp(STRENGTH * u.max(axis=1) / mean)[:, None]
    return Bands(
        normals=(g / length[:, None]).astype(np.float32),
        reach=reach.astype(np.float32),
        profiles=profiles.astype(np.float32),
        bragg=bragg.astype(np.float32),
        first=(
            _first_orders(hkl, crystal.space_group) * length / (2 * k)
        ).astype(np.float32),
        family=inverse.astype(np.int16),
    )


def _first_orders(hkl: np.ndarray, space_group: int) -> np.ndarray:
    """Lowest multiple of each row's indices that centring allows."""
    rotations, translations = operations(space_group)
    identity = (rotations == np.eye(3)).all(axis=(1, 2))
    # Of thirds and halves.
    phase = np.round(6 * hkl @ translations[identity].T).astype(int)
    orders = np.arange(1, 7)
    allowed = (phase[:, None] * orders[:, None] % 6 == 0).all(axis=2)
    return orders[np.argmax(allowed, axis=1)]


class _Potential:
    """Fourier coefficients of the potential in inverse square ångström."""

    def __init__(self, crystal: Crystal, gamma: float) -> None:
        from diffsims.utils.atomic_scattering_params import (
            ATOMIC_SCATTERING_PARAMS as params,
        )

        unknown = set(crystal.elements) - set(params)
        if unknown:
            raise ValueError(
                f"{crystal.name}: no scattering factor for "
                f"{', '.join(sorted(unknown))}"
            )
        self.positions = crystal.positions
        self.matrix = np.linalg.inv(crystal.matrix)
        self.scale = gamma / (np.pi * crystal.volume)
        # One form factor for each kind: element and displacement.
        kinds = list(zip(crystal.elements, crystal.u_iso, strict=True))
        unique = sorted(set(kinds))
        self.kind = np.array([unique.index(i) for i in kinds])
        self.a = np.array([[p[0] for p in params[e]] for e, _ in unique])
        self.b = np.array([[p[1] for p in params[e]] for e, _ in unique])
        self.debye_waller = 8 * np.pi**2 * np.array([w for _, w in unique])
        self.occupancies = crystal.occupancies
        self.weights = crystal.occupancies * _atomic_numbers(crystal) ** 2

    def __call__(self, hkl: np.ndarray) -> np.ndarray:
        s2, displaced = self._displaced(hkl)
        f = displaced * np.sum(
            self.a[:, :, None] * np.exp(-self.b[:, :, None] * s2), axis=1
        )
        return self.scale * self._sum(hkl, self.occupancies, f)

    def absorption(self, hkl: np.ndarray, speed: float) -> np.ndarray:
        """Fourier coefficients of the potential that thermal diffuse
        scattering absorbs with, for electrons of a speed relative to that
        of light.

        Of form factors that are sums of Gaussians, the integral of Bird &
        King (Acta Cryst. A46 (1990) 202), equation 4, is a sum of
        Gaussians of the scattering vector.
        """
        s2, displaced = self._displaced(hkl)
        f = np.empty_like(displaced)
        for z, (a, b, m) in enumerate(
            zip(self.a, self.b, self.debye_waller, strict=True)
        ):
            total = (b[:, None] + b)[..., None]
            product = (b[:, None] * b)[..., None]
            weights = (a[:, None] * a)[..., None]
            # With the displacements' part of the exponent, m s²/2 over it.
            wide = total + 2 * m
            still = np.exp(-s2 * product / total) / total
            moved = np.exp(-s2 * (product - m * m) / wide) / wide
            f[z] = np.pi * np.sum(weights * (still - moved), axis=(0, 1))
        f *= 2 * _COMPTON / speed * displaced
        return self.scale * self._sum(hkl, self.occupancies, f)

    def scattering(self, hkl: np.ndarray) -> np.ndarray:
        """Fourier coefficients of where electrons leave from: the atoms,
        by the squares of their numbers, as far as they are displaced."""
        return self._sum(hkl, self.weights, self._displaced(hkl)[1])

    def _displaced(self, hkl: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """A quarter of the squares of the reciprocal vectors, and by how much
        displacements weaken each kind of atom there."""
        s2 = np.sum((hkl @ self.matrix.T) ** 2, axis=1) / 4
        return s2, np.exp(-self.debye_waller[:, None] * s2)

    def _sum(
        self, hkl: np.ndarray, weights: np.ndarray, f: np.ndarray
    ) -> np.ndarray:
        # Of functions sum_g U_g exp(2 pi i g r), as waves are below: a
        # product of one factor for each index, of which few differ.
        phase = weights
        for index, x in zip(hkl.T, self.positions.T, strict=True):
            first, last = index.min(initial=0), index.max(initial=0)
            different = np.arange(first, last + 1)
            factor = np.exp(-2j * np.pi * different[:, None] * x)
            phase = phase * factor[index - first]
        of_kind = np.eye(len(f))[self.kind]
        return np.sum(phase @ of_kind * f.T, axis=1)


def _atomic_numbers(crystal: Crystal) -> np.ndarray:
    from diffsims.utils.atomic_scattering_params import (
        ATOMIC_SCATTERING_PARAMS as params,
    )

    # The table is in the order of the periodic system.
    order = list(params)
    return np.array([order.index(e) + 1.0 for e in crystal.elements])


def _primitive_rows(
    crystal: Crystal, d_min: float
) -> tuple[np.ndarray, np.ndarray]:
    """Shortest indices of each row of reflections, one of the two
    directions, and their Cartesian vectors."""
    reach = np.ceil(np.linalg.norm(crystal.matrix, axis=1) / d_min).astype(int)
    h, k, l = np.meshgrid(  # noqa: E741
        *[np.arange(-n, n + 1) for n in reach], indexing="ij"
    )
    hkl = np.stack([h, k, l], axis=-1).reshape(-1, 3)
    # The list is symmetric, so its second half holds one of each pair.
    hkl = hkl[len(hkl) // 2 + 1 :]
    hkl = hkl[np.gcd.reduce(hkl, axis=1) == 1]
    g = hkl @ np.linalg.inv(crystal.matrix).T
    inside = np.sum(g**2, axis=1) < 1 / d_min**2
    return hkl[inside], g[inside]


def _row_profiles(
    potential: _Potential,
    hkl: np.ndarray,
    length: np.ndarray,
    reach: np.ndarray,
    k: float,
    speed: float,
    depth: float,
) -> np.ndarray:
    n = len(hkl)
    beams = np.arange(-_ORDERS, _ORDERS + 1)
    differences = np.arange(-2 * _ORDERS, 2 * _ORDERS + 1)
    rows = (hkl[:, None] * differences[:, None]).reshape(-1, 3)
    u = potential(rows).reshape(n, -1)
    s = potential.scattering(rows).reshape(n, -1)
    a = potential.absorption(rows, speed).reshape(n, -1)
    # With an inversion centre in the origin everything is real.
    if (
        np.abs(u.imag).max() < 1e-6 * np.abs(u).max()
        and np.abs(s.imag).max() < 1e-6 * np.abs(s).max()
    ):
        u, s, a = u.real, s.real, a.real
    pairs = beams[:, None] - beams + 2 * _ORDERS
    diagonal = np.arange(len(beams))
    absorption = a[:, None, pairs]
    # As an absorption: of the waves' intensity along the depth.
    escape = k / (2 * np.pi * depth)

    sine = reach[:, None] * np.linspace(0, 1, N_ANGLES)
    mg = beams * length[:, None]
    matrix = np.repeat(u[:, None, pairs], N_ANGLES, axis=1)
    matrix[..., diagonal, diagonal] = (
        -2 * k * sine[..., None] * mg[:, None] - mg[:, None] ** 2
    )
    # What the two sides of a band differ by, where there is no inversion
    # centre, is left out: this is their mean.
    total, _ = _intensity(
        np.linalg.eigh(matrix),
        absorption,
        s[:, None, pairs],
        _ORDERS,
        escape,
    )
    far = s[0, 2 * _ORDERS].real / (a[0, 2 * _ORDERS].real + escape)
    return total / far - 1


def _intensity(
    waves: tuple[np.ndarray, np.ndarray],
    absorption: np.ndarray,
    sources: np.ndarray,
    beam: int,
    escape: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Intensity that leaves the crystal, summed over pairs of Bloch waves.

    Parameters
    ----------
    waves
        Eigenvalues and eigenvectors, shapes (..., J) and (..., B, J).
    absorption, sources
        Of the beams, shape (..., B, B): by how much these are absorbed, and
        where electrons leave from.
    beam
        Index of the beam itself.
    escape
        The mean depth, as an absorption.

    Returns
    -------
    same, other
        The sums over real and imaginary parts, shape (...). The other one
        is zero with an inversion centre.
    """
    gamma, c = waves
    mu = np.sum(c.conj() * (absorption @ c), axis=-2).real
    # No wave grows, save by rounding and by what few beams leave out.
    mu = np.maximum(mu, 0)
    at_atoms = c.conj().swapaxes(-1, -2) @ sources @ c
    c0 = c[..., beam, :]
    pair = c0[..., :, None] * c0[..., None, :].conj() * at_atoms
    damping = (mu[..., :, None] + mu[..., None, :]) / 2 + escape
    beat = (gamma[..., :, None] - gamma[..., None, :]) / 2
    size = damping**2 + beat**2
    same = np.sum(pair.real * damping / size, axis=(-1, -2))
    if np.isrealobj(pair):
        return same, np.zeros_like(same)
    return same, np.sum(pair.imag * beat / size, axis=(-1, -2))
