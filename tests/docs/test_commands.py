"""All commands of README.md and of all documents are run, against a real service."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import matplotlib
import pytest

from core.embedded.stack import Stack
from core.settings import Settings
from quarterturn.client.calls.jobs import JobCalls
from quarterturn.local import Search
from tests.conftest import TINY_SEARCH
from tests.docs.desk import Desk
from tests.docs.texts import DOCS, ROOT, read

_ALL = ["README.md", *sorted(path.relative_to(ROOT).as_posix() for path in DOCS.rglob("*.md"))]
#: What is no command: programs' output, documents, settings, and the source of drawings.
_NO_COMMANDS = {"text", "json", "yaml", "mermaid"}
_SERVES = "it serves until it is stopped; tests/cli/test_serve.py"
_INSTALLED = "tests/distribution/test_wheels.py"
_DOCKER = "it needs Docker; tests/docs/test_deployment.py reads the file"
_COUNTERPART = "the encoder is too large; tests/models/test_loading.py runs the card's lines"
_ELSEWHERE = "it needs a server elsewhere"
#: What is not run here, by document and first words, and why.
_NOT_RUN = {
    ("README.md", "make demo"): "minutes; `make smoke` is the same in short",
    ("README.md", "pip install quarterturn\n"): _INSTALLED,
    ("README.md", "pip install quarterturn-service"): f"{_INSTALLED}; {_SERVES}",
    ("docs/how-to/search.md", "executor = dask_client"): "tests/local/test_executors.py",
    ("README.md", "import torch"): "test_texts.test_the_training_loop_runs, which looks at weights",
    ("docs/tutorial.md", "make demo"): "minutes; the files that it leaves are laid out",
    ("docs/tutorial.md", ".venv/bin/quarterturn serve"): _SERVES,
    ("docs/how-to/cluster.md", "printf"): _DOCKER,
    ("docs/deployment.md", "printf"): _DOCKER,
    ("docs/operations.md", "quarterturn backup"): "it serves; tests/service/test_backup.py",
    ("docs/operations.md", "pg_dump"): "it needs the PostgreSQL of a deployment, with its programs",
    ("docs/api.md", "curl -H 'Content-Type: application/json' \\\n  -d '{\"library\""): (
        "the weights would be downloaded; tests/models/test_library.py"
    ),
    ("docs/api.md", 'curl -H "Authorization: Bearer $QUARTERTURN_API_KEY"'): (
        "a key would close the service of all tests; tests/access/test_gate.py"
    ),
    ("docs/engine.md", "make gpu-bundle"): "it needs a GPU; tests/benchmarks/test_bundle.py",
    ("docs/warm-start.md", "model = torchvision"): _COUNTERPART,
    ("docs/warm-start.md", "model = timm"): _COUNTERPART,
    ("docs/how-to/cluster.md", "from quarterturn import Client"): _ELSEWHERE,
    ("docs/how-to/cluster.md", "export QUARTERTURN_API_KEY"): _ELSEWHERE,
    ("docs/how-to/cluster.md", "quarterturn doctor"): "tests/cli/test_doctor.py",
    ("docs/how-to/export.md", "python examples/train_with_lightly.py"): "tests/examples",
    ("docs/how-to/warm-start.md", "quarterturn checkpoints create --library"): (
        "the weights would be downloaded; tests/models/test_library.py"
    ),
}


def _blocks(name: str) -> list[tuple[str, str]]:
    """Language and text of each fenced block that can be run, in order."""
    return re.findall(r"^```(sh|python)\n(.*?)^```$", read(name), re.MULTILINE | re.DOTALL)


_DOCUMENTS = [name for name in _ALL if _blocks(name)]


def _reason(name: str, block: str) -> str | None:
    """Why a block is not run, if so."""
    found = [
        why
        for (where, begins), why in _NOT_RUN.items()
        if where == name and block.startswith(begins)
    ]
    return found[0] if found else None


@pytest.fixture
def desk(
    stack: Stack,
    animals: Path,
    animal_dataset: str,
    server_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Desk:
    matplotlib.use("Agg")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("QUARTERTURN_DATA_DIR", str(stack.data_dir))
    for name in [name for name in sys.modules if name.startswith(("my_policy", "policy_"))]:
        monkeypatch.delitem(sys.modules, name, raising=False)
    start = JobCalls.start

    def start_little(self: JobCalls, dataset_id: str, **search: Any) -> dict[str, Any]:
        little = {**TINY_SEARCH, **search, "iterations": 1, "budget": {"trials": 2}}
        if "final_pretraining" in search:
            little["final_pretraining"] = {"iterations": 2}
        little["pretraining"] = {**search.get("pretraining", {}), **TINY_SEARCH["pretraining"]}  # type: ignore[dict-item]
        return start(self, dataset_id, **little)

    monkeypatch.setattr(JobCalls, "start", start_little)
    begin = Search.__init__

    def begin_little(self: Search, images: Any, **asked: Any) -> None:
        little = {key: value for key, value in TINY_SEARCH.items() if key != "search_space"}
        begin(
            self,
            images,
            **{**asked, **little, "iterations": 1, "budget": "trials=2"},
            n_workers=1,
            progress=False,
        )

    monkeypatch.setattr(Search, "__init__", begin_little)
    return Desk(tmp_path, stack.url, stack.data_dir, animals, server_folder)


@pytest.mark.parametrize("name", _DOCUMENTS)
def test_each_block_runs(name: str, desk: Desk, request: pytest.FixtureRequest) -> None:
    if "quarterturn keys" in read(name):
        # The first key would close the service that all tests use.
        database: Settings = request.getfixturevalue("database")
        desk.environment["QUARTERTURN_DATABASE_URL"] = str(database.database_url)
    for language, block in _blocks(name):
        if _reason(name, block) is None:
            desk.run(language, block)


@pytest.mark.parametrize("name", _ALL)
def test_no_block_hides_in_another_language(name: str) -> None:
    known = {"sh", "python", *_NO_COMMANDS}
    assert set(re.findall(r"^ *```(\w*)$", read(name), re.MULTILINE)) - {""} <= known
    blocks = re.findall(r"^```text\n(.*?)^```$", read(name), re.MULTILINE | re.DOTALL)
    assert not [b for b in blocks if b.startswith(("$", "curl ", "quarterturn ", "make "))]


@pytest.mark.parametrize(("name", "begins"), list(_NOT_RUN))
def test_what_is_not_run_is_there(name: str, begins: str) -> None:
    assert sum(block.startswith(begins) for _, block in _blocks(name)) == 1
