from ._archive import ModelError
from ._card import CARD_VERSION, make_card
from ._model import SymmetryModel, load_model, save_model
from ._network import build_network
from ._registry import list_models

__all__ = [
    "CARD_VERSION",
    "ModelError",
    "SymmetryModel",
    "build_network",
    "list_models",
    "load_model",
    "make_card",
    "save_model",
]
