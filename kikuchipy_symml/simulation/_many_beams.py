# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Master patterns of many beams at once.

Where bands cross, beams of all of them are excited together, which rows of
reflections that are solved alone know nothing of. Here the strongest beams
in each direction are solved for as one problem, by the same theory.

Axes: ``D`` directions, ``B`` beams, ``J`` Bloch waves, ``G`` reciprocal
lattice vectors.
"""

import numpy as np
from scipy import ndimage

from kikuchipy_symml.crystals._crystal import Crystal
from kikuchipy_symml.crystals._sites import operations

from ._bands import (
    _intensity,
    _lorentz_factor,
    _Potential,
    _relative_speed,
    escape_depth,
    wave_number,
)
from ._sphere import lambert_directions, lambert_positions, point_spacing

# In a direction are taken, on average, the beams whose Fourier coefficient of
# the potential is this share of the excitation error or more, but at least
# and at most so many.
_SHARE = 0.02
_BEAMS = (16, 32)
# Reflections weaker than this beside the strongest are left out.
_WEAKEST = 2e-3
# So many times more are taken to first order.
_FIRST_ORDER = 12
# An excitation error with which a beam adds nothing.
_NEVER = 1e9
# Added to the excitation error that the strength of a beam is divided by.
_CLOSEST = 1e-9
# Directions that are solved for together, and the side of the cubes that they
# are sorted into.
_BLOCK = 256
_PATCH = 0.15
# Points around those that symmetry leaves different that are computed as
# well, to interpolate between.
_MARGIN = 3
# Directions that symmetry leaves different are those nearest to this one.
_CHOSEN = np.array([0.5, 0.2, 0.84])


def many_beam_intensity(
    crystal: Crystal,
    directions: np.ndarray,
    energy: float = 20.0,
    *,
    beams: int | None = None,
    d_min: float = 0.5,
    depth: float | None = None,
) -> np.ndarray:
    r"""Return the intensity that electrons leave a crystal with.

    Parameters
    ----------
    crystal
        The crystal.
    directions
        Unit vectors in the Cartesian frame of the crystal, shape (D, 3).
    energy
        Energy of the electrons in keV.
    beams
        Number of beams in each direction. If not given, 16 to 32: more for
        heavy elements and for large cells.
    d_min
        Smallest interplanar spacing in ångström.
    depth
        Mean depth in ångström that the electrons come from, that of
        :func:`escape_depth` if not given.

    Returns
    -------
    intensity
        Relative to that without diffraction, minus one, shape (D,).

    Raises
    ------
    ValueError
        If `directions` has another shape, the energy is not 1 to 100 keV,
        `beams` is less than two, `d_min` or the depth is not positive, or
        an element has no scattering factor.

    Notes
    -----
    The formula is that of :func:`band_profiles`, with the `beams` for which
    the Fourier coefficient of the potential is the largest beside the
    excitation error in place of those of one row. Of others, twelve times
    as many are taken to first order,

    .. math::

       \Delta I_g = P \left[
       \frac{\Re(q_g) s_g / 2 - \Im(q_g) D}{D^2 + s_g^2 / 4}
       - \frac{2 \Re(U_g \mu_g^*)}{s_g D} \right],
       \quad q_g = U_g S_g^* / S_0,
       \quad D = \mu_0 + K / 2 \pi t

    with the excitation error :math:`s_g = g^2 - 2 \mathbf{K g}`, the
    absorption :math:`\mu_g`, and :math:`P^2 = \sum_j |C_0^j|^4` by which
    the beam itself is less coherent where it excites several waves (an
    estimate). Without them, weak bands are too weak beside strong ones.
    Absorption is taken to first order. Nickel correlates at 0.96 with the
    master pattern by EMsoft that kikuchipy comes with
    (``benchmarks/many_beams.py``).
    """
    directions = np.asarray(directions, dtype=float)
    if directions.ndim != 2 or directions.shape[1] != 3:
        raise ValueError(
            f"directions must be of shape (D, 3), not {directions.shape}"
        )
    if not 1 <= energy <= 100:
        raise ValueError(f"energy must be 1 to 100 keV, not {energy}")
    for name, value in (("d_min", d_min), ("depth", depth)):
        if value is not None and not value > 0:
            raise ValueError(f"{name} must be positive, not {value}")
    if beams is not None and beams < 2:
        raise ValueError(f"beams must be at least 2, not {beams}")
    if depth is None:
        depth = escape_depth(crystal, energy)
    tables = _Tables(crystal, energy, d_min)
    if beams is None:
        beams = tables.enough()
    escape = wave_number(energy) / (2 * np.pi * depth)
    # Those of a block lie close together: few beams are strong in any.
    order = np.lexsort(np.floor(directions / _PATCH).T)
    intensity = np.empty(len(directions))
    for i in range(0, len(directions), _BLOCK):
        block = order[i : i + _BLOCK]
        intensity[block] = tables.intensity(directions[block], beams, escape)
    return intensity


def many_beam_master(
    crystal: Crystal,
    energy: float = 20.0,
    *,
    half_width: int = 80,
    beams: int | None = None,
    d_min: float = 0.5,
    depth: float | None = None,
) -> np.ndarray:
    """Compute a master pattern with many beams.

    Only directions that the point group leaves different are solved for.
    Others are interpolated from these.

    Parameters
    ----------
    crystal
        The crystal.
    energy
        Energy of the electrons in keV.
    half_width
        Points from the pole to the middle of an edge of the projection.
    beams, d_min, depth
        As in :func:`many_beam_intensity`.

    Returns
    -------
    master
        Intensity relative to that without diffraction, minus one, on the
        upper and on the lower hemisphere, both seen from above, shape (2,
        size, size) with ``size = 2 * half_width + 1``, float32. The
        Cartesian frame is that of ``crystal.matrix``.

    Raises
    ------
    ValueError
        As in :func:`many_beam_intensity`, or if `half_width` is less than
        one.
    """
    if half_width < 1:
        raise ValueError(f"half_width must be at least 1, not {half_width}")
    size = 2 * half_width + 1
    upper = lambert_directions(size).astype(float)
    directions = np.stack([upper, upper * [1, 1, -1]])
    margin = _MARGIN * point_spacing(size)
    source, different = _by_symmetry(crystal, directions, margin)
    master = np.zeros(directions.shape[:-1])
    master[different] = many_beam_intensity(
        crystal,
        directions[different],
        energy,
        beams=beams,
        d_min=d_min,
        depth=depth,
    )
    return _filled(master, different, source).astype(np.float32)


class _Tables:
    """Fourier coefficients of a crystal, to look up differences in."""

    def __init__(self, crystal: Crystal, energy: float, d_min: float) -> None:
        potential = _Potential(crystal, _lorentz_factor(energy))
        self.k = wave_number(energy)
        reach = np.linalg.norm(crystal.matrix, axis=1) / d_min
        most = np.floor(reach).astype(int)
        axes = [np.arange(-n, n + 1) for n in most]
        hkl = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
        hkl = hkl.reshape(-1, 3)
        g = hkl @ np.linalg.inv(crystal.matrix).T
        hkl = hkl[np.sum(g**2, axis=1) < 1 / d_min**2]
        rotations, translations = operations(crystal.space_group)
        # Those that centring leaves.
        centring = translations[(rotations == np.eye(3)).all(axis=(1, 2))]
        phase = hkl @ centring.T
        hkl = hkl[(np.abs(phase - np.rint(phase)) < 0.01).all(axis=1)]
        u = potential(hkl)
        s = potential.scattering(hkl)
        a = potential.absorption(hkl, _relative_speed(energy))
        # With an inversion centre in the origin everything is real.
        if all(np.abs(x.imag).max() < 1e-6 * np.abs(x).max() for x in (u, s)):
            u, s, a = u.real, s.real, a.real
        precise = np.complex64 if np.iscomplexobj(u) else np.float32

        middle = np.flatnonzero((hkl == 0).all(axis=1))[0]
        self.mean = float(s[middle].real), float(a[middle].real)
        strength = np.abs(u)
        strength[middle] = 0
        keep = strength > _WEAKEST * strength.max()
        # Differences of two, those beyond the table's reach are zero.
        shape = 4 * most + 1
        self.step = np.array([shape[1] * shape[2], shape[2], 1])
        self.offset = int(2 * most @ self.step)
        place = hkl @ self.step + self.offset
        self.u, self.s, self.a = (
            np.zeros(np.prod(shape), dtype=precise) for _ in range(3)
        )
        self.u[place], self.s[place], self.a[place] = u, s, a
        # The beam itself comes first.
        hkl = np.concatenate([hkl[[middle]], hkl[keep]])
        # Products of each beam with the beam itself, for those that are left
        # out; none of these is asked for the beam itself.
        kept = np.append(middle, np.flatnonzero(keep))
        at_atoms = u[kept] * s[kept].conj() / self.mean[0]
        self.at_atoms = at_atoms.astype(precise)
        self.absorbing = (u[kept] * a[kept].conj()).real.astype(np.float32)
        self.strength = np.append(0, strength[keep]).astype(np.float32)
        g = hkl @ np.linalg.inv(crystal.matrix).T
        self.g = g.astype(np.float32)
        self.squared = np.sum(g**2, axis=1).astype(np.float32)
        self.code = (hkl @ self.step).astype(np.int32)

    def enough(self) -> int:
        """Number of beams to take."""
        # Excitation errors of a vector g are as likely up to 2 K g either
        # side, in directions that are as likely.
        length = np.sqrt(self.squared[1:])
        expected = np.sum(self.strength[1:] / length) / (2 * self.k * _SHARE)
        return int(np.clip(expected, *_BEAMS))

    def intensity(
        self, directions: np.ndarray, beams: int, escape: float
    ) -> np.ndarray:
        """Intensity of a block of directions, shape (D,)."""
        # By reciprocity, of the wave that comes from where electrons go to.
        directions = directions.astype(np.float32)
        n = min(beams, len(self.g)) - 1
        near = self._near(directions, min(_FIRST_ORDER * n, len(self.g) - 1))
        error = self.squared[near] - 2 * self.k * directions @ self.g[near].T
        score = self.strength[near] / (np.abs(error) + _CLOSEST)
        best = np.argpartition(-score, n - 1, axis=1)[:, :n]
        code = np.pad(self.code[near][best], ((0, 0), (1, 0)))
        code[:, 0] = self.code[0]
        pairs = code[:, :, None] - code[:, None, :] + self.offset
        matrix = self.u[pairs]
        diagonal = np.arange(n + 1)
        matrix[:, diagonal, diagonal] = -np.pad(
            np.take_along_axis(error, best, axis=1), ((0, 0), (1, 0))
        )
        waves = np.linalg.eigh(matrix)
        same, other = _intensity(
            waves, self.a[pairs], self.s[pairs], 0, escape
        )
        far, absorbed = self.mean
        # The beam itself is weaker, where it excites several waves, for what
        # is left out to interfere with.
        beam = np.sqrt(np.sum(np.abs(waves[1][:, 0]) ** 4, axis=-1))
        np.put_along_axis(error, best, _NEVER, axis=1)
        rest = self._to_first_order(error, near, absorbed + escape)
        return (same + other) / (far / (absorbed + escape)) - 1 + beam * rest

    def _to_first_order(
        self, error: np.ndarray, near: np.ndarray, damping: float
    ) -> np.ndarray:
        """What each of some beams alone adds to the relative intensity, if
        it is weak, shape (D,)."""
        inverse = 1 / (damping**2 + error**2 / 4)
        at_atoms = self.at_atoms[near]
        total = (error * inverse) @ (at_atoms.real / 2)
        total -= (1 / error) @ (2 / damping * self.absorbing[near])
        if np.iscomplexobj(at_atoms):
            total -= inverse @ (damping * at_atoms.imag)
        return total

    def _near(self, directions: np.ndarray, n: int) -> np.ndarray:
        """Beams, save the first, that may be among the best in one of some
        directions."""
        middle = directions.mean(axis=0)
        reach = np.linalg.norm(directions - middle, axis=1).max()
        error = np.abs(self.squared - 2 * self.k * self.g @ middle)[1:]
        change = 2 * self.k * reach * np.sqrt(self.squared[1:])
        strength = self.strength[1:]
        least = strength / (error + change + _CLOSEST)
        most = strength / (np.maximum(error - change, 0) + _CLOSEST)
        # So many beams are at least that good everywhere.
        enough = np.partition(least, -n)[-n]
        return np.flatnonzero(most >= enough) + 1


def _by_symmetry(
    crystal: Crystal, directions: np.ndarray, margin: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return the direction that symmetry makes of each, nearest to a chosen
    one, and which are these already, up to a margin in radians."""
    rotations, _ = operations(crystal.space_group)
    rotations = np.unique(rotations, axis=0)
    cell = crystal.matrix.T
    turns = cell @ rotations @ np.linalg.inv(cell)
    chosen = _CHOSEN / np.linalg.norm(_CHOSEN)
    near = directions @ chosen
    best, source = near.copy(), directions.copy()
    for turn in turns:
        there = directions @ turn.T
        nearer = there @ chosen
        better = nearer > best + 1e-9
        best[better] = nearer[better]
        source[better] = there[better]
    return source, near > best - margin


def _filled(
    master: np.ndarray, known: np.ndarray, source: np.ndarray
) -> np.ndarray:
    """Fill in what is not known of a master pattern from elsewhere."""
    half = (master.shape[-1] - 1) / 2
    filled = master.copy()
    below = source[..., 2] < 0
    x, y = lambert_positions(
        np.where(below[..., None], source * [1, 1, -1], source)
    )
    for side in range(2):
        if known[side].all() or not known[side].any():
            continue
        nearest = ndimage.distance_transform_edt(
            ~known[side], return_distances=False, return_indices=True
        )
        master[side] = master[side][tuple(nearest)]
    for side in range(2):
        wanted = ~known & (below == bool(side))
        if wanted.any():
            filled[wanted] = ndimage.map_coordinates(
                master[side],
                [(y[wanted] + 1) * half, (x[wanted] + 1) * half],
                order=3,
                mode="nearest",
            )
    return filled
