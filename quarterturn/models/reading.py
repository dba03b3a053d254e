"""Tensors from files. Imports torch; the API does so when it is asked for a checkpoint only."""

from __future__ import annotations

import pickle
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from quarterturn.models.header import FLOATS, read_header, refusal
from quarterturn.models.tensors import Tensors

#: Where training scripts put the state within what they save; the first that is there is taken.
_HOLDERS = ("state_dict", "model_state_dict", "model", "network", "teacher", "student")
_DEEPEST = 4


def read_safetensors(path: Path, only: set[str] | None = None) -> Tensors:
    """The floating-point tensors of a file, or those of `only`.

    Raises:
        InvalidInputError: `invalid_checkpoint`.
    """
    known = {name for name, (dtype, _) in read_header(path).items() if dtype in FLOATS}
    try:
        with safe_open(path, framework="pt", device="cpu") as opened:
            return {n: opened.get_tensor(n) for n in known if only is None or n in only}
    except SafetensorError as error:
        raise refusal(f"it cannot be read ({error}).") from None


def _tensors(value: Any, prefix: str, depth: int, found: Tensors) -> None:
    if isinstance(value, torch.Tensor):
        if value.is_floating_point() and value.layout == torch.strided:
            found[prefix] = value
    elif isinstance(value, Mapping) and depth:
        for key, inner in value.items():
            name = str(key)[:400]
            _tensors(inner, f"{prefix}.{name}" if prefix else name, depth - 1, found)


def state_of(saved: Any) -> Tensors:
    """The floating-point tensors of what a training script saved, its holders taken off.

    A state that holds both a teacher and a student is kept whole; their names then tell.
    """
    while isinstance(saved, Mapping):
        if "teacher" in saved and "student" in saved:
            break
        holder = next((h for h in _HOLDERS if isinstance(saved.get(h), Mapping)), None)
        if holder is None:
            break
        saved = saved[holder]
    found: Tensors = {}
    _tensors(saved, "", _DEEPEST, found)
    return found


def _why(error: Exception) -> str:
    """What torch's restricted unpickler met, in a few words."""
    found = re.search(r"GLOBAL ([\w.]+)", str(error))
    if found:
        return f"it holds {found[1]}, which runs code when it is read"
    return "torch.load(weights_only=True) does not read it"


def read_pickle(path: Path) -> Tensors:
    """The tensors of a .pth file, read by torch's restricted unpickler, which runs no code.

    Raises:
        InvalidInputError: `invalid_checkpoint`.
    """
    try:
        saved = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError, OSError) as error:
        raise refusal(f"{_why(error)}. Save its state_dict alone, or as safetensors.") from None
    found = state_of(saved)
    if not found:
        raise refusal("there are no tensors in it.")
    return found


def read_any(path: Path) -> Tensors:
    """A safetensors file by its ending, else a .pth file."""
    return read_safetensors(path) if path.suffix == ".safetensors" else read_pickle(path)
