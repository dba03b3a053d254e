"""Rows that belong to somebody; who sees them is the matter of `core.store.owners`."""

from __future__ import annotations

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

#: Owner of all that is made while no keys are configured, and of keys that name no other.
LOCAL = "local"


class Owned:
    """Rows that belong to somebody."""

    owner: Mapped[str] = mapped_column(String(64), index=True)
