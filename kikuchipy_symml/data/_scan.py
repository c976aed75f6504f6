# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Simulated scans of several phases with grains and noise.

Axes: ``y`` and ``x`` rows and columns of points, ``N`` points, ``a`` and
``b`` detector rows and columns.
"""

from collections.abc import Sequence

import numpy as np
from kikuchipy.detectors import EBSDDetector
from kikuchipy.signals import EBSD, EBSDMasterPattern
from orix.crystal_map import (
    CrystalMap,
    PhaseList,
    create_coordinate_arrays,
)
from orix.quaternion import Rotation
from scipy.ndimage import gaussian_filter

from kikuchipy_symml.crystals import Crystal, library
from kikuchipy_symml.simulation import band_profiles, master_from_bands

# Standard deviation of the bands relative to the background
CONTRAST = 0.06
# Grey level of the brightest background, below the end of the scale
WHITE = 190


def master_pattern(
    crystal: Crystal | str, energy: float = 20.0, *, size: int = 241
) -> EBSDMasterPattern:
    """Return a master pattern of a crystal, within a second.

    Parameters
    ----------
    crystal
        A crystal, or the name of one in the library, see
        :func:`kikuchipy_symml.crystals.library`.
    energy
        Energy of the electrons in keV.
    size
        Points along each side, odd.

    Returns
    -------
    master
        Both hemispheres in the square Lambert projection, with the phase
        of the crystal. As Friedel's law holds for it, the lower one is
        the upper one turned half around.

    Notes
    -----
    The bands have many-beam profiles, but each systematic row is solved
    by itself, see :func:`kikuchipy_symml.simulation.band_profiles`. It
    is good enough to find orientations, not for what hangs on details of
    the intensity: use EMsoft's or another dynamical simulation there.

    Examples
    --------
    >>> from kikuchipy_symml import data
    >>> iron = data.master_pattern("Fe (Im-3m)", size=101)
    >>> iron.data.shape
    (2, 101, 101)
    """
    known = library()[crystal] if isinstance(crystal, str) else crystal
    upper = master_from_bands(band_profiles(known, energy), size)[0]
    axes = [
        {"name": "hemisphere", "size": 2},
        {"name": "height", "size": size},
        {"name": "width", "size": size},
    ]
    return EBSDMasterPattern(
        np.stack([upper, upper[::-1, ::-1]]),
        axes=axes,
        projection="lambert",
        hemisphere="both",
        phase=known.to_phase(),
    )


def simulated_scan(
    masters: Sequence[EBSDMasterPattern | Crystal | str],
    shape: tuple[int, int] = (20, 30),
    *,
    n_grains: int = 9,
    detector: EBSDDetector | None = None,
    electrons: float = 2500.0,
    blur: float = 0.5,
    turn: float = 1.0,
    seed: int = 0,
) -> EBSD:
    """Return a scan of one or more phases, with its truth.

    Parameters
    ----------
    masters
        One master pattern for each phase. Crystals, or names of them in
        the library, stand for :func:`master_pattern`.
    shape
        Navigation shape (ny, nx).
    n_grains
        Number of grains, the cells nearest to random points. Phases take
        turns among them.
    detector
        Shape, tilts and one projection centre. If not given, one of 60
        x 60 pixels.
    electrons
        Mean number of electrons in a pixel where the background is
        brightest: fewer give more noise. The bands' standard deviation is
        0.06 of the background, so that noise and bands are about equal
        at 280 electrons.
    blur
        Standard deviation of the blur in pixels.
    turn
        Angle in degrees by which the lattice turns across a grain,
        about.
    seed
        Seed of grains, orientations and noise.

    Returns
    -------
    scan
        Patterns of 8 bits with the background, the step size being 1 µm.
        ``scan.xmap`` has the true phases and orientations, and the
        number of each point's grain in the property ``grain``.
        ``scan.static_background`` is the background.

    Raises
    ------
    ValueError
        If there are no phases, fewer grains than phases, two phases of
        the same name, or several projection centres.

    Examples
    --------
    >>> from kikuchipy_symml import data
    >>> s = data.simulated_scan(["Ni", "Fe (Im-3m)"], (4, 6), n_grains=2)
    >>> s.xmap.phases.names
    ['Ni', 'Fe (Im-3m)']
    """
    master_patterns: list[EBSDMasterPattern] = [
        master
        if isinstance(master, EBSDMasterPattern)
        else master_pattern(master)
        for master in masters
    ]
    names = [master.phase.name for master in master_patterns]
    if not names or len(set(names)) < len(names):
        raise ValueError(f"Expected phases of different names, not {names}")
    if n_grains < len(masters):
        raise ValueError(
            f"{n_grains} grains are too few for {len(masters)} phases"
        )
    if detector is None:
        detector = EBSDDetector(shape=(60, 60), pc=(0.48, 0.3, 0.55))
    elif detector.navigation_size != 1:
        raise ValueError(
            f"The detector has {detector.navigation_size} projection "
            "centres, expected one for all points"
        )
    rng = np.random.default_rng(seed)
    grain, offset = _grains(rng, shape, n_grains)
    phase_id = (grain % len(masters)).ravel()
    rotations = _rotations(rng, grain, offset, n_grains, turn)

    patterns = np.empty((phase_id.size, *detector.shape), dtype=np.uint8)
    for i, master in enumerate(master_patterns):
        here = np.flatnonzero(phase_id == i)
        if here.size:
            simulated = master.get_patterns(
                rotations[here],
                detector,
                dtype_out=np.float32,
                show_progressbar=False,
            )
            flat = simulated.data.reshape(-1, *detector.shape)
            patterns[here] = _recorded(rng, flat, electrons, blur)

    static_background = WHITE * _background(detector.shape)
    present = [int(i) for i in np.unique(phase_id)]
    coordinates, _ = create_coordinate_arrays(shape, (1, 1))
    xmap = CrystalMap(
        rotations=rotations,
        phase_id=phase_id,
        phase_list=PhaseList({i: master_patterns[i].phase for i in present}),
        prop={"grain": grain.ravel()},
        scan_unit="um",
        **coordinates,
    )
    axes = [
        {"name": name, "size": size, "units": "um"}
        for name, size in zip(
            ("y", "x", "dy", "dx"), (*shape, *detector.shape), strict=True
        )
    ]
    return EBSD(
        patterns.reshape(*shape, *detector.shape),
        axes=axes,
        detector=detector.deepcopy(),
        static_background=static_background.astype(np.uint8),
        xmap=xmap,
    )


def _grains(
    rng: np.random.Generator, shape: tuple[int, int], n_grains: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the grain of each point, shape (y, x), and how far right of
    the grain's centre it is, as a fraction of the width of the scan.
    """
    y, x = np.indices(shape)
    # Centres on points of their own, so that no grain is empty
    centres = rng.choice(y.size, n_grains, replace=False)
    dy = y[..., np.newaxis] - y.ravel()[centres]
    dx = x[..., np.newaxis] - x.ravel()[centres]
    grain = np.argmin(dy**2 + dx**2, axis=-1)
    own = np.take_along_axis(dx, grain[..., np.newaxis], axis=-1)[..., 0]
    return grain, own / shape[1]


