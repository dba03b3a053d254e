"""Runs plans on a GPU in one launch of a kernel that Triton compiles."""

from __future__ import annotations

import importlib.util
import logging
from contextlib import nullcontext
from functools import cache

import numpy as np
import torch

from quarterturn.augment import layout
from quarterturn.augment.backends import torch_ref
from quarterturn.augment.normalization import Normalization
from quarterturn.augment.ops.registry import CODES
from quarterturn.augment.packed_plan import PackedPlan, noise_parts, sample_noise
from quarterturn.augment.random_streams import RandomStreams

logger = logging.getLogger(__name__)

#: Pixels that a block of threads has in registers at once, of small images and of others; measured
#: on an H200. A warp has _EACH.
_SMALL, _SPANS, _EACH = 64 * 64, (512, 1024), 128
#: Blocks for each multiprocessor, as many as are there at once; fewer where the images that they
#: have under way would take more bytes, but one.
_BLOCKS, _MAX_BYTES = 16, 2**30
#: What is tried before the kernels are trusted: images for each operation, sides of small and of
#: other images, and how many values may differ from the reference's, at thresholds.
_TRIED, _TRIED_SIZES, _MAX_UNLIKE = 4, (24, 72), 0.01


def supports(plan: PackedPlan) -> bool:
    """Whether all steps of the plan are compiled."""
    from quarterturn.augment.backends.triton_kernel import STEPS

    return plan.operations <= STEPS.keys()


@cache
def _multiprocessors(device: torch.device) -> int:
    if device.type != "cuda":
        return 1
    return int(torch.cuda.get_device_properties(device).multi_processor_count)


def execute(
    plan: PackedPlan,
    images: torch.Tensor,
    normalization: Normalization | None = None,
    *,
    times: int = 1,
) -> torch.Tensor:
    """As `quarterturn.augment.backends.torch_ref.execute`; the device is not waited for."""
    from quarterturn.augment.backends.triton_kernel import run
    from quarterturn.augment.kernels.language import LEVELS

    device = images.device
    source = images if images.dtype == torch.uint8 else images.float()
    shape = torch.Size((times * len(images), *images.shape[1:]))
    count, _, height, width = shape
    memory = torch.contiguous_format if normalization is None else torch.channels_last
    out = torch.empty(shape, device=device, memory_format=memory)
    noise = sample_noise(plan, shape[1:], images.device)
    if not out.numel():
        return out
    pixels = height * width
    room, units = 6 * pixels + LEVELS.value, _multiprocessors(device)
    blocks = min(count, _BLOCKS * units, max(units, _MAX_BYTES // (4 * room)))
    work = torch.empty(blocks * room, device=device)
    steps = plan.rows.shape[1]
    rows = plan.rows_on(device) if steps else work
    mean, std = (work, work) if normalization is None else (normalization.mean, normalization.std)
    span = min(_SPANS[pixels > _SMALL], 1 << (pixels - 1).bit_length())
    # Triton launches on the current device, whatever the tensors'.
    with torch.cuda.device(device) if device.type == "cuda" else nullcontext():
        run[(blocks,)](
            source,
            *source.stride(),
            out,
            *out.stride(),
            work,
            rows,
            work if noise is None else noise,
            mean,
            std,
            len(images),
            count,
            steps,
            height,
            width,
            BYTES=source.dtype == torch.uint8,
            NORMALIZED=normalization is not None,
            SPAN=span,
            num_warps=max(1, span // _EACH),
            num_stages=1,
        )
    return out


def _trial(size: int, streams: RandomStreams) -> tuple[PackedPlan, torch.Tensor]:
    """Every step, of values that are exact on both sides; channels last, as in training."""
    from quarterturn.augment.backends.triton_kernel import STEPS

    rows = np.zeros((_TRIED * len(STEPS), 1, layout.ROW), np.float32)
    codes = np.repeat([CODES[name] for name in STEPS], _TRIED)
    rows[:, 0, layout.OP] = codes
    rows[:, 0, layout.STRENGTH] = np.where(codes == CODES["posterize"], 2, 0.6)
    # A turn by 18 degrees about the center.
    cosine, sine, half = np.cos(np.pi / 10), np.sin(np.pi / 10), size / 2
    shift = half - half * (cosine + sine)
    rows[:, 0, layout.MAP : layout.MAP + 6] = (
        cosine,
        -sine,
        shift + 2 * half * sine,
        sine,
        cosine,
        shift,
    )
    rows[:, 0, layout.FILL : layout.FILL + 3] = 0.5
    rows[:, 0, layout.UNIFORM : layout.UNIFORM + 2] = 0.5
    plan = PackedPlan(rows, (noise_parts(streams, "0/trial", len(rows)),), frozenset(STEPS))
    generator = torch.Generator().manual_seed(0)
    values = torch.randint(0, 256, (len(rows), size, size, 3), generator=generator)
    return plan, values.to(torch.uint8).permute(0, 3, 1, 2)


def _measure_unlike(device: torch.device) -> float:
    """The share of values that differ from those of plain torch, the larger one of the trials."""
    half = torch.full((1, 3, 1, 1), 0.5, device=device)
    normalization, streams = Normalization(half, half), RandomStreams(0, device=device)
    shares = []
    for size in _TRIED_SIZES:
        plan, images = _trial(size, streams)
        images = images.to(device)
        reference = torch_ref.execute(plan, images, normalization)
        ours = execute(plan, images, normalization)
        shares.append(float(((ours - reference).abs() > 2e-3).float().mean()))
    return max(shares)


@cache
def is_available(device: torch.device) -> bool:
    """Whether the kernels can be compiled for this GPU, and do there what they should. Takes
    seconds, once in the life of a process.
    """
    if device.type != "cuda" or importlib.util.find_spec("triton") is None:
        return False
    try:
        unlike = _measure_unlike(device)
    except Exception as error:  # without a compiler, on another kind of GPU, ...
        logger.warning("augmentation kernels cannot be compiled, which is slower: %s", error)
        return False
    if unlike > _MAX_UNLIKE:
        logger.warning("augmentation kernels are not used: %.2g of their values differ", unlike)
    return unlike <= _MAX_UNLIKE
