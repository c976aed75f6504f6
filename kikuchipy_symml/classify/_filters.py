# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the first trained layers of a network respond to."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from kikuchipy_symml.models import ModelError, SymmetryModel, load_model

if TYPE_CHECKING:  # pragma: no cover
    import keras
    import matplotlib.figure


@dataclass(frozen=True, eq=False)
class NetworkFilters:
    """The first trained layer of a network, as pictures.

    Parameters
    ----------
    pictures
        Weights of each filter, shape (n, rows, columns), the strongest
        first. Of networks of bands, rows are azimuths and columns tilts
        of plane normals around that of a band: what a band and its
        surroundings must look like. Of others, pixels of the view.
    step
        Angles in degrees between rows and columns, or None for pixels.
    angles
        Angles in degrees between bands or zone axes, shape (m,). Empty
        for networks that do not work on bands.
    responses
        Response of the strongest features of pairs to the angle between
        the two, shape (n, m), each with a mean of zero.
    """

    pictures: np.ndarray
    step: tuple[float, float] | None
    angles: np.ndarray
    responses: np.ndarray

    def plot(self, n: int = 16) -> "matplotlib.figure.Figure":
        """Plot the strongest filters.

        Parameters
        ----------
        n
            Number of filters.

        Returns
        -------
        figure
            Pictures, and if there are any, responses to angles below.
        """
        import matplotlib.pyplot as plt

        n = min(n, len(self.pictures))
        columns = min(n, 8)
        rows = -(-n // columns)
        with_angles = len(self.angles) > 0
        figure = plt.figure(
            figsize=(1.1 * columns, 1.1 * rows + 2.6 * with_angles),
            layout="constrained",
        )
        parts = figure.subfigures(
            1 + with_angles,
            1,
            height_ratios=[1.1 * rows, 2.4][: 1 + with_angles],
            squeeze=False,
        )[:, 0]
        for picture, axis in zip(
            self.pictures,
            parts[0].subplots(rows, columns, squeeze=False).flat,
            strict=False,
        ):
            high = np.abs(picture).max()
            axis.imshow(picture, cmap="RdBu_r", vmin=-high, vmax=high)
        for axis in parts[0].axes:
            axis.set_axis_off()
        if with_angles:
            axis = parts[1].subplots()
            axis.plot(self.angles, self.responses[:5].T)
            axis.axhline(0, color="0.7", lw=0.5)
            axis.set(
                xlim=(0, 90),
                xlabel="Angle between two bands or zone axes (°)",
                ylabel="Weight",
                xticks=range(0, 91, 15),
            )
        return figure


def network_filters(
    model: str | Path | SymmetryModel = "default",
) -> NetworkFilters:
    """Return what the first trained layers of a model respond to.

    Parameters
    ----------
    model
        Name of a model that comes with the package, path of a model
        file, or a model.

    Returns
    -------
    filters
        Of networks of bands, those over the surroundings of a band in
        the map over plane normals, and those over angles between bands.
        Of others, those of the first convolution.

    Raises
    ------
    ModelError
        If the network has neither bands nor convolutions.
    """
    from keras import layers as kl

    from kikuchipy_symml.models.layers import Bands, Relations

    model = load_model(model)
    network = model.network
    for layer in network.layers:
        if isinstance(layer, Bands):
            return _of_bands(network, layer, _find(network, Relations))
    convolution = _find(network, kl.Conv2D)
    if convolution is None:
        raise ModelError(
            f"The network of {model.path} has neither bands nor "
            "convolutions, so there are no filters to look at"
        )
    # (rows, columns, channels, filters): the channel of the intensity
    kernel = np.asarray(convolution.kernel)[:, :, 0]
    nothing = np.zeros((0, 0))
    return NetworkFilters(
        _strongest(np.moveaxis(kernel, -1, 0)), None, nothing[0:0, 0], nothing
    )


def _of_bands(
    network: "keras.Model",
    bands: "keras.Layer",
    relations: "keras.Layer | None",
) -> NetworkFilters:
    from kikuchipy_symml.models._network import found_bands

    shape = (2 * bands.half_azimuth + 1, 2 * bands.half_tilt + 1)
    size = shape[0] * shape[1]
    kernel = _kernel_after(network, found_bands(network)[1])[:size]
    pictures = kernel.T.reshape(-1, *shape)
    step = (180 / bands.azimuths, float(np.rad2deg(bands.tilt_step)))
    angles, responses = np.zeros(0), np.zeros((0, 0))
    if relations is not None:
        kernel = _kernel_after(network, relations.output)[: relations.bins]
        angles = np.linspace(0, 90, relations.bins)
        # Bins overlap: each is a Gaussian of 0.9 bins.
        k = np.arange(relations.bins)
        spread = np.exp(-0.5 * ((k[:, None] - k) / 0.9) ** 2)
        responses = (spread @ kernel).T
        responses = responses - responses.mean(axis=1, keepdims=True)
        responses = _strongest(responses)
    return NetworkFilters(_strongest(pictures), step, angles, responses)


def _find(network: "keras.Model", kind: type) -> "keras.Layer | None":
    return next((i for i in network.layers if isinstance(i, kind)), None)


def _kernel_after(network: "keras.Model", tensor) -> np.ndarray:
    """Return the weights (features, units) of the dense layer that takes
    a tensor, by itself or as the first of several joined ones."""
    from keras import layers as kl

    for layer in network.layers:
        if not isinstance(layer, kl.Dense | kl.Concatenate):
            continue
        taken = layer.input
        first = taken[0] if isinstance(taken, list | tuple) else taken
        if first is tensor:
            if isinstance(layer, kl.Concatenate):
                return _kernel_after(network, layer.output)
            return np.asarray(layer.kernel)
    raise ModelError("No dense layer takes the features of the bands")


def _strongest(filters: np.ndarray) -> np.ndarray:
    strength = np.linalg.norm(filters.reshape(len(filters), -1), axis=1)
    return filters[np.argsort(-strength, kind="stable")]
