# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a network looked at in the patterns of a scan.

The results of a pattern are the pixels of its map, row by row, and then its
details.
"""

import warnings
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Literal, overload

import dask.array as da
import numpy as np
from hyperspy.signal import BaseSignal
from kikuchipy.signals import EBSD

from kikuchipy_symml.classify import _explanation as columns
from kikuchipy_symml.classify._checks import check_batch_size
from kikuchipy_symml.classify._compute import computed
from kikuchipy_symml.classify._detector_maps import lines_of, on_detector
from kikuchipy_symml.classify._explanation import (
    NODE,
    LazySymmetryExplanation,
    SymmetryExplanation,
)
from kikuchipy_symml.classify._mapping import map_blocks
from kikuchipy_symml.classify._question import Question, log_odds
from kikuchipy_symml.classify._saliency import explainer_of
from kikuchipy_symml.models import SymmetryModel, load_model
from kikuchipy_symml.models._model import BATCH_SIZE
from kikuchipy_symml.pattern import canonical_views, view_frame
from kikuchipy_symml.pattern._checks import (
    check_navigation_mask,
    check_projection_centres,
    check_signal,
    check_signal_mask,
    signal_shape,
)

# Up to as many patterns, to make gradients quick takes longer than they do.
FEW = 512


@overload
def explain_symmetry(
    signal: EBSD,
    model: str | Path | SymmetryModel = ...,
    level: str = ...,
    *,
    of: str | None = ...,
    against: str | None = ...,
    method: str = ...,
    bands: bool = ...,
    navigation_mask: np.ndarray | None = ...,
    signal_mask: np.ndarray | None = ...,
    compute: Literal[True] = ...,
    batch_size: int | None = ...,
    show_progressbar: bool | None = ...,
) -> SymmetryExplanation: ...


@overload
def explain_symmetry(
    signal: EBSD,
    model: str | Path | SymmetryModel = ...,
    level: str = ...,
    *,
    of: str | None = ...,
    against: str | None = ...,
    method: str = ...,
    bands: bool = ...,
    navigation_mask: np.ndarray | None = ...,
    signal_mask: np.ndarray | None = ...,
    compute: bool,
    batch_size: int | None = ...,
    show_progressbar: bool | None = ...,
) -> SymmetryExplanation | LazySymmetryExplanation: ...


def explain_symmetry(
    signal: EBSD,
    model: str | Path | SymmetryModel = "default",
    level: str = "bravais_lattice",
    *,
    of: str | None = None,
    against: str | None = None,
    method: str = "grad_cam",
    bands: bool = True,
    navigation_mask: np.ndarray | None = None,
    signal_mask: np.ndarray | None = None,
    compute: bool = True,
    batch_size: int | None = None,
    show_progressbar: bool | None = None,
) -> SymmetryExplanation | LazySymmetryExplanation:
    r"""Show what speaks for a symmetry in every pattern of a scan.

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
        Level of symmetry: "crystal_system", "bravais_lattice",
        "laue_group", "point_group" or "space_group".
    of
        Class of that level to explain, the same in all patterns. If not
        given, the most probable one of each pattern (other than
        *against*).
    against
        Class of that level to compare it with: why this class and not
        that one? If not given, all others together.
    method
        "grad_cam" is fast. "occlusion" shows what the network does
        without, and takes about eight times as long.
        "integrated_gradients" is in between. See the notes.
    bands
        Whether to weigh the bands that the network used, too, if it
        works on bands. Each is left out in turn, which takes about as
        long as "grad_cam" itself.
    navigation_mask
        Boolean array of the navigation shape, True for patterns to leave
        out.
    signal_mask
        Boolean array of the signal shape, True for detector pixels to
        leave out.
    compute
        Whether to do the work now. If not, a lazy signal is returned.
    batch_size
        Number of patterns to pass through the network at a time. If not
        given, 32.
    show_progressbar
        Whether to show a progress bar. If not given, HyperSpy's
        preference ``hs.preferences.General.show_progressbar``.

    Returns
    -------
    explanation
        One map for each pattern, in the pattern's own pixels: positive
        where what is seen speaks for the class, negative where it speaks
        against it. NaN in patterns left out, 0 in those that cannot be
        used. With it come the class explained, its probability and, if
        the network works on bands, the bands that it used.

    Raises
    ------
    TypeError
        If the signal or model is of another kind.
    ValueError
        If something given does not fit, such as a class that the level
        does not have, before any pattern is read. If the network has no
        gradients, or not the features that the method needs, it is a
        :class:`~kikuchipy_symml.models.ModelError`.
    FileNotFoundError
        If there is no file at a path given as model.
    OSError
        If patterns cannot be read from the file, which it names.

    Warns
    -----
    UserWarning
        If the projection centre is the one of a new detector, (0.5, 0.5,
        0.5). Also if patterns are constant or hold NaN or infinite
        values, with their number.

    See Also
    --------
    kikuchipy_symml.SymmetryExplanation
        What can be done with the result.
    classify_symmetry

    Notes
    -----
    What is explained is the logarithm of the odds

    .. math::

        S = \ln \sum_{k \in a} p_k - \ln \sum_{k \in b} p_k

    of the space groups :math:`a` of the class against those of *against*
    or all others, :math:`b`. Maps are made in the canonical view that
    the network takes (:func:`kikuchipy_symml.pattern.canonical_views`)
    and then put where the detector saw each direction.

    **grad_cam** (Selvaraju et al., ICCV 2017, 618) weighs the last
    features that have a place in the view by the gradient of :math:`S`.
    For networks of bands these are the map over plane normals, and every
    normal is weighed by its own gradient (HiResCAM; Draelos & Carin,
    arXiv 2011.08891) and drawn along its great circle. For others it is
    the last layer with rows and columns, and the gradient is averaged
    over these. Nothing is cut off at zero.

    **integrated_gradients** (Sundararajan et al., ICML 2017, 3319)
    multiplies the view, less a view of noise, by the mean gradient at 16
    points on the way from noise to it, each from other noise (Erion et
    al., Nat. Mach. Intell. 3 (2021) 620), the same in each run. Noise
    and not emptiness, as networks of bands scale contrast away.

    **occlusion** (Zeiler & Fergus, ECCV 2014, 818) covers the view with
    patches of 16 degrees, 8 degrees apart, as if the detector ended
    there, and shows by how much :math:`S` falls. It needs no gradients.

    The weight of a band is by how much :math:`S` falls when the network
    does without that band.

    For scans of more than 512 patterns grad_cam is compiled to a graph
    first. Rounding differs by that, and now and then decides which bands
    a network of bands finds.

    Examples
    --------
    >>> import kikuchipy as kp
    >>> import kikuchipy_symml
    >>> s = kp.data.nickel_ebsd_small()
    >>> explanation = s.explain_symmetry(of="cF", show_progressbar=False)
    >>> explanation
    <SymmetryExplanation: cF (bravais_lattice) by grad_cam, dimensions: (3, 3|60, 60)>
    >>> explanation.bands
    <BandsUsed: up to 28 in patterns (3, 3)>
    """  # noqa: E501
    check_signal(signal)
    question = Question(level, of, against)
    navigation_mask = check_navigation_mask(navigation_mask, signal)
    signal_mask = check_signal_mask(signal_mask, signal)
    batch_size = check_batch_size(batch_size)
    model = load_model(model)
    pc = check_projection_centres(signal)
    explainer = explainer_of(model)
    explainer.check(method)

    signal_axes = signal.axes_manager.signal_axes
    n_bands = explainer.n_bands if bands else 0
    n_details = columns.FIRST_BAND + columns.PER_BAND * n_bands
    shape = signal_shape(signal)
    # Maps and details side by side: made together, as they need the same
    # views.
    results = map_blocks(
        _BlockExplainer(
            model,
            question,
            method,
            n_bands,
            signal_mask,
            batch_size or BATCH_SIZE,
            signal.axes_manager.navigation_size <= FEW,
            tuple((axis.offset, axis.scale) for axis in signal_axes),
        ),
        signal.data,
        pc,
        navigation_mask,
        prod(shape) + n_details,
        "symmetry-explanation",
    )
    if compute:
        done = computed(results, show_progressbar)
        _warn_of_unusable(done[..., prod(shape) + columns.OF])
        maps, details = _maps_of(done, shape), _details_of(done, shape)
    else:
        chunks = results.chunks[:-1]
        maps = da.map_blocks(
            _maps_of,
            results,
            shape,
            drop_axis=results.ndim - 1,
            new_axis=[results.ndim - 1, results.ndim],
            chunks=(*chunks, *((n,) for n in shape)),
            dtype=np.float32,
            meta=np.empty((0,) * (results.ndim + 1), dtype=np.float32),
        )
        details = da.map_blocks(
            _details_of,
            results,
            shape,
            chunks=(*chunks, (n_details,)),
            dtype=np.float32,
            meta=np.empty((0,) * results.ndim, dtype=np.float32),
        )
    known = {
        "model": model.name,
        "sha256": model.sha256,
        "level": level,
        "of": of or "",
        "against": against or "",
        "method": method,
    }
    return _as_signal(maps, details, known, signal)


@dataclass(frozen=True)
class _BlockExplainer:
    """The task of one block: pickled, it holds no signal and no network,
    only the model's path."""

    model: SymmetryModel
    question: Question
    method: str
    n_bands: int
    signal_mask: np.ndarray | None
    batch_size: int
    few: bool
    signal_axes: tuple[tuple[float, float], ...]  # (offset, scale) of x, y

    def __call__(
        self, patterns: np.ndarray, pc: np.ndarray, mask: np.ndarray
    ) -> np.ndarray:
        explainer = explainer_of(self.model)
        shape = patterns.shape[-2:]
        n_pixels = prod(shape)
        n_details = columns.FIRST_BAND + columns.PER_BAND * self.n_bands
        result = np.full((mask.size, n_pixels + n_details), np.nan, np.float32)
        patterns = patterns.reshape(mask.size, *shape)
        pc = pc.reshape(mask.size, 3)
        points = np.flatnonzero(~mask)
        for start in range(0, points.size, self.batch_size):
            batch = points[start : start + self.batch_size]
            views, valid = canonical_views(
                patterns[batch], pc[batch], self.model.view, self.signal_mask
            )
            result[batch] = 0
            result[batch, n_pixels + columns.OF] = -1
            batch, views = batch[valid], views[valid]
            if batch.size == 0:
                continue
            maps, details = self._explain(explainer, views, pc[batch], shape)
            result[batch, :n_pixels] = maps.reshape(len(batch), -1)
            result[batch, n_pixels:] = details
        return result.reshape(*mask.shape, -1)

    def _explain(self, explainer, views, pc, shape):
        p = explainer.predict(views)
        of, against = self.question.classes(p)
        sides = self.question.sides(of, against)
        maps = explainer.saliency(self.method, views, *sides, self.few)
        maps = on_detector(maps, pc, self.model.view, shape)
        if self.signal_mask is not None:
            maps[:, self.signal_mask] = 0

        details = [of, against]
        details += [(p * side).sum(axis=1) for side in sides]
        details = np.stack([*details, log_odds(p, *sides)], axis=1)
        if self.n_bands == 0:
            return maps, details
        normals, weights = explainer.bands_used(views, *sides)
        # Rows of a frame are the axes of the view in the detector's.
        frames = view_frame(pc, shape[1] / shape[0])
        normals = np.einsum("btv,bvd->btd", normals, frames)
        lines = self._in_axis_units(lines_of(normals, pc, shape))
        bands = np.concatenate([normals, weights[..., None], lines], axis=-1)
        bands = bands.reshape(len(views), -1)
        return maps, np.concatenate([details, bands], axis=1)

    def _in_axis_units(self, lines):
        (x0, x_scale), (y0, y_scale) = self.signal_axes
        a, b = lines[..., 0] / x_scale, lines[..., 1] / y_scale
        return np.stack([a, b, lines[..., 2] - a * x0 - b * y0], axis=-1)


