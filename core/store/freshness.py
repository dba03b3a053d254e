"""Connections that were idle are tried before they are used: the server may have gone since.

SQLAlchemy's own `pool_pre_ping` asks each time, which is a fifth of the messages of a short
transaction; one used a moment ago is used again as it is.
"""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.exc import InvalidatePoolError

_FRESH_SECONDS = 1.0


def watch(engine: Engine) -> None:
    """Try the connections of this engine as they are taken from its pool. One that is dead is
    replaced, and so are all that are as old.
    """
    dialect = engine.dialect

    def returned(_: Any, record: Any) -> None:
        record.info["returned"] = time.monotonic()

    def taken(connection: Any, record: Any, _: Any) -> None:
        since = record.info.get("returned")
        if since is None or time.monotonic() - since < _FRESH_SECONDS:
            return
        try:
            dialect.do_ping(connection)
        except dialect.loaded_dbapi.Error as error:
            raise InvalidatePoolError("the server is gone") from error

    event.listen(engine, "checkin", returned)
    event.listen(engine, "checkout", taken)
