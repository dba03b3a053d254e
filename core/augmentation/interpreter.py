"""The interpreter: applies a policy to a batch, every image with draws of its own.

There is no loop over images. Each stage becomes a few slots; in a slot every image has at most one
operation, and images with the same operation are processed together.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from core.augmentation import color, filters, geometry
from core.augmentation.draws import Draws
from core.augmentation.tables import CROP, LeafTable, leaf_table
from core.policies.operations import OPERATIONS
from core.policies.schema import OneOf, Operation, Policy, RandomResizedCrop, Sample, Shuffle, Stage

_POINTWISE = {
    "brightness": color.brightness,
    "contrast": color.contrast,
    "saturation": color.saturation,
    "solarize": color.solarize,
    "posterize": color.posterize,
    "hue": color.hue,
    "sharpness": filters.sharpness,
    "gaussian_blur": filters.gaussian_blur,
}
_PARAMETERLESS = {
    "grayscale": color.grayscale,
    "invert": color.invert,
    "auto_contrast": color.auto_contrast,
    "equalize": color.equalize,
}
_GEOMETRIC = frozenset(n for n, info in OPERATIONS.items() if info.geometric) | {CROP}
#: Those that leave nothing uncovered, and thus keep the fill that is pending.
_COVERING = frozenset({CROP, "horizontal_flip", "vertical_flip"})
#: Spread the strength of an integer operation evenly over its whole values.
_INTEGER = frozenset(name for name, info in OPERATIONS.items() if info.integer)


class _Batch:
    """Images under way, with the geometric maps that are still to be applied to them."""

    def __init__(self, images: torch.Tensor, draws: Draws) -> None:
        self.images = images
        self.draws = draws
        self.count, _, self.height, self.width = images.shape
        self.maps = geometry.identity(self.count, images.device)
        # Negative where nothing pending uncovers pixels.
        self.fill = torch.full((self.count, 3), -1.0, device=images.device)
        self.pending = torch.zeros(self.count, dtype=torch.bool, device=images.device)
        self.any_pending = False
        self.fills = False

    def _whole(self, index: torch.Tensor) -> bool:
        return index.numel() == self.count

    def replace(self, index: torch.Tensor, images: torch.Tensor) -> None:
        if self._whole(index):
            self.images = images.contiguous()
        else:
            self.images.index_copy_(0, index, images.contiguous())

    def take(self, index: torch.Tensor) -> torch.Tensor:
        return self.images if self._whole(index) else self.images.index_select(0, index)

    def move(self, index: torch.Tensor, maps: torch.Tensor, fill: torch.Tensor | None) -> None:
        """Compose maps onto the images of `index`; without a fill they uncover nothing."""
        if fill is not None:
            if self.fills and self.any_pending:
                # One resampling has one fill: what another colour belongs to comes first.
                before = self.fill[index]
                self.flush(index[((before >= 0) & (before != fill)).any(1)])
            self.fill[index] = fill
        self.maps[index] = geometry.compose(self.maps[index], maps)
        self.pending[index] = True
        self.any_pending = True

    def flush(self, index: torch.Tensor | None = None) -> None:
        """Resample what is pending, of the images of `index` or of all."""
        if not self.any_pending:
            return
        due = self.pending.nonzero().squeeze(1) if index is None else index[self.pending[index]]
        if due.numel():
            moved = geometry.resample(self.take(due), self.maps[due], self.fill[due].clamp_min(0.0))
            self.replace(due, moved)
            self.maps[due] = geometry.identity(due.numel(), due.device)
            self.fill[due] = -1.0
            self.pending[due] = False
        if index is None:
            self.any_pending = False


def _apply(
    batch: _Batch,
    name: str,
    index: torch.Tensor,
    rows: torch.Tensor,
    drawn: torch.Tensor,
    label: str,
) -> None:
    """Apply one operation to the images of `index`.

    Args:
        rows: (n, 11) parameters of those images; drawn: (n, 4) uniform numbers of them.
    """
    low, high = rows[:, 1], rows[:, 2]
    if name in _INTEGER:
        strength = torch.floor(low + drawn[:, 1] * (high - low + 1)).minimum(high)
    else:
        strength = low + drawn[:, 1] * (high - low)
    coin = torch.where(drawn[:, 2] < 0.5, -1.0, 1.0)
    strength = strength * torch.where(rows[:, 3] == 0, coin, rows[:, 3])
    fill = rows[:, 4:7]
    if name in _GEOMETRIC:
        if name == CROP:
            numbers = batch.draws.uniform(f"{label}:crop", batch.count, 22)[index]
            maps = geometry.crop_maps(
                numbers, rows[:, 7:9], rows[:, 9:11], batch.height, batch.width
            )
        else:
            if name == "rotate90":
                strength = 90.0 * (1.0 + torch.floor(drawn[:, 1] * 3.0))
            elif name == "horizontal_flip" and not batch.any_pending:
                batch.replace(index, batch.take(index).flip(3))
                return
            elif name == "vertical_flip" and not batch.any_pending:
                batch.replace(index, batch.take(index).flip(2))
                return
            maps = geometry.affine_of(name, strength, batch.height, batch.width)
        batch.move(index, maps, None if name in _COVERING else fill)
        return
    batch.flush(index)
    images = batch.take(index)
    if name in _POINTWISE:
        batch.replace(index, _POINTWISE[name](images, strength))
    elif name in _PARAMETERLESS:
        batch.replace(index, _PARAMETERLESS[name](images))
    elif name == "gaussian_noise":
        noise = batch.draws.normal(f"{label}:noise", *batch.images.shape)[index]
        batch.replace(index, filters.gaussian_noise(images, strength, noise))
    else:
        assert name == "cutout", name
        batch.replace(index, filters.cutout(images, strength, drawn[:, 2:4], fill))


def _run_slot(
    batch: _Batch, table: LeafTable, choice: torch.Tensor, active: torch.Tensor | None, label: str
) -> None:
    """Give image i the leaf `choice[i]` of the table, if active and its own probability holds."""
    drawn = batch.draws.uniform(label, batch.count, 4)
    rows = table.parameters[choice]
    on = drawn[:, 0] < rows[:, 0]
    if active is not None:
        on = on & active
    ops = table.op[choice]
    batch.fills |= table.fills
    for op, name in table.names.items():
        chosen = on & (ops == op) if len(table.names) > 1 else on
        index = chosen.nonzero().squeeze(1)
        if index.numel():
            _apply(batch, name, index, rows[index], drawn[index], f"{label}:{name}")


def _gate(batch: _Batch, probability: float, label: str) -> torch.Tensor | None:
    if probability >= 1.0:
        return None
    return batch.draws.uniform(f"{label}:gate", batch.count) < probability


def _run_one_of(batch: _Batch, stage: OneOf, label: str) -> None:
    device = batch.images.device
    active = _gate(batch, stage.probability, label)
    weights = torch.tensor([branch.weight for branch in stage.branches], device=device)
    edges = (weights / weights.sum()).cumsum(0)
    number = batch.draws.uniform(f"{label}:branch", batch.count)
    branch = torch.searchsorted(edges, number, right=True).clamp_(max=len(stage.branches) - 1)
    for slot in range(max(len(item.stages) for item in stage.branches)):
        leaves = [item.stages[slot] for item in stage.branches if slot < len(item.stages)]
        places, next_place = [], 0
        for item in stage.branches:
            has = slot < len(item.stages)
            places.append(next_place if has else -1)
            next_place += has
        choice = torch.tensor(places, device=device)[branch]
        here = choice >= 0
        _run_slot(
            batch, leaf_table(leaves, device), choice.clamp_min(0),
            here if active is None else here & active, f"{label}:{slot}",
        )  # fmt: skip


def _run_drawn(batch: _Batch, stage: Sample | Shuffle, label: str) -> None:
    """`sample` and `shuffle`: the operations of each image in an order of its own."""
    size = len(stage.of)
    count = size if isinstance(stage, Shuffle) else stage.count
    active = _gate(batch, stage.probability, label)
    if isinstance(stage, Sample) and stage.replace:
        order = (batch.draws.uniform(f"{label}:choice", batch.count, count) * size).long()
    else:
        order = batch.draws.uniform(f"{label}:order", batch.count, size).argsort(1)
    table = leaf_table(stage.of, batch.images.device)
    for slot in range(count):
        _run_slot(batch, table, order[:, slot], active, f"{label}:{slot}")


def _run_stage(batch: _Batch, stage: Stage, label: str) -> None:
    if isinstance(stage, Operation | RandomResizedCrop):
        everyone = torch.zeros(batch.count, dtype=torch.long, device=batch.images.device)
        _run_slot(batch, leaf_table([stage], batch.images.device), everyone, None, label)
    elif isinstance(stage, OneOf):
        _run_one_of(batch, stage, label)
    else:
        _run_drawn(batch, stage, label)


def augment(
    images: torch.Tensor, stages: Sequence[Stage], draws: Draws, *, view: int = 0
) -> torch.Tensor:
    """Apply the stages of one view to a batch.

    Args:
        images: (n, 3, h, w), uint8 or float in [0, 1]; not changed.
        view: number of the view; different views draw independently.

    Returns:
        float32 (n, 3, h, w) in [0, 1].
    """
    started = images.float() / 255.0 if images.dtype == torch.uint8 else images.float().clone()
    batch = _Batch(started.contiguous(), draws)
    seen: dict[str, int] = {}
    for stage in stages:
        # Streams go by kind and occurrence, not by position: see core.augmentation.draws.
        seen[stage.op] = seen.get(stage.op, 0) + 1
        _run_stage(batch, stage, f"{view}/{stage.op}/{seen[stage.op]}")
    batch.flush()
    return batch.images.clamp_(0.0, 1.0)  # sums of weights are 1 only up to rounding


def two_views(
    images: torch.Tensor, policy: Policy, draws: Draws
) -> tuple[torch.Tensor, torch.Tensor]:
    """Two independent views of a batch; arguments and result as `augment`."""
    return (
        augment(images, policy.view(0), draws, view=0),
        augment(images, policy.view(1), draws, view=1),
    )