def _maps_of(results: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    maps = results[..., : prod(shape)]
    return maps.reshape(*maps.shape[:-1], *shape)


def _details_of(results: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    return results[..., prod(shape) :].copy()


def _warn_of_unusable(of: np.ndarray) -> None:
    n_unusable = np.count_nonzero(of == -1)
    if n_unusable:
        warnings.warn(
            f"{n_unusable} of {of.size} patterns are constant or hold NaN or "
            "infinite values: nothing in them can be explained",
            stacklevel=3,
        )


def _as_signal(
    maps: np.ndarray | da.Array,
    details: np.ndarray | da.Array,
    known: dict[str, str],
    signal: EBSD,
) -> SymmetryExplanation | LazySymmetryExplanation:
    manager = signal.axes_manager
    axes = [axis.get_axis_dictionary() for axis in manager._axes]
    # A signal in the metadata is saved, loaded and copied with them.
    navigation = [axis for axis in axes if axis["navigate"]]
    own = {"name": "detail", "size": details.shape[-1], "navigate": False}
    kept = BaseSignal(details, axes=[*navigation, own])
    lazy = isinstance(maps, da.Array)
    if lazy:
        kept = kept.as_lazy()
    title = signal.metadata.get_item("General.title", "")
    made = (LazySymmetryExplanation if lazy else SymmetryExplanation)(
        maps, axes=axes
    )
    made.metadata.General.title = (
        f"Explanation of {title}" if title else "Explanation"
    )
    made.metadata.add_node(NODE)
    node = made.metadata.get_item(NODE)
    for name, value in known.items():
        setattr(node, name, value)
    node.details = kept
    return made
