"""What the candidates of a job are made of, kept: reading thousands of policies takes seconds."""

from __future__ import annotations

import threading
from collections import OrderedDict

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.policies.schema import Policy
from core.search.coordinates import Makeup
from core.store.tables import CandidateRow

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
