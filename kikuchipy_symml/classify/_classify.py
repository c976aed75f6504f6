# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Classification of the patterns of a scan by their symmetry."""

import warnings
from pathlib import Path
from typing import Literal, overload

import dask.array as da
import numpy as np
from kikuchipy.signals import EBSD
from orix.crystal_map import PhaseList

from kikuchipy_symml.classify._checks import (
    check_batch_size,
    check_min_confidence,
)
from kikuchipy_symml.classify._compute import client_in_use, computed
from kikuchipy_symml.classify._mapping import (
    N_SPACE_GROUPS,
    map_probabilities,
)
from kikuchipy_symml.classify._store import (
    check_store,
    origin_of,
    stored_probabilities,
)
from kikuchipy_symml.models import SymmetryModel, load_model
from kikuchipy_symml.pattern._checks import (
    check_navigation_mask,
    check_projection_centres,
    check_signal,
    check_signal_mask,
    navigation_shape,
)
from kikuchipy_symml.symmetry import (
    SymmetryPhaseList,
    candidate_space_groups,
    class_names,
)


@overload
def classify_symmetry(
    signal: EBSD,
    model: str | Path | SymmetryModel = ...,
    level: str = ...,
    *,
    candidates: PhaseList | None = ...,
    navigation_mask: np.ndarray | None = ...,
    signal_mask: np.ndarray | None = ...,
    min_confidence: float = ...,
    compute: Literal[True] = ...,
    batch_size: int | None = ...,
    store: str | Path | None = ...,
    show_progressbar: bool | None = ...,
) -> SymmetryPhaseList: ...


@overload
def classify_symmetry(
    signal: EBSD,
    model: str | Path | SymmetryModel = ...,
    level: str = ...,
    *,
    candidates: PhaseList | None = ...,
    navigation_mask: np.ndarray | None = ...,
    signal_mask: np.ndarray | None = ...,
    min_confidence: float = ...,
    compute: Literal[False],
    batch_size: int | None = ...,
    store: None = ...,
    show_progressbar: bool | None = ...,
) -> da.Array: ...


def classify_symmetry(
    signal: EBSD,
    model: str | Path | SymmetryModel = "default",
    level: str = "bravais_lattice",
    *,
    candidates: PhaseList | None = None,
    navigation_mask: np.ndarray | None = None,
    signal_mask: np.ndarray | None = None,
    min_confidence: float = 0.0,
    compute: bool = True,
    batch_size: int | None = None,
    store: str | Path | None = None,
    show_progressbar: bool | None = None,
) -> SymmetryPhaseList | da.Array:
    """Name the crystal symmetry of every pattern of a scan.

    Every pattern is looked at by itself, and no phases need be known
    beforehand.

    Parameters
    ----------
    signal
        EBSD patterns, in memory or lazy, with the projection centre(s)
        in ``signal.detector``. None of it is changed.
    model
        Name of a model that comes with the package, see
        :func:`~kikuchipy_symml.list_models`, path of a model file, or a
        model.
    level
        Level of symmetry to tell: "crystal_system", "bravais_lattice",
        "laue_group", "point_group" or "space_group".
    candidates
        Phases to choose among, each with a space group of its own. If two
        are of one class at *level*, the level is that of space groups,
        with a warning. If not given, all classes of the level.
    navigation_mask
        Boolean array of the navigation shape, True for patterns to leave
        out.
    signal_mask
        Boolean array of the signal shape, True for detector pixels to
        leave out.
    min_confidence
        A pattern whose most probable class is less probable than this is
        not indexed.
    compute
        Whether to do the work now. If not, a dask array is returned, for
        :func:`compute_symmetry_results`, and *level*, *candidates* and
        *min_confidence* are only checked. It reads the patterns when it
        is computed: do not change them in between.
    batch_size
        Number of patterns to pass through the network at a time. It
        changes time and memory, and the result by rounding only. If not
        given, 32.
    store
        File that the probabilities of the 230 space groups go into, block
        by block as they come: ".zarr" (needs zarr), ".h5" or ".hdf5" (not
        while there is a client of dask.distributed). If the run is
        interrupted, the same call goes on from there: three of the
        patterns are read to tell that they are the same. If not given,
        probabilities are kept in memory only.
    show_progressbar
        Whether to show a progress bar. If not given, HyperSpy's
        preference ``hs.preferences.General.show_progressbar``.

    Returns
    -------
    phases
        The phases found, with the evidence for them. If *compute* is
        False, a dask array of probabilities of the 230 space groups
        instead, float32 of the navigation shape and (230,). In it, rows
        are NaN where *navigation_mask* is True, and 0 where a pattern
        cannot be used.

    Raises
    ------
    TypeError
        If the signal, model or candidates are of another kind.
    ValueError
        If something given does not fit, before any is classified, such
        as a *store* that was begun with other patterns, another model,
        projection centre or mask. The message quotes it. For a model it is a
        :class:`~kikuchipy_symml.models.ModelError`.
    FileNotFoundError
        If there is no file at a path given as model.
    ImportError
        If *store* needs zarr, which is not installed.
    OSError
        If patterns cannot be read from the file, which it names.

    Warns
    -----
    UserWarning
        If the projection centre is the one of a new detector, (0.5, 0.5,
        0.5). Also if patterns are constant or hold NaN or infinite
        values, with their number: these are not indexed. And if two
        candidates are of one class at *level*.

    See Also
    --------
    compute_symmetry_results
        Make phases from what this returns with ``compute=False``.
    kikuchipy_symml.SymmetryPhaseList
        What can be done with the result.

    Notes
    -----
    Now or later, in memory or lazy, the same blocks of patterns give the
    same numbers. Other blocks, as from other chunks of a lazy signal,
    another *batch_size* or another mask, change them by the rounding of
    32-bit floats, usually 1e-7 and at most 1e-5: TensorFlow sums in an
    order that depends on the place of a pattern in its batch. From 10 000
    patterns on the network is compiled, which changes them by some 1e-5.
    """
    check_signal(signal)
    class_names(level)
    if candidates is not None:
        candidate_space_groups(candidates)
    navigation_mask = check_navigation_mask(navigation_mask, signal)
    signal_mask = check_signal_mask(signal_mask, signal)
    min_confidence = check_min_confidence(min_confidence)
    batch_size = check_batch_size(batch_size)
    if compute:
        _steps(signal)
    if store is not None:
        if not compute:
            raise ValueError(
                f"store={str(store)!r} needs compute=True: with "
                "compute=False nothing is computed that could be stored"
            )
        check_store(store)
    model = load_model(model)
    pc = check_projection_centres(signal)

    probabilities = map_probabilities(
        signal.data,
        pc,
        model,
        navigation_mask=navigation_mask,
        signal_mask=signal_mask,
        batch_size=batch_size,
    )
    if not compute:
        return probabilities
    # A network that cannot be used is an error now, not in a block. On a
    # cluster it need not be loaded here.
    if client_in_use() is None:
        _ = model.network
    results: da.Array | np.ndarray = probabilities
    if store is not None:
        results = stored_probabilities(
            probabilities,
            Path(store),
            navigation_mask,
            origin_of(
                model.sha256, signal.data, pc, signal_mask, navigation_mask
            ),
            show_progressbar,
        )
    return compute_symmetry_results(
        results,
        signal,
        level,
        candidates=candidates,
        min_confidence=min_confidence,
        show_progressbar=show_progressbar,
    )


