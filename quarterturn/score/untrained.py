"""The control of the rotation probe: the encoder before its first step.

From scratch that is an encoder that was not trained at all; with a warm start it is what the
candidates started from. Random convolutions tell rotations apart as far as shading, outlines and
borders give them away. What a trained encoder reaches beyond that, it learnt.
"""

from __future__ import annotations

from functools import lru_cache

import torch

from quarterturn.models.tensors import Weights
from quarterturn.pretrain import trainer
from quarterturn.pretrain.data import TrialData
from quarterturn.pretrain.spec import PretrainingSpec, ScoringSpec
from quarterturn.score.features import rotation_features
from quarterturn.score.probe import rotation_probe

#: Images whose statistics the batch norms take on, as those of a trained encoder have done.
_CALIBRATION, _BATCH = 1024, 128


@torch.no_grad()
def _calibrate(encoder: torch.nn.Module, data: TrialData) -> None:
    """Give batch norms the statistics of the images, without touching a weight.

    Without this the control depends on the luck of the first weights several times as much.
    """
    for module in encoder.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = None  # the plain mean over the batches
    encoder.train()
    for batch in torch.split(data.pretrain[:_CALIBRATION], _BATCH):
        if len(batch) > 1:
            encoder(data.normalise(batch.to(data.mean.device).float() / 255.0))
    encoder.eval()


def untrained_rotation(
    data: TrialData,
    pretraining: PretrainingSpec,
    scoring: ScoringSpec,
    seed: int,
    initial: Weights | None = None,
) -> float:
    """Rotation accuracy of the encoder that a run of `seed` starts from, on the same images and
    with the same probe as its score; 0 to 1.
    """
    plain = pretraining.model_dump_json(exclude={"init", "chain", "variant"})
    return _untrained(data, plain, scoring, seed, initial)


# The last two: trials of one job share seeds, and keeping more would keep datasets alive.
@lru_cache(maxsize=2)
def _untrained(
    data: TrialData, pretraining: str, scoring: ScoringSpec, seed: int, initial: Weights | None
) -> float:
    spec = PretrainingSpec.model_validate_json(pretraining)
    method = trainer.start(spec, data, data.pretrain.shape[-1], seed, initial).method
    _calibrate(method.encoder, data)
    train, test = (
        rotation_features(method, data, images[:most])[0]
        for images, most in (
            (data.probe_train, scoring.probe_train_images),
            (data.probe_test, scoring.probe_test_images),
        )
    )
    return rotation_probe(train, test, scoring.l2, record=data.cuda_graphs != "off").accuracy
