"""docs/searches.md: fields, examples, and costs computed by its formulas."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from quarterturn.policy.recipes import BASELINES
from quarterturn.search.history import History, TrialRequest
from quarterturn.search.objectives import OBJECTIVES
from quarterturn.search.planning import remaining
from quarterturn.search.spec import SPACE_OF, parse_search
from quarterturn.search.strategy import (
    BaseStage,
    ConfirmationStage,
    PipelineStrategy,
    Proposals,
    Strategy,
)
from tests.docs.demo import demo_options
from tests.docs.texts import codes, read, rows, table
from tests.search.play import play

_MODELS: dict[str, type[BaseModel]] = {
    get_args(model.model_fields["kind"].annotation)[0]: model
    for model in get_args(get_args(Strategy)[0])
}
_B = len(BASELINES)
_T = 300


def _coming(document: dict[str, Any]) -> list[TrialRequest]:
    return remaining(parse_search(document), History())


def _cost(document: dict[str, Any]) -> int:
    return sum(request.cost for request in _coming(document))


def _default(value: Any) -> str:
    if isinstance(value, BaseModel):
        return str(getattr(value, "kind", "{}"))
    return value if isinstance(value, str) else json.dumps(value)


def _documented(heading: str, of: str) -> dict[str, str]:
    """Field and default of the table with that first cell, below a heading."""
    below = read("docs/searches.md").partition(f"\n### `{heading}`\n")[2].partition("\n### ")[0]
    return {row[0].strip("`"): row[1].strip("`") for row in table(below, of)}


@pytest.mark.parametrize("kind", sorted(set(_MODELS) - {"base_augmentation"}))
def test_fields_of_strategies(kind: str) -> None:
    fields = {name: field for name, field in _MODELS[kind].model_fields.items() if name != "kind"}
    assert _documented(kind, "field") == {
        name: "required" if field.is_required() else _default(field.get_default())
        for name, field in fields.items()
    }


def test_fields_of_stages() -> None:
    fields = BaseStage.model_fields
    expected = {name: _default(field.get_default()) for name, field in fields.items()}
    assert BaseStage().search_space.name == "single-operation"
    expected["search_space"] = "single-operation"
    assert _documented("pipeline", "field of `base`") == expected
    assert _documented("pipeline", "field of `confirmation`") == {
        name: _default(field.get_default())
        for name, field in ConfirmationStage.model_fields.items()
    }


def test_every_strategy_has_a_heading_a_cost_and_an_entry_in_the_api() -> None:
    text = read("docs/searches.md")
    strategies = text.partition("\n## Strategies\n")[2].partition("\n## ")[0]
    assert re.findall(r"^### `(\w+)`$", strategies, re.MULTILINE) == list(_MODELS)
    assert codes([row[0] for row in table(text, "strategy | cost in iterations")]) == set(_MODELS)
    fields = table(read("docs/api.md"), "kind of `strategy`")
    assert {row[0].strip("`"): re.findall(r"`(\w+)`", row[1]) for row in fields} == {
        kind: [name for name in model.model_fields if name != "kind"]
        for kind, model in _MODELS.items()
    }


def test_kinds_of_spaces_samplers_and_objectives() -> None:
    text = read("docs/searches.md")
    spaces = table(text, "strategy | kind of space")
    assert {r[0].strip("`"): (r[1].strip("`"), r[2].strip("`")) for r in spaces} == SPACE_OF
    assert [r[0].strip("`") for r in rows(text, "## Samplers")] == list(get_args(Proposals))
    assert [r[0].strip("`") for r in rows(text, "### Objectives")] == list(OBJECTIVES)


def _examples() -> list[tuple[str, str]]:
    return re.findall(
        r"^```json\n(.*?)^```\n(?:\nCost: (.*?)\.\n)?", read("docs/searches.md"), re.S | re.M
    )


@pytest.mark.parametrize(("document", "cost"), _examples())
def test_examples_cost_what_is_said(document: str, cost: str) -> None:
    coming = _coming(json.loads(document))
    spent = sum(request.cost for request in coming)
    assert cost.removeprefix("at least ") == f"{spent:,} iterations in {len(coming)} trials"
    assert ("asha" in document) == cost.startswith("at least ")


def test_the_cost_of_the_demo(tmp_path: Path) -> None:
    given = demo_options(tmp_path)
    search: dict[str, Any] = {
        "search_space": given["--space"],
        "strategy": json.loads(given["--strategy"]),
        "iterations": int(given["--iterations"]),
    }
    if "--seeds" in given:
        search["seeds"] = int(given["--seeds"])
    coming = _coming(search)
    cost = sum(request.cost for request in coming)
    assert f"costs {cost:,} iterations in {len(coming)} trials" in read("docs/searches.md")
    assert f"| `make demo` | {len(coming)} | {cost:,} |" in read("README.md")
    default = _coming({})
    cost = sum(request.cost for request in default)
    assert f"| the default | {len(default)} | {cost:,} |" in read("README.md")
    assert f"{cost:,} steps of pretraining in {len(default)}" in read("docs/how-to/own-data.md")


@pytest.mark.parametrize(
    ("document", "searched"),
    [
        ({"strategy": {"kind": "random", "candidates": 7}}, 7),
        ({"strategy": "grid", "search_space": "rand-augment"}, 15),
        ({"strategy": "base_augmentation"}, 15),
        ({"strategy": "self_rand_augment"}, 15),
    ],
)
def test_every_candidate_at_full_length(document: dict[str, Any], searched: int) -> None:
    assert _cost({**document, "seeds": 2}) == (searched + _B) * 2 * _T


def _halving(sizes: Sequence[int], rungs: int, eta: int, seeds: int) -> int:
    """The formula of the document; `sizes` are the candidates of each generation."""
    lengths = sorted({max(1, round(_T / eta**k)) for k in range(rungs)})
    cost, last = _B * _T, 0
    for size in sizes:
        below = 0
        for place, length in enumerate(lengths):
            size = max(1, math.ceil(size / eta)) if place else size
            cost += size * (length - below)
            below = length
        last += size
    return cost + (seeds - 1) * (_B + last) * _T


@pytest.mark.parametrize(
    ("more", "sizes"),
    [
        ({}, [12]),
        ({"candidates": 13, "rungs": 3}, [13]),
        ({"candidates": 25, "eta": 2, "rungs": 4, "proposals": "grid"}, [25]),
        ({"candidates": 14, "proposals": "evolution"}, [4, 4, 3, 3]),
        ({"candidates": 3, "proposals": "evolution"}, [1, 1, 1]),
        ({"candidates": 10, "proposals": "tpe", "generations": 3}, [4, 3, 3]),
    ],
)
def test_successive_halving(more: dict[str, Any], sizes: list[int]) -> None:
    strategy = {"kind": "successive_halving", **more}
    expected = _halving(sizes, more.get("rungs", 2), more.get("eta", 3), 2)
    assert _cost({"strategy": strategy, "seeds": 2}) == expected


@pytest.mark.parametrize("candidates", [9, 13, 24])
def test_asha_costs_at_least_as_much(candidates: int) -> None:
    document = {"strategy": {"kind": "asha", "candidates": candidates}, "seeds": 1}
    bound = _halving([candidates], 3, 3, 1)
    assert _cost(document) == bound
    for order in range(2):
        done = play(parse_search(document), order).done
        assert sum(trial.iterations_run for trial in done) >= bound


def _density(policies: int, batch: int, images: int, passes: int, batch_size: int) -> int:
    """D(l) of the document."""
    sizes = [min(batch, policies - at) for at in range(0, policies, batch)]
    return sum(max(1, math.ceil(5 * n * images * passes / (6 * batch_size))) for n in sizes)


@pytest.mark.parametrize(
    ("more", "batch_size"),
    [({}, 128), ({"batch": 7, "images": 333, "passes": 3, "keep": 60, "beam": 4}, 64)],
)
def test_density_matching_assembled(more: dict[str, Any], batch_size: int) -> None:
    options = {"batch": 20, "images": 500, "passes": 2, "keep": 25, "beam": 8, "folds": 5, **more}
    trial = (options["batch"], options["images"], options["passes"], batch_size)
    levels = [39, options["beam"] * (options["beam"] - 1)]
    levels.append(min(2 * options["keep"], sum(levels)))
    strategy = {"kind": "density_matching", "objectives": ["min_rotation"], **more}
    pretraining = {"batch_size": batch_size}
    density = options["folds"] * sum(_density(count, *trial) for count in levels)
    cost = _cost({"strategy": strategy, "seeds": 2, "pretraining": pretraining})
    assert cost == options["folds"] * _T + density + (1 + _B) * 2 * _T


@pytest.mark.parametrize("search", ["tpe", "random"])
def test_density_matching_by_whole_policies(search: str) -> None:
    strategy = {
        "kind": "density_matching",
        "search": search,
        "candidates": 30,
        "batch": 8,
        "folds": 3,
        "objectives": ["minimax", "min_rotation"],
    }
    density = 3 * 2 * _density(30, 8, 500, 2, 128)
    assert _cost({"strategy": strategy, "seeds": 1}) == 3 * _T + density + (2 + _B) * _T


def test_several_objectives_cost_between_one_and_as_many() -> None:
    strategy = {
        "kind": "density_matching",
        "folds": 2,
        "beam": 5,
        "keep": 8,
        "objectives": ["min_rotation", "max_infonce"],
    }
    spec = parse_search({"strategy": strategy, "seeds": 1})
    scored = [
        len(trial.payload["policies"])
        for trial in play(spec, 0).done
        if trial.payload and "policies" in trial.payload
    ]
    once = 39 + 5 * 4 + 16
    assert 2 * once <= sum(scored) <= 2 * (39 + 2 * 5 * 4 + 2 * 16)
    assert (
        sum(
            len(r.payload["policies"])
            for r in _coming({"strategy": strategy, "seeds": 1})
            if r.payload and "policies" in r.payload
        )
        == 2 * once
    )


@pytest.mark.parametrize("base", [None, {"iterations": 40, "seeds": 2}])
@pytest.mark.parametrize("confirmation", [None, {"top": 2, "seeds": 3, "iterations": 500}])
def test_pipeline(base: dict[str, Any] | None, confirmation: dict[str, Any] | None) -> None:
    strategy = {
        "kind": "pipeline",
        "base": base,
        "confirmation": confirmation,
        "search_seeds": 2,
        "search": {"kind": "random", "candidates": 5},
    }
    expected = (5 + _B) * 2 * _T
    expected += 16 * 2 * 40 if base else 0
    expected += (1 + 2) * 3 * 500 if confirmation else 0
    space = {"kind": "sub_policies", "operations": ["rotate", "hue"]}
    assert _cost({"search_space": space, "strategy": strategy}) == expected


def test_the_default_is_a_pipeline_with_a_confirmation() -> None:
    strategy = parse_search({}).strategy
    assert isinstance(strategy, PipelineStrategy)
    assert (strategy.base, strategy.confirmation) == (None, ConfirmationStage())
