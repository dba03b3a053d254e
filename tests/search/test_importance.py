"""Importance finds planted effects, and finds nothing where there is nothing."""

from __future__ import annotations

import random
from typing import Any

import pytest

from quarterturn.policy import Policy, parse_policy
from quarterturn.policy.recipes import BASELINES
from quarterturn.policy.shares import Share, shares_of
from quarterturn.search.history import Candidate, TrialRecord
from quarterturn.search.importance import FEWEST_CANDIDATES, Effect, effects_of, importance

_OPERATIONS = ("invert", "brightness", "solarize", "grayscale", "rotate")


def _policies(count: int, seed: int) -> list[Policy]:
    """Random policies: each operation is there with a chance of a half, at some strength."""
    generator = random.Random(seed)
    found = []
    for number in range(count):
        stages: list[dict[str, Any]] = [{"op": "random_resized_crop"}]
        for op in _OPERATIONS:
            if generator.random() < 0.5:
                stage: dict[str, Any] = {"op": op, "probability": 0.5}
                if op in ("brightness", "solarize"):
                    stage["strength"] = generator.choice([0.2, 0.5, 0.8])
                if op == "rotate":
                    stage["strength"] = generator.choice([10, 20, 30])
                stages.append(stage)
        found.append(parse_policy({"name": f"p{number}", "views": [stages]}))
    return found


def _of(found: list[Effect], name: str, kind: str) -> Effect:
    (one,) = [e for e in found if name in e.operations and e.kind == kind]
    return one


def _scores(policies: list[Policy], noise: float, seed: int, planted: bool) -> list[float]:
    generator = random.Random(seed)
    scores = []
    for policy in policies:
        shares = shares_of(policy)
        score = 0.6 + generator.gauss(0, noise)
        if planted:
            score += 0.05 * ("invert" in shares)
            if "brightness" in shares:
                score -= 0.10 * (shares["brightness"].strength or 0.0) / 0.8
        scores.append(score)
    return scores


def test_planted_effects_are_found_with_their_size() -> None:
    policies = _policies(60, seed=1)
    scores = _scores(policies, noise=0.015, seed=2, planted=True)
    found = effects_of([shares_of(policy) for policy in policies], scores)
    invert = _of(found, "invert", "presence")
    assert invert.verdict == "better"
    assert invert.effect == pytest.approx(0.05, abs=0.02)
    assert invert.low is not None
    assert invert.high is not None
    assert invert.low < 0.05 < invert.high
    brightness = _of(found, "brightness", "dose")
    assert brightness.verdict == "worse"
    assert brightness.effect == pytest.approx(-0.10, abs=0.03)
    for name in ("solarize", "grayscale", "rotate"):
        assert {e.verdict for e in found if name in e.operations} <= {"unclear"}
    assert {e.operations for e in found[:3]} <= {("invert",), ("brightness",)}


def test_without_effects_verdicts_are_rare() -> None:
    """At most one table of twenty errs, on average; five of forty has a chance below 5 %."""
    wrong = 0
    for seed in range(40):
        policies = _policies(20, seed=seed)
        scores = _scores(policies, noise=0.02, seed=1000 + seed, planted=False)
        found = effects_of([shares_of(policy) for policy in policies], scores, seed=seed)
        wrong += any(e.verdict in ("better", "worse") for e in found)
    assert wrong <= 5


def test_few_candidates_are_not_asked() -> None:
    policies = _policies(FEWEST_CANDIDATES - 1, seed=3)
    found = effects_of([shares_of(p) for p in policies], list(range(len(policies))))
    assert found
    assert {effect.verdict for effect in found} == {"too_few"}
    assert all(effect.effect is None for effect in found)


def test_operations_that_always_come_together_are_one_factor() -> None:
    policies = [
        parse_policy(
            {
                "views": [
                    [
                        {
                            "op": "sample",
                            "count": 1,
                            "of": [
                                {"op": "brightness", "strength": 0.09 * m},
                                {"op": "rotate", "strength": 3.0 * m},
                            ],
                        }
                    ]
                ]
            }
        )
        for m in range(1, 11)
    ]
    found = effects_of([shares_of(p) for p in policies], [0.5 + 0.02 * m for m in range(10)])
    assert [effect.operations for effect in found] == [("rotate", "brightness")]
    assert (found[0].kind, found[0].verdict) == ("dose", "better")


def _records(policies: list[Policy], scores: list[float]) -> list[TrialRecord]:
    return [
        TrialRecord(
            Candidate.of(policy, "search").key,
            seed,
            100,
            state="completed",
            score=score + 0.01 * seed,
        )
        for policy, score in zip(policies, scores, strict=True)
        for seed in range(2)
    ]


