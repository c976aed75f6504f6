# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The phases found in a scan, with the evidence for each of them."""

import copy
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from matplotlib.figure import Figure
from orix.crystal_map import (
    CrystalMap,
    Phase,
    PhaseList,
    create_coordinate_arrays,
)
from orix.quaternion import Rotation

from kikuchipy_symml.symmetry import _maps
from kikuchipy_symml.symmetry._arrays import (
    as_labels,
    as_mask,
    as_probabilities,
    as_step_sizes,
    check_sums,
    read_only,
    renormalized,
    zero_where,
)
from kikuchipy_symml.symmetry._candidates import (
    candidate_space_groups,
    parting_level,
)
from kikuchipy_symml.symmetry._fuse import (
    CORRELATION,
    ROWS,
    check_correlation,
    fuse_regions,
)
from kikuchipy_symml.symmetry._levels import (
    N_SPACE_GROUPS,
    class_names,
    phase_of,
    sum_to_level,
)
from kikuchipy_symml.symmetry._save import readable_phase, save

if TYPE_CHECKING:  # pragma: no cover
    from kikuchipy.signals import EBSD


class SymmetryPhaseList(PhaseList):
    """The phases found in a scan, by the symmetry of its patterns.

    To orix and kikuchipy this is a phase list that holds exactly the
    phases found. The ID of a phase is its index into
    :attr:`class_names`, so IDs need not be consecutive. Beside the
    phases it keeps the probabilities of all 230 space groups in every
    point, from which :meth:`at_level` and :meth:`restrict_to` make
    other lists without running a network again.

    Parameters
    ----------
    space_group_probabilities
        Probabilities of the 230 space groups in each point, of shape ()
        or (n,) or (ny, nx) + (230,). Each point's sum to one, save where
        there was no pattern to go by: all zero, or any NaN. The array is
        kept, not copied, if of 32-bit floats.
    level
        One of :data:`~kikuchipy_symml.symmetry.LEVELS`.
    candidates
        Choose among these phases only, see :meth:`restrict_to`.
    navigation_mask
        Boolean array of the navigation shape, with True for points to
        leave out. If not given, no points are left out.
    min_confidence
        A point with a lower :attr:`confidence` is not indexed.
    step_sizes
        Distance between points in each navigation direction, in order
        (y, x). If not given, 1 in each.
    scan_unit
        Unit of *step_sizes*, ``"px"`` or a unit of length, like "um".

    Raises
    ------
    TypeError
        If *candidates* is not a phase list.
    ValueError
        If *level* is unknown, *candidates* cannot be told apart (see
        :func:`~kikuchipy_symml.symmetry.candidate_space_groups`), or
        an array or number is not as described.

    Notes
    -----
    At all levels but that of space groups, a phase carries the point
    group of highest order in its class, such as the holohedry of a
    Bravais lattice. It is a default, not a finding; see
    :func:`~kikuchipy_symml.symmetry.phase_of`.

    Slicing gives what slicing a phase list gives: a plain
    :class:`~orix.crystal_map.PhaseList`, or one phase. :meth:`deepcopy`
    gives a plain list as well, :func:`copy.deepcopy` all of it.

    Examples
    --------
    Three patterns: one surely face-centred cubic, one that may be
    hexagonal, and one that was left out

    >>> import numpy as np
    >>> from kikuchipy_symml.symmetry import SymmetryPhaseList
    >>> p = np.zeros((3, 230), dtype=np.float32)
    >>> p[0, [225 - 1, 227 - 1]] = 0.75, 0.25
    >>> p[1, [194 - 1, 167 - 1]] = 0.625, 0.375
    >>> phases = SymmetryPhaseList(p, "bravais_lattice")
    >>> phases.names
    ['hP', 'cF']
    >>> phases.ids
    [10, 13]
    >>> phases.phase_id
    array([13, 10, -1])
    >>> phases.at_level("space_group").names
    ['P63/mmc', 'Fm-3m']
    """

    # Axes of the arrays in this class:
    # - navigation shape (), (n,) or (ny, nx)
    # - 230 space groups, number minus one
    # - classes, in order of the class names

    def __init__(
        self,
        space_group_probabilities: np.ndarray,
        level: str = "bravais_lattice",
        *,
        candidates: PhaseList | None = None,
        navigation_mask: np.ndarray | None = None,
        min_confidence: float = 0.0,
        step_sizes: tuple[float, ...] | None = None,
        scan_unit: str = "px",
    ) -> None:
        class_names(level)  # Raises if there is no such level
        if not 0 <= min_confidence <= 1:
            raise ValueError(
                f"Lowest confidence {min_confidence} is not between 0 and 1"
            )
        p230 = as_probabilities(space_group_probabilities)
        shape = p230.shape[:-1]
        total = np.asarray(p230.sum(axis=-1))
        lowest = np.asarray(p230.min(axis=-1))
        no_evidence = np.isnan(total) | ((total == 0) & (lowest == 0))
        left_out = as_mask(navigation_mask, shape) | no_evidence
        check_sums(total, lowest, ~left_out)

        self._p230 = p230
        self._left_out = left_out
        self._min_confidence = min_confidence
        self._step_sizes = as_step_sizes(step_sizes, shape)
        self._scan_unit = scan_unit

        if candidates is None:
            self._level = level
            self._candidates = None
            self._class_names = class_names(level)
            probabilities = sum_to_level(p230, level)
        else:
            numbers = candidate_space_groups(candidates)
            self._level = parting_level(numbers, level)
            own = [phase for i, phase in candidates if i != -1]
            self._candidates = PhaseList(dict(enumerate(own)))
            self._class_names = tuple(self._candidates.names)
            probabilities = renormalized(p230[..., numbers - 1])

        probabilities = zero_where(left_out, probabilities)
        confidence = probabilities.max(axis=-1)
        phase_id = np.asarray(probabilities.argmax(axis=-1))
        # No evidence at all gives confidence 0, left out or not
        indexed = (confidence > 0) & (confidence >= min_confidence)
        phase_id = np.where(indexed, phase_id, -1)

        self._probabilities = probabilities
        self._confidence = np.asarray(confidence)
        self._phase_id = phase_id

        found = np.unique(phase_id[phase_id != -1])
        super().__init__({int(i): self._new_phase(int(i)) for i in found})

    def _new_phase(self, index: int) -> Phase:
        """Return the phase of a class: the candidate itself, if any."""
        if self._candidates is not None:
            return self._candidates[index]
        return phase_of(self._level, self._class_names[index])

    def _phase_at(self, index: int) -> Phase:
        """Return the phase of a class, found or not."""
        return self._dict.get(int(index)) or self._new_phase(int(index))

    def _indices_of(self, names: tuple[str, ...]) -> list[int]:
        """Return the indices of classes, or say what is wrong."""
        # A phase may have been renamed since it was found
        index_of = {name: i for i, name in enumerate(self._class_names)}
        index_of |= {phase.name: i for i, phase in self}
        if not names:
            raise ValueError(f"No names given, choose from {tuple(index_of)}")
        unknown = [name for name in names if name not in index_of]
        if unknown:
            raise ValueError(
                f"{unknown} are not among the classes {tuple(index_of)}"
            )
        return [index_of[name] for name in names]

    def _replace(self, **changes: Any) -> Self:
        """Return a list from the same evidence, with some arguments of
        this one changed.
        """
        arguments = {
            "space_group_probabilities": self._p230,
            "level": self._level,
            "candidates": self._candidates,
            "navigation_mask": self._left_out,
            "min_confidence": self._min_confidence,
            "step_sizes": self._step_sizes,
            "scan_unit": self._scan_unit,
        }
        return type(self)(**(arguments | changes))

    # --------------------------- Properties ------------------------- #

    @property
    def level(self) -> str:
        """Return the level of symmetry that parts the classes."""
        return self._level

    @property
    def class_names(self) -> tuple[str, ...]:
        """Return the names of all classes there were to choose from.

        These are the classes of the level, or the names of the
        candidates in a list restricted to such.
        """
        return self._class_names

    @property
    def navigation_shape(self) -> tuple[int, ...]:
        """Return the navigation shape of the scan in numpy's order."""
        return self._phase_id.shape

    @property
    def probabilities(self) -> np.ndarray:
        """Return the probability of every class in every point.

        Read-only 32-bit floats of shape navigation shape + (n classes,),
        in order of :attr:`class_names`. They sum to one in every point,
        save those left out or without evidence, where they are 0.
        """
        return read_only(self._probabilities)

    @property
    def phase_id(self) -> np.ndarray:
        """Return the index of the most probable class in every point.

        Read-only integers of the navigation shape. -1 means not indexed:
        left out, without evidence, or of too low a confidence.
        """
        return read_only(self._phase_id)

    @property
    def confidence(self) -> np.ndarray:
        """Return the probability of the most probable class in every
        point, also where it was too low to be chosen.

        Read-only 32-bit floats of the navigation shape, 0 in points left
        out or without evidence.
        """
        return read_only(self._confidence)

    @property
    def xmap(self) -> CrystalMap:
        """Return a new crystal map of all points.

        Rotations are the identity. Properties are ``probabilities``, of
        shape (n points, n classes), and ``confidence``. Phase IDs are
        those of :attr:`phase_id`, with "not_indexed" among the phases
        where there are points with -1.

        The map is made anew each time, with names and colors of the
        phases as they are then: keep it in a variable to change it.

        Warns
        -----
        UserWarning
            If phases have space groups of point groups 2 and m (numbers
            3 to 9): orix 0.15 cannot read the file that it writes for
            them. In the map they have the point group only.

        Notes
        -----
        A crystal map knows no directions with one point only: its shape
        is (n,) for navigation shapes (1, n) and (n, 1), and () for (1,).
        orix 0.15 saves, but cannot load, a map of one point only if that
        is not indexed, and loads space groups 149 to 155 (point group 32)
        as point group 321, with a warning.
        """
        shape = self.navigation_shape
        phase_id = self._phase_id.ravel()
        # CrystalMap hands the sorted IDs in its array to the phases by
        # their position in the list, whatever their own IDs. Both agree
        # only if the list holds the phases in the array, all of them, no
        # others, and no -1, which CrystalMap adds itself.
        found = np.unique(phase_id[phase_id != -1])
        phases = {int(i): readable_phase(self._dict[i]) for i in found}
        lost = [
            phase.name
            for i, phase in phases.items()
            if phase.space_group is not self._dict[i].space_group
        ]
        if lost:
            warnings.warn(
                f"The crystal map holds phases {lost} with their point group "
                "but without their space group, which orix could not read "
                "back from a file",
                stacklevel=2,
            )
        # An empty shape means orix's default shape there, hence (1,)
        coordinates, n = create_coordinate_arrays(
            shape or (1,), self._step_sizes or None
        )
        return CrystalMap(
            rotations=Rotation.identity((n,)),
            phase_id=phase_id,
            phase_list=PhaseList(phases),
            prop={
                "probabilities": self._probabilities.reshape(n, -1),
                "confidence": self._confidence.ravel(),
            },
            scan_unit=self._scan_unit,
            **coordinates,
        )

    # ------------------------- Public methods ----------------------- #

    def at_level(self, level: str) -> Self:
        """Return the phases found at another level, coarser or finer.

        Parameters
        ----------
        level
            One of :data:`~kikuchipy_symml.symmetry.LEVELS`.

        Returns
        -------
        phases
            From the same probabilities of the space groups, with the
            same points left out, the same lowest confidence and the same
            candidates, if any. These stay one class each: candidates
            that are one class at the level are still told apart, by
            their space groups.

        Raises
        ------
        ValueError
            If there is no such level.
        """
        return self._replace(level=level)

    def restrict_to(self, candidates: PhaseList) -> Self:
        """Return the phases found when there are no others than these.

        Parameters
        ----------
        candidates
            Phases, each of a name and a space group of its own.

        Returns
        -------
        phases
            With one class for each candidate, in their order, named as
            they are. The phases are the candidates' own objects, with
            their structures and colors. Probabilities are those of the
            candidates' space groups, divided by their sum: they say
            which candidate, given that it is one of them. A pattern of
            something else can give a high confidence, too. Points
            without any evidence for any candidate are not indexed.

        Raises
        ------
        TypeError
            If *candidates* is not a phase list.
        ValueError
            If there are none, one has no space group, or two have the
            same name or space group.

        Warns
        -----
        UserWarning
            If candidates are of one class at this :attr:`level`. The
            level of the returned list is then that of space groups,
            the finest, which parts them.
        """
        return self._replace(candidates=candidates)

    def fuse(
        self, labels: np.ndarray, correlation: float = CORRELATION
    ) -> Self:
        """Return the phases found with one decision for each region.

        The evidence of all patterns of a region, such as a grain, is
        combined, which is more than a vote: a few clear patterns count
        for more than many unclear ones.

        Parameters
        ----------
        labels
            Integers of the navigation shape: points with the same label
            are one region, wherever they are. Points with a negative
            label are in no region and stay as they are. 0 is a label
            like others, as in what
            :func:`~kikuchipy_symml.label_grains` returns; where it means
            background, as in scikit-image, give ``labels - 1``.
        correlation
            Correlation between the evidence of any two patterns of a
            region, 0 to 1. The patterns of a grain show one orientation
            with other noise, and also in other orientations the model is
            likely to be wrong about a crystal in the same way. Default
            is 0.65, by which no region counts for more than one and a
            half independent patterns, see the notes.

        Returns
        -------
        phases
            With the same probabilities in all points of a region, at the
            same level, with the same points left out, the same lowest
            confidence and the same candidates, if any. Points left out
            or without a pattern to go by are no evidence, and are left
            out of the result, too. A point alone in its region stays as
            it is.

        Raises
        ------
        ValueError
            If *labels* are not integers of the navigation shape, or
            *correlation* is not between 0 and 1.

        See Also
        --------
        kikuchipy_symml.symmetry.fuse_probabilities
            The rule by which evidence is combined.

        Notes
        -----
        Fusing at one level and going to another gives the same as the
        other way around, since the evidence for all 230 space groups is
        combined. The same is true of :meth:`restrict_to`.

        On nine patterns each of training crystals and of random ones, an
        earlier default model was about equally often right with
        correlations from 0.35 to 0.8. With the default its confidence was
        right for training crystals, and four points too high for random
        ones; see :doc:`/evaluation`.

        Examples
        --------
        Three patterns of a grain and one outside of it

        >>> import numpy as np
        >>> from kikuchipy_symml.symmetry import SymmetryPhaseList
        >>> p = np.zeros((4, 230), dtype=np.float32)
        >>> p[:, 225 - 1] = 0.7, 0.4, 0.7, 0.4
        >>> p[:, 229 - 1] = 0.3, 0.6, 0.3, 0.6
        >>> phases = SymmetryPhaseList(p, "bravais_lattice")
        >>> phases.phase_id
        array([13, 12, 13, 12])
        >>> phases.fuse(np.array([0, 0, 0, -1])).phase_id
        array([13, 13, 13, 12])
        """
        labels = as_labels(labels, self.navigation_shape)
        correlation = check_correlation(correlation)
        labels = np.where(self._left_out, -1, labels).ravel()
        # Labels may be any numbers; regions of more than one point are
        # counted from 0
        names, region, size = np.unique(
            labels, return_inverse=True, return_counts=True
        )
        fusible = (names >= 0) & (size > 1)
        number = np.where(fusible, np.cumsum(fusible) - 1, -1)
        regions = number[region.ravel()]
        p230 = self._p230.reshape(-1, N_SPACE_GROUPS)
        fused = fuse_regions(p230, regions, correlation=correlation)
        p230 = p230.copy()
        points = np.flatnonzero(regions >= 0)
        for start in range(0, points.size, ROWS):
            rows = points[start : start + ROWS]
            p230[rows] = fused[regions[rows]]
        return self._replace(
            space_group_probabilities=p230.reshape(self._p230.shape)
        )

    def navigation_mask(
        self, *names: str, include_not_indexed: bool = True
    ) -> np.ndarray:
        """Return a mask of all points but those of some phases.

        Parameters
        ----------
        *names
            Names of phases or classes. A class that was not found has no
            points.
        include_not_indexed
            Whether points that are not indexed are to be kept as well,
            so that each phase is tried there. Default is True.

        Returns
        -------
        mask
            Boolean array of the navigation shape: True means not these
            phases, as ``EBSD.dictionary_indexing()`` takes it. True, too,
            in all points left out or without a pattern to go by.

        Raises
        ------
        ValueError
            If no names are given, or a name is not that of a class.

        Notes
        -----
        :func:`kikuchipy.indexing.merge_crystal_maps` wants every point to
        be in at least one map (kikuchipy 0.13). Where points were left
        out, unmask them for one of the phases before indexing.
        """
        ids = self._indices_of(names)
        if include_not_indexed:
            ids.append(-1)
        return np.asarray(~np.isin(self._phase_id, ids) | self._left_out)

    def plot(self, *, overlay: bool = True, confidence: bool = True) -> Figure:
        """Plot the map of phases with a legend, and their confidence.

        Parameters
        ----------
        overlay
            Whether points are the darker the lower their confidence is:
            of full brightness where it is 1, a fifth of it where it is
            0. Default is True.
        confidence
            Whether to draw a map of the confidence beside it. Default is
            True.

        Returns
        -------
        figure
            Points that are not indexed are white in the map of phases,
            and those left out, or without a pattern to go by, are empty
            in that of the confidence. The legend gives the share of each
            phase of all points. A single pattern has no map: its most
            probable classes are drawn as bars.

        See Also
        --------
        plot_probabilities, browse

        Examples
        --------
        >>> import numpy as np
        >>> from kikuchipy_symml.symmetry import SymmetryPhaseList
        >>> p = np.zeros((2, 3, 230), dtype=np.float32)
        >>> p[..., 225 - 1], p[..., 229 - 1] = 0.75, 0.25
        >>> figure = SymmetryPhaseList(p).plot()
        """
        return _maps.plot(self, overlay, confidence)

    def plot_probabilities(self, *names: str) -> Figure:
        """Plot a map of the probability of each of some classes.

        Parameters
        ----------
        *names
            Names of phases or classes, at most 30. If none are given,
            the phases found.

        Returns
        -------
        figure
            With one map for each, all on the same scale from 0 to 1.

        Raises
        ------
        ValueError
            If a name is not that of a class, there are too many, no
            names are given and no point is indexed, or there is a single
            pattern only.
        """
        return _maps.plot_probabilities(self, names)

    def browse(self, signal: "EBSD", *, n_classes: int = 5) -> Figure:
        """Plot the patterns, and beside them the most probable classes
        of the one in the navigator.

        Moving the navigator of HyperSpy, a map of the phases, changes
        both the pattern and the bars. It needs an interactive backend of
        matplotlib, such as ``%matplotlib qt``.

        Parameters
        ----------
        signal
            The signal that was classified, in memory or lazy.
        n_classes
            How many classes to show. Default is 5.

        Returns
        -------
        figure
            The one with the bars. They follow the navigator as long as
            it is open.

        Raises
        ------
        ValueError
            If the signal is of another navigation shape.
        """
        return _maps.browse(self, signal, n_classes)

    def save(self, filename: str | Path, *, overwrite: bool = False) -> None:
        r"""Write the crystal map to a file.

        Parameters
        ----------
        filename
            Name of the file, ending with ".h5" or ".hdf5" for the format
            of orix, or ".ang" for that of EDAX, which MTEX and others
            read as well.
        overwrite
            Whether to replace a file that exists. Default is False.

        Raises
        ------
        ValueError
            If the name of the file ends otherwise, or an .ang file cannot
            hold the map: a single pattern, a single column of points, more
            than 140 phases, or no point that is indexed.
        FileExistsError
            If there is such a file, and it is not to be replaced.

        Warns
        -----
        UserWarning
            With what is lost in an .ang file, such as the probabilities.

        Notes
        -----
        :func:`orix.io.load` reads both. The HDF5 file holds all of
        :attr:`xmap`, and in a group "kikuchipy_symml" of its own the
        level and the names of the classes, in order of the columns of
        the probabilities. The probabilities of the 230 space groups, and
        so other levels, are in neither: give ``classify_symmetry()`` a
        *store* for that.
        """
        save(self, filename, overwrite)

    def deepcopy(self) -> PhaseList:
        """Return a deep copy of the phases alone, as a plain list.

        It is what :class:`~orix.crystal_map.CrystalMap` makes of a list
        given to it, where all probabilities would be carried along. Use
        :func:`copy.deepcopy` to copy these as well.
        """
        return PhaseList(copy.deepcopy(dict(self._dict)))

    def add(self, value: Phase | list[Phase] | PhaseList) -> None:
        """Raise an error: a phase that was not found has no points."""
        raise TypeError(
            "Cannot add to the phases found; add to a copy, as in "
            "phases.deepcopy().add(...)"
        )

    # ------------------------- Dunder methods ----------------------- #

    def __delitem__(self, key: int | str) -> None:
        """Raise an error: the points of the phase would be left."""
        raise TypeError(
            f"Cannot delete {key!r} from the phases found; use restrict_to() "
            "to choose among other phases"
        )

    def __repr__(self) -> str:
        n_indexed = np.count_nonzero(self._phase_id != -1)
        return (
            f"{super().__repr__()}\n"
            f"Level: {self._level}\n"
            f"Indexed: {n_indexed} of {self._phase_id.size} points"
        )
