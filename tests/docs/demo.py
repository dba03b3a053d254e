"""What `make demo` gives to the command line, as that sees it: after make and the shell."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
_RECORDER = f"""#!{sys.executable}
import json, sys
print("asked", json.dumps(sys.argv[1:]))
"""


def demo_options(folder: Path) -> dict[str, str]:
    """The options of the search. Commands that write down their arguments are put into `folder`."""
    for name in ("python", "quarterturn"):
        (folder / name).write_text(_RECORDER)
        (folder / name).chmod(0o755)
    command = ["make", "-o", ".venv/.installed", "demo", f"BIN={folder}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    asked = [json.loads(x[6:]) for x in done.stdout.splitlines() if x.startswith("asked ")]
    (search,) = [arguments for arguments in asked if arguments[0] == "search"]
    options = [part for part in search[2:] if part != "--serve"]
    return dict(zip(options[::2], options[1::2], strict=True))
