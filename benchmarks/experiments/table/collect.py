"""Pretrain, measure and keep one small file per run; any number of processes share the work."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import torch

from benchmarks.datasets.labelled import Split
from benchmarks.datasets.sets import RESOLUTION
from benchmarks.experiments.correlation.collect import claim, extract_features, load_split
from benchmarks.experiments.table.field import table_policies
from benchmarks.experiments.table.measure import measure_accuracy, measure_criteria
from benchmarks.experiments.table.reference import reference_features
from quarterturn.policy.schema import Policy
from quarterturn.pretrain import trainer
from quarterturn.pretrain.data import TrialData
from quarterturn.pretrain.hardware import choose_device
from quarterturn.pretrain.spec import PretrainingSpec, ScoringSpec
from quarterturn.score.untrained import untrained_rotation
from quarterturn.table.rows import Row, Run, build_row, read_row, write_row

FOLDER = Path(".quarterturn/bench/table")
#: Pretraining images at most.
IMAGES = 12_000


@dataclass(frozen=True)
class Prepared:
    """A set, ready for its runs."""

    parts: Split
    data: TrialData
    resolution: int
    reference: torch.Tensor

    def pretrain(
        self, policy: Policy, spec: PretrainingSpec, seed: int, iterations: int
    ) -> trainer.Run:
        """A whole schedule of so many steps."""
        run = trainer.start(spec, self.data, self.resolution, seed)
        trainer.train(
            run,
            policy,
            self.data,
            spec,
            seed=seed,
            until=iterations,
            length=iterations,
            watch=lambda _: None,
        )
        return run


@dataclass(frozen=True)
class Collector:
    """How runs are made, and where their rows and weights are kept."""

    folder: Path = FOLDER
    device: str = "auto"
    batch_size: int = 128
    images: int = IMAGES
    untrained: dict[tuple[str, int, str], float] = field(default_factory=dict)

    def row_path(self, run: Run) -> Path:
        """The file of a row."""
        return self.folder / "rows" / f"{run.file_stem()}.json"

    def weights_path(self, run: Run) -> Path:
        """The file of the final encoder and its head."""
        return self.folder / "weights" / f"{run.file_stem()}.pt"

    def spec(self, run: Run) -> PretrainingSpec:
        """Hyper-parameters: those of a search, but for encoder and batch size."""
        return PretrainingSpec.model_validate(
            {"encoder": run.encoder, "batch_size": self.batch_size}
        )

    def prepare(self, name: str) -> Prepared:
        """A set with its reference features."""
        return _prepare(name, self.images, self.device, self.folder)

    def untrained_rotation(self, run: Run, data: TrialData) -> float:
        """Of the encoder that the runs of a seed start from."""
        key = (run.set, run.seed, run.encoder)
        if key not in self.untrained:
            self.untrained[key] = untrained_rotation(data, self.spec(run), ScoringSpec(), run.seed)
        return self.untrained[key]

    def save_weights(self, run: Run, trained: trainer.Run) -> None:
        """Keep what criteria that are thought of later need."""
        path = self.weights_path(run)
        path.parent.mkdir(parents=True, exist_ok=True)
        state = {name: value.cpu() for name, value in trained.method.state_dict().items()}
        partial = path.with_suffix(".partial")
        torch.save(state, partial)
        partial.replace(path)

    def pretrain(self, run: Run) -> Row:
        """One pretraining and all that is measured of it."""
        prepared, spec = self.prepare(run.set), self.spec(run)
        clock = time.process_time if self.device == "cpu" else time.perf_counter
        begun = clock()
        policy = table_policies()[run.policy]
        trained = prepared.pretrain(policy, spec, run.seed, run.iterations)
        seconds = clock() - begun
        snapshot = extract_features(trained, prepared.data, prepared.parts)
        self.save_weights(run, trained)
        numbers = {
            "seconds": seconds,
            "rotation_untrained": self.untrained_rotation(run, prepared.data),
            **measure_accuracy(snapshot, prepared.parts),
            **measure_criteria(snapshot, prepared.reference),
        }
        return build_row(run, numbers)


@cache
def _prepare(name: str, images: int, device: str, folder: Path) -> Prepared:
    parts = load_split(name, images)
    reference = reference_features(folder / "reference" / f"{name}-{images}.pt", parts)
    data = parts.trial_data(choose_device(device))
    return Prepared(parts, data, RESOLUTION.get(name, 32), reference)


def describe(row: Row) -> str:
    """One line of the log."""
    return (
        f"{row.set} {row.iterations} seed {row.seed} {row.policy}: "
        f"accuracy {row.accuracy_by_labels:.4f}, rotation {row.rotation:.4f}, "
        f"R2w {row.reference_r2w:.4f}, {row.seconds:.1f} s"
    )


def collect(collector: Collector, runs: Iterable[Run]) -> int:
    """Make the runs that no process has made or is at, in their order; how many were made here."""
    made = 0
    for run in runs:
        path = collector.row_path(run)
        with claim(path) as mine:
            if not mine:
                continue
            try:
                row = collector.pretrain(run)
            except trainer.DivergedError as error:
                print(f"{run}: {error}", flush=True)
                continue
            write_row(path, row)
            made += 1
            print(describe(row), flush=True)
    return made


def read_rows(folder: Path) -> list[Row]:
    """All rows that were kept."""
    return [read_row(path) for path in sorted((folder / "rows").glob("**/*.json"))]
