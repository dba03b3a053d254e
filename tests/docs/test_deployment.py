"""docker-compose.yml and the Dockerfile."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from service.lock import constraints
from tests.docs.texts import ROOT, read

_SECRETS = {"POSTGRES_PASSWORD": "one", "REDIS_PASSWORD": "two"}


def _compose(folder: Path, secrets: dict[str, str]) -> subprocess.CompletedProcess[str]:
    empty = folder / "empty.env"  # in place of the .env of an operator
    empty.touch()
    clients = [["docker", "compose"], ["docker-compose"]]
    for client in clients:
        if (
            shutil.which(client[0])
            and not subprocess.run(
                [*client, "version"], capture_output=True, check=False
            ).returncode
        ):
            environment = {k: v for k, v in os.environ.items() if k not in _SECRETS}
            return subprocess.run(
                [*client, "-f", "docker-compose.yml", "--env-file", str(empty), "config"],
                cwd=ROOT,
                env={**environment, **secrets},
                capture_output=True,
                text=True,
                check=False,
            )
    pytest.skip("there is no Docker Compose here to read docker-compose.yml")


def test_compose_reads_the_file(tmp_path: Path) -> None:
    answer = _compose(tmp_path, _SECRETS)
    assert answer.returncode == 0, answer.stderr
    for service in ("postgres", "redis", "migrate", "api", "worker"):
        assert f"\n  {service}:\n" in answer.stdout


@pytest.mark.parametrize("missing", sorted(_SECRETS))
def test_compose_refuses_without_a_secret(missing: str, tmp_path: Path) -> None:
    given = {name: value for name, value in _SECRETS.items() if name != missing}
    answer = _compose(tmp_path, given)
    assert answer.returncode != 0
    assert f"set {missing}" in answer.stderr


def test_no_secret_has_a_default() -> None:
    text = read("docker-compose.yml")
    for name in _SECRETS:
        uses = re.findall(rf"\$\{{{name}([^}}]*)\}}", text)
        assert uses, f"{name} is not used"
        assert all(use.startswith(":?") and len(use) > 2 for use in uses)
    for line in text.splitlines():
        value = re.fullmatch(r" *\w*(?:PASSWORD|AUTH|SECRET)\w*: *(.+)", line)
        assert value is None or value[1].startswith("${"), line
        for password in re.findall(r"//\w*:([^@]+)@", line):
            assert password.startswith("${"), line


def test_ports_are_published_on_loopback_only() -> None:
    published = re.findall(r"^ +ports:\n((?: +- .+\n)+)", read("docker-compose.yml"), re.MULTILINE)
    entries = [line.strip() for block in published for line in block.splitlines()]
    assert entries
    assert all(entry.startswith("- 127.0.0.1:") for entry in entries)


def test_the_worker_can_be_scaled() -> None:
    assert "container_name" not in read("docker-compose.yml")


@pytest.mark.parametrize("service", ["postgres", "redis", "api", "worker"])
def test_long_running_services_have_a_health_check(service: str) -> None:
    services = read("docker-compose.yml").partition("\nservices:\n")[2]
    part = re.split(r"^  \w+:$", services.partition(f"  {service}:\n")[2], flags=re.MULTILINE)[0]
    assert "    healthcheck:\n" in part


def test_health_checks_in_python_compile() -> None:
    scripts = re.findall(r"- -c\n +- \|\n((?: {10}.*\n)+)", read("docker-compose.yml"))
    assert len(scripts) == 2
    for script in scripts:
        compile(re.sub(r"^ {10}", "", script, flags=re.MULTILINE), "healthcheck", "exec")


def test_the_image_holds_all_packages_and_is_not_root() -> None:
    text = read("Dockerfile")
    found = re.findall(r"include = \[(.+)\]", read("pyproject.toml"))[0]
    for package in re.findall(r'"(\w+)\*"', found):
        assert f"COPY {package} {package}" in text
        assert f"!{package}" in read(".dockerignore").splitlines()
    assert re.findall(r"^USER (\w+)$", text, re.MULTILINE)[-1] != "root"


def test_the_image_installs_written_versions_that_fit_what_is_asked_for() -> None:
    text = read("Dockerfile")
    installs = [line for line in text.splitlines() if "pip install" in line]
    assert installs
    assert all("-c constraints.txt" in line for line in installs)
    lines = read("service/constraints.txt").splitlines()
    written = dict(line.split("==") for line in lines if line and not line.startswith("#"))
    asked = [
        Requirement(line)
        for name in ("pyproject.toml", "service/pyproject.toml")
        for line in tomllib.loads(read(name))["project"]["dependencies"]
    ]
    for requirement in asked:
        if requirement.name.startswith("quarterturn"):
            continue
        version = written[requirement.name.lower().replace("_", "-")]
        assert requirement.specifier.contains(version), f"{requirement}: `make lock`"


def test_constraints_are_made_from_the_report_of_pip() -> None:
    report = {
        "install": [
            {"metadata": {"name": "Some_Thing", "version": "1.2"}},
            {"metadata": {"name": "quarterturn", "version": "9"}},
        ]
    }
    assert constraints(report).splitlines()[-1] == "some-thing==1.2"
