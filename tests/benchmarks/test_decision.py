"""`make bench-decision`: the ruler measures what it says, and lets no rule see what it may not."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from benchmarks.experiments.decision import __main__ as command
from benchmarks.experiments.decision.cases import BASELINES, Array, Case, Field, build_cases
from benchmarks.experiments.decision.families import FAMILIES, family_of
from benchmarks.experiments.decision.judge import choose, judge, summarize
from benchmarks.experiments.decision.learned import predict_accuracy, prior_ranks
from benchmarks.experiments.decision.replay import replay
from benchmarks.experiments.decision.rules import fixed_rules, rank
from benchmarks.experiments.decision.spectral import agreement_factor
from benchmarks.experiments.table.plan import SETS
from quarterturn.table.load import load_table
from quarterturn.table.rows import NUMBERS, PART_ACCURACIES, Row, Run, build_row

POLICIES = (*BASELINES, *(f"policy {number}" for number in range(18)))


def _accuracy(name: str, policy: str, seed: int) -> float:
    source = np.random.default_rng([SETS.index(name), POLICIES.index(policy)])
    return 0.4 + 0.01 * POLICIES.index(policy) + 0.02 * source.normal() + 0.003 * seed


def _rows(sets: Sequence[str], seeds: Sequence[int] = (0, 1)) -> list[Row]:
    """Rotation tells everything, everything else is noise."""
    rows = []
    for name in sets:
        for place, policy in enumerate(POLICIES):
            for seed in seeds:
                truth = _accuracy(name, policy, seed)
                noise = np.random.default_rng([place, seed, SETS.index(name)]).normal(size=40)
                numbers = {key: float(value) for key, value in zip(NUMBERS, noise, strict=False)}
                numbers |= {"accuracy_by_labels": truth, "rotation": truth, "collapsed": 0.0}
                numbers |= dict.fromkeys(PART_ACCURACIES, truth)
                rows.append(build_row(Run(name, policy, seed, 300), numbers))
    return rows


ROWS = _rows(["clothing", "grocery", "mnist", "wesnoth"])


def test_a_rule_of_ones_own_is_replayed_in_ten_lines() -> None:
    def mine(field: Field, known: Sequence[Case]) -> Array:
        return rank(field.columns["rotation"]) - rank(field.columns["loss"])

    summary = replay({"mine": mine}, load_table()).summaries()["mine"]
    assert summary.sets >= 15
    assert 0.0 <= summary.regret <= summary.worst


def test_the_rule_that_the_data_card_adds_is_replayed(capsys: pytest.CaptureFixture[str]) -> None:
    root = Path(__file__).parents[2]
    card = (root / "benchmarks" / "experiments" / "table" / "README.md").read_text()
    code = card.split("```python\n")[1].split("```")[0]
    assert len(code.strip().splitlines()) <= 10
    exec(code, {})
    assert "Summary(regret=" in capsys.readouterr().out


def test_a_perfect_rule_loses_nothing_and_always_the_incumbent_gains_nothing() -> None:
    summaries = replay(fixed_rules(POLICIES), ROWS).summaries()
    perfect, incumbent = summaries["rotation"], summaries[f"always {BASELINES[0]}"]
    assert perfect.regret == pytest.approx(0.0)
    assert perfect.spearman == pytest.approx(1.0)
    assert perfect.against_six >= summaries["LABELS: best of six"].against_six == 0.0
    assert summaries["LABELS: of another seed"].regret == pytest.approx(0.0)
    assert incumbent.against[BASELINES[0]] == 0.0
    assert incumbent.not_worse == incumbent.sets == 4


def test_baselines_are_chosen_on_the_seeds_that_are_not_judged() -> None:
    def swapped(row: Row) -> Row:
        """On seed 1 another baseline is ahead by ten points than on seed 0."""
        ahead = {0: "simclr", 1: "none"}[row.seed]
        accuracy = 0.5 if row.policy == ahead else 0.4
        return dataclasses.replace(row, accuracy_by_labels=accuracy, rotation=accuracy)

    cases = build_cases([swapped(row) for row in ROWS])
    rule = fixed_rules(POLICIES)["rotation"]
    # Chosen by labels on the other seed, the best of six is ten points behind on this one.
    assert summarize(judge(rule, cases, cases)).against_six == pytest.approx(10.0)


def test_what_is_learned_is_learned_from_other_families() -> None:
    seen: list[set[str]] = []

    def spy(field: Field, known: Sequence[Case]) -> Array:
        seen.append({case.field.family for case in known})
        assert field.family not in seen[-1]
        assert not any(key.startswith("accuracy") for key in field.columns)
        return np.zeros(len(field.policies))

    replay({"spy": spy}, ROWS)
    assert {len(families) for families in seen} == {3}
    assert set(SETS) == {name for sets in FAMILIES.values() for name in sets}
    assert family_of("never seen") == "never seen"


def test_the_prior_and_the_ridge_know_what_other_sets_teach() -> None:
    cases = build_cases(_rows(SETS[:8], seeds=(0,)))
    field, known = cases[0].field, cases[1:]
    assert np.corrcoef(prior_ranks(field, known), cases[0].truth)[0, 1] > 0.7
    predicted = predict_accuracy(["rotation", "loss"], field, known)
    assert np.corrcoef(predicted, cases[0].truth)[0, 1] > 0.9
    assert not predict_accuracy(["rotation"], field, []).any()


def test_a_collapsed_run_is_never_chosen() -> None:
    best = max(POLICIES, key=lambda policy: _accuracy("clothing", policy, 0))
    rows = [
        dataclasses.replace(row, collapsed=float(row.policy == best)) for row in _rows(["clothing"])
    ]
    cases = build_cases(rows)
    for rule in fixed_rules(POLICIES).values():
        assert choose(rule, cases[0], cases)[0] != best


def test_voters_are_weighed_by_how_well_they_know_the_truth() -> None:
    source = np.random.default_rng(0)
    truth = source.normal(size=2000)
    skill = np.array([0.9, 0.6, 0.3, -0.4])
    noise = source.normal(size=(4, 2000))
    votes = skill[:, None] * truth + np.sqrt(1 - skill[:, None] ** 2) * noise
    assert agreement_factor(votes) == pytest.approx(skill, abs=0.08)


def test_sets_whose_parts_disagree_are_named_and_left_out() -> None:
    source = np.random.default_rng(0)
    rows = [
        dataclasses.replace(row, **{key: float(source.normal()) for key in PART_ACCURACIES})
        if row.set == "mnist"
        else row
        for row in ROWS
    ]
    replayed = replay(fixed_rules(POLICIES), rows)
    assert replayed.left_out == ["mnist"]
    assert "mnist" not in {verdict.set for verdict in replayed.verdicts["rotation"]}


def test_a_few_policies_do_not_tell_whether_parts_agree() -> None:
    source = np.random.default_rng(0)
    few = POLICIES[:6]
    rows = [
        dataclasses.replace(
            row,
            **{
                key: float(source.normal()) if row.policy in few else np.nan
                for key in PART_ACCURACIES
            },
        )
        for row in ROWS
    ]
    assert not replay(fixed_rules(POLICIES), rows).left_out


def test_long_runs_judge_what_short_runs_choose() -> None:
    long = [
        dataclasses.replace(
            row, iterations=2000, accuracy_by_labels=1.0 - row.accuracy_by_labels, rotation=0.0
        )
        for row in ROWS
        if row.set in ("clothing", "mnist")
    ]
    replayed = replay(fixed_rules(POLICIES), [*ROWS, *long], judged=2000)
    verdicts = replayed.verdicts["rotation"]
    assert [verdict.set for verdict in verdicts] == ["clothing", "mnist"]
    assert all(verdict.spearman == pytest.approx(-1.0) for verdict in verdicts)


def test_the_order_of_rows_does_not_matter() -> None:
    rules = fixed_rules(POLICIES)
    one, other = (replay(rules, rows).summaries() for rows in (ROWS, ROWS[::-1]))
    assert one.keys() == other.keys()
    for name, summary in one.items():
        assert summary.regret == pytest.approx(other[name].regret), name


def test_the_smoke_run_writes_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["decision", "--quick"])
    command.main()
    printed = capsys.readouterr().out
    assert "spectral agreement" in printed
    assert "nothing written" in printed
