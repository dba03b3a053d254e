"""Policies in the forms of other libraries.

`export(policy, "torchvision")` gives the file and the differences. None of the libraries is
imported here, so that the API exports what its server does not have.
"""

from __future__ import annotations

from collections.abc import Callable

from quarterturn.errors import InvalidInputError
from quarterturn.export import files
from quarterturn.export.albumentations import albumentations
from quarterturn.export.configs import lightly_train, solo_learn
from quarterturn.export.formats import Difference, Export, Options
from quarterturn.export.timm import timm
from quarterturn.policy.schema import Policy

__all__ = ["FORMATS", "Difference", "Export", "Options", "export"]

FORMATS: dict[str, Callable[[Policy, Options], Export]] = {
    "json": files.json_document,
    "torchvision": files.torchvision,
    "albumentations": albumentations,
    "kornia": files.kornia,
    "lightly": files.lightly,
    "timm": timm,
    "lightly-train": lightly_train,
    "solo-learn": solo_learn,
    "stable-pretraining": files.stable_pretraining,
    "huggingface": files.huggingface,
}


def export(policy: Policy, name: str, options: Options | None = None) -> Export:
    """The policy in the format `name`, a key of FORMATS.

    Raises:
        InvalidInputError: `unknown_format`; `export_not_possible`, naming the operation that the
            library cannot express; `export_size_needed`.
    """
    if name not in FORMATS:
        raise InvalidInputError(
            f"There is no format {name!r}. The formats are {', '.join(FORMATS)}.",
            code="unknown_format",
            fields=[{"path": "format", "message": "is not known", "allowed": list(FORMATS)}],
        )
    return FORMATS[name](policy, options or Options())
