"""gpu-bundle: bench-gpu in one folder, for a machine that has torch and torchvision, no more.

The folder is copied there; `python gpu-bundle/gpu.py --out results` runs all parts. It holds the
code and the packages that the code imports, and kornia, which it is compared with.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from benchmarks.harness.report import commit

_ROOT = Path(__file__).parents[2]
_CODE = ("benchmarks", "quarterturn")
_NEEDED = ("numba", "pydantic")
#: Without their dependencies, of which torch is one.
_PEERS = ("kornia", "kornia-rs")
_TAGS = ("manylinux_2_28", "manylinux_2_17", "manylinux2014")
#: What `benchmarks.harness.report` reads; in no other folder.
_STAMP = Path("benchmarks") / "harness" / "commit.txt"
_LAUNCHER = '''"""bench-gpu; what it needs beside torch and torchvision is in this folder."""

import sys

if __name__ == "__main__":
    if sys.version_info[:2] != ({version}):
        sys.exit("This folder is for Python {python}. Make another with "
                 "make gpu-bundle ARGS='--python %d.%d'" % sys.version_info[:2])
    from benchmarks.performance.gpu import main

    sys.exit(main())
'''


class BundleError(Exception):
    """The folder cannot be made; says why, and what to do."""


def _ranges(names: tuple[str, ...]) -> list[str]:
    """The packages with the versions that pyproject.toml wants; any where it names none."""
    project = tomllib.loads((_ROOT / "pyproject.toml").read_text())["project"]
    listed = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    wanted = {re.split(r"[^\w-]", one)[0]: one for one in listed}
    return [wanted.get(name, name) for name in names]


def _fetch(folder: Path, python: str, machine: str, packages: list[str], *options: str) -> None:
    platforms = [f"--platform={tag}_{machine}" for tag in _TAGS]
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "--disable-pip-version-check",
            "--quiet",
            "install",
            "--no-compile",
            "--only-binary=:all:",
            "--target",
            str(folder),
            "--python-version",
            python,
            *platforms,
            *options,
            *packages,
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        raise BundleError(
            f"pip has not fetched {', '.join(packages)} for Python {python} on {machine}. It needs "
            f"the network, and wheels of that kind; see --python and --machine. {' '.join(said)}"
        )


def bundle(folder: Path, python: str, machine: str) -> None:
    """Make the folder, in place of an earlier one.

    Args:
        python: version of the interpreter there, such as `3.12`.
        machine: what `uname -m` says there.

    Raises:
        BundleError: something else is in the folder, or pip fails.
    """
    if not re.fullmatch(r"3\.\d+", python):
        raise BundleError(f"--python {python} is no version; write 3.12, say.")
    if folder.exists():
        if not (folder / _STAMP).is_file():
            raise BundleError(f"{folder} is there, and no bundle; remove it or name another.")
        shutil.rmtree(folder)
    try:
        _fill(folder, python, machine)
    except BundleError:
        shutil.rmtree(folder)
        raise


def _fill(folder: Path, python: str, machine: str) -> None:
    leave = shutil.ignore_patterns("__pycache__", "results")
    for name in _CODE:
        shutil.copytree(_ROOT / name, folder / name, ignore=leave)
    (folder / _STAMP).write_text(commit() + "\n")
    (folder / "gpu.py").write_text(
        _LAUNCHER.format(version=python.replace(".", ", "), python=python)
    )
    _fetch(folder, python, machine, _ranges(_NEEDED))
    _fetch(folder, python, machine, _ranges(_PEERS), "--no-deps")


def main() -> int:
    """Make it, and say how large it is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=_ROOT / ".quarterturn" / "gpu-bundle")
    parser.add_argument("--python", default="3.12", help="version of the interpreter there")
    parser.add_argument("--machine", default="x86_64", help="what `uname -m` says there")
    options = parser.parse_args()
    try:
        bundle(options.folder, options.python, options.machine)
    except BundleError as error:
        print(error, file=sys.stderr)
        return 1
    size = sum(path.stat().st_size for path in options.folder.rglob("*") if path.is_file())
    print(f"{options.folder}: {size / 2**20:.0f} MiB")
    print(f"Copy it, and run there: python {options.folder.name}/gpu.py --out results")
    return 0


if __name__ == "__main__":
    sys.exit(main())
