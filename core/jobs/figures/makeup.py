"""What the candidates of a job are made of, kept: reading thousands of policies takes seconds."""

from __future__ import annotations

import threading
from collections import OrderedDict

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.jobs.history import entrants_of
from core.store.tables import CandidateRow
from quarterturn.policy.schema import Policy
from quarterturn.policy.shares import Share
from quarterturn.search.coordinates import Makeup
from quarterturn.search.spec import SearchSpec
from quarterturn.space.schema import RecipesSpace

#: By key, which is the digest of the policy: the same policy is always made of the same.
_kept: OrderedDict[str, Makeup] = OrderedDict()
_KEPT = 20_000
#: More keys than this are not named one by one.
_NAMED = 500
_guard = threading.Lock()


def makeup_of(session: Session, job_id: str, keys: list[str]) -> dict[str, Makeup]:
    """What these candidates of a job are made of, in their order."""
    with _guard:
        found = {key: _kept[key] for key in keys if key in _kept}
    missing = [key for key in keys if key not in found]
    if missing:
        query = select(CandidateRow.key, CandidateRow.policy).where(CandidateRow.job_id == job_id)
        if len(missing) <= _NAMED:
            query = query.where(CandidateRow.key.in_(missing))
        wanted = set(missing)
        for key, policy in session.execute(query):
            if key in wanted:
                found[key] = Makeup.of(Policy.model_validate(policy))
        with _guard:
            _kept.update((key, found[key]) for key in missing)
            while len(_kept) > _KEPT:
                _kept.popitem(last=False)
    return {key: found[key] for key in keys}


def searched_shares(session: Session, job_id: str) -> dict[str, dict[str, Share]]:
    """The shares of operations in each searched candidate of a job, by its key."""
    searched = [e.key for e in entrants_of(session, job_id) if e.origin != "baseline"]
    return {key: made.shares for key, made in makeup_of(session, job_id, searched).items()}


def searched_slots(
    session: Session, job_id: str, spec: SearchSpec
) -> dict[str, dict[str, str] | None]:
    """The slots of all candidates of a search of recipes, by key; of others none."""
    if not isinstance(spec.search_space, RecipesSpace):
        return {}
    keys = [entrant.key for entrant in entrants_of(session, job_id)]
    return {key: made.slots for key, made in makeup_of(session, job_id, keys).items()}
