# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The network: bands and poles as tokens, their relations steer attention."""

from dataclasses import replace

import keras
from keras import layers as kl

from kikuchipy_symml.pattern._view import ViewSpec

from .layers import (
    Bands,
    FindBands,
    GreatCircles,
    Lattices,
    MeanOverPresent,
    PairAttention,
    PairUpdate,
    Poles,
    Present,
    Profiles,
    ReadWidths,
    RefineBands,
    Relations,
    Shrink,
    Superlattices,
)

N_SPACE_GROUPS = 230


def build_network(
    view: ViewSpec,
    *,
    map_view: int | None = None,
    azimuths: int = 120,
    tilts: int = 72,
    bands: int = 28,
    extrema: int = 0,
    refine: int = 0,
    lattices: int = 0,
    reader: int = 0,
    superlattices: int = 0,
    prober: int = 0,
    prober_bands: int = 0,
    poles: int = 6,
    width: int = 96,
    pair_width: int = 24,
    angle_bins: int = 32,
    pair_updates: bool = False,
    heads: int = 8,
    depth: int = 3,
    cells_told: bool = False,
    head_blocks: int = 0,
    dropout: float = 0.0,
    activation: str = "silu",
) -> keras.Model:
    """Return an untrained network.

    Parameters
    ----------
    view
        The view that it takes.
    map_view
        Pixels along each side of the view of which the map over plane
        normals is made; as many as the view has, if not given. The
        profiles of the bands are always taken from the whole view.
    azimuths, tilts
        Size of the map over plane normals.
    bands, poles
        Number of tokens of each kind.
    extrema
        Number of extrema of the map among which bands are told from
        others by a small network, which has to be trained ahead of all
        else. If 0, the highest peaks are taken as bands.
    refine
        Features of the small network that sets the normals of the bands
        right by the whole view; it has to be trained ahead, too. It takes
        `extrema`. If 0, they are left as they are found.
    lattices
        Number of reciprocal lattices, made of four bands each, among which
        those that explain the bands are looked for. It takes `extrema`.
        If 0, none are.
    reader
        Blocks of attention of the layer that reads the widths of the bands
        for the lattices.
    superlattices
        Features of the small network that tells by weak bands whether the
        likeliest lattice is the whole one; it has to be trained ahead,
        too. It takes `lattices`. If 0, this is not asked.
    prober
        Blocks of attention of the layer that looks for superlattices.
    prober_bands
        Features of that layer of what each band that was found says for
        each superlattice.
    width, pair_width
        Features of each token and of each pair of tokens.
    angle_bins
        Overlapping bins of the angle between two tokens.
    pair_updates
        Whether the features of pairs take up those of their tokens between
        one block and the next.
    heads
        Attention heads of each block.
    depth
        Number of blocks.
    cells_told
        Whether the tokens are told the shape of the cells before the first
        block; it takes `lattices`. The last layers are told it in any case.
    head_blocks
        Residual blocks before the last layer.
    dropout
        Share of features dropped before the last layer while training.
    activation
        Name of a Keras activation, of all layers but the last.

    Returns
    -------
    network
        From views, shape (B, size, size, 2), to probabilities of the 230
        space groups, shape (B, 230).

    Raises
    ------
    ValueError
        If the size of the view of the map, `azimuths` or `tilts` is not a
        multiple of 4, `width` not one of `heads`, `lattices` or `refine`
        are asked for without `extrema`, `superlattices` or `cells_told`
        without `lattices`, or `prober` or `prober_bands` without
        `superlattices`.
    """
    for name, value in (("lattices", lattices), ("refine", refine)):
        if value and not extrema:
            raise ValueError(
                f"{name} {value} takes bands that are told from other "
                "peaks: extrema must be above 0"
            )
    if superlattices and not lattices:
        raise ValueError(
            f"superlattices {superlattices} takes the likeliest lattice: "
            "lattices must be above 0"
        )
    if cells_told and not lattices:
        raise ValueError(
            "cells_told takes the likeliest lattice: lattices must be above 0"
        )
    for name, value in (("prober", prober), ("prober_bands", prober_bands)):
        if value and not superlattices:
            raise ValueError(
                f"{name} {value} is of the layer that weighs superlattices "
                "against each other: superlattices must be above 0"
            )
    coarse = replace(view, size=map_view or view.size)
    geometry = {"view": coarse.to_dict(), "azimuths": azimuths, "tilts": tilts}
    views = kl.Input((view.size, view.size, 2), name="views")
    fine = views
    if coarse != view:
        views = Shrink(coarse.size, name="shrink")(views)
    maps = GreatCircles(**geometry, name="great_circles")(views)
    find_bands = (
        FindBands(**geometry, count=bands, extrema=extrema, name="bands")
        if extrema
        else Bands(**geometry, count=bands, name="bands")
    )
    normals, band_features, strength = find_bands(maps)
    if refine:
        normals, band_features, strength = RefineBands(
            view.to_dict(), refine, name="refined"
        )(normals, band_features, strength, fine)
    directions, pole_features, pole_strength = Poles(
        **geometry, count=poles, name="poles"
    )(normals, strength, views)
    pairs = Relations(**geometry, bins=angle_bins, name="relations")(
        normals, directions, strength, pole_strength, maps
    )
    profiles = Profiles(view.to_dict(), name="profiles")(
        normals, strength, fine
    )
    band_features = kl.Concatenate(name="band_features")(
        [band_features, profiles]
    )
    if lattices:
        read = ReadWidths(blocks=reader, name="widths")
        widths = (
            read(band_features, pairs, strength)
            if reader
            else read(band_features)
        )
        explained, cells, basis, indices = Lattices(
            weighed=lattices, name="lattices"
        )(normals, strength, widths)
        explained = [explained]
        if superlattices:
            finer, whole = Superlattices(
                **geometry,
                width=superlattices,
                blocks=prober,
                by_bands=prober_bands,
                name="superlattices",
            )(
                basis,
                indices,
                normals,
                strength,
                widths,
                maps,
            )
            explained.append(finer)
            cells = kl.Concatenate(name="whole_cells")([cells, whole])
        band_features = kl.Concatenate(name="lattice_features")(
            [band_features, *explained]
        )
    pairs = kl.Dense(pair_width, activation, name="pairs_1")(pairs)
    pairs = kl.Dense(pair_width, activation, name="pairs_2")(pairs)

    def embed(features, name):
        x = kl.Dense(width, activation, name=f"{name}_1")(features)
        return kl.Dense(width, name=f"{name}_2")(x)

    x = kl.Concatenate(axis=1, name="tokens")(
        [embed(band_features, "band"), embed(pole_features, "pole")]
    )
    if cells_told:
        # It begins by changing nothing.
        told = kl.Dense(width, activation, name="cells_told_1")(cells)
        told = kl.Dense(
            width, kernel_initializer="zeros", name="cells_told_2"
        )(told)
        told = kl.Reshape((1, width), name="cells_of_all")(told)
        x = kl.Add(name="tokens_told")([x, told])
    present = Present(name="present")(
        kl.Concatenate(axis=1, name="strengths")([strength, pole_strength])
    )
    for i in range(depth):
        y = kl.LayerNormalization(name=f"norm_{i}_1")(x)
        y = PairAttention(heads, name=f"attention_{i}")(y, pairs, present)
        x = kl.Add(name=f"add_{i}_1")([x, y])
        y = kl.LayerNormalization(name=f"norm_{i}_2")(x)
        y = kl.Dense(2 * width, activation, name=f"dense_{i}_1")(y)
        y = kl.Dense(width, name=f"dense_{i}_2")(y)
        x = kl.Add(name=f"add_{i}_2")([x, y])
        if pair_updates and i + 1 < depth:
            pairs = PairUpdate(activation, name=f"pairs_update_{i}")(pairs, x)
    x = kl.LayerNormalization(name="norm")(x)
    x = MeanOverPresent(name="mean")(x, present)
    if lattices:
        cells = kl.Dense(width, activation, name="cells")(cells)
        x = kl.Concatenate(name="with_cells")([x, cells])
    x = kl.Dense(2 * width, activation, name="head")(x)
    for i in range(head_blocks):
        y = kl.LayerNormalization(name=f"head_norm_{i}")(x)
        y = kl.Dense(2 * width, activation, name=f"head_{i}_1")(y)
        y = kl.Dense(
            2 * width, kernel_initializer="zeros", name=f"head_{i}_2"
        )(y)
        x = kl.Add(name=f"head_add_{i}")([x, y])
    if dropout:
        x = kl.Dropout(dropout, name="dropout")(x)
    logits = kl.Dense(N_SPACE_GROUPS, dtype="float32", name="logits")(x)
    p = kl.Softmax(dtype="float32", name="space_groups")(logits)
    return keras.Model(fine, p, name="kikuchipy_symml")


