"""Measure encoders on images: rotation, a reference, the rank of their features."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from quarterturn.data import DatasetCache, open_cache
from quarterturn.data.asked import picture_options
from quarterturn.data.caps import IngestLimits
from quarterturn.errors import InvalidInputError
from quarterturn.evaluation.encoders import EncoderSource, OpenEncoder, features_of, open_encoder
from quarterturn.evaluation.report import EncoderScore, EncoderScores
from quarterturn.local.images import read_images
from quarterturn.pretrain.hardware import choose_device
from quarterturn.pretrain.spec import REFERENCE_CRITERIA
from quarterturn.score.criteria import feature_std
from quarterturn.score.features import ROTATIONS
from quarterturn.score.jackknife import jackknife_error
from quarterturn.score.probe import rotation_probe
from quarterturn.score.rank import rankme
from quarterturn.score.reference import ReferenceTarget
from quarterturn.storage.folder import FolderStorage
from quarterturn.storage.keys import dataset_key

if TYPE_CHECKING:
    from quarterturn.local.images import Images

#: Images that the rotation probe is fitted to and measured on, and that a reference is compared on.
_FITTED, _MEASURED, _COMPARED = 1500, 1500, 3000
#: Below this an error is too wide to rank by.
_FEWEST = 100
_Z = 1.96
#: Criteria of the features of the images as they are.
_OF_FEATURES = {"rankme": rankme, "feature_std": feature_std}


@dataclass(frozen=True)
class _Parts:
    """uint8 images (n, 3, s, s): to fit the probe, to measure on, to compare with a reference."""

    fitted: torch.Tensor
    measured: torch.Tensor
    compared: torch.Tensor


def _parts(cache: DatasetCache, images: int | None) -> _Parts:
    def rows(start: int, end: int) -> torch.Tensor:
        return torch.from_numpy(cache.images[start:end].copy()).permute(0, 3, 1, 2)

    # In the order of digests, so that these are chosen by chance; near copies lie together.
    most = images or len(cache.images)
    start = cache.info.splits["probe_train"][0]
    measured = rows(start, start + min(_MEASURED, most))
    fitted = rows(max(0, start - min(_FITTED, most)), start)
    compared = rows(0, min(_COMPARED, most, start))
    if min(len(fitted), len(measured)) < _FEWEST:
        raise InvalidInputError(
            f"{len(cache.images)} images are too few to tell encoders apart; give {4 * _FEWEST} "
            "or more.",
            code="too_few_images",
        )
    return _Parts(fitted, measured, compared)


def _turned(encoder: OpenEncoder, images: torch.Tensor, device: torch.device) -> torch.Tensor:
    """Features (4, n, d) of images turned by 0, 1, 2 and 3 quarters."""
    return torch.stack([features_of(encoder, images, device, turn) for turn in range(ROTATIONS)])


def _error(measure: Callable[[torch.Tensor], float], features: torch.Tensor) -> float:
    return jackknife_error(lambda index: measure(features[index]), len(features))


def _score(
    encoder: OpenEncoder, parts: _Parts, target: ReferenceTarget | None, device: torch.device
) -> tuple[EncoderScore, torch.Tensor]:
    """The score, and the share of the four turns of each measured image that the probe tells."""
    fitted, measured = (_turned(encoder, p, device) for p in (parts.fitted, parts.measured))
    probe = rotation_probe(fitted, measured)
    plain = measured[0]
    criteria = {"rotation": probe.accuracy}
    errors = {"rotation": probe.sampling_error}
    for name, measure in _OF_FEATURES.items():
        criteria[name] = measure(plain)
        errors[name] = _error(measure, plain)
    if target is not None:
        z = features_of(encoder, parts.compared, device)
        against = target.score(z)
        criteria |= against
        errors |= {name: target.sampling_error(name, z) for name in against}
    return EncoderScore(encoder.name, plain.shape[1], criteria, errors), probe.right


def _ranking_criterion(asked: str | None, reference: bool) -> str:
    """What ranks, refused before anything is read if it will not be there."""
    known = ["rotation", *_OF_FEATURES, *(REFERENCE_CRITERIA if reference else ())]
    if asked is not None and asked not in known:
        raise InvalidInputError(
            f"There is no criterion {asked} here; there are {', '.join(known)}.",
            code="unknown_criterion",
        )
    return asked or ("reference" if reference else "rotation")


def _tied(
    first: tuple[EncoderScore, torch.Tensor],
    other: tuple[EncoderScore, torch.Tensor],
    criterion: str,
) -> bool:
    """Whether the choice of images could explain the distance of two encoders."""
    if criterion == "rotation":
        difference = first[1] - other[1]  # of the same images
        error = float(difference.std() / math.sqrt(len(difference)))
    else:
        error = math.hypot(first[0].errors[criterion], other[0].errors[criterion])
    gap = first[0].criteria[criterion] - other[0].criteria[criterion]
    return gap <= _Z * error


def _named(
    encoders: Mapping[str, EncoderSource] | Sequence[EncoderSource],
) -> list[tuple[str | None, EncoderSource]]:
    if isinstance(encoders, Mapping):
        return [(str(name), source) for name, source in encoders.items()]
    return [(None, source) for source in encoders]


def score_encoders(
    encoders: Mapping[str, EncoderSource] | Sequence[EncoderSource],
    images: Images,
    *,
    reference: EncoderSource | None = None,
    criterion: str | None = None,
    resolution: int | None = None,
    side: int | None = None,
    images_used: int | None = None,
    window: str | None = None,
    bands: str | None = None,
    fit: str | None = None,
    device: str = "auto",
    limits: IngestLimits | None = None,
) -> EncoderScores:
    """Rank encoders, or checkpoints of one training, by how well they know images without labels.

    Rotation is SelfAugment's criterion (arXiv 2009.07724, section 3); the reference says how much
    of another encoder's features a linear map finds in these.

    Args:
        encoders: by name, or in a list: files of weights, `timm:NAME`, `torchvision:NAME`,
            `hub:OWNER/REPOSITORY:NAME`, or functions of images (n, 3, s, s) in [0, 1] to (n, d).
        images: as of `Search`.
        reference: an encoder that all are compared with.
        criterion: that ranks; by default `reference` where there is one, else `rotation`.
        resolution: of the decoded images; by default from the images.
        side: pixels to which images are resized for every encoder; by default published ones have
            their own.
        images_used: at most so many for each part of the measurement.
        window, bands, fit: how files become pictures, as of `Search`.

    Raises:
        InvalidInputError: the images or an encoder cannot be used; `too_few_images`.
        UnavailableError: published weights cannot be fetched.
    """
    named = _named(encoders)
    if not named:
        raise InvalidInputError("Give one encoder or more.", code="invalid_encoder")
    by = _ranking_criterion(criterion, reference is not None)
    place = choose_device(device)
    with tempfile.TemporaryDirectory(prefix="quarterturn-") as folder:
        storage = FolderStorage(Path(folder))
        read = read_images(
            images,
            storage,
            limits or IngestLimits(),
            resolution,
            picture_options(window, bands, fit),
        )
        parts = _parts(open_cache(Path(folder, dataset_key(read.info.digest))), images_used)
        side_of = read.info.resolution
        target = None
        if reference is not None:
            opened = open_encoder(reference, place, side_of, side)
            target = ReferenceTarget.of(features_of(opened, parts.compared, place))
        found = []
        for name, source in named:
            encoder = open_encoder(source, place, side_of, side)
            if name is not None:
                encoder = replace(encoder, name=name)
            found.append(_score(encoder, parts, target, place))
    found.sort(key=lambda item: -item[0].criteria[by])
    ranking = [replace(item[0], tied_with_best=_tied(found[0], item, by)) for item in found]
    counts = {"measured": len(parts.measured), "fitted": len(parts.fitted)}
    return EncoderScores(by, ranking, counts, side_of, None if target is None else opened.name)
