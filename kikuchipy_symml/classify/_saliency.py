# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which parts of a view speak for a class: saliency of a network's input.

Every map is signed. Where it is positive, what is seen there speaks for
the class in question; where negative, against it. What is explained is
the logarithm of the odds of the class, see
:func:`~kikuchipy_symml.classify._question.log_odds`.

Axes: ``B`` patterns, ``y`` and ``x`` view rows and columns, ``k`` space
groups, ``P`` and ``A`` azimuths and tilts of plane normals, ``T`` bands,
``K`` patches.
"""

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from kikuchipy_symml.classify._question import TINY, log_odds
from kikuchipy_symml.models import ModelError, SymmetryModel
from kikuchipy_symml.models._forward import compile_forward
from kikuchipy_symml.models._model import _LOCK
from kikuchipy_symml.pattern import ViewSpec

if TYPE_CHECKING:  # pragma: no cover
    import keras

METHODS = ("grad_cam", "integrated_gradients", "occlusion")
# Points on the way from noise to the view.
IG_STEPS = 16
# Side of the patches that are covered, and how far apart they are, in
# degrees. Bands are 2 to 8 degrees wide.
PATCH, STRIDE = 16.0, 8.0

_EXPLAINERS: dict[tuple[str, str], "Explainer"] = {}


def explainer_of(model: SymmetryModel) -> "Explainer":
    """Return the explainer of a model, made once per process."""
    key = (str(model.path), model.sha256)
    with _LOCK:
        if key not in _EXPLAINERS:
            _EXPLAINERS[key] = Explainer(
                model.network,
                model.view,
                str(model.path),
                model._forward(None),
            )
        return _EXPLAINERS[key]


class Explainer:
    """Saliency of one network.

    Parameters
    ----------
    network
        From views, shape (B, size, size, 2), to probabilities, shape
        (B, 230).
    view
        The view that it takes.
    source
        What to call the network in errors.
    forward
        Its forward pass from array to array. Made if not given, which
        takes seconds.
    """

    def __init__(
        self,
        network: "keras.Model",
        view: ViewSpec,
        source: str = "a model",
        forward: Callable | None = None,
    ) -> None:
        self.network, self._outputs = _functional(network)
        self.view = view
        self.source = source
        shape = (None, view.size, view.size, 2)
        self._forward = forward or compile_forward(self.network, shape)
        self._usable = {"occlusion"}

    def check(self, method: str) -> None:
        """Raise unless a method can be used with the network.

        Raises
        ------
        ValueError
            If there is no such method.
        ModelError
            If the network has no gradients, or none of the features
            that the method needs.
        """
        if method not in METHODS:
            raise ValueError(f"Method {method!r} is not one of {METHODS}")
        # Once: it takes as long as to explain some patterns.
        if method not in self._usable:
            layer = self.spatial if method == "grad_cam" else None
            self._check_gradients(layer)
            self._usable.add(method)

    def predict(self, views: np.ndarray) -> np.ndarray:
        """Return probabilities, shape (B, 230), of views."""
        with _LOCK:
            return np.asarray(self._forward(np.asarray(views, np.float32)))

    def saliency(
        self,
        method: str,
        views: np.ndarray,
        for_it: np.ndarray,
        against_it: np.ndarray,
        few: bool = False,
    ) -> np.ndarray:
        """Return saliency maps of views.

        Parameters
        ----------
        method
            One of :data:`METHODS`.
        views
            Canonical views, shape (B, y, x, 2).
        for_it, against_it
            Space groups on either side of the question, shape (B, 230).
        few
            Whether there are no more than a few calls to come, so that
            "grad_cam" need not be made quick, which takes longer than
            those. Maps differ by rounding.

        Returns
        -------
        maps
            Shape (B, y, x), float32, 0 where the detector saw nothing.
        """
        if len(views) == 0:
            return np.zeros(views.shape[:3], dtype=np.float32)
        how = {"few": few} if method == "grad_cam" else {}
        maps = getattr(self, f"_{method}")(views, for_it, against_it, **how)
        return np.asarray(maps, dtype=np.float32) * views[..., 1]

    # Grad-CAM ----------------------------------------------------------

    @cached_property
    def spatial(self) -> "keras.Layer":
        """The last layer whose features have a place in the view.

        For networks of bands it is the map over plane normals. For
        others it is the last layer with features in rows and columns.
        """
        import keras

        from kikuchipy_symml.models.layers import GreatCircles

        spatial = None
        for layer in self.network.layers:
            if isinstance(layer, GreatCircles):
                return layer
            shape = self._output_of(layer).shape
            has_places = len(shape) == 4 and min(shape[1:3]) > 1
            if has_places and not isinstance(layer, keras.layers.InputLayer):
                spatial = layer
        if spatial is None:
            raise ModelError(
                f"The network of {self.source} has no layer whose features "
                "have a place in the view, as grad_cam needs: use "
                "'integrated_gradients' or 'occlusion'"
            )
        return spatial

    def _grad_cam(self, views, for_it, against_it, few):
        cam = self._cam if few else self._traced_cam
        return self._turn(cam, views, for_it, against_it)

    @cached_property
    def _traced_cam(self) -> Callable:
        return self._traced(self._cam)

    @cached_property
    def _cam(self) -> Callable:
        import tensorflow as tf

        from kikuchipy_symml.models.layers import GreatCircles

        layer = self.spatial
        features_and_p = self._submodel(
            [self._output_of(layer), self.network.outputs[0]]
        )
        size = self.view.size

        def cam(views, for_it, against_it):
            with tf.GradientTape() as tape:
                tape.watch(views)
                features, p = features_and_p(views, training=False)
                score = _log_odds_tensor(p, for_it, against_it)
            gradient = tape.gradient(score, features)
            if isinstance(layer, GreatCircles):
                # Each place of the map stands for one great circle, so no
                # mean over places is taken: a band counts by itself.
                weights = tf.reduce_sum(gradient * features, axis=-1)
                image = _along_great_circles(layer, weights)
            else:
                alpha = tf.reduce_mean(gradient, axis=(1, 2), keepdims=True)
                image = tf.reduce_sum(alpha * features, axis=-1)
            if image.shape[1] != size:
                image = tf.image.resize(image[..., None], (size, size))[..., 0]
            return image

        return cam

    # Integrated gradients ----------------------------------------------

    def _integrated_gradients(self, views, for_it, against_it):
        total = np.zeros(views.shape[:3], dtype=np.float32)
        for share, noise in zip(self._shares, self._noise, strict=True):
            start = views.copy()
            start[..., 0] = noise * views[..., 1]
            way = views - start
            there = start + share * way
            gradient = self._turn(self._gradient, there, for_it, against_it)
            total += gradient[..., 0] * way[..., 0]
        return total / IG_STEPS

    @property
    def _shares(self) -> np.ndarray:
        return ((np.arange(IG_STEPS) + 0.5) / IG_STEPS).astype(np.float32)

    @cached_property
    def _noise(self) -> np.ndarray:
        """Views without a crystal, (steps, y, x), the same for all
        patterns.

        The path cannot start from an empty view: networks of bands scale
        away its contrast, so that nothing changes along the way.
        """
        rng = np.random.default_rng(0)
        shape = (IG_STEPS, self.view.size, self.view.size)
        return rng.normal(size=shape).astype(np.float32)

    @cached_property
    def _gradient(self) -> Callable:
        import tensorflow as tf

        def gradient(views, for_it, against_it):
            with tf.GradientTape() as tape:
                tape.watch(views)
                p = self.network(views, training=False)
                score = _log_odds_tensor(p, for_it, against_it)
            return tape.gradient(score, views)

        return self._traced(gradient)

    # Occlusion ---------------------------------------------------------

    def _occlusion(self, views, for_it, against_it):
        boxes, spread = self._patches
        before = log_odds(self.predict(views), for_it, against_it)
        seen = views[..., 1].reshape(len(views), -1) @ boxes.T > 0
        pattern, patch = np.nonzero(seen)
        fall = np.zeros(seen.shape, dtype=np.float32)
        size = self.view.size
        for start in range(0, len(pattern), len(views)):
            i = pattern[start : start + len(views)]
            k = patch[start : start + len(views)]
            keep = 1 - boxes[k].reshape(-1, size, size, 1)
            p = self.predict(views[i] * keep)
            fall[i, k] = before[i] - log_odds(p, for_it[i], against_it[i])
        return (fall @ spread).reshape(-1, size, size)

    @cached_property
    def _patches(self) -> tuple[np.ndarray, np.ndarray]:
        """Patches that cover the view, (K, y * x), 1 inside, and how much
        of the fall that each causes goes to each pixel."""
        size = self.view.size
        degree = size / (2 * self.view.radius)
        side, stride = (max(2, round(i * degree)) for i in (PATCH, STRIDE))
        n = max(1, -(-(size - side) // stride)) + 1
        first = np.linspace(0, size - side, n)
        pixel = np.arange(size) + 0.5
        inside = (pixel > first[:, None]) & (pixel < first[:, None] + side)
        # Patches count most in their middle, so that maps are smooth.
        off = np.abs(pixel - first[:, None] - side / 2)
        tent = np.clip(1 - off / (side / 2), 0, None)
        boxes, tents = (
            np.einsum("iy,jx->ijyx", a, a).reshape(n * n, -1)
            for a in (inside.astype(np.float32), tent.astype(np.float32))
        )
        return boxes, tents / np.maximum(tents.sum(axis=0), 1e-6)

    # Bands -------------------------------------------------------------

    @cached_property
    def bands(self) -> "keras.Layer | None":
        """The layer whose tokens are bands, if the network has one."""
        from kikuchipy_symml.models.layers import Bands

        for layer in self.network.layers:
            if isinstance(layer, Bands):
                return layer
        return None

    @property
    def n_bands(self) -> int:
        """Number of band tokens, 0 for other networks."""
        return self.bands.count if self.bands is not None else 0

    def bands_used(
        self, views: np.ndarray, for_it: np.ndarray, against_it: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the bands that the network picked, and their weights.

        Gradients would be cheaper, but say little: those of the shipped
        model correlate with these weights by 0.0 to 0.5.

        Parameters
        ----------
        views, for_it, against_it
            As for :meth:`saliency`.

        Returns
        -------
        normals
            Plane normals in the frame of the view, shape (B, T, 3).
        weights
            By how much the logarithm of the odds falls without each
            band, shape (B, T), 0 where there is no band.
        """
        if len(views) == 0:
            return np.zeros((0, self.n_bands, 3)), np.zeros((0, self.n_bands))
        return self._turn(self._leave_out, views, for_it, against_it)

    @cached_property
    def _leave_out(self) -> Callable:
        import keras
        import tensorflow as tf

        from kikuchipy_symml.models._network import found_bands

        layer: Any = self.bands
        network = self.network
        # As they go into all that follows: refined, if the network does so.
        found = found_bands(network)
        tokens = self._submodel([layer.input, *found])
        inner = [network.inputs[0], layer.input, *found]
        rest = keras.Model(inner, network.outputs[0])
        n = self.n_bands

        def falls(views, for_it, against_it):
            maps, normals, features, strength = tokens(views, training=False)

            def score(keep):
                p = rest(
                    [
                        views,
                        maps,
                        normals,
                        features * keep[:, None],
                        strength * keep,
                    ],
                    training=False,
                )
                return _log_odds_tensor(p, for_it, against_it)

            # The last one leaves nothing out: one graph for all, as it
            # takes longer to make than to use.
            scores = tf.map_fn(
                lambda k: score(1 - tf.one_hot(k, n)),
                tf.range(n + 1),
                fn_output_signature="float32",
            )
            fallen = scores[n] - scores[:n]
            there = tf.cast(strength > 0, tf.float32)
            return normals, tf.transpose(fallen) * there

        return self._traced(falls)

    # The network -------------------------------------------------------

    def _output_of(self, layer: "keras.Layer"):
        """Return the first output of a layer, a symbolic tensor."""
        output = self._outputs.get(layer.name, None)
        output = layer.output if output is None else output
        return output[0] if isinstance(output, list | tuple) else output

    def _submodel(self, outputs: list) -> "keras.Model":
        import keras

        return keras.Model(self.network.inputs[0], outputs)

    def _traced(self, function: Callable) -> Callable:
        import tensorflow as tf

        size = self.view.size
        return tf.function(
            function,
            input_signature=[
                tf.TensorSpec((None, size, size, 2), tf.float32),
                tf.TensorSpec((None, 230), tf.float32),
                tf.TensorSpec((None, 230), tf.float32),
            ],
            autograph=False,
        )

    @staticmethod
    def _turn(function, views, for_it, against_it):
        # Threads take turns: gradients take several times the memory.
        import tensorflow as tf

        with _LOCK:
            out = function(
                *(
                    tf.constant(i, tf.float32)
                    for i in (views, for_it, against_it)
                )
            )
        if isinstance(out, tuple | list):
            return tuple(i.numpy() for i in out)
        return out.numpy()

    def _check_gradients(self, layer: "keras.Layer | None") -> None:
        import keras

        backend = keras.backend.backend()
        if backend != "tensorflow":
            raise ModelError(
                "Gradients are taken with Keras on TensorFlow, not on "
                f"{backend}: use the method 'occlusion'"
            )
        import tensorflow as tf

        wanted = [] if layer is None else [self._output_of(layer)]
        with_features = self._submodel([*wanted, self.network.outputs[0]])
        rng = np.random.default_rng(0)
        views = np.ones((2, self.view.size, self.view.size, 2), np.float32)
        views[..., 0] = rng.normal(size=views.shape[:3])
        views = tf.constant(views)
        with _LOCK, tf.GradientTape() as tape:
            tape.watch(views)
            out = with_features(views, training=False)
            out = list(out) if isinstance(out, list | tuple) else [out]
            score = tf.math.log(out[-1] + TINY)
            score = tf.reduce_sum(score * np.linspace(-1, 1, 230))
        gradient = tape.gradient(score, out[0] if wanted else views)
        where = "its input" if layer is None else f"layer {layer.name!r}"
        if gradient is None:
            problem = "no gradients"
        elif not np.isfinite(gradient).all():
            problem = "gradients that are not finite"
        elif not np.any(gradient):
            problem = "gradients that are all zero"
        else:
            return
        raise ModelError(
            f"The network of {self.source} gives {problem} with respect to "
            f"{where}: use the method 'occlusion', which needs none"
        )


def _functional(network: "keras.Model") -> tuple["keras.Model", dict]:
    """Return a network of which parts can be taken, and the outputs of
    its layers where it is not the one given: sequential ones do not say
    how their layers are joined."""
    import keras

    if not isinstance(network, keras.Sequential):
        return network, {}
    inputs = x = keras.Input(network.input_shape[1:])
    outputs = {}
    for layer in network.layers:
        outputs[layer.name] = x = layer(x)
    return keras.Model(inputs, x), outputs


def _log_odds_tensor(p, for_it, against_it):
    import tensorflow as tf

    up = tf.reduce_sum(p * for_it, axis=1)
    down = tf.reduce_sum(p * against_it, axis=1)
    return tf.math.log(up + TINY) - tf.math.log(down + TINY)


def _along_great_circles(layer, weights):
    """Spread the weight of each plane normal, (B, P, A), evenly along its
    great circle in the view, (B, y, x).

    The mean along great circles is a linear map; this is its transpose.
    """
    import tensorflow as tf

    n = layer.view.size
    image = tf.zeros((tf.shape(weights)[0], n, n))
    with tf.GradientTape() as tape:
        tape.watch(image)
        means = layer.means(image)
    return tape.gradient(means, image, output_gradients=weights)
