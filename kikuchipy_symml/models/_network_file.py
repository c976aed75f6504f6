# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Keras file inside a model file, read as untrusted input.

Keras' safe mode refuses Python code in a file. What it lets through can
still import other modules, read other files, or unpickle, depending on
Keras' version, so the file is checked here first and without Keras:
only layers that do arithmetic, only plain arrays as weights. The check
needs neither TensorFlow nor Keras.
"""

import io
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import h5py
import numpy as np

from kikuchipy_symml.models._archive import (
    ModelError,
    read_archive,
    write_archive,
)

if TYPE_CHECKING:  # pragma: no cover
    import keras

MIB = 2**20
LARGEST_NETWORK = 200 * MIB
MEMBERS = {
    "metadata.json": MIB,
    "config.json": 8 * MIB,
    "model.weights.h5": LARGEST_NETWORK,
}
# A side, a number of units or of channels beyond this is no network for
# patterns, but would have Keras allocate all of the memory.
LARGEST_NUMBER = 100_000
NOT_SIZES = ("seed", "shared_object_id")
OWN_PACKAGE = "kikuchipy_symml>"
MODULES = (
    "keras",
    "keras.activations",
    "keras.constraints",
    "keras.dtype_policies",
    "keras.initializers",
    "keras.layers",
    "keras.regularizers",
    "keras.src.models.functional",
    "keras.src.models.sequential",
    "keras.src.ops.math",
    "keras.src.ops.nn",
    "keras.src.ops.numpy",
)
# Layers that compute with numbers and do nothing else. Left out are those
# that hold code (Lambda), unpickle (TorchModuleWrapper), or read files
# (TFSMLayer, StringLookup, TextVectorization).
LAYERS = """
    Activation Add AlphaDropout Attention Average AveragePooling1D
    AveragePooling2D BatchNormalization CenterCrop Concatenate Conv1D
    Conv1DTranspose Conv2D Conv2DTranspose Cropping1D Cropping2D Dense
    DepthwiseConv1D DepthwiseConv2D Dot Dropout EinsumDense ELU Embedding
    Flatten GaussianDropout GaussianNoise GlobalAveragePooling1D
    GlobalAveragePooling2D GlobalMaxPooling1D GlobalMaxPooling2D
    GroupNormalization GroupQueryAttention Identity InputLayer
    LayerNormalization LeakyReLU Masking Maximum MaxPooling1D MaxPooling2D
    Minimum MultiHeadAttention Multiply Normalization Permute PReLU ReLU
    RepeatVector Rescaling Reshape Resizing RMSNormalization SeparableConv1D
    SeparableConv2D Softmax SpatialDropout1D SpatialDropout2D
    SpectralNormalization Subtract UnitNormalization UpSampling1D
    UpSampling2D ZeroPadding1D ZeroPadding2D
""".split()
# The parts that layers are described with.
PARTS = """
    __ellipsis__ __keras_tensor__ __numpy__ __slice__ __tensor__ DTypePolicy
    Functional Model Sequential function Constant GlorotNormal GlorotUniform
    HeNormal HeUniform Identity LecunNormal LecunUniform Ones Orthogonal
    OrthogonalRegularizer RandomNormal RandomUniform TruncatedNormal
    VarianceScaling Zeros L1 L1L2 L2 MaxNorm MinMaxNorm NonNeg UnitNorm
