"""From the arguments of `Search` to the documents of a specification."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from quarterturn.data.notes import Note
from quarterturn.errors import InvalidInputError
from quarterturn.local.images import ReadImages
from quarterturn.policy.document import read_policy
from quarterturn.policy.schema import Policy
from quarterturn.search.budget import parse_budget
from quarterturn.search.spec import SearchSpec
from quarterturn.space.grey import without_colors

Document = Mapping[str, Any]


def given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def budget_of(budget: str | Sequence[str] | Document | None) -> dict[str, Any]:
    if budget is None:
        return {}
    if isinstance(budget, Mapping):
        return dict(budget)
    return parse_budget([budget] if isinstance(budget, str) else budget)


def scoring_of(
    scoring: Document | None, criterion: str | None, reference: str | Path | None
) -> dict[str, Any]:
    body = {**(scoring or {}), **given(criterion=criterion)}
    if reference is not None:
        named = {"checkpoint": Path(reference).name[:64]}
        body["reference"] = {**named, **(body.get("reference") or {})}
    return body


def incumbent_of(incumbent: Policy | Document | str | Path | None) -> dict[str, Any] | str | None:
    """The document of a policy, or the name of a recipe.

    Raises:
        InvalidInputError: the file is no policy.
    """
    if isinstance(incumbent, Policy):
        return incumbent.model_copy(update={"selection": None, "input": None}).to_document()
    if isinstance(incumbent, Path) or (isinstance(incumbent, str) and Path(incumbent).is_file()):
        return incumbent_of(read_policy(Path(incumbent)))
    return dict(incumbent) if isinstance(incumbent, Mapping) else incumbent


def refuse_ids(spec: SearchSpec) -> None:
    """What names rows of a service cannot be looked up here."""
    init = spec.pretraining.init
    if spec.pretraining.chain or (init != "scratch" and init.checkpoint is not None):
        raise needs_file("checkpoint")


def needs_file(argument: str) -> InvalidInputError:
    return InvalidInputError(
        f"Datasets and checkpoints by id lie in a service. Give the file as {argument}=, or start "
        "the search on a server.",
        code="needs_service",
    )


def leave_out_colors(spec: SearchSpec, images: ReadImages) -> SearchSpec:
    """The search for grey images; what is left out is told in their report."""
    space, said = without_colors(spec.search_space)
    images.report.notes.extend(
        Note(item["code"], item["message"], images.info.images) for item in said
    )
    return spec.model_copy(update={"search_space": space})
