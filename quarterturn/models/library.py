"""Weights that torchvision and timm publish, by name. Never by address: what may be fetched is what
the installed library itself lists, and only where the operator allows downloads.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlparse

from quarterturn.errors import InvalidInputError, NotFoundError, UnavailableError
from quarterturn.models.reading import read_pickle, read_safetensors
from quarterturn.models.tensors import Tensors
from quarterturn.models.timm_names import TIMM_MOBILENET

Library = Literal["torchvision", "timm"]
#: Architectures that there is an encoder for.
ARCHITECTURES = ("resnet18", "resnet50", "mobilenet_v2")


def _unknown(library: str, model: str, known: list[str]) -> InvalidInputError:
    return InvalidInputError(
        f"{library} has no weights {model!r} of {' or '.join(ARCHITECTURES)}. "
        f"Known here: {', '.join(known) or 'none'}.",
        code="unknown_weights",
        fields=[{"path": "$.model", "message": "must be one of the known names", "allowed": known}],
    )


def _not_cached(library: str, model: str) -> NotFoundError:
    return NotFoundError(
        f"The weights {model} of {library} are not cached on this server, and it may not download "
        "them. Upload the file, or let the operator set QUARTERTURN_DOWNLOAD_WEIGHTS.",
        code="weights_not_cached",
    )


def _torchvision(model: str, download: bool) -> tuple[Tensors, dict[str, Any]]:
    """Weights such as `resnet18.IMAGENET1K_V1`; a plain `resnet18` stands for the default."""
    import torch
    from torchvision.models import get_model_weights

    registry: dict[str, Any] = {}
    for name in ARCHITECTURES:
        weights = get_model_weights(name)
        registry |= {f"{name}.{entry.name}": entry for entry in weights}
        registry[name] = weights.DEFAULT
    if model not in registry:
        raise _unknown("torchvision", model, sorted(registry))
    url: str = registry[model].url
    file = Path(urlparse(url).path).name
    path = Path(torch.hub.get_dir()) / "checkpoints" / file
    if not path.exists():
        if not download:
            raise _not_cached("torchvision", model)
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(url, str(path), file.split("-")[1].split(".")[0], False)
    elif not _hash_of(path).startswith(file.rsplit("-", 1)[1].split(".")[0]):
        raise UnavailableError(
            f"The cached file {file} is damaged; remove it from torch's cache.",
            code="weights_damaged",
        )
    return read_pickle(path), {"model": str(registry[model]), "file": file}


def _hash_of(path: Path) -> str:
    """SHA-256 of a file; torch's names of files end with its beginning."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _timm(model: str, download: bool) -> tuple[Tensors, dict[str, Any]]:
    """Weights such as `resnet18.a1_in1k`, from the cache of Hugging Face."""
    try:
        import timm
        from huggingface_hub import hf_hub_download, try_to_load_from_cache
    except ImportError:
        raise UnavailableError(
            "timm is not installed on this server; `pip install timm` there, or upload the file.",
            code="library_missing",
        ) from None
    patterns = [f"{name}.*" for name in (*ARCHITECTURES, TIMM_MOBILENET)]
    known = [n for pattern in patterns for n in timm.list_models(pattern, pretrained=True)]
    if model not in known:
        raise _unknown("timm", model, known)
    config = timm.models.get_pretrained_cfg(model)
    repository = str(config.hf_hub_id) if config and config.hf_hub_id else f"timm/{model}"
    file = "model.safetensors"
    path = try_to_load_from_cache(repository, file)
    if not isinstance(path, str):
        if not download:
            raise _not_cached("timm", model)
        path = hf_hub_download(repository, file)
    return read_safetensors(Path(path)), {"model": model, "repository": repository}


def published(library: Library, model: str, *, download: bool) -> tuple[Tensors, dict[str, Any]]:
    """The tensors of published weights, and what they are.

    Raises:
        InvalidInputError: `unknown_weights`. NotFoundError: `weights_not_cached`.
        UnavailableError: `weights_unreachable`, `weights_damaged`, `library_missing`.
    """
    find = _torchvision if library == "torchvision" else _timm
    try:
        return find(model, download)
    except (OSError, RuntimeError) as error:
        raise UnavailableError(
            f"The weights {model} of {library} cannot be fetched ({type(error).__name__}). Try "
            "again later, or upload the file.",
            code="weights_unreachable",
        ) from None
