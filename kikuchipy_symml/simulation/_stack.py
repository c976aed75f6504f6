# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bands of many crystals in one, to draw patterns from.

Axes: ``M`` crystals, ``R`` bands of each, ``T`` angles from the plane.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numba as nb
import numpy as np

from kikuchipy_symml import symmetry

from ._bands import Bands, taper

# Sine of the Bragg angle of a common band.
_COMMON_BRAGG = 0.035
# Where profiles change their shape, in Bragg angles, and how much beside
# elsewhere.
_KNOTS = np.array([0, 0.5, 0.85, 1.1, 1.6, 2.3, 3.2, 4.5])
_KNOT_WEIGHTS = np.array([1, 1, 1, 1, 0.8, 0.6, 0.3, 0])
# Energies that are summed over where electrons have lost some.
_ENERGIES = 6
# Share of the variance that all families of a crystal have in common.
_IN_COMMON = 0.4


@dataclass(frozen=True)
class Variety:
    """How much crystals are varied while patterns are drawn.

    Nature and simulations differ, and so would the next crystal of a kind:
    a pattern of a slightly other crystal with the same symmetry is worth
    more than one more of the same.

    Parameters
    ----------
    strain
        Standard deviation of the strain. Its components are those that
        the crystal system leaves free.
    scale
        All Bragg angles are multiplied by one factor, drawn from 1 / (1 +
        scale) to 1 + scale on a logarithmic scale.
    strength
        Standard deviation of the natural logarithm of the factor by which
        the contrast of each family of planes is multiplied.
    shape
        Largest standard deviation of what is added to the profile of each
        family of planes at some distances from the plane, in units of the
        profile's largest value. Each crystal has a share of it. In full
        dynamical simulations bands have other profiles than those of rows
        that are solved alone, by about 0.4, which no smaller calculation
        foretells.
    profile
        Weights (lowest, highest) of the profile of a band as it was
        simulated; the rest is a top-hat between its Bragg angles with the
        same mean.
    spacing
        Range of the power of the spacing of its planes by which each band
        is stronger than simulated; negative powers make it weaker. Drawn
        once for a crystal. Bands of full dynamical simulations grow
        with the spacing as those of this package do, those of measured
        patterns may grow less.
    loss
        Largest mean share of their energy that electrons have lost; each
        crystal has one. Losses are distributed exponentially, and smear
        the edges of bands about where they are on average.
    """

    strain: float = 0.0
    scale: float = 0.0
    strength: float = 0.0
    shape: float = 0.0
    profile: tuple[float, float] = (1.0, 1.0)
    spacing: tuple[float, float] = (0.0, 0.0)
    loss: float = 0.0

    def __post_init__(self) -> None:
        for name in ("strain", "scale", "strength", "shape", "loss"):
            value = getattr(self, name)
            if not isinstance(value, int | float) or not 0 <= value <= 1:
                raise ValueError(f"{name} must be 0 to 1, not {value!r}")
        for name, lowest in (("profile", 0), ("spacing", -2)):
            p = getattr(self, name)
            if len(p) != 2 or not lowest <= p[0] <= p[1] <= 2:
                raise ValueError(
                    f"{name} must be two numbers from {lowest} to 2, the "
                    f"lower one first, not {p!r}"
                )


