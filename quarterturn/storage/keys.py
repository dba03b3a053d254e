"""What is stored under which key."""

from __future__ import annotations

DATASETS, WEIGHTS, CHECKPOINTS, ENCODERS = "datasets", "weights", "checkpoints", "encoders"
AREAS = (DATASETS, WEIGHTS, CHECKPOINTS, ENCODERS)
_WEIGHTS_FILE = ".safetensors"


def dataset_key(digest: str) -> str:
    """The folder of a dataset's decoded images."""
    return f"{DATASETS}/{digest}"


def weights_key(digest: str) -> str:
    """The file of a checkpoint to start from."""
    return f"{WEIGHTS}/{digest}{_WEIGHTS_FILE}"


def encoder_key(job: str) -> str:
    """The file of a job's final encoder."""
    return f"{ENCODERS}/{job}{_WEIGHTS_FILE}"


def job_key(job: str) -> str:
    """All that the trials of a job keep for one another."""
    return f"{CHECKPOINTS}/{job}"


def state_key(job: str, candidate: str, seed: int, iterations: int) -> str:
    """The file of a trial's state, from which the next rung continues."""
    return f"{job_key(job)}/{candidate}-{seed}-{iterations}.pt"


def stage_key(job: str, stage: str) -> str:
    """The file of the encoder that a stage ends with."""
    return f"{job_key(job)}/{stage}{_WEIGHTS_FILE}"


def digest_or_job(name: str) -> str:
    """What a name below an area stands for: a digest, or the id of a job."""
    return name.removesuffix(_WEIGHTS_FILE)