def compute_symmetry_results(
    dask_array: da.Array | np.ndarray,
    signal: EBSD,
    level: str = "bravais_lattice",
    *,
    candidates: PhaseList | None = None,
    min_confidence: float = 0.0,
    show_progressbar: bool | None = None,
) -> SymmetryPhaseList:
    """Compute what :func:`classify_symmetry` returned uncomputed.

    Parameters
    ----------
    dask_array
        What it returned with ``compute=False``, of the navigation shape
        and (230,). An array of these numbers in memory or read back from
        a file is taken, too.
    signal
        The signal that was classified, for its step sizes.
    level
        Level of symmetry to tell.
    candidates
        Phases to choose among, each with a space group.
    min_confidence
        A pattern whose most probable class is less probable than this is
        not indexed.
    show_progressbar
        Whether to show a progress bar. If not given, HyperSpy's
        preference.

    Returns
    -------
    phases
        The phases found, with the evidence for them.

    Raises
    ------
    TypeError
        If the signal or candidates are of another kind.
    ValueError
        If something given does not fit, before anything is computed.

    Warns
    -----
    UserWarning
        With the number of patterns that cannot be used, if any.
    """
    check_signal(signal)
    class_names(level)
    if candidates is not None:
        candidate_space_groups(candidates)
    min_confidence = check_min_confidence(min_confidence)
    step_sizes, scan_unit = _steps(signal)
    if not hasattr(dask_array, "dtype"):
        dask_array = np.asarray(dask_array)
    expected = (*navigation_shape(signal), N_SPACE_GROUPS)
    if dask_array.shape != expected or dask_array.dtype.kind != "f":
        raise ValueError(
            "The probabilities must be floating point numbers of the "
            f"signal's navigation shape and (230,), {expected}, not "
            f"{dask_array.dtype} of shape {dask_array.shape}"
        )

    probabilities = (
        computed(dask_array, show_progressbar)
        if isinstance(dask_array, da.Array)
        else np.asarray(dask_array)
    )

    # Rows left out are NaN, which is not False.
    n_unusable = np.count_nonzero(~probabilities.any(axis=-1))
    if n_unusable:
        n_all = probabilities.size // N_SPACE_GROUPS
        warnings.warn(
            f"{n_unusable} of {n_all} patterns are constant or hold NaN or "
            "infinite values: they are not indexed",
            stacklevel=2,
        )
    return SymmetryPhaseList(
        probabilities,
        level,
        candidates=candidates,
        min_confidence=min_confidence,
        step_sizes=step_sizes,
        scan_unit=scan_unit,
    )


def _steps(signal: EBSD) -> tuple[tuple[float, ...], str]:
    """Return the distance between points along (y, x) and its unit, one
    pixel where it is not known.

    Raises
    ------
    ValueError
        If an axis has none, or one that is not finite.
    """
    axes = signal.axes_manager.navigation_axes[::-1]
    for axis in axes:
        scale = getattr(axis, "scale", None)
        if scale is None or not np.isfinite(scale):
            raise ValueError(
                f"The navigation axis '{axis.name}' must be uniform and its "
                f"scale a finite number, not {scale}"
            )
    step_sizes = tuple(abs(float(axis.scale)) or 1.0 for axis in axes)
    unit = str(axes[0].units) if axes else "<undefined>"
    return step_sizes, "px" if unit == "<undefined>" else unit
