from . import classify, models, pattern, symmetry
from .classify import (
    classify_symmetry,
    compute_symmetry_results,
    label_grains,
)
from .models import SymmetryModel, list_models, load_model
from .symmetry import SymmetryPhaseList

__all__ = [
    "SymmetryModel",
    "SymmetryPhaseList",
    "classify",
    "classify_symmetry",
    "compute_symmetry_results",
    "label_grains",
    "list_models",
    "load_model",
    "models",
    "pattern",
    "symmetry",
]
__version__: str
