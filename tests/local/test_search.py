"""`Search(...).run()`: results, resuming, budgets, failures, errors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from quarterturn import Search, load_policy
from quarterturn.errors import ConflictError, InvalidInputError, QuarterturnError
from quarterturn.local import FinishedTrial, SearchResult, loop
from quarterturn.models.storing import load_weights
from quarterturn.pretrain.trainer import DivergedError
from tests.local.making import scores_of, small_search


@pytest.fixture(scope="module")
def whole(animals: Path, tmp_path_factory: pytest.TempPathFactory) -> SearchResult:
    """A search that ran to its end."""
    return small_search(animals, tmp_path_factory.mktemp("search") / "kept").run()


def test_it_returns_ranking_policy_and_card(whole: SearchResult, tmp_path: Path) -> None:
    assert len(whole.trials) == 8
    frame = whole.ranking
    assert list(frame.index) == list(range(1, 9))
    assert set(frame["origin"]) == {"baseline", "search"}
    assert whole.evidence["level"] in ("none", "weak", "clear")
    assert len(whole.trials_frame()) == 8
    path = whole.save(tmp_path / "policy.json")
    assert load_policy(path).policy.name == whole.policy.name
    assert json.loads(path.read_text())["selection"]["provenance"]["dataset"]["images"] == 600
    card = whole.card()
    assert f"# Policy card: {whole.policy.name}".replace("_", "\\_") in card
    assert json.loads(whole.card("json"))["searched"]["trials"] == {"completed": 8}


def test_the_same_again_runs_nothing(whole: SearchResult, animals: Path) -> None:
    ran: list[FinishedTrial] = []
    again = small_search(animals, whole.folder, callbacks=[ran.append]).run()
    assert ran == []
    assert again.conclusion.ranking == whole.conclusion.ranking
    assert again.policy.document["name"] == whole.policy.document["name"]


def test_the_reproduction_on_the_card_is_the_same_search(whole: SearchResult) -> None:
    command = json.loads(whole.card("json"))["reproduce"]["command"]
    document = json.loads(command.removeprefix("Search.from_spec(images, ").rsplit(")", 2)[0])
    assert Search.from_spec("images", document).spec == whole.spec


def test_an_interrupted_search_goes_on_where_it_ended(
    whole: SearchResult, animals: Path, tmp_path: Path
) -> None:
    class Killed(BaseException):
        pass

    ran: list[FinishedTrial] = []

    def kill(trial: FinishedTrial) -> None:
        ran.append(trial)
        if len(ran) == 3:
            raise Killed

    folder = tmp_path / "kept"
    with pytest.raises(Killed):
        small_search(animals, folder, callbacks=[kill]).run()
    with (folder / "trials.jsonl").open("a") as log:
        log.write('{"candidate": {"key": "torn')  # as a power cut leaves it
    rest: list[FinishedTrial] = []
    result = small_search(animals, folder, callbacks=[rest.append]).run()
    assert len(rest) == 8 - 3
    assert scores_of(result) == scores_of(whole)
    assert result.conclusion.ranking == whole.conclusion.ranking


def test_a_budget_ends_it_early_and_a_larger_one_goes_on(
    whole: SearchResult, animals: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "kept"
    short = small_search(animals, folder, budget="trials=3").run()
    assert (len(short.trials), short.exhausted) == (3, "trials")
    assert short.policy.document["selection"]["provenance"]["budget_exhausted"] == "trials"
    ran: list[FinishedTrial] = []
    longer = small_search(animals, folder, budget="trials=8", callbacks=[ran.append]).run()
    assert len(ran) == 5
    assert scores_of(longer) == scores_of(whole)


def test_a_budget_of_seconds_stops_a_trial_that_would_run_over(
    animals: Path, tmp_path: Path
) -> None:
    """The first trial alone would take hours."""
    with pytest.raises(QuarterturnError) as refused:
        small_search(animals, tmp_path / "a", budget="1s", iterations=1_000_000).run()
    assert refused.value.code == "no_completed_trial"


def test_ctrl_c_ranks_what_has_completed(animals: Path, tmp_path: Path) -> None:
    ran: list[FinishedTrial] = []

    def interrupt(trial: FinishedTrial) -> None:
        ran.append(trial)
        if len(ran) == 2:
            raise KeyboardInterrupt

    result = small_search(animals, tmp_path / "kept", callbacks=[interrupt]).run()
    assert result.stopped
    assert len(result.conclusion.ranking) == 2
    assert result.policy.document["selection"]["provenance"]["stopped_by_request"]


def test_a_trial_that_fails_does_not_end_the_search(
    animals: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = loop.run_trial

    def fail_once(task: loop.Task) -> object:
        if task.request.candidate.name == "moco_v2":
            raise DivergedError("the loss is not finite")
        return run(task)

    monkeypatch.setattr(loop, "run_trial", fail_once)
    result = small_search(animals, tmp_path / "kept").run()
    states = {trial.policy.name: trial.record.state for trial in result.trials}
    assert states.pop("moco_v2") == "failed"
    assert set(states.values()) == {"completed"}
    assert "moco_v2" not in {entry.name for entry in result.conclusion.ranking}


def test_where_all_fail_the_first_reason_is_told(
    animals: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> None:
        raise RuntimeError("no memory")

    monkeypatch.setattr(loop, "run_trial", fail)
    with pytest.raises(QuarterturnError, match="RuntimeError: no memory"):
        small_search(animals, tmp_path / "kept").run()


def test_a_folder_of_another_search_is_left_alone(
    whole: SearchResult, animals: Path, tmp_path: Path
) -> None:
    before = (whole.folder / "trials.jsonl").read_bytes()
    with pytest.raises(ConflictError, match="other iterations") as refused:
        small_search(animals, whole.folder, iterations=5).run()
    assert refused.value.code == "another_search"
    with pytest.raises(ConflictError, match="other images"):
        small_search(animals, whole.folder, resolution=24).run()
    assert (whole.folder / "trials.jsonl").read_bytes() == before


def test_two_searches_do_not_share_a_folder(animals: Path, tmp_path: Path) -> None:
    folder = tmp_path / "kept"

    def begin_another(_: FinishedTrial) -> None:
        with pytest.raises(ConflictError) as refused:
            small_search(animals, folder).run()
        assert refused.value.code == "folder_in_use"

    small_search(animals, folder, budget="trials=1", callbacks=[begin_another]).run()


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"budget": "soon"}, "invalid_budget"),
        ({"budget": "iterations=1"}, "budget_too_small"),
        ({"space": "no such"}, "invalid_search_space"),
        ({"encoder": "resnet34"}, "invalid_job"),
        ({"n_workers": 0}, "invalid_job"),
        ({"pretraining": {"init": {"checkpoint": "ckpt_1"}}}, "needs_service"),
    ],
)
def test_what_cannot_be_searched_is_refused_before_images_are_read(
    asked: dict[str, object], code: str
) -> None:
    with pytest.raises(InvalidInputError) as refused:
        small_search("no such folder", **asked)  # type: ignore[arg-type]
    assert refused.value.code == code


def test_a_final_encoder_is_pretrained_and_starts_the_next_search(
    animals: Path, tmp_path: Path
) -> None:
    first = small_search(animals, tmp_path / "first", final_iterations=3, budget="trials=2").run()
    assert first.encoder()(torch.zeros(2, 3, 28, 28)).shape[0] == 2
    file = next((tmp_path / "first" / "encoders").iterdir())
    second = small_search(animals, tmp_path / "second", checkpoint=file, budget="trials=2").run()
    provenance = second.policy.document["selection"]["provenance"]
    assert provenance["pretraining"]["init"]["digest"] == load_weights(file).digest
