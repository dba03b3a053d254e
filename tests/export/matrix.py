"""Exports by releases of their libraries: what was tried, and what was found.

`python -m tests.export.matrix --releases FOLDER` tries the oldest and the newest supported release
of each library and writes `matrix.json`. FOLDER holds `NAME==VERSION` folders, each made by
`pip install --no-deps --target FOLDER/NAME==VERSION NAME==VERSION`; what is missing there is tried
as it is installed. Old releases of lightly need `aenum` beside them.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.export.use import CHECKS, FORMATS

RECORD = Path(__file__).with_name("matrix.json")
#: Besides what is installed.
RELEASES: dict[str, tuple[str, ...]] = {
    "lightly": ("lightly==1.5.9", "lightly==1.6.0"),
    "kornia": ("kornia==0.8.1", "kornia==0.9.0"),
    "albumentations": ("albumentations==2.0.8",),
    "timm": ("timm==1.0.20", "timm==1.0.31"),
}


def record() -> list[dict[str, Any]]:
    """The rows: format, versions of its library, and the result of each check."""
    rows: list[dict[str, Any]] = json.loads(RECORD.read_text())
    return rows


def table() -> list[str]:
    """The record as a table of Markdown."""
    lines = [
        f"| export | library | {' | '.join(CHECKS)} |",
        "|---|---|" + "---|" * len(CHECKS),
    ]
    for row in record():
        ((library, version),) = row["versions"].items()
        cells = " | ".join(row["results"][check] for check in CHECKS)
        lines.append(f"| `{row['format']}` | {library} {version} | {cells} |")
    return lines


def _tried(name: str, folder: Path | None) -> dict[str, Any]:
    first = [str(folder)] if folder else []
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([*first, str(Path.cwd())])}
    environment["NO_ALBUMENTATIONS_UPDATE"] = "1"
    ended = subprocess.run(
        [sys.executable, "-m", "tests.export.use", name],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if ended.returncode:
        sys.exit(f"{name} with {folder}:\n{ended.stderr}")
    return {"format": name, **json.loads(ended.stdout.splitlines()[-1])}


def main() -> None:
    """Try all and write the record."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--releases", type=Path)
    parser.add_argument("--formats", nargs="*", default=FORMATS)
    asked = parser.parse_args()
    rows = (
        [row for row in record() if row["format"] not in asked.formats] if RECORD.exists() else []
    )
    for name in asked.formats:
        folders = [asked.releases / release for release in RELEASES.get(name, ())]
        for folder in [folder for folder in folders if folder.is_dir()] or [None]:
            rows.append(_tried(name, folder))
            sys.stderr.write(f"{rows[-1]}\n")
            rows.sort(key=lambda row: FORMATS.index(row["format"]))
            RECORD.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