def _rotations(
    rng: np.random.Generator,
    grain: np.ndarray,
    offset: np.ndarray,
    n_grains: int,
    turn: float,
) -> Rotation:
    """Return the orientation of each point, shape (N,)."""
    mean = rng.normal(size=(n_grains, 4))
    mean = Rotation(mean / np.linalg.norm(mean, axis=1, keepdims=True))
    # The width of a grain is about that of the scan over their root
    angle = turn * np.sqrt(n_grains) * offset.ravel()
    gradient = Rotation.from_axes_angles([0, 1, 0], angle, degrees=True)
    return gradient * mean[grain.ravel()]


def _recorded(
    rng: np.random.Generator,
    patterns: np.ndarray,
    electrons: float,
    blur: float,
) -> np.ndarray:
    """Return patterns (N, a, b) as a camera of 8 bits records them."""
    mean = patterns.mean(axis=(-2, -1), keepdims=True)
    spread = patterns.std(axis=(-2, -1), keepdims=True)
    bands = 1 + CONTRAST * (patterns - mean) / spread
    bands = gaussian_filter(bands, (0, blur, blur))
    background = _background(patterns.shape[-2:])
    counts = rng.poisson(electrons * background * np.clip(bands, 0, None))
    return np.clip(WHITE / electrons * counts, 0, 255).astype(np.uint8)


def _background(shape: tuple[int, int]) -> np.ndarray:
    """Return the diffuse background (a, b), 1 where it is brightest."""
    y, x = ((np.arange(n) + 0.5) / n for n in shape)
    squared = (y[:, np.newaxis] - 0.35) ** 2 + (x - 0.5) ** 2
    return np.exp(-squared / (2 * 0.5**2))
