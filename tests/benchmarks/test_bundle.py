"""The folder of `make gpu-bundle` runs where there is nothing but torch and torchvision."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from benchmarks.harness.report import commit
from benchmarks.performance.bundle import BundleError, bundle

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="bundles are for Linux")
HERE = f"{sys.version_info[0]}.{sys.version_info[1]}"


def _closure(requirement: str, found: dict[str, frozenset[str]]) -> None:
    """Names of a package and of what it requires here, with the extras that are asked for."""
    asked = Requirement(requirement)
    extras = frozenset(asked.extras)
    if asked.name in found and found[asked.name] >= extras:
        return
    found[asked.name] = found.get(asked.name, frozenset()) | extras
    for line in distribution(asked.name).requires or []:
        marker = Requirement(line).marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            _closure(line.split(";")[0], found)


def _entries(name: str) -> Iterator[Path]:
    """Files and folders of a package in site-packages."""
    package = distribution(name)
    root = Path(str(package.locate_file("")))
    tops = {file.parts[0] for file in package.files or []} - {"..", "__pycache__"}
    yield from (root / top for top in tops)


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of an interpreter that has torch, torchvision and what they require."""
    folder = tmp_path_factory.mktemp("there")
    found: dict[str, frozenset[str]] = {}
    _closure("torch", found)
    _closure("torchvision", found)
    for entry in {entry for name in found for entry in _entries(name)}:
        (folder / entry.name).symlink_to(entry)
    home = str(tmp_path_factory.mktemp("home"))
    return {"PATH": os.defpath, "HOME": home, "PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1"}


def _run(there: dict[str, str], *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    # Without -S it would see the packages that are installed here.
    command = [sys.executable, "-S", *map(str, arguments)]
    return subprocess.run(command, env=there, capture_output=True, text=True, check=False)


def _fetches(folder: Path) -> bool:
    """Whether pip reaches an index at all."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "pydantic", "--dest", folder]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.fixture(scope="module")
def bundled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle for this interpreter."""
    folder = tmp_path_factory.mktemp("bundle") / "gpu-bundle"
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PIP_RETRIES", "1")
        try:
            bundle(folder, HERE, platform.machine())
        except BundleError:
            if _fetches(tmp_path_factory.mktemp("fetched")):
                raise
            pytest.skip("pip reaches no package index")
    return folder


def test_all_parts_run_beside_torch_and_torchvision_alone(
    bundled: Path, there: dict[str, str]
) -> None:
    for package in ("pydantic", "scipy", "sqlalchemy", "numba", "kornia"):
        assert "ModuleNotFoundError" in _run(there, "-c", f"import {package}").stderr
    done = _run(there, bundled / "gpu.py", "--device", "cpu", "--quick")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "times kornia" in done.stdout
    assert (bundled / "benchmarks" / "harness" / "commit.txt").read_text().strip() == commit()


def test_a_bundle_says_which_python_it_is_for(bundled: Path, there: dict[str, str]) -> None:
    launcher = bundled / "gpu.py"
    other = launcher.with_name("other.py")
    other.write_text(launcher.read_text().replace(HERE.replace(".", ", "), "3, 1"))
    assert f"make gpu-bundle ARGS='--python {HERE}'" in _run(there, other).stderr


def test_what_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "gpu.py").write_text("not to be removed")
    with pytest.raises(BundleError, match="no bundle"):
        bundle(tmp_path, HERE, platform.machine())
    assert (tmp_path / "gpu.py").exists()
    with pytest.raises(BundleError, match=r"write 3\.12"):
        bundle(tmp_path / "new", "three", platform.machine())
    with pytest.raises(BundleError, match=r"pydantic.* for Python 3\.12 on pdp11"):
        bundle(tmp_path / "new", "3.12", "pdp11")
    assert not (tmp_path / "new").exists()
