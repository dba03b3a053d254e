"""A recipe of any of the known forms as a policy."""

from __future__ import annotations

import json
import runpy
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quarterturn.errors import InvalidInputError
from quarterturn.imports.documents import from_albumentations, from_lightly, from_lightly_train
from quarterturn.imports.timm import from_timm, is_timm
from quarterturn.imports.torchvision import from_torchvision
from quarterturn.policy import Policy, parse_policy

_FORMS = (
    "a timm string (rand-m9-n2-mstd0.5-inc1), a Python file with a composition of torchvision "
    "(recipe.py:transform), a JSON file of albumentations, or one of arguments of lightly or "
    "LightlyTrain"
)


@dataclass(frozen=True)
class Imported:
    """A recipe as a policy, with what it leaves out or does a little differently."""

    policy: Policy
    notes: list[str]


def import_policy(source: str | Path | Any, *, name: str | None = None) -> Imported:
    """Read a recipe.

    Args:
        source: a string of timm; a path of a JSON file; `file.py:name`, whose file is run; a
            composition of torchvision, or a list of two; a dictionary as in such files.
        name: of the policy; by default that of the source.

    Raises:
        InvalidInputError: `unknown_recipe`, it is of no known form; `import_not_possible`, naming
            the part that no operation of policies is; `invalid_policy`.
    """
    label = name or (Path(source).stem if isinstance(source, Path) else str(source)[:60])
    if isinstance(source, str | Path):
        views, notes = _of_text(str(source))
    elif isinstance(source, Mapping):
        views, notes = _of_document(dict(source))
        label = name or "imported"
    else:
        views, notes = from_torchvision(source)
        label = name or "imported"
    if len(views) == 2 and views[0] == views[1]:
        views = views[:1]
    return Imported(parse_policy({"name": label, "views": views}), notes)


def _of_text(text: str) -> tuple[list[list[dict[str, Any]]], list[str]]:
    if is_timm(text):
        return from_timm(text)
    file, _, attribute = text.partition(":")
    if file.endswith(".py"):
        return from_torchvision(_of_python(Path(file), attribute or "transform"))
    try:
        document = json.loads(Path(text).read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidInputError(
            f"{text} is no recipe, and no file that can be read ({error.strerror}). Give {_FORMS}.",
            code="unknown_recipe",
        ) from None
    except ValueError as error:
        raise InvalidInputError(
            f"{text} is not JSON: {error}. Give {_FORMS}.", code="unknown_recipe"
        ) from None
    return _of_document(document if isinstance(document, dict) else {})


def _of_python(path: Path, attribute: str) -> Any:
    if not path.is_file():
        raise InvalidInputError(f"There is no file {path}.", code="unknown_recipe")
    try:
        found = runpy.run_path(str(path))
    except Exception as error:
        raise InvalidInputError(
            f"{path} cannot be run: {type(error).__name__}: {error}.", code="unknown_recipe"
        ) from None
    if attribute not in found:
        raise InvalidInputError(
            f"{path} defines no {attribute!r}. Name the composition: {path.name}:name.",
            code="unknown_recipe",
        )
    return found[attribute]


def _of_document(document: dict[str, Any]) -> tuple[list[list[dict[str, Any]]], list[str]]:
    if isinstance(document.get("transform"), dict):
        return from_albumentations(document)
    arguments = document.get("transform_args", document)
    if isinstance(arguments, dict):
        if arguments.keys() & {
            "random_resize",
            "random_flip",
            "color_jitter",
            "gaussian_blur",
        } and (not isinstance(arguments.get("gaussian_blur"), int | float)):
            return from_lightly_train(arguments)
        if arguments.keys() & {"cj_prob", "cj_strength", "hf_prob", "min_scale", "cj_bright"}:
            return from_lightly(arguments)
    raise InvalidInputError(f"The file holds no recipe. Give {_FORMS}.", code="unknown_recipe")