@dataclass(frozen=True)
class BandStack:
    """Bands of several crystals, see :class:`Bands`.

    Crystals with fewer bands than others have bands of zero reach and
    family -1 at the end.

    Parameters
    ----------
    normals
        Shape (M, R, 3).
    reach, bragg, first, family
        Shape (M, R).
    profiles
        Tapered to zero at their ends, shape (M, R, T).
    """

    normals: np.ndarray
    reach: np.ndarray
    profiles: np.ndarray
    bragg: np.ndarray
    first: np.ndarray
    family: np.ndarray

    def __len__(self) -> int:
        return len(self.reach)

    @classmethod
    def of(cls, bands: Sequence[Bands]) -> "BandStack":
        """Stack the bands of crystals."""
        return cls.join(
            [
                cls(
                    **{
                        f.name: (
                            i.tapered().astype(np.float16)
                            if f.name == "profiles"
                            else getattr(i, f.name)
                        )[None]
                        for f in fields(cls)
                    }
                )
                for i in bands
            ]
        )

    @classmethod
    def join(cls, stacks: Sequence["BandStack"]) -> "BandStack":
        """Join stacks to one."""
        most = max(s.reach.shape[1] for s in stacks)
        ends = np.cumsum([len(s) for s in stacks])
        joined = {}
        for f in fields(cls):
            parts = [getattr(stack, f.name) for stack in stacks]
            shape = (ends[-1], most, *parts[0].shape[2:])
            fill = -1 if f.name == "family" else 0
            joined[f.name] = whole = np.full(shape, fill, parts[0].dtype)
            for end, part in zip(ends, parts, strict=True):
                whole[end - len(part) : end, : part.shape[1]] = part
        return cls(**joined)

    def __getitem__(self, which: Sequence[int] | np.ndarray) -> "BandStack":
        """Return some of the crystals, in the order of their indices, as
        an array of master patterns does."""
        return BandStack(
            **{f.name: getattr(self, f.name)[which] for f in fields(self)}
        )

    def without_bands(self, which: np.ndarray) -> "BandStack":
        """Return the same with the bands taken off some crystals, those
        where a boolean array of shape (M,) is True."""
        keep = ~np.asarray(which)[:, None]
        return replace(
            self,
            reach=self.reach * keep,
            bragg=self.bragg * keep,
            first=self.first * keep,
            family=np.where(keep, self.family, -1),
        )

    def varied(
        self,
        rng: np.random.Generator,
        space_groups: np.ndarray,
        variety: Variety,
        strain: np.ndarray | None = None,
    ) -> "BandStack":
        """Return other crystals of the same symmetry.

        Parameters
        ----------
        rng
            Source of all randomness.
        space_groups
            Space group number of each crystal, shape (M,).
        variety
            How much they differ.
        strain
            Of each crystal, symmetric tensors of shape (M, 3, 3). Drawn
            if not given.
        """
        m = len(self)
        log_scale = np.log1p(variety.scale) * rng.uniform(-1, 1, (m, 1))
        if strain is None:
            strain = variety.strain * random_strain(rng, space_groups)
        # Of reciprocal vectors; to first order, which keeps it symmetric.
        normals = self.normals - np.einsum(
            "mij,mrj->mri", strain, self.normals
        )
        stretch = np.linalg.norm(normals, axis=-1)
        normals = normals / np.maximum(stretch, 1e-6)[..., None]
        stretch = stretch * np.exp(log_scale)

        # Within a family all are equal.
        families = rng.normal(size=(m, self.reach.shape[1]))
        strength = np.exp(
            variety.strength
            * np.take_along_axis(families, self.family.astype(int), axis=1)
        )
        if any(variety.spacing):
            power = -rng.uniform(*variety.spacing, (m, 1))
            strength *= np.maximum(self.bragg / _COMMON_BRAGG, 1e-3) ** power
        weight = rng.uniform(*variety.profile, (m, 1, 1))
        profiles = self.profiles.astype(np.float32)
        # Where there is none, no number is spent on it.
        if variety.shape:
            profiles += self._reshaped(rng, variety.shape)
        if variety.loss:
            mean = variety.loss * rng.uniform(size=m)
            profiles = _smeared(profiles, _scales(mean))
        t = np.linspace(0, 1, profiles.shape[-1])
        inside = t * self.reach[..., None] < self.bragg[..., None]
        level = np.sum(profiles * inside, axis=-1, keepdims=True)
        level /= np.maximum(inside.sum(axis=-1, keepdims=True), 1)
        profiles = weight * profiles + (1 - weight) * level * inside
        return replace(
            self,
            normals=normals.astype(np.float32),
            reach=(self.reach * stretch).astype(np.float32),
            bragg=(self.bragg * stretch).astype(np.float32),
            first=(self.first * stretch).astype(np.float32),
            profiles=(profiles * strength[..., None]).astype(np.float32),
        )

    def _reshaped(self, rng: np.random.Generator, most: float) -> np.ndarray:
        """What is added to the profiles, shape (M, R, T)."""
        m, n_bands = self.reach.shape
        knots = len(_KNOTS)
        family = self.family.astype(int)[..., None]
        own = rng.normal(size=(m, n_bands, knots))
        own = np.take_along_axis(own, family, axis=1)
        both = np.sqrt(_IN_COMMON) * rng.normal(size=(m, 1, knots))
        both = both + np.sqrt(1 - _IN_COMMON) * own
        both *= _KNOT_WEIGHTS * most * rng.uniform(size=(m, 1, 1))
        both *= np.abs(self.profiles).max(axis=-1, keepdims=True)

        ends = self.reach / np.maximum(self.bragg, 1e-6)
        out = np.empty(self.profiles.shape, dtype=np.float32)
        _piecewise(both.astype(np.float32), ends.astype(np.float32), out)
        return out * taper(out.shape[-1]).astype(np.float32)


