"""Where a search says what it does, and where its policy goes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from quarterturn.cli.showing import STDOUT, write

#: The exit code of a search that Ctrl-C ended without a policy, as shells tell of it.
INTERRUPTED = 130


@dataclass(frozen=True)
class Outcome:
    """What was asked of the answer.

    Attributes:
        output: the file of the policy; `-` is standard output.
        as_json: whether standard output has the whole result, as one JSON document.
    """

    output: Path
    as_json: bool

    @property
    def for_programs(self) -> bool:
        """Whether standard output is a document, and all else goes to standard error."""
        return self.as_json or self.output == STDOUT

    @property
    def beside(self) -> Path | None:
        """The file that others lie beside; none where the policy goes to standard output."""
        return None if self.output == STDOUT else self.output

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Tables and bars go where they belong while the block runs."""
        if not self.for_programs:
            yield
            return
        from quarterturn.results import display

        with display.on_stderr():
            yield

    def say(self, text: str, **style: Any) -> None:
        """A line for people."""
        typer.secho(text, err=self.for_programs, **style)

    def hand_out(self, policy: dict[str, Any], result: dict[str, Any]) -> None:
        """Write the policy, and print the result where it was asked for.

        Raises:
            UnavailableError: `output_not_writable`.
        """
        if self.beside is not None or not self.as_json:
            write(self.output, (json.dumps(policy, indent=2) + "\n").encode())
        if self.as_json:
            typer.echo(json.dumps({**result, "policy": policy}, indent=2))
