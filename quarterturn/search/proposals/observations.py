"""What samplers learn from."""

from __future__ import annotations

from dataclasses import dataclass

from quarterturn.space.parameters import Parameters


@dataclass(frozen=True)
class Observation:
    """A proposal with its value (larger is better), None while it is pending."""

    number: int
    parameters: Parameters
    value: float | None
