"""The code that decides results, as it was when somebody last looked whether results change.

`python -m tests.trial.results_version` records it anew, after RESULTS_VERSION was raised, or where
results are as before.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import quarterturn
from quarterturn.trial.version import RESULTS_VERSION

RECORD = Path(__file__).with_suffix(".json")
#: Of the library: what an equal trial goes through.
DECISIVE = ("augment", "models", "policy", "pretrain", "score", "trial")


def _lines(path: Path) -> Iterator[str]:
    """Without blank lines and comments, which decide nothing."""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            yield line.rstrip()


def code_digest() -> str:
    """Of all decisive files and their names, 64 hex digits."""
    root = Path(quarterturn.__file__).parent
    digest = hashlib.sha256()
    for folder in DECISIVE:
        for path in sorted((root / folder).rglob("*.py")):
            digest.update("\n".join([str(path.relative_to(root)), *_lines(path)]).encode())
    return digest.hexdigest()


if __name__ == "__main__":
    RECORD.write_text(json.dumps({"version": RESULTS_VERSION, "code": code_digest()}) + "\n")
