"""What `make demo` asks for is accepted."""

from __future__ import annotations

import json
from pathlib import Path

from quarterturn.search.spec import SearchSpec
from quarterturn.space.presets import parse_space
from tests.docs.demo import demo_options


def test_the_demo_asks_for_a_search_that_is_accepted(tmp_path: Path) -> None:
    given = demo_options(tmp_path)
    spec = SearchSpec.model_validate(
        {
            "search_space": parse_space(given["--space"]),
            "strategy": json.loads(given["--strategy"]),
            "iterations": int(given["--iterations"]),
            "pretraining": {"encoder": given["--encoder"]},
        }
    )
    assert spec.strategy.kind == "pipeline"
    assert (given["--budget"], Path(given["--output"]).name) == ("170s", "policy.json")
