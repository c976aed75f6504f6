from ._bands import Bands, band_profiles, escape_depth
from ._camera import Camera
from ._draw import draw_patterns
from ._dynamical import dynamical_master, read_master
from ._many_beams import many_beam_intensity, many_beam_master
from ._rest import Rest, take_apart
from ._sphere import (
    lambert_directions,
    master_from_bands,
    random_rotations,
    sample_master,
)
from ._stack import BandStack, Variety, random_strain

__all__ = [
    "BandStack",
    "Bands",
    "Camera",
    "Rest",
    "Variety",
    "band_profiles",
    "draw_patterns",
    "dynamical_master",
    "escape_depth",
    "lambert_directions",
    "many_beam_intensity",
    "many_beam_master",
    "master_from_bands",
    "random_rotations",
    "random_strain",
    "read_master",
    "sample_master",
    "take_apart",
]
