"""Search spaces as data: schema, presets, candidates, warnings."""

from core.spaces.candidates import count_candidates, draw_candidate, enumerate_candidates
from core.spaces.presets import PRESETS, parse_space
from core.spaces.schema import SearchSpace
from core.spaces.warnings import space_warnings

__all__ = [
    "PRESETS",
    "SearchSpace",
    "count_candidates",
    "draw_candidate",
    "enumerate_candidates",
    "parse_space",
    "space_warnings",
]
