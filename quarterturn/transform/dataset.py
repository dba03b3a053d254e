"""The views of a dataset's pictures, drawn so that a run can go on anywhere."""

from __future__ import annotations

from typing import Any

import torch
from PIL import Image
from torch.utils.data import Dataset
from torchvision.transforms.v2 import functional as F

from quarterturn.errors import InvalidInputError
from quarterturn.transform.policy import PolicyTransform


class PolicyDataset(Dataset[Any]):
    """Views of each picture of a dataset that follow from (seed, epoch, index) alone.

    Whichever worker or rank asks, and wherever a run is resumed, a picture of an epoch has the same
    views: a sampler that skips what an interrupted epoch had is all that a resume needs.

    Args:
        dataset: maps an index to a picture (PIL, array or tensor), or to a tuple that begins with
            one.
        transform: with a seed; give it a `size` where the pictures have several.
        views: how many: 1, or 2 as contrastive methods take them.

    An item is a list of tensors (3, h, w), PIL images as floats in [0, 1] and others of their own
    dtype, with what followed the picture behind it.

    Raises:
        InvalidInputError: `seed_needed`.
    """

    def __init__(self, dataset: Any, transform: PolicyTransform, *, views: int = 2) -> None:
        if transform.seed is None:
            raise InvalidInputError(
                "A PolicyDataset needs a seed: load_policy(path, seed=0).", code="seed_needed"
            )
        self.dataset, self.transform, self.views = dataset, transform, views
        # Shared, so that persistent workers see the epoch too.
        self._epoch = torch.zeros((), dtype=torch.int64).share_memory_()  # type: ignore[no-untyped-call]

    def set_epoch(self, epoch: int) -> None:
        """Draw for this epoch from now on; call it before each, as for a DistributedSampler."""
        self._epoch.fill_(epoch)

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Any:
        item = self.dataset[index]
        picture, rest = (item[0], item[1:]) if isinstance(item, tuple | list) else (item, ())
        step = (int(self._epoch), index)
        views = [self._view(picture, view, step) for view in range(self.views)]
        return (views, *rest) if rest else views

    def _view(self, picture: Any, view: int, step: tuple[int, int]) -> torch.Tensor:
        made: Any = self.transform(picture, view, step=step)
        if isinstance(made, Image.Image):
            return F.pil_to_tensor(made) / 255.0  # type: ignore[no-any-return]
        return made if isinstance(made, torch.Tensor) else torch.from_numpy(made)
