"""An exported Python file as an object, without a file on disk."""

from __future__ import annotations

from functools import cached_property
from typing import Any


class ExportedFile:
    """What a file of an export defines, by its names. It is pickled as its text, so that workers
    that are spawned can run it without importing it.

    Args:
        text: of the file, made by `quarterturn.export`: it is run.
    """

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def namespace(self) -> dict[str, Any]:
        """What the file defines."""
        found: dict[str, Any] = {"__name__": "policy"}
        exec(compile(self.text, "<exported policy>", "exec"), found)
        return found

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self.namespace:
            raise AttributeError(f"the file has no {name}")
        value = self.namespace[name]
        is_view = callable(value) and not isinstance(value, type)
        return ExportedView(self, name) if is_view else value

    def __reduce__(self) -> tuple[Any, ...]:
        return ExportedFile, (self.text,)


class ExportedView:
    """A function or a view of an exported file, by its name."""

    def __init__(self, file: ExportedFile, name: str) -> None:
        self.file, self.name = file, name

    def __call__(self, *pictures: Any, **named: Any) -> Any:
        return self.file.namespace[self.name](*pictures, **named)

    def __repr__(self) -> str:
        return repr(self.file.namespace[self.name])
