"""Names that the service and its workers agree on, and the broker's options."""

from __future__ import annotations

from typing import Any

from core.placement import QUEUES
from core.settings import Settings
from quarterturn.errors import UnavailableError

RUN_TRIAL = "quarterturn.run_trial"

#: Redis hands a message out again after this long without acknowledgement. Lost workers are found
#: by their leases, long before; a shorter time would deliver long trials twice.
_VISIBILITY_SECONDS = 24 * 3600


def broker_url(settings: Settings) -> str:
    """The configured broker.

    Raises:
        UnavailableError: none is configured.
    """
    if settings.broker_url is None:
        raise UnavailableError(
            "No broker is configured. Set QUARTERTURN_BROKER_URL, or use `quarterturn serve`, "
            "which brings its own.",
            code="no_broker",
        )
    return settings.broker_url


def plain_url(url: str) -> str:
    """The broker's address as redis-py takes it: Kombu writes redis+socket:// for unix://."""
    return url.replace("redis+socket://", "unix://").replace("virtual_host=", "db=")


def celery_options(settings: Settings) -> dict[str, Any]:
    """Celery's configuration, the same on both sides."""
    return {
        "broker_url": broker_url(settings),
        "task_default_queue": QUEUES[0],
        "task_create_missing_queues": True,
        "task_ignore_result": True,  # Postgres is the truth
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        "worker_prefetch_multiplier": 1,
        # A second delivery finds nothing to claim, so what runs may run on while Redis is away.
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        "worker_proc_alive_timeout": 60.0,
        "worker_soft_shutdown_timeout": 2.0,
        "worker_send_task_events": False,
        "worker_hijack_root_logger": False,
        "broker_connection_retry_on_startup": True,
        "broker_transport_options": {
            "visibility_timeout": _VISIBILITY_SECONDS,
            "socket_connect_timeout": 5,
            "retry_on_timeout": True,
            "socket_keepalive": True,
            "health_check_interval": 10,
        },
        "visibility_timeout": _VISIBILITY_SECONDS,
    }
