"""The folder of a search: what it was asked, its images, its trials. Whoever asks the same again
goes on where it ended.
"""

from __future__ import annotations

import fcntl
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from quarterturn.errors import ConflictError
from quarterturn.local.loop import Progress
from quarterturn.local.trials import TrialLog
from quarterturn.search.spec import SearchSpec
from quarterturn.storage.keys import CHECKPOINTS

FORMAT = 1


def _asked(spec: SearchSpec, digest: str) -> dict[str, Any]:
    # A search that goes on may be given more to spend.
    settings = spec.model_dump(mode="json", exclude={"budget", "worker"})
    return {"format": FORMAT, "images": digest, "spec": settings}


class SearchFolder:
    """Where a search keeps its results.

    Args:
        path: made if it is not there; processes of an executor must see it under the same name.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self.log = TrialLog(self.path / "trials.jsonl")
        self._file = self.path / "search.json"

    @contextmanager
    def lock(self) -> Iterator[None]:
        """For one search at a time.

        Raises:
            ConflictError: `folder_in_use`.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        with (self.path / "search.lock").open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise ConflictError(
                    f"Another search is running in {self.path}. Wait for it, or choose another "
                    "folder.",
                    code="folder_in_use",
                ) from None
            yield

    def open(self, spec: SearchSpec, digest: str) -> Progress:
        """What an earlier run of the same search has done; nothing in a fresh folder.

        Raises:
            ConflictError: `another_search`, the folder holds results of other images or settings.
        """
        asked = _asked(spec, digest)
        settings = asked["spec"]
        try:
            kept = json.loads(self._file.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            kept = None
        if kept is None:
            self.keep(spec, digest)
        elif kept != asked:
            differing = [
                name for name in settings if (kept.get("spec") or {}).get(name) != settings[name]
            ]
            if kept.get("images") != digest:
                differing.insert(0, "images")
            raise ConflictError(
                f"{self.path} holds the results of another search (other "
                f"{', '.join(differing) or 'format'}). Choose another folder, or ask for the same.",
                code="another_search",
            )
        progress = Progress()
        for trial in self.log.read():
            progress.add(trial)
        return progress

    def keep(self, spec: SearchSpec, digest: str) -> None:
        """Write down what is searched for, now that it is more than before or the first of all."""
        partial = self._file.with_suffix(".partial")
        partial.write_text(json.dumps(_asked(spec, digest), indent=1), encoding="utf-8")
        partial.replace(self._file)

    def tidy(self) -> None:
        """Remove what only trials still to come would have needed."""
        shutil.rmtree(self.path / CHECKPOINTS, ignore_errors=True)