def found_bands(network: keras.Model) -> list[keras.KerasTensor]:
    """Return normals, features and strength of the bands of a network, as
    they go into all further layers.

    Parameters
    ----------
    network
        From :func:`build_network`.
    """
    names = {layer.name for layer in network.layers}
    name = "refined" if "refined" in names else "bands"
    return network.get_layer(name).output


def layers_trained_ahead(network: keras.Model) -> list[keras.layers.Layer]:
    """Return the layers of a network that are trained before all others and
    fixed from then on, in the order in which they are."""
    ahead = (FindBands, RefineBands, ReadWidths, Superlattices)
    return [i for i in network.layers if isinstance(i, ahead)]


def inner_tensors(network: keras.Model) -> list[keras.KerasTensor]:
    """Return what a network makes of views without weights that are
    trained with the rest: features of tokens and of their relations.

    Parameters
    ----------
    network
        From :func:`build_network`.
    """
    _, bands, strength = found_bands(network)
    # Networks of the first kind have no profiles to go with them, and not
    # all look for lattices.
    names = {layer.name for layer in network.layers}
    for name in ("band_features", "lattice_features"):
        if name in names:
            bands = network.get_layer(name).output
    _, poles, pole_strength = network.get_layer("poles").output
    relations = network.get_layer("relations").output
    inner = [bands, strength, poles, pole_strength, relations]
    if "whole_cells" in names:
        inner.append(network.get_layer("whole_cells").output)
    elif "lattices" in names:
        inner.append(network.get_layer("lattices").output[1])
    return inner


def split_network(network: keras.Model) -> tuple[keras.Model, keras.Model]:
    """Return the part of a network without weights, and the rest.

    Parameters
    ----------
    network
        From :func:`build_network`.

    Returns
    -------
    geometry
        From views to features of tokens and of their relations. There is
        nothing to train in it, so it may run ahead of training.
    trunk
        From those to probabilities, sharing the weights of *network*.
    """
    inner = inner_tensors(network)
    return (
        keras.Model(network.input, inner, name="geometry"),
        keras.Model(inner, network.output, name="trunk"),
    )
