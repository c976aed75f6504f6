from ._ambiguity import ambiguity_table
from ._evaluation import (
    SETS,
    band_free_views,
    emsoft_set,
    evaluate_set,
    measured_set,
    recipe_of,
    simulated_sets,
    trained_on,
)
from ._export import export
from ._fit import fit
from ._labels import allowed_space_groups, set_loss
from ._loop import train
from ._recipe import Recipe
from ._report import plot_confusion, table_of
from ._scores import Scores, score
from ._settings import (
    AuxiliarySettings,
    CrystalSettings,
    DetectorSettings,
    OptimiserSettings,
)
from ._shards import Shards

__all__ = [
    "SETS",
    "AuxiliarySettings",
    "CrystalSettings",
    "DetectorSettings",
    "OptimiserSettings",
    "Recipe",
    "Scores",
    "Shards",
    "allowed_space_groups",
    "ambiguity_table",
    "band_free_views",
    "emsoft_set",
    "evaluate_set",
    "export",
    "fit",
    "measured_set",
    "plot_confusion",
    "recipe_of",
    "score",
    "set_loss",
    "simulated_sets",
    "table_of",
    "train",
    "trained_on",
]
