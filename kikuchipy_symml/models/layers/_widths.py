# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Bragg angles of bands, read off their profiles."""

import keras
from keras import ops

from ._attention import PairAttention
from ._base import dense, register


@register
class ReadWidths(keras.layers.Layer):
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

    heads = 4
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
        tokens = (*features_shape[:-1], w)

        def norm(name):
            layer = keras.layers.LayerNormalization(name=name)
            layer.build(tokens)
            return layer

        self.hidden = [
            dense("hidden_0", features_shape[-1], w, "silu"),
            dense("hidden_1", w, w, "silu"),
        ]
        self.told = dense("told", w, 1)
        blocks = range(self.blocks)
        if blocks:
            pair_width = self.pair_width
            self.pairs = dense("pairs", pairs_shape[-1], pair_width, "silu")
            pairs_shape = (*pairs_shape[:-1], pair_width)
        # Lists of layers, as Keras saves nothing of what is deeper.
        self.before = [norm(f"before_{i}") for i in blocks]
        self.attention = [
            PairAttention(self.heads, name=f"attention_{i}") for i in blocks
        ]
        for layer in self.attention:
            layer.build(tokens, pairs_shape, strength_shape)
        self.after = [norm(f"after_{i}") for i in blocks]
        self.inner = [dense(f"inner_{i}", w, w, "silu") for i in blocks]
        self.outer = [dense(f"outer_{i}", w, w) for i in blocks]
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
        for i in range(self.blocks):
            x = x + self.attention[i](self.before[i](x), pairs, there)
            x = x + self.outer[i](self.inner[i](self.after[i](x)))
        return self.told(x)[..., 0]

    def compute_output_shape(
        self, features_shape, pairs_shape=None, strength_shape=None
    ):
        return features_shape[:-1]
