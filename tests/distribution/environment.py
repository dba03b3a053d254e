"""An environment with nothing but a distribution and what it declares.

What it declares is here already, and torch is gigabytes: so its dependencies, and theirs, are
linked into a fresh environment from this one. What it uses without declaring it is not there.
"""

from __future__ import annotations

import subprocess
import sys
import venv
from collections.abc import Iterable
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement


def requirements_of(found: Distribution, extras: Iterable[str] = ()) -> list[Requirement]:
    """What a distribution needs here, with these extras."""
    wanted = []
    for text in found.requires or []:
        requirement = Requirement(text)
        environments = [{"extra": extra} for extra in ("", *extras)]
        if requirement.marker is None or any(map(requirement.marker.evaluate, environments)):
            wanted.append(requirement)
    return wanted


def closure(roots: Iterable[Requirement]) -> list[Distribution]:
    """The distributions that requirements bring, those that they need included."""
    found: dict[str, Distribution] = {}
    seen: set[tuple[str, tuple[str, ...]]] = set()
    waiting = list(roots)
    while waiting:
        requirement = waiting.pop()
        key = requirement.name.lower(), tuple(sorted(requirement.extras))
        if key in seen:
            continue
        seen.add(key)
        try:
            here = distribution(requirement.name)
        except PackageNotFoundError:  # of another platform, or ours, which is installed as a wheel
            continue
        found[key[0]] = here
        waiting += requirements_of(here, requirement.extras)
    return list(found.values())


class Environment:
    """A virtual environment of its own in a folder."""

    def __init__(self, folder: Path) -> None:
        venv.create(folder, with_pip=False, symlinks=True)
        self.python = folder / "bin" / "python"
        self.site = next(folder.glob("lib/python*/site-packages"))

    def link(self, distributions: Iterable[Distribution]) -> None:
        """Make distributions of this environment importable in that one."""
        for found in distributions:
            root = Path(str(found.locate_file("")))
            tops = {Path(file).parts[0] for file in found.files or [] if ".." not in file.parts}
            for top in tops - {"__pycache__"}:
                target = self.site / top
                if (root / top).exists() and not target.exists():
                    target.symlink_to(root / top)

    def install(self, wheel: Path) -> None:
        """Install a wheel without its dependencies, by the pip of this environment."""
        command = [
            sys.executable,
            "-m",
            "pip",
            "--python",
            str(self.python),
            "install",
            "-q",
            "--no-deps",
            "--no-index",
            "--disable-pip-version-check",
            str(wheel),
        ]
        subprocess.run(command, check=True)

    def run(self, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        """Run Python there, in a folder, without anything of this environment."""
        command = [str(self.python), *arguments]
        return subprocess.run(
            command,
            cwd=cwd,
            capture_output=True,
            text=True,
            timeout=220,
            check=False,
            env={"PATH": f"{self.python.parent}:/usr/bin:/bin", "HOME": str(cwd)},
        )
