"""The images of a trial with what its scoring compares them with."""

from __future__ import annotations

from pathlib import Path

import torch

from quarterturn.data.cache import is_whole, open_cache
from quarterturn.errors import InvalidInputError, ObjectMissingError
from quarterturn.models.storing import WeightsUnavailableError, load_weights
from quarterturn.pretrain.data import TrialData, load_trial_data
from quarterturn.pretrain.graphs.recording import CudaGraphs
from quarterturn.pretrain.spec import ReferenceSpec
from quarterturn.score.reference_features import load_reference
from quarterturn.storage import Storage
from quarterturn.storage.keys import dataset_key, weights_key


def open_trial_data(
    folder: Path,
    device: torch.device,
    storage: Storage,
    reference: ReferenceSpec | None = None,
    *,
    whole: bool = False,
    cuda_graphs: CudaGraphs = "auto",
) -> TrialData:
    """The images that lie decoded in `folder`, on a device.

    Args:
        reference: with digest and encoder filled in; its weights lie in the storage.
        whole: all images are there to pretrain on, those of the other splits too.

    Raises:
        ObjectMissingError: the images are damaged.
        WeightsUnavailableError: those of the reference are not where they should be.
        InvalidInputError: `too_few_images` to compare with a reference.
    """
    cache = open_cache(folder)
    if not is_whole(folder, cache):
        raise ObjectMissingError(dataset_key(cache.info.digest), damaged=True)
    targets = {}
    if reference is not None:
        assert reference.digest is not None
        try:
            with storage.held(weights_key(reference.digest)) as path:
                weights = load_weights(path, reference.digest)
        except ObjectMissingError as error:
            raise WeightsUnavailableError(error.message) from None
        targets = load_reference(folder, cache, reference, weights, device)
        if "pretrain" not in targets:
            raise InvalidInputError(
                "There are too few images to compare encoders with a reference. Add images, or "
                "leave scoring.reference out.",
                code="too_few_images",
            )
    return load_trial_data(
        cache,
        device,
        whole=whole,
        cuda_graphs=cuda_graphs,
        reference=targets.get("pretrain"),
        reference_report=targets.get("report"),
    )
