"""The sets at the resolution that a configuration wants."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from PIL import Image

from benchmarks.datasets.labelled import Labelled, Split, split
from benchmarks.datasets.sets import RESCALED, RESOLUTION, SETS
from benchmarks.experiments.correlation.collect import DATA, load_split
from quarterturn.pretrain.data import TrialData
from quarterturn.pretrain.hardware import choose_device


def _enlarged(data: Labelled, resolution: int) -> Labelled:
    """Bilinear, for images that have no more pixels than they came with."""
    images = [
        np.asarray(
            Image.fromarray(image).resize((resolution, resolution), Image.Resampling.BILINEAR)
        )
        for image in data.images
    ]
    return Labelled(np.stack(images), data.labels, data.groups)


def _at(name: str, most: int, resolution: int) -> Split:
    """Kept on disk once prepared, as `load_split` does."""
    kept = DATA / f"{name}-{most}-{resolution}.pt"
    if not kept.exists():
        DATA.mkdir(parents=True, exist_ok=True)
        data = (
            RESCALED[name](DATA, most, resolution)
            if name in RESCALED
            else _enlarged(SETS[name](DATA, most), resolution)
        )
        parts = split(data, most)
        torch.save((parts.images, parts.labels), kept)
    return Split(*torch.load(kept, weights_only=False))


@lru_cache(maxsize=2)
def loaded(
    name: str, most: int, resolution: int | None, device: str
) -> tuple[Split, TrialData, int]:
    """The parts of a set, what pretraining sees of them, and the pixels of a side."""
    own = RESOLUTION.get(name, 32)
    parts = load_split(name, most) if resolution in (None, own) else _at(name, most, resolution)
    return parts, parts.trial_data(choose_device(device)), resolution or own
