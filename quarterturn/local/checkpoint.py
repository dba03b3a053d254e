"""Weights of the user's, or published: what candidates start from, and are compared with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast, get_args

from quarterturn.errors import InvalidInputError
from quarterturn.pretrain.spec import ReferenceSpec
from quarterturn.pretrain.stages import WarmStart
from quarterturn.search.spec import SearchSpec
from quarterturn.storage import Storage
from quarterturn.storage.keys import WEIGHTS, weights_key

if TYPE_CHECKING:
    from quarterturn.models.tensors import Tensors


def _read(path: Path) -> Tensors:
    """The tensors of a file, or of published weights, `torchvision:NAME` or `timm:NAME`."""
    from quarterturn.models.library import Library, published
    from quarterturn.models.reading import read_any

    library, _, model = str(path).partition(":")
    if model and library in get_args(Library):
        return published(cast("Library", library), model, download=True)[0]
    if not path.is_file():
        raise InvalidInputError(
            f"There is no file at {path}. Give a file of weights, or the name of published ones, "
            "such as torchvision:mobilenet_v2.",
            code="path_not_found",
        )
    return read_any(path)


def _import_weights(path: Path, storage: Storage) -> tuple[str, str]:
    """Read weights into the storage; their encoder and their digest."""
    from quarterturn.models.identifying import identify
    from quarterturn.models.storing import save_weights

    weights = identify(_read(path))
    partial = storage.partial(WEIGHTS)
    try:
        digest = save_weights(partial, weights.tensors)
        storage.put(weights_key(digest), partial)
    finally:
        partial.unlink(missing_ok=True)
    return weights.encoder, digest


def import_checkpoint(spec: SearchSpec, path: Path, storage: Storage) -> SearchSpec:
    """The search whose candidates start from the weights of a file.

    Raises:
        InvalidInputError: `path_not_found`, `invalid_checkpoint` or `checkpoint_does_not_fit`.
    """
    encoder, digest = _import_weights(path, storage)
    pretraining = spec.pretraining
    if encoder != pretraining.encoder:
        raise InvalidInputError(
            f"{path.name} has weights of {encoder}, the search's encoder is "
            f"{pretraining.encoder}; set encoder to {encoder}.",
            code="checkpoint_does_not_fit",
        )
    start = WarmStart(checkpoint=path.name[:64], digest=digest, shared_warmup=pretraining.warm_up)
    return spec.model_copy(update={"pretraining": pretraining.model_copy(update={"init": start})})


def import_reference(spec: SearchSpec, path: Path, storage: Storage) -> SearchSpec:
    """The search whose candidates are compared with the encoder of a file.

    Raises:
        InvalidInputError: `path_not_found`, `invalid_checkpoint` or `checkpoint_does_not_fit`.
    """
    encoder, digest = _import_weights(path, storage)
    asked = spec.scoring.reference or ReferenceSpec(checkpoint=path.name[:64])
    # By digest alone: a file of another name is the same reference.
    found = asked.model_copy(update={"digest": digest, "encoder": encoder})
    return spec.model_copy(update={"scoring": spec.scoring.model_copy(update={"reference": found})})
