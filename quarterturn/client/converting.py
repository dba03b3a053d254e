"""Weights of .pth and .ckpt files as safetensors, made on the user's machine: servers read no
pickles of others.
"""

from __future__ import annotations

import pickle
import re
from pathlib import Path
from typing import Any

from quarterturn.errors import InvalidInputError

#: Names of files that `torch.save` writes.
PICKLES = frozenset({".pth", ".pt", ".ckpt", ".bin", ".tar"})


def _refusal(path: Path, why: str) -> InvalidInputError:
    return InvalidInputError(
        f"{path} is not converted: {why}. If you trust the file, save its tensors alone: "
        "torch.save(torch.load(path, weights_only=False)['state_dict'], 'weights.pth').",
        code="invalid_checkpoint",
    )


def _why(error: Exception) -> str:
    """What torch's restricted unpickler met, in a few words."""
    found = re.search(r"GLOBAL ([\w.]+)", str(error))
    if found:
        return f"it holds {found[1]}, which runs code when it is read"
    return "torch.load(weights_only=True) does not read it"


def _load(path: Path) -> Any:
    import torch

    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise _refusal(path, _why(error)) from None
    except (RuntimeError, EOFError, ValueError, KeyError, OSError):
        raise _refusal(path, "it is broken, or nothing that torch.save wrote") from None


def convert(path: Path, folder: Path) -> Path:
    """Write the encoder of a file of `torch.save` as safetensors; holders such as `state_dict` and
    `model`, and prefixes such as `module.` and `encoder_q.`, are taken off, and heads left out.

    Returns:
        The new file in `folder`.

    Raises:
        InvalidInputError: `invalid_checkpoint`, `checkpoint_does_not_fit`.
    """
    from quarterturn.models.identifying import identify
    from quarterturn.models.reading import state_of
    from quarterturn.models.storing import save_weights

    tensors = state_of(_load(path))
    if not tensors:
        raise _refusal(path, "there are no tensors in it")
    target = folder / f"{path.stem}.safetensors"
    save_weights(target, identify(tensors).tensors)
    return target
