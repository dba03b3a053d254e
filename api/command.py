"""`quarterturn api`: a part of the service for real deployments."""

from __future__ import annotations


def api() -> None:
    """Run the REST API alone; needs a database and a broker."""
    import uvicorn

    from api.connections import GuardedProtocol, allow_connections
    from core import logs
    from core.access.binding import require_keys
    from core.settings import get_settings
    from core.store.database import get_engine
    from core.store.schema import check_at_start

    settings = get_settings()
    logs.configure(settings, "api")
    check_at_start(get_engine())
    require_keys(settings.host, get_engine())
    allow_connections(settings.max_connections)
    uvicorn.run(
        "api.app:create_app",
        factory=True,
        host=settings.host,
        port=settings.port,
        http=GuardedProtocol,
        ws="none",
        log_config=None,  # core.logs has one
        access_log=False,  # api.requests writes it
        timeout_graceful_shutdown=5,
    )
