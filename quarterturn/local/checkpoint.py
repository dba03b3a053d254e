"""Weights that candidates start from, from a file of the user's."""

from __future__ import annotations

from pathlib import Path

from quarterturn.errors import InvalidInputError
from quarterturn.pretrain.stages import WarmStart
from quarterturn.search.spec import SearchSpec
from quarterturn.storage import Storage
from quarterturn.storage.keys import WEIGHTS, weights_key


def import_checkpoint(spec: SearchSpec, path: Path, storage: Storage) -> SearchSpec:
    """Read a .safetensors or .pth file into the storage; the search that starts from it.

    Raises:
        InvalidInputError: `path_not_found`, `invalid_checkpoint` or `checkpoint_does_not_fit`.
    """
    from quarterturn.models.identifying import identify
    from quarterturn.models.reading import read_any
    from quarterturn.models.storing import save_weights

    if not path.is_file():
        raise InvalidInputError(f"There is no file at {path}.", code="path_not_found")
    weights = identify(read_any(path))
    pretraining = spec.pretraining
    if weights.encoder != pretraining.encoder:
        raise InvalidInputError(
            f"{path.name} has weights of {weights.encoder}, the search's encoder is "
            f"{pretraining.encoder}; set encoder to {weights.encoder}.",
            code="checkpoint_does_not_fit",
        )
    partial = storage.partial(WEIGHTS)
    try:
        digest = save_weights(partial, weights.tensors)
        storage.put(weights_key(digest), partial)
    finally:
        partial.unlink(missing_ok=True)
    start = WarmStart(checkpoint=path.name[:64], digest=digest, shared_warmup=pretraining.warm_up)
    return spec.model_copy(update={"pretraining": pretraining.model_copy(update={"init": start})})
