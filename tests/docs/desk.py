"""A folder in which the commands of a document are run as its reader would, with little work.

Only what cannot be as in the document is replaced: the address of the server, ids, and how much is
trained.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import httpx
import torch
from PIL import Image
from safetensors.torch import save_file

from quarterturn import Client
from quarterturn.export import FORMATS, Options, export
from quarterturn.models.encoders import build_encoder
from quarterturn.models.naming import portable_state
from quarterturn.policy import write_policy
from quarterturn.policy.recipes import moco_v2
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
_IDS = re.compile(r"\b(ds|job|ckpt|key)_[0-9a-f]{20}\b")
#: Stands for an id where a document gives a whole one.
_EXAMPLE = "0198a1b2c3d4e5f60718"
_BUDGET = '"budget": {"seconds": 1800}'
_LENGTH = '"iterations": 300'
_LITTLE = (
    '"budget": {"trials": 1}, "iterations": 1, '
    '"pretraining": {"encoder": "resnet_tiny", "batch_size": 16}'
)


#: A job for all documents that only read one, by the address of its server.
_FINISHED: dict[str, str] = {}


class Desk:
    """Where the blocks of one document are run, in order."""

    def __init__(
        self, folder: Path, url: str, data_dir: Path, animals: Path, server_folder: Path
    ) -> None:
        self.folder, self.url = folder, url
        self._ids: dict[str, str] = {}
        self._animals = animals
        self._server_images = server_folder / "desk"
        torch.manual_seed(0)
        #: What the reader of a Python block has already.
        self.names: dict[str, Any] = {
            "images": torch.rand(4, 3, 28, 28),
            "image": torch.rand(3, 28, 28),
            "picture": Image.new("RGB", (40, 30), (200, 20, 20)),
            "pil_image": Image.new("L", (40, 30), 90),
        }
        shims = folder / "bin"
        shims.mkdir()
        curl = "/usr/bin/curl"
        for name, text in _SHIMS.items():
            script = "#!/bin/bash\n" + text.format(python=sys.executable, curl=curl)
            (shims / name).write_text(script)
            (shims / name).chmod(0o755)
        self.environment = {
            **os.environ,
            "PATH": f"{shims}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "QUARTERTURN_DATA_DIR": str(data_dir),  # its service is the one that runs
            "QUARTERTURN_API_KEY": "",
        }
        self._lay_out()

    def _lay_out(self) -> None:
        """What a reader brings: images, weights, and what earlier documents have made."""
        (self.folder / "images.zip").symlink_to(self._animals)
        with zipfile.ZipFile(self._animals) as archive:
            archive.extractall(self.folder / "path" / "to" / "images")
        shutil.copytree(self.folder / "path/to/images", self._server_images, dirs_exist_ok=True)
        first = next((self.folder / "path/to/images").rglob("*.png"))
        (self.folder / "animal.png").symlink_to(first)
        demo = self.folder / ".quarterturn" / "demo"
        demo.mkdir(parents=True)
        (demo / "animal-mnist.zip").symlink_to(self._animals)
        for target in (demo, self.folder):
            write_policy(moco_v2(), target / "policy.json")
        write_policy(moco_v2(), self.folder / "other.json")
        for name in set(FORMATS) - {"torchvision"}:  # that one is downloaded
            exported = export(moco_v2(), name, Options(size=28))
            (self.folder / exported.filename).write_text(exported.text)
        state = portable_state(build_encoder("resnet_tiny", 28))
        for name in ("base", "moco", "encoder"):
            save_file(state, self.folder / f"{name}.safetensors")
        for step in (1000, 5000, 20000):
            torch.save(state, self.folder / f"step-{step}.pth")
        (self.folder / "images").symlink_to(self.folder / "path/to/images")
        (self.folder / "examples").symlink_to(ROOT / "examples")

    def _learn(self, text: str) -> None:
        """The ids that were printed, of which the last counts."""
        for found in _IDS.finditer(text):
            self._ids[found[1]] = found[0]

    def _job(self) -> str:
        """A completed job: the last of the document, or else one for all documents."""
        with Client(self.url) as client:
            if "job" not in self._ids:
                if self.url not in _FINISHED:
                    search: dict[str, Any] = {**TINY_SEARCH, "final_pretraining": {"iterations": 2}}
                    _FINISHED[self.url] = client.search(self._animals, **search).id
                self._ids["job"] = _FINISHED[self.url]
            client.job(self._ids["job"]).wait(period=0.2)
        return self._ids["job"]

    def _unfinished(self) -> str:
        """A job that goes on until it is cancelled."""
        with Client(self.url) as client:
            dataset = str(client.upload(self._animals)["id"])
        body = {"dataset_id": dataset, **TINY_SEARCH, "iterations": 20_000}
        answer = httpx.post(f"{self.url}/v1/jobs", json=body, trust_env=False)
        return str(answer.json()["id"])

    def _filled(self, text: str) -> str:
        text = text.replace(".venv/bin/", "").replace("http://127.0.0.1:8000", self.url)
        text = text.replace(_EXAMPLE, "...")
        if _BUDGET in text:
            text = text.replace(f"{_LENGTH}\n", '"seeds": 1\n').replace(_BUDGET, _LITTLE)
        text = text.replace("/data/images", str(self._server_images))
        if '"abc"' in text:  # the id of a request that its reader has made
            httpx.get(f"{self.url}/v1/jobs", headers={"X-Request-ID": "abc"}, trust_env=False)
            text = text.replace("~/.quarterturn", self.environment["QUARTERTURN_DATA_DIR"])
        if "job_.../cancel" in text:
            text = text.replace("job_...", self._unfinished())
        if "job_..." in text:
            text = text.replace("job_...", self._job())
        return re.sub(r"\b(ds|ckpt|key)_\.\.\.", lambda found: self._ids[found[1]], text)

    def run(self, language: str, block: str) -> None:
        """Run a block; it must not fail."""
        text = self._filled(block)
        if language == "python":
            exec(compile(text, "<document>", "exec"), self.names)
            self._learn(str([getattr(value, "id", "") for value in self.names.values()]))
            return
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
        self._learn(done.stdout)
