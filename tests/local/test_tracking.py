"""Trials in MLflow, TensorBoard and W&B, as these libraries read them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from quarterturn.cli import app
from quarterturn.errors import InvalidInputError, UnavailableError
from quarterturn.local import SearchResult
from quarterturn.local.tracking import MLflowLog, TensorBoardLog, WandbLog, log_named
from quarterturn.local.tracking.log import TrialLog
from quarterturn.local.trials import FinishedTrial, failed_trial
from quarterturn.search.history import TrialRequest
from tests.local.making import small_search


@pytest.fixture(scope="module")
def result(animals: Path) -> SearchResult:
    return small_search(animals, budget="trials=2").run()


def _failed(trial: FinishedTrial) -> FinishedTrial:
    return failed_trial(TrialRequest(trial.candidate, 7, 4), "no memory")


def test_mlflow_reads_them(result: SearchResult, tmp_path: Path) -> None:
    from mlflow.tracking import MlflowClient

    for trial in result.trials:
        MLflowLog(tmp_path)(trial)  # a second one goes on in the same store
    MLflowLog(tmp_path)(_failed(result.trials[0]))
    client = MlflowClient(tracking_uri=f"sqlite:///{tmp_path / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("quarterturn")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id])[::-1]
    assert [run.info.status for run in runs] == ["FINISHED", "FINISHED", "FAILED"]
    for trial, run in zip(result.trials, runs, strict=False):
        assert run.data.params["policy"] == trial.policy.name
        assert run.data.metrics["score"] == trial.record.score
        losses = client.get_metric_history(run.info.run_id, "pretraining_loss")
        assert [(m.step, m.value) for m in losses] == [tuple(point) for point in trial.curve]
    assert runs[2].data.tags["message"] == "no memory"


def test_tensorboard_reads_them(result: SearchResult, tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    log = TensorBoardLog(tmp_path / "new" / "folder")
    for trial in [*result.trials, _failed(result.trials[0])]:
        log(trial)
    folders = {path.name: path for path in log.folder.iterdir()}
    assert len(folders) == 3
    for trial in result.trials:
        events = EventAccumulator(str(folders[f"search-{trial.candidate.key}-0-4"]))
        events.Reload()
        (score,) = events.Scalars("score")
        assert score.value == pytest.approx(trial.record.score)
        assert [point.step for point in events.Scalars("pretraining_loss")] == [
            s for s, _ in trial.curve
        ]


def test_wandb_keeps_them_offline(result: SearchResult, tmp_path: Path) -> None:
    log = WandbLog(tmp_path)
    for trial in result.trials:
        log(trial)
    files = sorted(tmp_path.glob("wandb/offline-run-*/*.wandb"))
    assert len(files) == len(result.trials)
    written = [file.read_bytes() for file in files]  # a library that reads them is not public
    for trial in result.trials:
        score = json.dumps(trial.record.score).encode()
        assert sum(score in data and trial.policy.name.encode() in data for data in written) == 1


def test_a_log_that_fails_ends_no_search(animals: Path, tmp_path: Path) -> None:
    class Full(TrialLog):
        written = 0

        def write(self, trial: FinishedTrial) -> None:
            Full.written += 1
            raise OSError("no space left")

    with pytest.warns(RuntimeWarning, match="no space left"):
        result = small_search(animals, budget="trials=2", callbacks=[Full(tmp_path)]).run()
    assert (len(result.trials), Full.written) == (2, 1)


def test_logs_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(log_named(f"tensorboard:{tmp_path}"), TensorBoardLog)
    for wrong in ("tensorboard", "comet:x", "wandb:"):
        with pytest.raises(InvalidInputError, match="is no log") as refused:
            log_named(wrong)
        assert refused.value.code == "invalid_log"
    for library, name in (("mlflow", "mlflow"), ("tensorboard", "tensorboard"), ("wandb", "wandb")):
        monkeypatch.setitem(sys.modules, library, None)
        monkeypatch.delitem(sys.modules, "mlflow.tracking", raising=False)
        with pytest.raises(UnavailableError, match=rf"quarterturn\[{name}\]"):
            log_named(f"{name}:{tmp_path}")
    (tmp_path / "file").touch()
    with pytest.raises(UnavailableError, match="cannot be made"):
        log_named(f"tensorboard:{tmp_path / 'file'}")


def test_the_command_line_logs(
    animals: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    little = [
        *("--space", "rand-augment", "--strategy", '{"kind": "random", "candidates": 1}'),
        *("--iterations", "2", "--seeds", "1", "--encoder", "resnet_tiny", "--batch-size", "16"),
        *("--budget", "trials=2", "--workers", "1", "--log-to", "tensorboard:runs"),
    ]
    done = CliRunner().invoke(app, ["search", str(animals), *little], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert len(list(Path("runs").iterdir())) == 2
    with pytest.raises(InvalidInputError, match="in a service"):
        CliRunner().invoke(
            app,
            ["search", str(animals), *little, "--server", "http://127.0.0.1:1"],
            catch_exceptions=False,
        )
