from ._view import (
    MIN_PIXELS,
    ViewSpec,
    canonical_views,
    view_directions,
    view_frame,
)

__all__ = [
    "MIN_PIXELS",
    "ViewSpec",
    "canonical_views",
    "view_directions",
    "view_frame",
]
