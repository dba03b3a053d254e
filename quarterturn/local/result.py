"""What a search in this process returns."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quarterturn.card.build import CardSource, build_card
from quarterturn.card.markdown import markdown
from quarterturn.data.notes import pictures_words
from quarterturn.errors import ConflictError, UnavailableError
from quarterturn.local.images import ReadImages
from quarterturn.local.running import JOB
from quarterturn.local.trials import FinishedTrial
from quarterturn.policy.shares import Share, shares_of
from quarterturn.policy.slots import slots_of
from quarterturn.results.selected import SelectedPolicy
from quarterturn.results.table import RANKING_COLUMNS, to_frame
from quarterturn.search.conclusion import Conclusion
from quarterturn.search.decision.decide import score_by_gain
from quarterturn.search.fullest import Rung
from quarterturn.search.history import History
from quarterturn.search.importance import Importance, importance
from quarterturn.search.spec import SearchSpec
from quarterturn.space.schema import RecipesSpace
from quarterturn.storage.keys import encoder_key

if TYPE_CHECKING:
    import pandas

    from quarterturn.encoder import PretrainedEncoder

_NOTE = "The images must have the digest above; the same seed then gives the same search."


@dataclass(frozen=True)
class SearchResult:
    """A search that has ended, or was ended.

    Attributes:
        trials: all that ran, in the order in which they ended.
        exhausted: the budget that ended the search early: trials, iterations or seconds.
        stopped: whether Ctrl-C ended it.
        folder: where it lies.
    """

    spec: SearchSpec
    images: ReadImages
    trials: Sequence[FinishedTrial]
    history: History
    conclusion: Conclusion
    exhausted: str | None
    stopped: bool
    folder: Path
    source: str | Path | None = None
    _holds: Any = field(default=None, repr=False)  # a temporary folder lasts as long as this

    @property
    def policy(self) -> SelectedPolicy:
        """The selected policy, with its selection and evidence."""
        return SelectedPolicy(self.conclusion.policy.to_document(), self.source)

    @property
    def evidence(self) -> Mapping[str, Any]:
        """How sure the choice is: `level` and `reasons`."""
        evidence: Mapping[str, Any] = (self.conclusion.policy.selection or {})["evidence"]
        return evidence

    @property
    def warnings(self) -> list[dict[str, Any]]:
        """What to know of the choice, each with a `code` and a `message`."""
        warnings: list[dict[str, Any]] = (self.conclusion.policy.selection or {})["warnings"]
        return warnings

    @property
    def ranking(self) -> pandas.DataFrame:
        """One row per candidate, the best first.

        Raises:
            UnavailableError: `library_missing`, pandas is not installed.
        """
        rows = [entry.to_dict() for entry in self.conclusion.ranking]
        return to_frame(rows, RANKING_COLUMNS, "The ranking as a table").set_index("rank")

    def trials_frame(self) -> pandas.DataFrame:
        """One row per trial: its policy, stage, seed, iterations, state, score and all criteria.

        Raises:
            UnavailableError: `library_missing`, pandas is not installed.
        """
        rows = [
            {
                "policy": trial.policy.name,
                "origin": trial.candidate.origin,
                "stage": trial.record.task,
                "seed": trial.record.seed,
                "iterations": trial.record.iterations,
                "state": trial.record.state,
                "score": trial.record.score,
                "seconds": trial.record.seconds,
                **(trial.metrics if trial.record.payload is None else {}),
                "message": trial.message,
            }
            for trial in self.trials
        ]
        return to_frame(rows, None, "The trials as a table")

    def _metrics_of(self, rung: Rung) -> list[tuple[str, Mapping[str, Any]]]:
        return [
            (trial.record.candidate, trial.metrics)
            for trial in self.trials
            if trial.record.state == "completed"
            and not trial.record.collapsed
            and (trial.record.task, trial.record.iterations) == (rung.stage, rung.iterations)
        ]

    def _shares(self) -> dict[str, dict[str, Share]]:
        candidates = {trial.candidate.key: trial.candidate for trial in self.trials}
        return {
            key: shares_of(candidate.policy)
            for key, candidate in candidates.items()
            if candidate.origin != "baseline"
        }

    def _slots(self) -> dict[str, dict[str, str] | None]:
        if not isinstance(self.spec.search_space, RecipesSpace):
            return {}
        return {trial.candidate.key: slots_of(trial.candidate.policy) for trial in self.trials}

    @cached_property
    def importance(self) -> Importance:
        """What operations are worth on these images, in the unit of the score, with intervals."""
        trials = score_by_gain(self.spec, self.history).trials
        return importance(trials, self._shares(), self._slots())

    def card_document(self) -> dict[str, Any]:
        """The policy card as plain data."""
        info, report = self.images.info, self.images.report
        candidates = {trial.candidate.key: trial.candidate for trial in self.trials}
        reason = "stopped" if self.stopped else ("budget" if self.exhausted else None)
        command = json.dumps(self.spec.model_dump(mode="json"))
        return build_card(
            CardSource(
                spec=self.spec,
                policy=self.conclusion.policy,
                job={
                    "id": JOB,
                    "name": f"{self.spec.search_space.name} on {self.images.name}",
                    "created_at": None,
                    "finished_at": None,
                },
                data={
                    "name": self.images.name,
                    "digest": info.digest,
                    "resolution": info.resolution,
                    "files": report.files,
                    "images": info.images,
                    "splits": {name: end - start for name, (start, end) in info.splits.items()},
                    "mean": info.mean,
                    "std": info.std,
                    "skipped_reasons": report.reasons,
                    "pictures": pictures_words(info.pictures),
                },
                history=self.history,
                candidates=list(candidates.values()),
                ranking=[entry.to_dict() for entry in self.conclusion.ranking],
                metrics_of=self._metrics_of,
                importance=self.importance.to_dict(),
                wall_seconds=round(self.history.elapsed_seconds, 1),
                reason=reason,
                reproduce={"command": f"Search.from_spec(images, {command}).run()", "note": _NOTE},
                exports={
                    "command": lambda name: f"quarterturn policy export policy.json --format {name}"
                },
            )
        )

    def card(self, format: str = "markdown") -> str:
        """The policy card as text: `markdown` or `json`."""
        document = self.card_document()
        return markdown(document) if format == "markdown" else json.dumps(document, indent=2)

    def encoder(self) -> PretrainedEncoder:
        """The final encoder, in evaluation mode; a search with `final_iterations` has one.

        Raises:
            ConflictError: `encoder_not_ready`.
        """
        from quarterturn.encoder import load_encoder

        path = self.folder / encoder_key(JOB)
        if not path.exists():
            raise ConflictError(
                "There is no encoder. Give the search final_iterations, and let it end.",
                code="encoder_not_ready",
            )
        return load_encoder(path)

    def save(self, path: str | Path = "policy.json") -> Path:
        """Write the policy, with its selection, as JSON; returns where it lies.

        Raises:
            UnavailableError: `output_not_writable`.
        """
        target = Path(path)
        try:
            target.write_text(json.dumps(self.policy.document, indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            raise UnavailableError(
                f"{target} cannot be written: {error.strerror}.", code="output_not_writable"
            ) from None
        return target
