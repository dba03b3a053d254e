"""Settings as the command line changes them."""

from __future__ import annotations

import os

from core.settings import Settings, get_settings


def settings_with(**changes: object) -> Settings:
    """The settings, with what was given on the command line; None leaves them as they are."""
    given = {name: value for name, value in changes.items() if value is not None}
    for name, value in given.items():
        os.environ[f"QUARTERTURN_{name.upper()}"] = str(value)
    get_settings.cache_clear()
    return get_settings()
