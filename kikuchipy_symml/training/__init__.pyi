from ._labels import allowed_space_groups, set_loss
from ._loop import train
from ._recipe import Recipe
from ._shards import Shards

__all__ = [
    "Recipe",
    "Shards",
    "allowed_space_groups",
    "set_loss",
    "train",
]
