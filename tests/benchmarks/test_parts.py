"""What `make bench-gpu` makes of parts that fail, and of time that is over."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.harness.report import commit, save, target
from benchmarks.performance.accelerator.parts import Found, Parts


def test_a_part_takes_no_other_with_it() -> None:
    kept = []

    def fail() -> Found:
        raise RuntimeError("out of something")

    def measure() -> Found:
        return {"rate": 2.0}, [target("rate", 2.0, 1.0, at_least=True)]

    parts = Parts(60.0, lambda parts: kept.append(sorted(parts.document())), {"device": "cpu"})
    parts.add("first", fail)
    parts.add("second", measure)
    assert parts.failed == {"first": "RuntimeError: out of something"}
    assert parts.document()["second"] == {"rate": 2.0}
    assert [item["met"] for item in parts.targets] == [True]
    always = {"device", "failed", "left_out", "seconds"}
    assert [set(names) for names in kept] == [always, always | {"second"}]


def test_what_would_begin_too_late_is_named() -> None:
    parts = Parts(-1.0, lambda parts: None)
    parts.add("late", lambda: ({}, []))
    assert parts.left_out == ["late"]
    assert "late" not in parts.samples


def test_results_go_to_a_folder_that_is_not_there_yet(tmp_path: Path) -> None:
    wanted = [target("rate", 2.0, 1.0, at_least=True)]
    path = save("gpu", {"device": "cpu"}, wanted, tmp_path / "new" / "results")
    found = json.loads(path.read_text())
    assert (found["samples"], found["targets"]) == ({"device": "cpu"}, wanted)
    assert found["commit"] == commit()


def test_only_parts_that_were_asked_for_are_carried_out() -> None:
    parts = Parts(60.0, lambda _: None, only=("packs", "step"))
    for name in ("step", "packs, conv4", "candidate, conv4", "streaming"):
        parts.add(name, lambda: (1, []))
    assert list(parts.samples) == ["step", "packs, conv4"]
    assert parts.left_out == []
