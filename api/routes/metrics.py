"""/metrics, for Prometheus; with keys, for those with the scope `admin`."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector
from redis.exceptions import RedisError

from api.deps import SettingsDep
from core.jobs.counts import Counts, counts
from core.messages import queue_length
from core.settings import Settings
from core.store.database import statement_scope

router = APIRouter(tags=["health"])


def _by(name: str, text: str, label: str, values: dict[str, float]) -> Metric:
    family = GaugeMetricFamily(f"quarterturn_{name}", text, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"quarterturn_{name}", text, value=value)


_MEMORY = (
    ("gpu_memory_bytes", "Memory of the GPU of a worker."),
    ("gpu_memory_used_bytes", "Of which is in use, by whomever."),
)
_SUMS = {
    "completed_trials": "Trials completed, by kind.",
    "iterations": "Pretraining steps of completed trials.",
    "images": "Images that these steps took.",
}


def _sums(totals: dict[str, dict[str, float]]) -> Iterator[Metric]:
    """Sums over completed trials, by kind."""
    for name, text in _SUMS.items():
        family = CounterMetricFamily(f"quarterturn_{name}", text, labels=["kind"])
        for kind, value in totals.get(name, {}).items():
            family.add_metric([kind], value)
        yield family
    text = "Seconds of completed trials, by kind and stage."
    family = CounterMetricFamily("quarterturn_trial_seconds", text, labels=["kind", "stage"])
    for stage in ("pretraining", "scoring"):
        for kind, value in totals.get(f"{stage}_seconds", {}).items():
            family.add_metric([kind, stage], value)
    yield family


class _Now(Collector):
    """Asks at each scrape; nothing is kept in this process, so any number of them agree."""

    def __init__(self, found: Counts, waiting: int | None) -> None:
        self._found, self._waiting = found, waiting

    def collect(self) -> Iterator[Metric]:
        found = self._found
        yield _by("jobs", "Jobs by state.", "state", {**found.jobs})
        yield _by("trials", "Trials by state.", "state", {**found.trials})
        yield from _sums(found.totals)
        lost = found.totals.get("lease_losses", {}).get("", 0.0)
        yield CounterMetricFamily(
            "quarterturn_lease_losses", "Trials whose worker fell silent.", value=lost
        )
        yield _gauge(
            "oldest_queued_seconds", "Age of the oldest queued trial.", found.oldest_queued_seconds
        )
        yield _gauge("workers", "Workers seen within half a minute.", found.workers)
        for place, (name, text) in enumerate(_MEMORY):
            values = {worker: float(sizes[place]) for worker, sizes in found.memory.items()}
            yield _by(name, text, "worker", values)
        yield _gauge("broker_up", "Whether Redis answers.", float(self._waiting is not None))
        if self._waiting is not None:
            yield _gauge("queue_messages", "Messages waiting in Redis.", self._waiting)


def _waiting(settings: Settings) -> int | None:
    try:
        return queue_length(settings)
    except RedisError:
        return None


@router.get("/metrics", response_class=PlainTextResponse)
def metrics(settings: SettingsDep) -> Response:
    """Counts over all owners, in the text format of Prometheus."""
    with statement_scope() as session:
        found = counts(session)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Now(found, _waiting(settings)))
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)