def _searched(candidates: list[Candidate]) -> dict[str, dict[str, Share]]:
    return {c.key: shares_of(c.policy) for c in candidates if c.origin == "search"}


def test_a_job_is_judged_on_its_fullest_rung_without_baselines() -> None:
    policies = list({policy.digest: policy for policy in _policies(50, seed=5)}.values())
    scores = _scores(policies, noise=0.01, seed=6, planted=True)
    candidates = [Candidate.of(policy, "search") for policy in policies]
    candidates.append(Candidate.of(BASELINES["none"](), "baseline"))
    best = sorted(zip(scores, candidates, strict=False), key=lambda pair: -pair[0])[:5]
    trials = _records(policies, scores)
    trials += [
        TrialRecord(c.key, 9, 300, state="completed", score=0.9 - s) for s, c in best
    ]  # survivors, at another length
    trials.append(TrialRecord(candidates[-1].key, 0, 100, state="completed", score=0.0))
    found = importance(trials, _searched(candidates))
    distinct = len(policies)
    assert (found.stage, found.iterations, found.candidates) == ("search", 100, distinct)
    assert found.enough
    assert _of(list(found.effects), "invert", "presence").verdict == "better"


def test_collapsed_and_unscored_trials_do_not_count() -> None:
    policies = _policies(10, seed=7)
    candidates = [Candidate.of(policy, "search") for policy in policies]
    assert importance([], _searched(candidates)).candidates == 0
    collapsed = [
        TrialRecord(c.key, 0, 100, state="completed", score=0.3, collapsed=True) for c in candidates
    ]
    assert importance(collapsed, _searched(candidates)).stage is None


def test_draws_in_parts_are_as_good(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of thousands of candidates they are made in parts; the effect itself is drawn by nobody."""
    policies = _policies(60, seed=1)
    scores = _scores(policies, noise=0.015, seed=2, planted=True)
    shares = [shares_of(policy) for policy in policies]
    whole = _of(effects_of(shares, scores), "invert", "presence")
    monkeypatch.setattr("quarterturn.search.importance._NUMBERS_AT_ONCE", 60 * 7)
    parts = _of(effects_of(shares, scores), "invert", "presence")
    present = [s for s, found in zip(scores, shares, strict=True) if "invert" in found]
    absent = [s for s, found in zip(scores, shares, strict=True) if "invert" not in found]
    assert parts.effect == pytest.approx(
        sum(present) / len(present) - sum(absent) / len(absent), abs=1e-9
    )
    assert (parts.low, parts.high) == pytest.approx((whole.low, whole.high), abs=0.002)
    assert (parts.effect, parts.verdict) == (whole.effect, "better")


def _slotted(count: int) -> list[dict[str, str]]:
    generator = random.Random(3)
    levels = {"crop": "0.2", "grayscale": "", "jitter": "0.4", "blur": ""}
    return [
        {name: level for name, level in levels.items() if generator.random() < 0.5}
        for _ in range(count)
    ]


def test_levels_of_slots_are_told_apart_though_they_come_together() -> None:
    """Grayscale mostly comes with jitter: the harm is that of grayscale alone."""
    slots = _slotted(40)
    for found in slots[:30]:
        if "jitter" in found:
            found["grayscale"] = ""
    generator = random.Random(4)
    trials = [
        TrialRecord(
            f"c{number:02}",
            0,
            9,
            state="completed",
            score=0.05 * ("crop" in found)
            - 0.06 * ("grayscale" in found)
            + generator.gauss(0, 0.005),
        )
        for number, found in enumerate(slots)
    ]
    by_key = {trial.candidate: found for trial, found in zip(trials, slots, strict=True)}
    found = importance(trials, {}, by_key)
    assert found.candidates == 40
    effects = {e.operations[0]: e for e in found.effects}
    assert effects["crop 0.2"].verdict == "better"
    assert effects["grayscale"].verdict == "worse"
    assert effects["grayscale"].effect == pytest.approx(-0.06, abs=0.01)
    assert effects["jitter 0.4"].effect == pytest.approx(0.0, abs=0.01)
    assert all(e.kind == "level" and e.p_value is None for e in found.effects)


def test_few_policies_of_slots_say_nothing() -> None:
    trials = [TrialRecord(f"c{n}", 0, 9, state="completed", score=0.1 * n) for n in range(5)]
    found = importance(trials, {}, {trial.candidate: {"crop": "0.2"} for trial in trials})
    assert not found.enough
