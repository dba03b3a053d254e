"""Rate limits in a real Redis, and without one; quotas."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from limits import parse
from limits.storage import MemoryStorage, RedisStorage
from sqlalchemy import select, update
from starlette.testclient import TestClient

from api import gate
from api.app import create_app
from core.access import known
from core.access import rates as limiting
from core.access.known import GOOD_SECONDS
from core.access.quotas import stored_bytes, trial_seconds
from core.access.rates import RateLimits
from core.embedded.redis import EmbeddedRedis
from core.settings import Settings
from core.store.database import session_scope
from core.store.tables import ApiKey, Checkpoint, Dataset, Job, Trial
from quarterturn.errors import TooManyRequestsError
from tests.access.conftest import MakeKey
from tests.conftest import TINY_SEARCH
from tests.store.rows import make_dataset, make_job

Change = Callable[..., Settings]


@pytest.fixture
def redis() -> Iterator[EmbeddedRedis]:
    with (
        tempfile.TemporaryDirectory(prefix="quarterturn-test-") as folder,
        EmbeddedRedis(Path(folder, "redis"), Path(folder, "log")) as running,
    ):
        yield running


class _Clock:
    """A clock that stands still, however slow the machine is, unless a test moves it."""

    time = staticmethod(time.time)  # that of Redis

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> _Clock:
    """Of what is counted ahead, and of keys that were good a moment ago."""
    shown = _Clock()
    for module in (gate, known, limiting):
        monkeypatch.setattr(module, "time", shown)
    return shown


def _client(key: str) -> TestClient:
    return TestClient(
        create_app(), base_url="http://127.0.0.1", headers={"Authorization": f"Bearer {key}"}
    )


def _statuses(client: TestClient, times: int, path: str = "/v1/jobs") -> list[int]:
    return [client.get(path).status_code for _ in range(times)]


def test_a_key_is_limited_in_all_processes_together(
    redis: EmbeddedRedis, make_key: MakeKey, with_settings: Change
) -> None:
    with_settings(rate_limit_per_key="5/hour", broker_url=redis.url)
    key = make_key()
    one, two = _client(key), _client(key)  # each application has a gate of its own
    assert _statuses(one, 3) == [200] * 3
    assert _statuses(two, 4) == [200, 200, 429, 429]
    answer = one.get("/v1/jobs")
    assert answer.json()["code"] == "rate_limited"
    assert 0 < int(answer.headers["retry-after"]) <= 3600
    assert _statuses(_client(make_key()), 2) == [200, 200], "another key is not concerned"
    assert _statuses(one, 3, "/healthz") == [200] * 3


def test_writes_have_a_limit_of_their_own(
    redis: EmbeddedRedis, make_key: MakeKey, with_settings: Change
) -> None:
    with_settings(rate_limit_writes_per_key="2/hour", broker_url=redis.url)
    client = _client(make_key())
    assert [client.post("/v1/jobs/job_x/cancel").status_code for _ in range(3)] == [404, 404, 429]
    assert _statuses(client, 2) == [200, 200]


def test_an_address_is_limited_whatever_key_it_tries(
    redis: EmbeddedRedis, make_key: MakeKey, with_settings: Change
) -> None:
    with_settings(rate_limit_per_address="6/hour", broker_url=redis.url)
    good = _client(make_key())
    assert _statuses(_client("qt_guessed"), 4) == [401] * 4
    form = {"key": "qt_guessed"}
    assert [good.post("/sign-in", data=form).status_code for _ in range(3)] == [401, 401, 429]
    assert good.get("/v1/jobs").status_code == 429


def test_a_window_passes(redis: EmbeddedRedis) -> None:
    rates = RateLimits(redis.url)

    def until_refused() -> None:  # on a slow machine a window may pass between two
        for _ in range(10_000):
            rates.hit("1/second", "key", "a")

    with pytest.raises(TooManyRequestsError) as caught:
        until_refused()
    time.sleep(caught.value.retry_after + 1)
    rates.hit("1/second", "key", "a")


def _counted(rates: RateLimits, limit: str, name: str) -> int:
    left: int = rates._shared.get_window_stats(parse(limit), "key", name).remaining
    return int(parse(limit).amount) - left


def test_who_asks_often_is_counted_ahead_and_never_too_little(
    redis: EmbeddedRedis, clock: _Clock
) -> None:
    rates, limit = RateLimits(redis.url), "20000/hour"
    counted = [(limit, "key", "busy")]
    at_once = 0
    for asked in range(1, 301):
        if rates.taken(counted):
            at_once += 1
        else:
            rates.hit(*counted[0])
        assert _counted(rates, limit, "busy") >= asked
        clock.wait(0.01)
    assert at_once > asked / 2
    assert _counted(rates, limit, "busy") <= asked + 20000 * 0.01
    assert not rates.taken([*counted, (limit, "address", "x")]), "all or none"
    assert rates._portions[counted[0]].left in range(201)


def test_counting_ahead_refuses_nobody_who_is_within_the_limit(
    redis: EmbeddedRedis, clock: _Clock
) -> None:
    rates, limit = RateLimits(redis.url), "300/hour"

    def served() -> bool:
        clock.wait(0.005)
        if rates.taken([(limit, "key", "busy")]):
            return True
        try:
            rates.hit(limit, "key", "busy")
        except TooManyRequestsError:
            return False
        return True

    answers = [served() for _ in range(303)]
    # But for a portion that was not used up within its second.
    assert 297 <= sum(answers) <= 300
    assert not answers[-1]


def test_who_asks_now_and_then_is_counted_each_time(redis: EmbeddedRedis, clock: _Clock) -> None:
    rates, limit = RateLimits(redis.url), "1000/hour"
    for asked in range(1, 4):
        rates.hit(limit, "key", "calm")
        assert not rates.taken([(limit, "key", "calm")])
        assert _counted(rates, limit, "calm") == asked
        clock.wait(5.0)


def test_a_busy_reader_is_let_in_from_memory_and_turned_away_within_a_second(
    redis: EmbeddedRedis, make_key: MakeKey, with_settings: Change, clock: _Clock
) -> None:
    with_settings(rate_limit_per_key="", rate_limit_per_address="", broker_url=redis.url)
    client = _client(make_key())
    assert _statuses(client, 2) == [200, 200]
    with session_scope() as session:
        session.execute(update(ApiKey).values(revoked_at=datetime.now(UTC)))
    assert client.post("/v1/jobs/job_x/cancel").status_code == 401, "who writes, at once"
    clock.wait(GOOD_SECONDS - 0.01)
    assert _statuses(client, 2) == [200, 200]
    clock.wait(0.01)
    assert _statuses(client, 2) == [401, 401]


def test_without_redis_the_limits_hold_per_process_and_nothing_fails(
    make_key: MakeKey, with_settings: Change, clock: _Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, count = list[Any](), RateLimits._count

    def counted(limiter: Any, *arguments: Any) -> int | None:
        asked.append(type(limiter.storage))
        return count(limiter, *arguments)

    monkeypatch.setattr(RateLimits, "_count", staticmethod(counted))
    with_settings(rate_limit_per_key="3/hour", broker_url="redis://127.0.0.1:1/0")
    client = _client(make_key())
    assert _statuses(client, 5) == [200, 200, 200, 429, 429]
    assert asked.count(RedisStorage) == 1, "Redis is not waited for each time"
    assert asked.count(MemoryStorage) >= 5


def test_no_limit_is_no_limit(make_key: MakeKey, with_settings: Change) -> None:
    with_settings(rate_limit_per_key="", rate_limit_per_address="")
    assert set(_statuses(_client(make_key()), 30)) == {200}


def test_a_limit_that_cannot_be_read_stops_the_program(with_settings: Change) -> None:
    with pytest.raises(ValueError, match="rate_limit_per_key"):
        with_settings(rate_limit_per_key="often")


def _start(client: TestClient, dataset: str) -> tuple[int, str]:
    answer = client.post("/v1/jobs", json={"dataset_id": dataset, **TINY_SEARCH})
    return answer.status_code, answer.json().get("code", "")


def test_quota_of_unfinished_jobs(make_key: MakeKey, with_settings: Change) -> None:
    with_settings(quota_jobs=2)
    dataset, client = make_dataset(), _client(make_key())
    assert [_start(client, dataset)[0] for _ in range(2)] == [202, 202]
    assert _start(client, dataset) == (403, "quota_jobs")
    job = client.get("/v1/jobs").json()["items"][0]["id"]
    assert client.post(f"/v1/jobs/{job}/cancel").json()["state"] == "cancelled"
    assert _start(client, dataset)[0] == 202
    other = make_dataset()
    with session_scope() as session:
        session.execute(update(Dataset).where(Dataset.id == other).values(owner="ann"))
    assert _start(_client(make_key(owner="ann")), other)[0] == 202, "of each owner"


def test_quota_of_trial_seconds(make_key: MakeKey, with_settings: Change) -> None:
    with_settings(quota_trial_seconds=100)
    dataset, client = make_dataset(), _client(make_key())
    assert _start(client, dataset)[0] == 202
    now = datetime.now(UTC)
    with session_scope() as session:
        trial = session.scalars(select(Trial.id).limit(1)).one()

    def spent(begin: timedelta, end: timedelta | None) -> float:
        with session_scope() as session:
            session.execute(
                update(Trial)
                .where(Trial.id == trial)
                .values(
                    state="completed" if end else "running",
                    started_at=now - begin,
                    finished_at=now - end if end else None,
                )
            )
        with session_scope() as session:
            return trial_seconds(session, "local")

    hour = timedelta(hours=1)
    assert spent(3 * hour, 2 * hour) == pytest.approx(3600, abs=1)
    assert spent(25 * hour, 23 * hour) == pytest.approx(3600, abs=5), "what lies in the 24 hours"
    assert spent(30 * hour, 29 * hour) == 0
    assert _start(client, dataset)[0] == 202
    assert spent(timedelta(seconds=200), None) == pytest.approx(200, abs=5), "one that still runs"
    assert _start(client, dataset) == (403, "quota_trial_seconds")


def test_quota_of_storage(
    database: Settings, animals: Path, make_key: MakeKey, with_settings: Change
) -> None:
    client = _client(make_key())

    def upload(resolution: int) -> tuple[int, str]:
        with animals.open("rb") as stream:
            answer = client.post(
                "/v1/datasets", files={"file": stream}, data={"resolution": str(resolution)}
            )
        return answer.status_code, answer.json().get("code", "")

    size = 600 * 16 * 16 * 3
    with_settings(quota_storage_bytes=size + 10)
    client = _client(make_key())
    assert upload(16)[0] == 201
    assert upload(16)[0] == 200, "the same again takes no more"
    with session_scope() as session:
        assert stored_bytes(session, "local") == size
    assert upload(20) == (403, "quota_storage")
    assert [path.name for path in (database.data_dir / "datasets").glob(".partial-*")] == []
    dataset = client.get("/v1/datasets").json()["items"][0]["id"]
    assert client.delete(f"/v1/datasets/{dataset}").status_code == 204
    assert upload(16)[0] == 201


def test_jobs_and_checkpoints_count_as_stored(database: Settings) -> None:
    """What they ask for, what they end with, and their encoders; not those of others."""
    job, _ = make_job(database)
    with session_scope() as session:
        before = stored_bytes(session, "local")
        assert stored_bytes(session, "somebody") == 0
        assert before > 9 * 28 * 28 * 3 + 100, "the specification"
        session.get_one(Job, job).encoder = {"size_bytes": 12_345}
        session.add(
            Checkpoint(
                id="ckpt_x",
                name="x",
                state="ready",
                digest="d" * 64,
                encoder="conv4",
                tensors=1,
                size_bytes=100_000,
                source={},
                reports=[],
            )
        )
        session.flush()
        assert stored_bytes(session, "local") == before + 12_345 + 100_000


def test_a_search_beyond_the_quota_of_storage_is_refused(
    make_key: MakeKey, with_settings: Change
) -> None:
    dataset, client = make_dataset(), _client(make_key())
    with session_scope() as session:
        images = stored_bytes(session, "local")
    with_settings(quota_storage_bytes=images + 10_000)
    found = [_start(client, dataset) for _ in range(20)]
    assert found[0][0] == 202
    assert found[-1] == (403, "quota_storage")
