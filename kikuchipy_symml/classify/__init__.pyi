from ._bands_used import BandsUsed
from ._chain import indexing_masks, merge_indexed_maps, refinement_masks
from ._classify import classify_symmetry, compute_symmetry_results
from ._explain import explain_symmetry
from ._explanation import LazySymmetryExplanation, SymmetryExplanation
from ._grains import label_grains, neighbour_similarities
from ._sampling import fill_grains, sample_grains

__all__ = [
    "BandsUsed",
    "LazySymmetryExplanation",
    "SymmetryExplanation",
    "classify_symmetry",
    "compute_symmetry_results",
    "explain_symmetry",
    "fill_grains",
    "indexing_masks",
    "label_grains",
    "merge_indexed_maps",
    "neighbour_similarities",
    "refinement_masks",
    "sample_grains",
]
