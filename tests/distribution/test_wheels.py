"""The library beside a project with packages of the service's names, and the service alone."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Iterator
from importlib.metadata import Distribution
from pathlib import Path

import httpx
import pytest

from quarterturn.cli.service import COMMANDS
from tests.distribution.environment import Environment, closure, requirements_of
from tests.docs.texts import ROOT, blocks, read
from tests.service.waiting import until

#: What many a training project calls its own packages.
_THEIRS = ("core", "api", "workers", "migrations", "tests")


def _build(folder: Path, out: Path) -> Path:
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out)]
    subprocess.run([*command, str(folder)], check=True, capture_output=True)
    return next(out.glob("*.whl"))


@pytest.fixture(scope="module")
def library_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _build(ROOT, tmp_path_factory.mktemp("library"))


@pytest.fixture(scope="module")
def service_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _build(ROOT / "service", tmp_path_factory.mktemp("service"))


@pytest.fixture(scope="module")
def library(library_wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    environment = Environment(tmp_path_factory.mktemp("environment"))
    environment.install(library_wheel)
    environment.link(closure(requirements_of(_metadata(environment, "quarterturn"))))
    return environment


def _metadata(environment: Environment, name: str) -> Distribution:
    return next(iter(Distribution.discover(name=name, path=[str(environment.site)])))


def _tops(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name.split("/")[0] for name in archive.namelist() if ".dist-info/" not in name}


@pytest.fixture
def project(animals: Path, tmp_path: Path) -> Path:
    """A training project that has its own `core`, and some pictures."""
    for name in _THEIRS:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("OURS = True\n")
    (tmp_path / "core" / "augmentation.py").write_text("raise SystemExit('not yours')\n")
    with zipfile.ZipFile(animals) as archive:
        archive.extractall(tmp_path / "pictures", archive.namelist()[:200])
    return tmp_path


def test_the_library_is_one_package_with_ten_dependencies(library_wheel: Path) -> None:
    assert _tops(library_wheel) == {"quarterturn"}
    document = tomllib.loads((ROOT / "pyproject.toml").read_text())
    names = {re.split(r"[\[<>=~;! ]", line)[0] for line in document["project"]["dependencies"]}
    assert len(names) <= 10
    theirs = {"celery", "fastapi", "sqlalchemy", "alembic", "redis", "psycopg", "uvicorn"}
    assert not names & theirs


def test_both_have_one_version_and_say_so() -> None:
    library = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    service = tomllib.loads((ROOT / "service" / "pyproject.toml").read_text())["project"]
    version = library["version"]
    assert service["version"] == version
    assert f"quarterturn[tpe]=={version}" in service["dependencies"]
    assert re.search(r"^## (\S+)$", read("CHANGELOG.md"), re.MULTILINE)[1] == version  # type: ignore[index]


_TRAIN = """
import json, torch
import core, api, workers, migrations, tests
assert core.OURS and api.OURS and workers.OURS and migrations.OURS and tests.OURS
from quarterturn import Search
search = Search(
    "pictures", space="rand-augment", strategy={"kind": "random", "candidates": 1}, iterations=2,
    seeds=1, encoder="resnet_tiny", batch_size=16, budget="trials=3", n_workers=1, progress=False,
)
result = search.run()
result.save("policy.json")
print(result.card()[:20])
print(result.policy.export("torchvision")[:40])
dataset = list(torch.rand(8, 3, 16, 16))
encoder = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 16 * 16, 8))
contrastive_loss = torch.nn.functional.mse_loss
optimizer = torch.optim.SGD(encoder.parameters(), lr=0.1)
"""


def test_it_works_beside_packages_of_any_name(library: Environment, project: Path) -> None:
    """A search, an export, the README's training loop, and the command line."""
    loop = blocks(read("README.md"), "python")[1]
    (project / "train.py").write_text(_TRAIN + loop)
    done = library.run("train.py", cwd=project)
    assert done.returncode == 0, done.stderr
    shown = library.run("-m", "quarterturn", "policy", "show", "policy.json", cwd=project)
    assert shown.returncode == 0, shown.stderr
    name = json.loads((project / "policy.json").read_text())["name"]
    assert name in shown.stdout
    export = ("-m", "quarterturn", "policy", "export", "policy.json", "--format", "kornia")
    assert library.run(*export, cwd=project).returncode == 0
    searched = library.run(
        "-m",
        "quarterturn",
        "search",
        "pictures",
        "--encoder",
        "resnet_tiny",
        "--iterations",
        "2",
        "--batch-size",
        "16",
        "--budget",
        "trials=2",
        "--output",
        "other.json",
        "--workers",
        "2",
        cwd=project,
    )
    assert searched.returncode == 0, searched.stderr
    assert (project / "other.card.md").exists()


def test_importing_it_and_its_help_import_no_torch(library: Environment, project: Path) -> None:
    for code in (
        "import sys, quarterturn; sys.exit('torch' in sys.modules)",
        "import sys; from quarterturn.cli import app; sys.exit('torch' in sys.modules)",
    ):
        assert library.run("-c", code, cwd=project).returncode == 0


@pytest.mark.parametrize("command", COMMANDS)
def test_without_the_service_its_commands_say_how_to_get_it(
    library: Environment, project: Path, command: str
) -> None:
    done = library.run("-m", "quarterturn", command, "--port", "1", cwd=project)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "pip install quarterturn-service" in done.stderr


def test_a_search_by_service_without_the_service(library: Environment, project: Path) -> None:
    done = library.run("-m", "quarterturn", "search", "pictures", "--serve", cwd=project)
    assert "pip install quarterturn-service" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Not below pytest's, which is private to root: PostgreSQL does not run as root."""
    with tempfile.TemporaryDirectory(prefix="quarterturn-test-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_the_service_serves_in_an_environment_of_its_own(
    library_wheel: Path, service_wheel: Path, open_folder: Path
) -> None:
    assert _tops(service_wheel) == {"api", "core", "migrations", "workers"}
    environment = Environment(open_folder / "environment")
    environment.install(library_wheel)
    environment.install(service_wheel)
    needed = [
        requirement
        for name in ("quarterturn", "quarterturn-service")
        for requirement in requirements_of(_metadata(environment, name), ("tpe",))
    ]
    environment.link(closure(needed))
    helped = environment.run("-m", "quarterturn", "--help", cwd=open_folder)
    assert "pip install" not in helped.stdout
    assert all(command in helped.stdout for command in COMMANDS)
    data = open_folder / "data"
    command = [str(environment.python), "-m", "quarterturn", "serve", "--data-dir", str(data)]
    log = open_folder / "serve.out"
    with log.open("w") as stream:
        process = subprocess.Popen(
            [*command, "--port", "0"],
            cwd=open_folder,
            stdout=stream,
            stderr=stream,
            env={"PATH": "/usr/bin:/bin", "HOME": str(open_folder)},
        )

    def url() -> str | None:
        assert process.poll() is None, log.read_text()
        try:
            return str(json.loads((data / "serve.json").read_text())["url"])
        except (OSError, ValueError):
            return None

    try:
        address = until(url, 120)
        assert httpx.get(f"{address}/readyz", trust_env=False).status_code == 200
        assert "Quarterturn" in httpx.get(address, trust_env=False, follow_redirects=True).text
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)
