"""All operations, and the code that each has in plans."""

from __future__ import annotations

from importlib import import_module

from quarterturn.augment.ops import random_resized_crop
from quarterturn.augment.ops.operation import Operation, PixelKernel
from quarterturn.augment.ops.resample import RESAMPLE
from quarterturn.policy import operations as described

CROP = random_resized_crop.NAME
RESAMPLE_CODE = 1


def _load(name: str) -> Operation:
    operation: Operation = import_module(f"quarterturn.augment.ops.{name}").OPERATION
    return operation


#: By name. Those of the library in the order of `quarterturn.policy.operations`.
OPERATIONS: dict[str, Operation] = {
    CROP: random_resized_crop.OPERATION,
    **{name: _load(name) for name in described.OPERATIONS},
}
#: What a step of a plan may be, the one numbering: 0 does nothing, 1 moves pixels by a map.
CODES: dict[str, int] = {
    "resample": RESAMPLE_CODE,
    **{name: code for code, name in enumerate(OPERATIONS, RESAMPLE_CODE + 1)},
}


def register(operation: Operation) -> None:
    """Add an operation of yours to this process: policies and search spaces may then name it.

    Register before images are first augmented, so that its kernels are compiled with the others;
    plans with one that was registered later run on `torch_ref`.

    Raises:
        ValueError: the name is taken.
    """
    if operation.name in CODES:
        raise ValueError(f"there is an operation {operation.name}; choose another name")
    described.register(operation.info)
    OPERATIONS[operation.name] = operation
    CODES[operation.name] = max(CODES.values()) + 1


def unregister(name: str) -> None:
    """Remove an operation that was added by `register`.

    Raises:
        ValueError: it is one of the library, or not there.
    """
    described.unregister(name)
    del OPERATIONS[name], CODES[name]


def pixel_kernels() -> dict[str, PixelKernel]:
    """What the steps of plans do to pixels, by name."""
    kernels = {name: operation.pixels for name, operation in OPERATIONS.items()}
    return {"resample": RESAMPLE, **{name: one for name, one in kernels.items() if one}}
