"""Write what operations say of themselves to the file that policies are checked by.

`quarterturn.policy` reads no torch: it knows operations by `operations.json` alone, which this
command renews from the files of this folder. New ones come last.
"""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from quarterturn.augment.ops.operation import Operation
from quarterturn.augment.ops.random_resized_crop import NAME as CROP
from quarterturn.policy.operations import CATALOG, OPERATIONS, OperationInfo


def _document(info: OperationInfo) -> dict[str, Any]:
    """Without what is at its default."""
    defaults = {field.name: field.default for field in fields(info)}
    return {key: value for key, value in asdict(info).items() if value != defaults[key]}


def catalog() -> str:
    """The text of the file."""
    package = import_module("quarterturn.augment.ops")
    modules = [
        import_module(f"{package.__name__}.{module.name}")
        for module in iter_modules(package.__path__)
        if module.name != "__main__"
    ]
    found = [module.OPERATION for module in modules if hasattr(module, "OPERATION")]
    infos = {one.name: one.info for one in found if isinstance(one, Operation) and one.name != CROP}
    known = [name for name in OPERATIONS if name in infos]
    names = [*known, *sorted(set(infos) - set(known))]
    return json.dumps([_document(infos[name]) for name in names], indent=1) + "\n"


if __name__ == "__main__":
    CATALOG.write_text(catalog(), encoding="utf-8")
