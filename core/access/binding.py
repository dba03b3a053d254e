"""Without keys, only this machine is served."""

from __future__ import annotations

import ipaddress

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from core.access.keys import keys_exist
from quarterturn.errors import ForbiddenError


def is_loopback(host: str) -> bool:
    """Whether a host is this machine's own: 127.0.0.1, ::1, localhost and the like."""
    name = host.strip("[]").rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def require_keys(host: str, engine: Engine) -> None:
    """Refuse to serve an address that others reach before there is a key.

    Raises:
        ForbiddenError: `keys_required`.
    """
    if is_loopback(host):
        return
    with Session(engine) as session:
        if keys_exist(session):
            return
    raise ForbiddenError(
        f"The address {host or 'of all interfaces'} can be reached by others, and no key is "
        "configured. Make one with `quarterturn keys create NAME`, or bind to 127.0.0.1.",
        code="keys_required",
    )
