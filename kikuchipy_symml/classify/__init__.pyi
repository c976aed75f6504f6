from ._bands_used import BandsUsed
from ._chain import indexing_masks, merge_indexed_maps, refinement_masks
from ._classify import classify_symmetry, compute_symmetry_results
from ._crystal_average import CrystalAverage, average_in_crystal
from ._explain import explain_symmetry
from ._explanation import LazySymmetryExplanation, SymmetryExplanation
from ._filters import NetworkFilters, network_filters
from ._grains import label_grains, neighbour_similarities
from ._projection_centre import find_projection_centre
from ._sampling import fill_grains, sample_grains
from ._symmetry_overlay import SymmetryOverlay, symmetry_overlay

__all__ = [
    "BandsUsed",
    "CrystalAverage",
    "LazySymmetryExplanation",
    "NetworkFilters",
    "SymmetryExplanation",
    "SymmetryOverlay",
    "average_in_crystal",
    "classify_symmetry",
    "compute_symmetry_results",
    "explain_symmetry",
    "fill_grains",
    "find_projection_centre",
    "indexing_masks",
    "label_grains",
    "merge_indexed_maps",
    "neighbour_similarities",
    "network_filters",
    "refinement_masks",
    "sample_grains",
    "symmetry_overlay",
]
