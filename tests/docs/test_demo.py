"""What `make demo` asks for reaches the command as it was meant: make, the shell, then JSON."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from core.search.spec import SearchSpec
from core.spaces.presets import parse_space

ROOT = Path(__file__).parents[2]
_RECORDER = f"""#!{sys.executable}
import json, sys
print("asked", json.dumps(sys.argv[1:]))
"""


def test_the_demo_asks_for_a_search_that_is_accepted(tmp_path: Path) -> None:
    for name in ("python", "quarterturn"):
        (tmp_path / name).write_text(_RECORDER)
        (tmp_path / name).chmod(0o755)
    command = ["make", "-o", ".venv/.installed", "demo", f"BIN={tmp_path}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    asked = [json.loads(x[6:]) for x in done.stdout.splitlines() if x.startswith("asked ")]
    (search,) = [arguments for arguments in asked if arguments[0] == "search"]
    given = dict(zip(search[2::2], search[3::2], strict=True))
    spec = SearchSpec.model_validate(
        {
            "search_space": parse_space(given["--space"]),
            "strategy": json.loads(given["--strategy"]),
            "iterations": int(given["--iterations"]),
            "pretraining": {"encoder": given["--encoder"]},
        }
    )
    assert spec.strategy.kind == "pipeline"
    assert (given["--budget"], Path(given["--output"]).name) == ("170s", "policy.json")
