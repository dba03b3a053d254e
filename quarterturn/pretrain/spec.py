"""How candidates are pretrained and scored; part of a job's specification."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from quarterturn.models.known import EncoderName
from quarterturn.pretrain.stages import Init, MethodName, SharedWarmUp, SourceStage, WarmStart
from quarterturn.validation import Document

__all__ = ["EncoderName", "MethodName", "PretrainingSpec", "ScoringSpec", "TrialSpec"]

#: Tasks that pretrain an encoder to be kept: those before the search, and the one after it.
SOURCE, WARM_UP, FINAL = "source/", "warm_up", "final"


class PretrainingSpec(Document):
    """Hyper-parameters of pretraining, shared by all candidates of a job."""

    encoder: EncoderName = Field(
        default="conv4",
        description="conv4, resnet_small and resnet_tiny suit a CPU; resnet18 and resnet50 a GPU; "
        "mobilenet_v2 images of 96 pixels or more.",
    )
    method: MethodName = "simclr"
    batch_size: Annotated[int, Field(ge=8, le=4096)] = 128
    learning_rate: Annotated[float, Field(gt=0, le=10)] = 3e-3
    weight_decay: Annotated[float, Field(ge=0, le=1)] = 1e-3
    warm_up_iterations: Annotated[int, Field(ge=0, le=10_000)] = 20
    temperature: Annotated[float, Field(gt=0, le=5)] = 0.2
    projection_width: Annotated[int, Field(ge=8, le=8192)] = 128
    projection_dimension: Annotated[int, Field(ge=8, le=4096)] = 64
    queue_size: Annotated[int, Field(ge=16, le=65_536)] = Field(
        default=4096, description="MoCo's negatives; cut to a tenth of the pretraining images."
    )
    momentum: Annotated[float, Field(ge=0, lt=1)] = Field(
        default=0.99, description="Of MoCo's momentum encoder; 0.999 suits long schedules."
    )
    init: Init = Field(
        default="scratch",
        description="What the candidates start from: scratch, a checkpoint, a shared warm-up.",
    )
    chain: Annotated[list[SourceStage], Field(max_length=4)] = Field(
        default=[], description="Stages on other datasets, between init and the job's own images."
    )
    variant: Literal["full", "bn_only"] = Field(
        default="full",
        description="bn_only trains the head and the batch norms; the rest stays as it started.",
    )

    @model_validator(mode="after")
    def _variant_has_a_start(self) -> Self:
        if self.variant == "bn_only" and not self.is_warm:
            raise ValueError(
                "variant bn_only trains what was pretrained before; give init a checkpoint or a "
                "shared_warmup, or a chain"
            )
        return self

    @property
    def warm_up(self) -> SharedWarmUp | None:
        """The shared warm-up, if there is one."""
        return self.init.shared_warmup if isinstance(self.init, WarmStart) else None

    @property
    def is_warm(self) -> bool:
        """Whether candidates start from anything but random weights."""
        return isinstance(self.init, WarmStart) or bool(self.chain)


class ReferenceSpec(Document):
    """A frozen encoder that was trained elsewhere: how much of its features candidates hold."""

    checkpoint: Annotated[str, Field(min_length=1, max_length=64)] = Field(
        description="The id of a checkpoint of any known encoder; with `Search`, a file."
    )
    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = Field(
        default=None, description="Filled in; where given, the checkpoint must have it."
    )
    encoder: EncoderName | None = Field(default=None, description="Filled in.")
    resolution: Annotated[int, Field(ge=32, le=512)] = Field(
        default=128, description="Side in pixels to which images are resized for it."
    )
    images: Annotated[int, Field(ge=100, le=20_000)] = Field(
        default=3000, description="Pretraining images compared; under 1,200 the score is noise."
    )


CriterionName = Literal[
    "auto",
    "rotation",
    "composite",
    "retrieval",
    "infonce",
    "alignment",
    "uniformity",
    "rankme",
    "feature_std",
    "reference",
    "reference_r2",
    "reference_knn",
]


#: The criterion that is made of others: trials of a search are judged by comparing them.
AUTO = "auto"
#: Measured only where there is a reference encoder.
REFERENCE_CRITERIA = ("reference", "reference_r2", "reference_knn")


class ScoringSpec(Document):
    """The criterion that candidates are ranked by, and the rotation probe."""

    criterion: CriterionName = Field(
        default="auto",
        description="What ranks candidates; all are recorded for every trial. auto: the expected "
        "gain in accuracy over the incumbent, from rotation and, where there is one, a reference. "
        "rotation: as SelfAugment does.",
    )
    probe_train_images: Annotated[int, Field(ge=16, le=100_000)] = 2000
    probe_test_images: Annotated[int, Field(ge=16, le=100_000)] = 1500
    report_images: Annotated[int, Field(ge=16, le=100_000)] = Field(
        default=1500, description="Images of the report, which selection never sees."
    )
    l2: Annotated[float, Field(ge=0, le=10)] = Field(
        default=1e-3, description="Penalty on the squared weights of the probe."
    )
    reference: ReferenceSpec | None = Field(
        default=None,
        description="A frozen reference encoder, whose criteria are then recorded too; null: none.",
    )

    @model_validator(mode="after")
    def _criterion_is_measured(self) -> Self:
        if self.criterion in REFERENCE_CRITERIA and self.reference is None:
            raise ValueError(
                f"criterion {self.criterion} compares with a reference encoder; give "
                "scoring.reference a checkpoint"
            )
        return self


class TrialSpec(Document):
    """One unit of work: pretrain one candidate with one seed up to `iterations`, then score it.

    `schedule_iterations` is the length of the learning-rate schedule (the last rung), and
    `resume_from` the iterations at which an earlier trial of the same candidate and seed ended.
    `task` and `payload` are those of `quarterturn.search.history`.
    """

    pretraining: PretrainingSpec
    scoring: ScoringSpec
    seed: Annotated[int, Field(ge=0)]
    iterations: Annotated[int, Field(ge=1)]
    schedule_iterations: Annotated[int, Field(ge=1)]
    resume_from: int = 0
    task: str = "search"
    payload: dict[str, Any] | None = None

    @property
    def is_kept(self) -> bool:
        """Whether its encoder is kept and not scored."""
        return self.task in (WARM_UP, FINAL) or self.task.startswith(SOURCE)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not 0 <= self.resume_from < self.iterations <= self.schedule_iterations:
            raise ValueError("needs resume_from < iterations <= schedule_iterations")
        return self