def energy_losses(mean: np.ndarray, n: int = _ENERGIES) -> np.ndarray:
    """Shares of their energy that n equal parts of the electrons have lost,
    by the mean of all: exponentially distributed, and half of it at most.
    For means of shape (...), of shape (..., n)."""
    quantiles = (np.arange(n) + 0.5) / n
    mean = np.asarray(mean)[..., None]
    return np.minimum(-mean * np.log(1 - quantiles), 0.5)


def _scales(mean: np.ndarray) -> np.ndarray:
    """Sines of Bragg angles of the electrons of a pattern, by the mean of all,
    for mean losses of shape (M,): shape (M, _ENERGIES)."""
    scales = 1 / np.sqrt(1 - energy_losses(mean))
    return scales / scales.mean(axis=1, keepdims=True)


@nb.njit(cache=True, nogil=True)
def _smeared(profiles, scales):
    """Means of profiles of shape (M, R, T) at several scales of the angle,
    shape (M, K)."""
    n_stacks, n_bands, n_steps = profiles.shape
    out = np.zeros_like(profiles)
    for i in range(n_stacks):
        for scale in scales[i]:
            weight = np.float32(1 / scales.shape[1])
            for t in range(n_steps):
                x = t / scale
                k = int(x)
                # Profiles end at zero.
                if k >= n_steps - 1:
                    continue
                f = np.float32(x - k)
                for r in range(n_bands):
                    low, high = profiles[i, r, k], profiles[i, r, k + 1]
                    out[i, r, t] += weight * (low + f * (high - low))
    return out


@nb.njit(cache=True, nogil=True)
def _piecewise(values, ends, out):
    """Fill `out` with functions that have values at ``_KNOTS``, at equal
    steps from 0 to an end each."""
    n_stacks, n_bands, n_steps = out.shape
    for i in range(n_stacks):
        for r in range(n_bands):
            k = 0
            for t in range(n_steps):
                x = min(ends[i, r] * t / (n_steps - 1), _KNOTS[-1])
                while k < len(_KNOTS) - 2 and x > _KNOTS[k + 1]:
                    k += 1
                f = (x - _KNOTS[k]) / (_KNOTS[k + 1] - _KNOTS[k])
                low, high = values[i, r, k], values[i, r, k + 1]
                out[i, r, t] = low + f * (high - low)


def random_strain(
    rng: np.random.Generator, space_groups: np.ndarray
) -> np.ndarray:
    """Symmetric tensors with components of about one that change the
    lattice parameters and not the crystal system, shape (M, 3, 3).

    In the frame of orix, *x* along *a* and *z* along *c**, with *b* the
    unique axis of monoclinic crystals. The part that all systems share, a
    change of scale, is left out.
    """
    system = np.array(symmetry.class_names("crystal_system"))[
        symmetry.class_index("crystal_system")[space_groups - 1]
    ]
    strain = rng.normal(size=(len(system), 3, 3))
    strain = (strain + strain.swapaxes(1, 2)) / 2
    uniaxial = np.isin(system, ("tetragonal", "trigonal", "hexagonal"))
    strain[uniaxial, 1, 1] = strain[uniaxial, 0, 0]
    free_shear = np.zeros((len(system), 3, 3), dtype=bool)
    free_shear[system == "triclinic"] = True
    free_shear[system == "monoclinic", 0, 2] = True
    free_shear[system == "monoclinic", 2, 0] = True
    free_shear[:, np.arange(3), np.arange(3)] = True
    strain *= free_shear
    trace = np.trace(strain, axis1=1, axis2=2)
    strain -= trace[:, None, None] / 3 * np.eye(3)
    strain[system == "cubic"] = 0
    return strain