""".split()
CLASSES = frozenset(LAYERS + PARTS)
# Other operations there take a function to call.
CORE_OPERATIONS = ("Cast", "StopGradient")


def check_network(data: bytes, source: str) -> None:
    """Raise unless a Keras file holds only what a network may hold.

    Parameters
    ----------
    data
        The Keras file, a zip archive.
    source
        What to call it in an error message.

    Raises
    ------
    ModelError
        Naming the first thing that is wrong.
    """
    members = read_archive(data, MEMBERS, source)
    try:
        config = json.loads(members["config.json"])
    except (ValueError, RecursionError) as e:
        raise ModelError(
            f"{source} has a damaged 'config.json': {e}"
        ) from None
    _check_config(config, source)
    _check_weights(members["model.weights.h5"], source)


def read_network(data: bytes, source: str) -> "keras.Model":
    """Return the network in a Keras file.

    Parameters
    ----------
    data
        The Keras file, a zip archive.
    source
        What to call it in an error message.

    Returns
    -------
    network
        The network, not compiled for training.

    Raises
    ------
    ModelError
        If the file holds more than a network or Keras cannot read it.

    Notes
    -----
    This is where TensorFlow is imported.
    """
    check_network(data, source)
    import keras

    # Makes our own layers known to Keras by their registered names.
    import kikuchipy_symml.models.layers  # noqa: F401

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.keras"
        path.write_bytes(data)
        # A config can be wrong in as many ways as layers have arguments.
        try:
            return keras.saving.load_model(path, compile=False, safe_mode=True)
        except Exception as e:
            raise ModelError(
                f"{source} cannot be read by Keras {keras.__version__}: "
                f"{type(e).__name__}: {e}"
            ) from e


def write_network(network: "keras.Model") -> bytes:
    """Return a network as a Keras file, without its training state."""
    import keras

    if network.compiled:
        config = keras.saving.serialize_keras_object(network)
        config["compile_config"] = None
        bare = keras.saving.deserialize_keras_object(config)
        bare.set_weights(network.get_weights())
        network = bare
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.keras"
        network.save(path)
        members = read_archive(path.read_bytes(), MEMBERS, "The network")
    config = _without_defaults(json.loads(members["config.json"]))
    members["config.json"] = json.dumps(config).encode()
    return write_archive(members)


def _without_defaults(config):
    """Drop what Keras' own objects hold as None, which is the default of
    their arguments: earlier versions do not know those of later ones."""
    if isinstance(config, list):
        return [_without_defaults(item) for item in config]
    if not isinstance(config, dict):
        return config
    out = {key: _without_defaults(value) for key, value in config.items()}
    module = out.get("module") or ""
    if module.startswith("keras.") and isinstance(out.get("config"), dict):
        out["config"] = {
            key: value
            for key, value in out["config"].items()
            if value is not None
        }
    return out


def _check_config(config, source: str) -> None:
    """Raise if a part of the network is of a kind that is not allowed,
    or asks for more than a network can need."""
    if not isinstance(config, dict) or config.get("class_name") not in (
        "Functional",
        "Sequential",
    ):
        raise ModelError(
            f"{source} must hold a functional or sequential Keras network"
        )
    stack = [(None, config)]
    while stack:
        key, value = stack.pop()
        if isinstance(value, dict):
            if "class_name" in value:
                _check_class(value, source)
            if value.get("compile_config"):
                raise ModelError(f"{source} was saved with its training state")
            stack.extend(value.items())
        elif isinstance(value, list):
            stack.extend((key, item) for item in value)
        elif isinstance(value, int | float):
            if key in NOT_SIZES:
                continue
            if not abs(value) <= LARGEST_NUMBER:
                raise ModelError(
                    f"{source} has {key!r} = {value}, and no number beyond "
                    f"{LARGEST_NUMBER} is allowed"
                )


def _check_class(description: dict, source: str) -> None:
    name = description["class_name"]
    module = description.get("module")
    registered = description.get("registered_name")
    if str(registered).startswith(OWN_PACKAGE):
        # Keras looks such a name up among the registered layers. Should
        # it be unknown there, it falls back on the module.
        allowed = str(module).startswith("kikuchipy_symml.")
    elif name == "function":
        allowed = module in ("builtins", *MODULES)
    elif module == "keras.src.ops.core":
        allowed = name in CORE_OPERATIONS
    elif str(module).startswith("keras.src.ops."):
        # Arithmetic, such as x + y, all of it.
        allowed = module in MODULES
    else:
        allowed = module in (None, *MODULES) and str(name) in CLASSES
    if allowed:
        return
    raise ModelError(
        f"{source} contains {name!r} from the module {module!r}, which is "
        "not among the layers that a model file may hold"
    )


def _check_weights(data: bytes, source: str) -> None:
    """Raise if an array of the HDF5 file is not plain, too large, or not
    finite."""
    try:
        with h5py.File(io.BytesIO(data), "r") as file:
            total = 0
            for name, array in _arrays(file, source):
                if array.external or array.is_virtual:
                    raise ModelError(
                        f"{source}: the weights {name!r} refer to another file"
                    )
                if array.dtype.kind not in "fiub" or array.shape is None:
                    raise ModelError(
                        f"{source}: the weights {name!r} are not numbers "
                        f"but {array.dtype}"
                    )
                # Declared sizes first: chunks that were never written or
                # are compressed can stand for far more than the file.
                total += array.size * array.dtype.itemsize
                if total > LARGEST_NETWORK:
                    raise ModelError(
                        f"{source}: the weights declare more than the "
                        f"{LARGEST_NETWORK} bytes allowed"
                    )
                if not np.all(np.isfinite(array[()])):
                    raise ModelError(
                        f"{source}: the weights {name!r} contain NaN or "
                        "infinite values"
                    )
    except ModelError:
        raise
    except Exception as e:
        raise ModelError(
            f"{source} has a damaged 'model.weights.h5': {e}"
        ) from None


def _arrays(group: h5py.Group, source: str):
    """Yield the path and dataset of every array, following no link."""
    stack = [group]
    seen = set()
    while stack:
        group = stack.pop()
        address = h5py.h5o.get_info(group.id).addr
        if address in seen:
            raise ModelError(f"{source}: the weights contain a loop")
        seen.add(address)
        for name in group:
            link = group.get(name, getlink=True)
            if not isinstance(link, h5py.HardLink):
                raise ModelError(
                    f"{source}: the weights contain a link, {name!r}"
                )
            item = group[name]
            if isinstance(item, h5py.Group):
                stack.append(item)
            elif isinstance(item, h5py.Dataset):
                yield item.name, item
