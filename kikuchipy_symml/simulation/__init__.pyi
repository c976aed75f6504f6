from ._bands import Bands, band_profiles
from ._camera import Camera, draw_patterns
from ._sphere import (
    lambert_directions,
    master_from_bands,
    random_rotations,
    sample_master,
)

__all__ = [
    "Bands",
    "Camera",
    "band_profiles",
    "draw_patterns",
    "lambert_directions",
    "master_from_bands",
    "random_rotations",
    "sample_master",
]
