"""What file managers, notebooks and cameras leave in folders; not worth a line in the report."""

from __future__ import annotations

import re

_NOISE = re.compile(
    r"(^|/)(__MACOSX/|__MACOSX$|@eaDir(/|$)|\.[^/]+(/|$)|Thumbs\.db$|desktop\.ini$"
    r"|\$RECYCLE\.BIN(/|$)|System Volume Information(/|$))"
)


def is_noise(name: str) -> bool:
    """Whether a name within an archive or a folder is hidden or a leftover, or lies in one.

    `.` and `..` are neither.
    """
    if _NOISE.search(name) is None:  # nearly all names; a dot of its own is a hidden name there
        return False
    plain = "/".join(part for part in name.split("/") if part not in (".", ".."))
    return _NOISE.search(plain) is not None
