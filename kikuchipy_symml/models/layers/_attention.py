# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Attention between tokens, of which some may be missing."""

import keras
from keras import ops

from ._base import dense, register


@register
class PairAttention(keras.layers.Layer):
    """Attention among tokens, steered by what relates each pair.

    Besides the usual softmax there is a second, unnormalised sum that can
    count: how many tokens stand at this angle. What the pairs hold also
    flows into the tokens directly.
    """

    def __init__(self, heads=8, **kwargs):
        super().__init__(**kwargs)
        self.heads = heads

    def get_config(self) -> dict:
        return super().get_config() | {"heads": self.heads}

    def build(self, x_shape, pairs_shape, present_shape):
        width = x_shape[-1]
        if width % self.heads:
            raise ValueError(
                f"The width {width} of the tokens must be a multiple of the "
                f"number of heads, {self.heads}"
            )
        self.qkv = keras.layers.Dense(3 * width, dtype=self.dtype_policy)
        self.steer = keras.layers.Dense(
            2 * self.heads, dtype=self.dtype_policy
        )
        self.out = keras.layers.Dense(width, dtype=self.dtype_policy)
        self.qkv.build(x_shape)
        self.steer.build(pairs_shape)
        both = width + self.heads * pairs_shape[-1]
        self.out.build((*x_shape[:-1], both))
        self.built = True

    def call(self, x, pairs, present):
        n, width = x.shape[1:]
        h = self.heads
        qkv = ops.reshape(self.qkv(x), (-1, n, 3, h, width // h))
        q, k, v = [ops.transpose(qkv[:, :, i], (0, 2, 1, 3)) for i in range(3)]
        logits = ops.matmul(q, ops.transpose(k, (0, 1, 3, 2)))
        logits = logits * (width // h) ** -0.5
        steer = ops.transpose(self.steer(pairs), (0, 3, 1, 2))
        there = present[:, None, None, :]
        soft = ops.softmax(logits + steer[:, :h] + (there - 1) * 1e4)
        count = ops.sigmoid(logits + steer[:, h:]) * there * (1 / 8)
        mixed = ops.matmul(soft + count, v)
        mixed = ops.reshape(ops.transpose(mixed, (0, 2, 1, 3)), (-1, n, width))
        # (B, N, h, N) @ (B, N, N, F): pair features seen by each token.
        weights = ops.transpose(soft + count, (0, 2, 1, 3))
        related = ops.reshape(
            ops.matmul(weights, pairs), (-1, n, h * pairs.shape[-1])
        )
        return self.out(ops.concatenate([mixed, related], axis=-1))

    def compute_output_shape(self, x_shape, pairs_shape, present_shape):
        return x_shape


class AttentionBlocks:
    """Blocks of attention among tokens, for layers that have some within.

    Lists of layers of the layer itself, as Keras saves nothing of what is
    deeper.
    """

    heads = 4

    def build_blocks(self, count, tokens_shape, pairs_shape, inner):
        """Make blocks for tokens and pairs of these shapes, with so many
        features between the two dense layers of each."""
        w = tokens_shape[-1]
        blocks = range(count)
        self.before = [built_norm(f"before_{i}", tokens_shape) for i in blocks]
        self.attention = [
            PairAttention(self.heads, name=f"attention_{i}") for i in blocks
        ]
        for layer in self.attention:
            layer.build(tokens_shape, pairs_shape, tokens_shape[:-1])
        self.after = [built_norm(f"after_{i}", tokens_shape) for i in blocks]
        self.inner = [dense(f"inner_{i}", w, inner, "silu") for i in blocks]
        self.outer = [dense(f"outer_{i}", inner, w) for i in blocks]

    def through_blocks(self, x, pairs, there):
        """Tokens (B, N, W) after all blocks."""
        for before, attention, after, inner, outer in zip(
            self.before,
            self.attention,
            self.after,
            self.inner,
            self.outer,
            strict=True,
        ):
            x = x + attention(before(x), pairs, there)
            x = x + outer(inner(after(x)))
        return x


def built_norm(name: str, shape: tuple):
    """Layer normalisation of tokens, built as :func:`dense` is."""
    layer = keras.layers.LayerNormalization(name=name)
    layer.build(shape)
    return layer


@register
class PairUpdate(keras.layers.Layer):
    """Features of pairs (B, N, N, F) that take up those of their tokens
    (B, N, W): such as that two bands at a right angle are equally wide."""

    def __init__(self, activation="silu", **kwargs):
        super().__init__(**kwargs)
        self.activation = keras.activations.get(activation)

    def get_config(self) -> dict:
        name = keras.activations.serialize(self.activation)
        return super().get_config() | {"activation": name}

    def build(self, pairs_shape, x_shape):
        width = pairs_shape[-1]
        dtype = self.dtype_policy
        self.of_pair = keras.layers.Dense(width, dtype=dtype)
        self.of_first = keras.layers.Dense(width, use_bias=False, dtype=dtype)
        self.of_second = keras.layers.Dense(width, use_bias=False, dtype=dtype)
        # It begins by changing nothing.
        self.out = keras.layers.Dense(
            width, kernel_initializer="zeros", dtype=dtype
        )
        self.of_pair.build(pairs_shape)
        self.of_first.build(x_shape)
        self.of_second.build(x_shape)
        self.out.build(pairs_shape)
        self.built = True

    def call(self, pairs, x):
        first = self.of_first(x)[:, :, None]
        second = self.of_second(x)[:, None]
        inner = self.activation(self.of_pair(pairs) + first + second)
        return pairs + self.out(inner)

    def compute_output_shape(self, pairs_shape, x_shape):
        return pairs_shape


@register
class Present(keras.layers.Layer):
    """One where there is a token, zero where its strength is zero."""

    def call(self, strength):
        return ops.cast(strength > 0, self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return input_shape


@register
class MeanOverPresent(keras.layers.Layer):
    """Mean of tokens (B, N, F) over those present (B, N)."""

    def call(self, x, present):
        total = ops.sum(x * present[..., None], axis=1)
        return total / (ops.sum(present, axis=1)[:, None] + 1e-3)

    def compute_output_shape(self, x_shape, present_shape):
        return (x_shape[0], x_shape[2])
