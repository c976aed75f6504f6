# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Bragg angles of bands, read off their profiles."""

import keras
from keras import ops

from ._attention import AttentionBlocks
from ._base import dense, register


@register
class ReadWidths(AttentionBlocks, keras.layers.Layer):
    """The Bragg angle of each band, read off its profile.

    Input: features of bands (B, T, F); if there are blocks, also the
    features of pairs of tokens (B, N, N, G), of which bands come first,
    and the strength of the bands (B, T). Output (B, T): logarithm of the
    sine of the Bragg angle of the strongest order, relative to a common
    one. It is trained ahead of all other layers but those that find bands,
    and is fixed from then on.

    Parameters
    ----------
    width
        Features of each band within.
    blocks
        Blocks of attention in which a band's width is weighed against
        those of the others. If 0, each is read by itself.
    """

    pair_width = 16

    def __init__(self, width=64, blocks=0, **kwargs):
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)
        self.width = width
        self.blocks = blocks

    def get_config(self) -> dict:
        config = super().get_config()
        config.pop("dtype")
        return config | {"width": self.width, "blocks": self.blocks}

    def build(self, features_shape, pairs_shape=None, strength_shape=None):
        w = self.width
        self.hidden = [
            dense("hidden_0", features_shape[-1], w, "silu"),
            dense("hidden_1", w, w, "silu"),
        ]
        self.told = dense("told", w, 1)
        if self.blocks:
            pair_width = self.pair_width
            self.pairs = dense("pairs", pairs_shape[-1], pair_width, "silu")
            pairs_shape = (*pairs_shape[:-1], pair_width)
            tokens = (*features_shape[:-1], w)
            self.build_blocks(self.blocks, tokens, pairs_shape, w)
        self.built = True
        self.trainable = False

    def call(self, features, pairs=None, strength=None):
        x = features
        for layer in self.hidden:
            x = layer(x)
        if self.blocks:
            t = features.shape[1]
            pairs = self.pairs(pairs[:, :t, :t])
            there = ops.cast(strength > 0, "float32")
            x = self.through_blocks(x, pairs, there)
        return self.told(x)[..., 0]

    def compute_output_shape(
        self, features_shape, pairs_shape=None, strength_shape=None
    ):
        return features_shape[:-1]
