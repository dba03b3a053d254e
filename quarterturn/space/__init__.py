"""Search spaces as data: schema, presets, candidates, warnings."""

from quarterturn.space.candidates import count_candidates, draw_candidate, enumerate_candidates
from quarterturn.space.grey import without_colors
from quarterturn.space.presets import PRESETS, parse_space
from quarterturn.space.schema import SearchSpace
from quarterturn.space.warnings import space_warnings

__all__ = [
    "PRESETS",
    "SearchSpace",
    "count_candidates",
    "draw_candidate",
    "enumerate_candidates",
    "parse_space",
    "space_warnings",
    "without_colors",
]
