# Copyright 2026 the kikuchipy_symml developers
# SPDX-License-Identifier: GPL-3.0-or-later
"""The networks of Kaufmann et al. (2020), for training on measured scans.

Kaufmann et al., Science 367 (2020) 564, took image classifiers as they
are: Xception (Chollet, CVPR 2017, 1251) and ResNet50 (He et al., CVPR
2016, 770), with a pattern as an image of one channel. Here they look at
the canonical view, as all networks of this package do, and end in the
230 space groups.
"""

import keras
from keras import layers as kl

from kikuchipy_symml.pattern import ViewSpec

N_SPACE_GROUPS = 230
INPUT_SIZE = 299
# Smallest image that each can halve as often as it does.
SEED_NETWORKS = {"xception": 71, "resnet50": 32}


def check_seed_network(name: str, size: int) -> None:
    """Raise unless there is such a network for images of such a size.

    Parameters
    ----------
    name
        "xception" or "resnet50".
    size
        Pixels along each side.

    Raises
    ------
    ValueError
        If there is not.
    """
    if name not in SEED_NETWORKS:
        raise ValueError(
            f"The network must be one of {sorted(SEED_NETWORKS)}, not {name!r}"
        )
    smallest = SEED_NETWORKS[name]
    is_integer = isinstance(size, int) and not isinstance(size, bool)
    if not is_integer or not smallest <= size <= 1024:
        raise ValueError(
            f"The size of the image that {name} takes must be an integer "
            f"from {smallest} to 1024, not {size!r}"
        )


def build_seed_network(
    name: str, view: ViewSpec, size: int = INPUT_SIZE
) -> keras.Model:
    """Return an untrained image classifier.

    Parameters
    ----------
    name
        "xception" or "resnet50".
    view
        The view that it takes. Only its intensity is used, not the
        channel that says where the detector saw.
    size
        Pixels along each side of the image that the view is resized to.

    Returns
    -------
    network
        From views, shape (B, size, size, 2), to probabilities of the 230
        space groups, shape (B, 230).

    Raises
    ------
    ValueError
        If there is no such network, or none for images of this size.
    """
    check_seed_network(name, size)
    views = kl.Input((view.size, view.size, 2), name="views")
    x = views[..., :1]
    if size != view.size:
        x = kl.Resizing(size, size, name="resizing")(x)
    build = {
        "xception": keras.applications.Xception,
        "resnet50": keras.applications.ResNet50,
    }[name]
    return build(
        weights=None,
        input_tensor=x,
        classes=N_SPACE_GROUPS,
        classifier_activation="softmax",
        name=name,
    )
