from ._classify import classify_symmetry, compute_symmetry_results

__all__ = ["classify_symmetry", "compute_symmetry_results"]
