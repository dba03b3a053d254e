"""Trials of one rung from start to score, trained together; each as `execute_trial` would do it."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from quarterturn.models.tensors import Weights
from quarterturn.policy.schema import Policy
from quarterturn.pretrain.checkpoints import CheckpointStore
from quarterturn.pretrain.data import TrialData
from quarterturn.pretrain.outcome import Outcome
from quarterturn.pretrain.packs.size import remember_limit
from quarterturn.pretrain.packs.training import Member, train_pack
from quarterturn.pretrain.spec import TrialSpec
from quarterturn.pretrain.trainer import Watch
from quarterturn.trial.execute import begin, conclude, scored_outcome, under_way


@dataclass(frozen=True)
class PackedTrial:
    """A trial of a pack, as the arguments of `execute_trial`. Those of one pack differ in nothing
    else, and their specifications in the seed alone.
    """

    spec: TrialSpec
    policy: Policy
    candidate: str
    watch: Watch
    initial: Weights | None = None


#: Of each trial its place in the pack, and its outcome or why it has none.
PlacedOutcome = tuple[int, Outcome | Exception]


def _conclude(
    trial: PackedTrial,
    member: Member,
    begun_at: int,
    data: TrialData,
    job: str,
    checkpoints: CheckpointStore,
) -> Outcome | Exception:
    started = time.perf_counter()
    if member.error is not None:
        return member.error
    try:
        trial.watch(member.run.step)
        found = conclude(
            member.run,
            trial.spec,
            data,
            job=job,
            candidate=trial.candidate,
            checkpoints=checkpoints,
            initial=trial.initial,
        )
    except Exception as error:
        return error
    seconds = time.perf_counter() - started
    run_here = trial.spec.iterations - begun_at
    return scored_outcome(found, member.run, run_here, member.seconds, seconds)


def execute_pack(
    trials: Sequence[PackedTrial],
    resolution: int,
    data: TrialData,
    *,
    job: str,
    checkpoints: CheckpointStore,
    keep_seconds: float | None = None,
) -> Iterator[PlacedOutcome]:
    """Pretrain trials of one job, task and rung together, then score one after the other.

    The outcome of a trial is that of `execute_trial`, within rounding, and so are the checkpoints;
    its seconds of pretraining are its share. What fails or stops one does not touch the others.
    """
    members: dict[int, Member] = {}
    begun_at: dict[int, int] = {}
    for place, trial in enumerate(trials):
        started = time.perf_counter()
        try:
            kept = under_way(trial.spec, job, trial.candidate, checkpoints, keep_seconds)
            begun = begin(
                trial.spec,
                resolution,
                data,
                job=job,
                candidate=trial.candidate,
                checkpoints=checkpoints,
                initial=trial.initial,
                kept=kept,
            )
        except Exception as error:
            yield place, error
            continue
        begun_at[place] = begun.at
        members[place] = Member(
            begun.run,
            trial.policy,
            trial.spec.seed,
            trial.watch,
            seconds=begun.seconds + time.perf_counter() - started,
            keeper=kept.keeper(begun.at, begun.seconds),
        )
    # One that has lost the checkpoint of its rung, or was under way, begins at another step.
    rungs: dict[int, list[int]] = defaultdict(list)
    for place, member in members.items():
        rungs[member.run.step].append(place)
    for places in rungs.values():
        spec = trials[places[0]].spec
        at_once = train_pack(
            [members[place] for place in places],
            data,
            spec.pretraining,
            until=spec.iterations,
            length=spec.schedule_iterations,
        )
        if at_once < len(places):
            remember_limit(spec.pretraining, data, at_once)
        # In the order of their seeds: what the control of a seed is measured by is used again.
        for place in sorted(places, key=lambda place: trials[place].spec.seed):
            member = members.pop(place)
            at = begun_at[place]
            yield place, _conclude(trials[place], member, at, data, job, checkpoints)
