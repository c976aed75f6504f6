from ._classify import classify_symmetry, compute_symmetry_results
from ._grains import label_grains, neighbour_similarities

__all__ = [
    "classify_symmetry",
    "compute_symmetry_results",
    "label_grains",
    "neighbour_similarities",
]
