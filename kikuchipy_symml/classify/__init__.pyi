from ._chain import indexing_masks, merge_indexed_maps, refinement_masks
from ._classify import classify_symmetry, compute_symmetry_results
from ._grains import label_grains, neighbour_similarities

__all__ = [
    "classify_symmetry",
    "compute_symmetry_results",
    "indexing_masks",
    "label_grains",
    "merge_indexed_maps",
    "neighbour_similarities",
    "refinement_masks",
]
