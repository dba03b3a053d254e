"""Every page of every strategy, in every state of a job, and of every shape of policy.

Templates are strict: a name that one strategy lacks is an error of the server. Trials are not
trained here, but end with scores of chance.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from api.app import create_app
from core.jobs import claim as trials
from core.jobs.control import cancel_job, pause_job, stop_job
from core.jobs.figures import FIGURES
from core.settings import Settings
from core.store.database import session_scope
from core.store.tables import CandidateRow, Job, Trial
from quarterturn.export import FORMATS
from quarterturn.pretrain.outcome import Outcome
from quarterturn.score.catalogue import CRITERIA
from quarterturn.search.spec import parse_search
from tests.policy.examples import RECIPES
from tests.search import play
from tests.store.rows import complete, make_job, take

_HTML = {"Accept": "text/html"}


@pytest.fixture
def client(database: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(), base_url="http://127.0.0.1") as client:
        yield client


def _outcome(taken: trials.ClaimedTrial) -> Outcome:
    spec = taken.spec
    draws = random.Random(f"{taken.candidate}{spec.task}{spec.seed}{spec.iterations}")
    common: dict[str, Any] = {
        "iterations_run": spec.iterations,
        "pretraining_seconds": 1.0,
        "scoring_seconds": 0.5,
        "curve": [[1, 3.0], [2, 2.5]],
    }
    if spec.payload is not None:
        policies = spec.payload.get("policies", [])
        losses = [{"rotation": draws.random(), "infonce": draws.random()} for _ in policies]
        base = {"rotation": draws.random(), "infonce": draws.random()}
        return Outcome(metrics=base, losses=losses, **common)
    return Outcome(
        metrics={name: draws.random() for name in CRITERIA},
        score=draws.random(),
        held_out=draws.random(),
        sampling_error=0.01,
        collapsed=draws.random() < 0.1,
        **common,
    )


def _go_on(settings: Settings, job: str, most: int) -> bool:
    """End up to `most` trials, some of them badly; whether any was there to be had."""
    for number in range(most):
        with session_scope() as session:
            due = session.scalar(
                select(Trial.id)
                .where(Trial.job_id == job, Trial.state == "queued")
                .order_by(Trial.number)
                .limit(1)
            )
        if due is None:
            return number > 0
        taken = take(settings, due)
        if number % 7 == 5 and taken.spec.payload is None:
            with session_scope() as session:
                trials.fail(session, taken, "diverged", "Pretraining diverged: <b>it did</b>.")
        else:
            complete(taken, _outcome(taken))
    return True


def _addresses(job: str) -> Iterator[str]:
    """Each template once, and what is made beside them."""
    with session_scope() as session:
        state = session.get_one(Job, job).state
        keys = session.scalars(select(CandidateRow.key).where(CandidateRow.job_id == job)).all()
        a_trial = session.scalar(select(Trial.id).where(Trial.job_id == job).limit(1))
    base = f"/v1/jobs/{job}"
    yield from (base, "/", f"/new?like={job}", f"/compare?first={job}&second={job}")
    yield from (f"{base}/dashboard", f"{base}/dashboard?fragment=true&state=completed")
    yield from (f"{base}/ranking", f"{base}/trials", f"/v1/trials/{a_trial}")
    yield f"{base}/events?parts=true"
    yield from (f"{base}/figures/{name}?format=html" for name in FIGURES)
    yield f"{base}/policies/{keys[0]}?beside={keys[-1]}&seed=1"
    yield from (f"{base}/policies/selected", f"{base}/card?format=html", f"{base}/encoder/card")
    if state in ("completed", "failed", "cancelled"):
        yield from (f"{base}/card?format=markdown", f"{base}/card", f"{base}/comparison/{job}")


def _look(client: TestClient, job: str, state: str) -> None:
    """Everything is there, or refused in a sentence for its state."""
    for address in _addresses(job):
        answer = client.get(address, headers=_HTML)
        assert answer.status_code < 500, f"{state}: {address}: {answer.text[:300]}"
        if answer.headers["content-type"].startswith(("text/html", "text/markdown")):
            shown = answer.text.partition("## Reproduce")[0]  # there it is code
            assert "<b>it did</b>" not in shown, f"{address} shows text as markup"
    for part in ("dashboard", "policies/selected"):
        answer = client.get(f"/v1/jobs/{job}/{part}")  # as a program does
        assert answer.status_code < 500, f"{state}: {part}: {answer.text[:300]}"


#: But one, whose budget the service refuses as it scores no candidate.
_STRATEGIES = [name for name in play.SPECS if name != "density cut short"]


@pytest.mark.parametrize("name", _STRATEGIES)
def test_every_page_of_every_strategy(client: TestClient, database: Settings, name: str) -> None:
    spec = parse_search(dict(play.SPECS[name]))
    space = spec.search_space.model_dump(mode="json")
    filled = {"search_space": space, "scoring": {}, "iterations": spec.iterations}
    job, _ = make_job(database, **{**play.SPECS[name], **filled})
    _go_on(database, job, 3)
    with session_scope() as session:
        due = session.scalar(select(Trial.id).where(Trial.job_id == job, Trial.state == "queued"))
    running = take(database, due) if due else None
    _look(client, job, "running")
    if running is not None:
        complete(running, _outcome(running))
    while _go_on(database, job, 200):
        pass
    with session_scope() as session:
        state = session.get_one(Job, job).state
    assert state == "completed"
    _look(client, job, state)
    card = client.get(f"/v1/jobs/{job}/card?format=html")
    assert card.status_code == 200


@pytest.mark.parametrize(
    "change", [pause_job, stop_job, cancel_job], ids=["paused", "stopping", "cancelling"]
)
@pytest.mark.parametrize("begun", [0, 4], ids=["before a trial", "amid them"])
def test_every_page_in_every_state(
    client: TestClient, database: Settings, change: Any, begun: int
) -> None:
    job, due = make_job(database, strategy={"kind": "random", "candidates": 6}, seeds=2)
    _go_on(database, job, begun)
    running = take(database, due[-1])
    with session_scope() as session:
        change(session, job)
    _look(client, job, change.__name__)
    complete(running, _outcome(running))
    with session_scope() as session:
        state = session.get_one(Job, job).state
    _look(client, job, state)


def test_every_page_of_a_job_in_which_all_fails(client: TestClient, database: Settings) -> None:
    job, due = make_job(database, strategy={"kind": "random", "candidates": 1}, seeds=1)
    for trial in due:
        with session_scope() as session:
            trials.fail(session, take(database, trial), "error", "KeyError: '<b>it did</b>'")
    with session_scope() as session:
        assert session.get_one(Job, job).state == "failed"
    _look(client, job, "failed")


def test_every_page_of_every_shape_of_policy(client: TestClient, database: Settings) -> None:
    listed = [
        {**policy.to_document(), "name": f"{name} <b>it did</b>"}
        for name, policy in RECIPES.items()
    ]
    job, _ = make_job(database, strategy={"kind": "list", "candidates": listed}, seeds=1)
    while _go_on(database, job, 200):
        pass
    _look(client, job, "completed")
    with session_scope() as session:
        keys = session.scalars(select(CandidateRow.key).where(CandidateRow.job_id == job)).all()
    assert len(keys) >= len(listed)
    for key in keys:
        page = client.get(f"/v1/jobs/{job}/policies/{key}", headers=_HTML)
        assert page.status_code == 200
        assert "<b>it did</b>" not in page.text
        for name in FORMATS:
            file = client.get(f"/v1/jobs/{job}/policies/{key}/file?format={name}")
            assert file.status_code in (200, 422), file.text
