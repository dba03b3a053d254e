"""Evolution: two parents by tournament, crossed over and mutated (Real et al. 2019, EAPO 2023)."""

from __future__ import annotations

import random
from collections.abc import Sequence

from quarterturn.search.proposals.observations import Observation
from quarterturn.space.parameters import Dimension, Parameters

_TOURNAMENT = 3
_STEP = 0.2


def _parent(pool: list[Observation], generator: random.Random) -> Observation:
    entrants = [generator.choice(pool) for _ in range(_TOURNAMENT)]
    return max(entrants, key=lambda item: (item.value or 0.0, -item.number))


def _mutated(dimension: Dimension, value: float, generator: random.Random) -> float:
    if dimension.choices:
        return dimension.draw(generator)
    return round(min(1.0, max(0.0, value + generator.gauss(0.0, _STEP))), 4)


def propose(
    dimensions: Sequence[Dimension], observed: Sequence[Observation], seed: int, start_up: int = 8
) -> Parameters:
    """The next proposal, larger values being better; random until `start_up` have a value."""
    generator = random.Random(f"evolution/{seed}/{len(observed)}")
    pool = sorted((o for o in observed if o.value is not None), key=lambda o: o.number)
    if len(pool) < start_up:
        return {d.name: d.draw(generator) for d in dimensions}
    one, other = _parent(pool, generator), _parent(pool, generator)
    child = {
        d.name: (one if generator.random() < 0.5 else other).parameters[d.name] for d in dimensions
    }
    certain = generator.randrange(len(dimensions)) if dimensions else 0
    for place, dimension in enumerate(dimensions):
        if place == certain or generator.random() < 1.0 / len(dimensions):
            child[dimension.name] = _mutated(dimension, child[dimension.name], generator)
    return child
