"""From pip's report of an installation to constraints: `python service/lock.py REPORT`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

_HEAD = """\
# The versions that the image installs; renewed by `make lock`. Constraints, not requirements:
# packages of another platform are simply not there.
"""


def constraints(report: dict[str, Any]) -> str:
    """A line for each package but our own."""
    found = {
        item["metadata"]["name"].lower().replace("_", "-"): item["metadata"]["version"]
        for item in report["install"]
        if not item["metadata"]["name"].startswith("quarterturn")
    }
    return _HEAD + "".join(f"{name}=={found[name]}\n" for name in sorted(found))


if __name__ == "__main__":
    sys.stdout.write(constraints(json.loads(Path(sys.argv[1]).read_text())))
