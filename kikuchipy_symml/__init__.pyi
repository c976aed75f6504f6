from . import classify, models, pattern, symmetry
from .classify import (
    LazySymmetryExplanation,
    SymmetryExplanation,
    classify_symmetry,
    compute_symmetry_results,
    explain_symmetry,
    find_projection_centre,
    label_grains,
)
from .models import SymmetryModel, list_models, load_model
from .symmetry import SymmetryPhaseList

__all__ = [
    "LazySymmetryExplanation",
    "SymmetryExplanation",
    "SymmetryModel",
    "SymmetryPhaseList",
    "classify",
    "classify_symmetry",
    "compute_symmetry_results",
    "explain_symmetry",
    "find_projection_centre",
    "label_grains",
    "list_models",
    "load_model",
    "models",
    "pattern",
    "symmetry",
]
__version__: str
