"""Weights of .pth and .ckpt files as safetensors, made on the user's machine: servers read no
pickles of others.
"""

from __future__ import annotations

from pathlib import Path

#: Names of files that `torch.save` writes.
PICKLES = frozenset({".pth", ".pt", ".ckpt", ".bin", ".tar"})


def convert(path: Path, folder: Path) -> Path:
    """Write the encoder of a file of `torch.save` as safetensors; holders such as `state_dict` and
    `model`, and prefixes such as `module.` and `encoder_q.`, are taken off, and heads left out.

    Returns:
        The new file in `folder`.

    Raises:
        InvalidInputError: `invalid_checkpoint`, `checkpoint_does_not_fit`.
    """
    from quarterturn.models.identifying import identify
    from quarterturn.models.reading import read_pickle
    from quarterturn.models.storing import save_weights

    target = folder / f"{path.stem}.safetensors"
    save_weights(target, identify(read_pickle(path)).tensors)
    return target
