"""A folder in which the commands of a document are run as its reader would, with little work.

Only what cannot be as in the document is replaced: the address of the server, ids, and how much is
trained.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from safetensors.torch import save_file

from core.policies import write_policy
from core.policies.recipes import moco_v2
from core.pretraining.encoders import build_encoder
from core.weights.naming import portable_state
from quarterturn import Client
from tests.conftest import TINY_SEARCH
from tests.docs.texts import ROOT

_SHIMS = {
    "quarterturn": """
extra=()
[ "$1" = search ] && extra=(--encoder resnet_tiny --batch-size 16 --iterations 1 --budget trials=1)
case " $* " in *" --final-iterations "*) extra+=(--final-iterations 2) ;; esac
exec {python} -m quarterturn "$@" "${{extra[@]}}"
""",
    "python": 'exec {python} "$@"\n',
    "curl": 'exec {curl} -sS --fail-with-body "$@"\n',
}
_IDS = re.compile(r"\b(ds|job|ckpt)_[0-9a-f]{20}\b")
_BUDGET = '"budget": {"seconds": 1800}'
_LITTLE = (
    '"budget": {"trials": 1}, "iterations": 1, '
    '"pretraining": {"encoder": "resnet_tiny", "batch_size": 16}'
)


class Desk:
    """Where the blocks of one document are run, in order."""

    def __init__(self, folder: Path, url: str, data_dir: Path, animals: Path) -> None:
        self.folder, self.url = folder, url
        self._ids: dict[str, str] = {}
        self._animals = animals
        torch.manual_seed(0)
        #: What the reader of a Python block has already.
        self.names: dict[str, Any] = {
            "images": torch.rand(4, 3, 28, 28),
            "picture": Image.new("RGB", (40, 30), (200, 20, 20)),
        }
        shims = folder / "bin"
        shims.mkdir()
        curl = "/usr/bin/curl"
        for name, text in _SHIMS.items():
            script = "#!/bin/bash\n" + text.format(python=sys.executable, curl=curl)
            (shims / name).write_text(script)
            (shims / name).chmod(0o755)
        self._environment = {
            **os.environ,
            "PATH": f"{shims}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "QUARTERTURN_DATA_DIR": str(data_dir),  # its service is the one that runs
        }
        self._lay_out()

    def _lay_out(self) -> None:
        """What a reader brings: images, weights, and what earlier documents have made."""
        (self.folder / "images.zip").symlink_to(self._animals)
        with zipfile.ZipFile(self._animals) as archive:
            archive.extractall(self.folder / "path" / "to" / "images")
        first = next((self.folder / "path/to/images").rglob("*.png"))
        (self.folder / "animal.png").symlink_to(first)
        demo = self.folder / ".quarterturn" / "demo"
        demo.mkdir(parents=True)
        (demo / "animal-mnist.zip").symlink_to(self._animals)
        for target in (demo, self.folder):
            write_policy(moco_v2(), target / "policy.json")
        state = portable_state(build_encoder("resnet_tiny", 28))
        save_file(state, self.folder / "base.safetensors")
        (self.folder / "examples").symlink_to(ROOT / "examples")

    def _learn(self, text: str) -> None:
        """The ids that were printed, of which the last counts."""
        for found in _IDS.finditer(text):
            self._ids[found[1]] = found[0]

    def _job(self) -> str:
        """A completed job: the last of the document, or else one started now."""
        with Client(self.url) as client:
            if "job" not in self._ids:
                self._ids["job"] = client.search(self._animals, **TINY_SEARCH).id
            client.job(self._ids["job"]).wait(period=0.2)
        return self._ids["job"]

    def _filled(self, text: str) -> str:
        text = text.replace(".venv/bin/", "").replace("http://127.0.0.1:8000", self.url)
        text = text.replace(_BUDGET, _LITTLE)
        if "job_..." in text:
            text = text.replace("job_...", self._job())
        return re.sub(r"\b(ds|ckpt)_\.\.\.", lambda found: self._ids[found[1]], text)

    def run(self, language: str, block: str) -> None:
        """Run a block; it must not fail."""
        text = self._filled(block)
        if language == "python":
            exec(compile(text, "<document>", "exec"), self.names)
            self._learn(str([getattr(value, "id", "") for value in self.names.values()]))
            return
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text], cwd=self.folder, env=self._environment,
            capture_output=True, text=True, timeout=180, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
        self._learn(done.stdout)
