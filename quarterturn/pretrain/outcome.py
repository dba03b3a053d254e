"""What a trial ends with, from its scoring to the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

#: The metrics of a trial that the criterion `auto` is made of; see `quarterturn.search.decision`.
VOTERS = ("rotation", "reference", "reference_knn")
#: Before the name of a metric: measured on images that selection never sees.
HELD_OUT = "held_out_"
#: (iteration, mean loss) pairs.
Curve = Sequence[Sequence[float]]


@dataclass(frozen=True)
class Score:
    """The criteria of a trained encoder.

    Attributes:
        score: the chosen criterion, larger being better.
        held_out: the same on the images of the report; None where there are too few.
        sampling_error: its standard error from the choice of images.
        collapsed: whether the outputs of the encoder are nearly all the same.
        metrics: all criteria and what else was measured, by name.
    """

    score: float
    held_out: float | None
    sampling_error: float
    collapsed: bool
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class KeptEncoder:
    """The final encoder of a search: what it is, and what it was made from.

    Attributes:
        mean, std: of the images it was trained on, three channels in [0, 1].
        digest: of its weights, 64 hex digits.
        init: what it started from: `kind`, and name and digest where it was not from scratch.
    """

    architecture: str
    resolution: int
    mean: Sequence[float]
    std: Sequence[float]
    digest: str
    size_bytes: int
    iterations: int
    images: int
    seed: int
    collapsed: bool
    init: Mapping[str, str | None]

    def to_dict(self) -> dict[str, object]:
        return asdict(self)


@dataclass(frozen=True)
class Outcome:
    """What a trial ends with.

    Attributes:
        iterations_run: of pretraining, those of a lost attempt that was gone on from included; 0
            where a result was taken over.
        pretraining_seconds, scoring_seconds: what it took, likewise.
        metrics: by name; of a trial that is not scored what else was measured.
        losses: of each policy that a density trial scored, by objective.
        score: and what belongs to it, as in `Score`; None where nothing was scored.
        curve: of the losses of pretraining.
        init: what the trial started from.
        weights: digest of the weights that a stage has left.
        reused_from: ids of the job and the trial whose result this is.
        fingerprint: of all that decides the result; None where it may not be reused.
        encoder: the final encoder of the search.
    """

    iterations_run: int
    pretraining_seconds: float
    scoring_seconds: float
    metrics: Mapping[str, float]
    losses: Sequence[Mapping[str, float]] | None = None
    score: float | None = None
    held_out: float | None = None
    sampling_error: float | None = None
    collapsed: bool | None = None
    curve: Curve | None = None
    init: Mapping[str, str | None] | None = None
    weights: str | None = None
    reused_from: Mapping[str, str] | None = None
    fingerprint: str | None = None
    encoder: KeptEncoder | None = None

    @property
    def stored_metrics(self) -> dict[str, object]:
        """As the database and records have them."""
        found: dict[str, object] = dict(self.metrics)
        if self.losses is not None:
            found["losses"] = [dict(losses) for losses in self.losses]
        return found

    @property
    def provenance(self) -> dict[str, object] | None:
        """Where the trial and its result come from; None where nothing is known."""
        parts = {"init": self.init, "weights": self.weights, "reused_from": self.reused_from}
        return {name: value for name, value in parts.items() if value is not None} or None
