"""What every search measures beside its own candidates: the incumbent, which the user trains with
today, the baselines, and the recipes that a search may begin with.
"""

from __future__ import annotations

from functools import lru_cache

from quarterturn.policy.excluding import exclude_operations, operations_of
from quarterturn.policy.portfolio import make_portfolio
from quarterturn.policy.recipes import BASELINES, moco_v2
from quarterturn.policy.schema import Policy
from quarterturn.search.history import Candidate, Origin
from quarterturn.search.spec import SearchSpec


@lru_cache(maxsize=64)
def _known(excluded: tuple[str, ...]) -> tuple[Candidate, ...]:
    """The baselines that use nothing excluded."""
    made = [make() for make in BASELINES.values()]
    kept = [policy for policy in made if not operations_of(policy) & set(excluded)]
    return tuple(Candidate.of(policy, "baseline") for policy in kept)


@lru_cache(maxsize=64)
def _default_incumbent(excluded: tuple[str, ...]) -> Candidate:
    return Candidate.of(exclude_operations(moco_v2(), excluded), "baseline")


def incumbent(spec: SearchSpec) -> Candidate:
    """The policy that others must beat: the user's own, or MoCo v2 without what is excluded."""
    if spec.incumbent is None:
        return _default_incumbent(tuple(spec.exclude))
    return name_known(Candidate.of(spec.incumbent, "baseline"), spec)


def baselines(spec: SearchSpec) -> list[Candidate]:
    """The incumbent and the baselines, distinct; every ranking includes them."""
    first = incumbent(spec)
    known = _known(tuple(spec.exclude))
    if any(candidate.key == first.key for candidate in known):
        return list(known)
    return [first, *known]


@lru_cache(maxsize=64)
def _portfolio(excluded: tuple[str, ...]) -> tuple[Candidate, ...]:
    made = [policy for policy in make_portfolio() if not operations_of(policy) & set(excluded)]
    return tuple(Candidate.of(policy, "search") for policy in made)


def portfolio(spec: SearchSpec) -> list[Candidate]:
    """The recipes that a search may begin with, without those that use what is excluded."""
    return list(_portfolio(tuple(spec.exclude)))


def name_known(candidate: Candidate, spec: SearchSpec) -> Candidate:
    """The candidate; one that equals a baseline is that baseline, under its name."""
    known = _known(tuple(spec.exclude))
    return next((other for other in known if other.key == candidate.key), candidate)


def candidate_of(policy: Policy, origin: Origin, spec: SearchSpec) -> Candidate:
    """A candidate of a policy; one that equals a baseline is that baseline."""
    return name_known(Candidate.of(policy, origin), spec)
