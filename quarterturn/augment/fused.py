"""Executes a program on a GPU in one launch, by the kernels of `quarterturn.augment.gpu`."""

from __future__ import annotations

import importlib.util
import logging
from contextlib import nullcontext
from functools import cache

import numpy as np
import torch

from quarterturn.augment import eager
from quarterturn.augment.draws import Draws
from quarterturn.augment.finish import Normalisation
from quarterturn.augment.maps import affine_of
from quarterturn.augment.program import Step
from quarterturn.augment.table import Table, noise_of, table_of
from quarterturn.augment.tables import CODES, EXECUTED

logger = logging.getLogger(__name__)

#: Pixels that a block of threads has in registers at once, of small images and of others; measured
#: on an H200. A warp has _EACH.
_SMALL, _SPANS, _EACH = 64 * 64, (512, 1024), 128
#: Blocks for each multiprocessor, as many as are there at once; fewer where the images that they
#: have under way would take more bytes, but one.
_BLOCKS, _MOST_BYTES = 16, 2**30
#: What is tried before the kernels are trusted: images for each operation, sides of small and of
#: other images, and how many values may differ from the reference's, at thresholds.
_TRIED, _TRIED_SIZES, _UNLIKE = 4, (24, 72), 0.01


@cache
def _multiprocessors(device: torch.device) -> int:
    if device.type != "cuda":
        return 1
    return int(torch.cuda.get_device_properties(device).multi_processor_count)


def execute(
    table: Table,
    images: torch.Tensor,
    normalisation: Normalisation | None = None,
    *,
    times: int = 1,
) -> torch.Tensor:
    """As `quarterturn.augment.compiled.execute`; the device is not waited for."""
    from quarterturn.augment.gpu.codes import LEVELS
    from quarterturn.augment.gpu.run import run

    device = images.device
    source = images if images.dtype == torch.uint8 else images.float()
    shape = torch.Size((times * len(images), *images.shape[1:]))
    count, _, height, width = shape
    layout = torch.contiguous_format if normalisation is None else torch.channels_last
    out = torch.empty(shape, device=device, memory_format=layout)
    noise = noise_of(table, shape[1:], images.device)
    if not out.numel():
        return out
    pixels = height * width
    room, units = 6 * pixels + LEVELS.value, _multiprocessors(device)
    blocks = min(count, _BLOCKS * units, max(units, _MOST_BYTES // (4 * room)))
    work = torch.empty(blocks * room, device=device)
    steps = table.rows.shape[1]
    rows = table.rows_on(device) if steps else work
    mean, std = (work, work) if normalisation is None else (normalisation.mean, normalisation.std)
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
            NORMALISED=normalisation is not None,
            SPAN=span,
            num_warps=max(1, span // _EACH),
            num_stages=1,
        )
    return out


def _trial(size: int) -> tuple[list[Step], torch.Tensor]:
    """Every operation, of values that are exact on both sides; channels last, as in training."""
    codes = np.repeat([CODES[name] for name in EXECUTED], _TRIED)
    strength = np.where(codes == CODES["posterize"], 2, 0.6).astype(np.float32)
    colours = np.full((len(codes), 3), 0.5, np.float32)
    maps = affine_of("rotate", 30 * strength, size, size)
    generator = torch.Generator().manual_seed(0)
    values = torch.randint(0, 256, (len(codes), size, size, 3), generator=generator)
    step = Step(EXECUTED, codes, strength, maps, colours, colours[:, :2], "0/trial")
    return [step], values.to(torch.uint8).permute(0, 3, 1, 2)


def _unlike(device: torch.device) -> float:
    """The share of values that differ from those of plain torch, the larger one of the trials."""
    half = torch.full((1, 3, 1, 1), 0.5, device=device)
    by, draws = Normalisation(half, half), Draws(0, device=device)
    shares = []
    for size in _TRIED_SIZES:
        steps, images = _trial(size)
        images = images.to(device)
        reference = by(eager.execute(steps, images, draws))
        ours = execute(table_of(steps, len(images), draws), images, by)
        shares.append(float(((ours - reference).abs() > 2e-3).float().mean()))
    return max(shares)


@cache
def available(device: torch.device) -> bool:
    """Whether the kernels can be compiled for this GPU, and do there what they should. Takes
    seconds, once in the life of a process.
    """
    if device.type != "cuda" or importlib.util.find_spec("triton") is None:
        return False
    try:
        unlike = _unlike(device)
    except Exception as error:  # without a compiler, on another kind of GPU, ...
        logger.warning("augmentation kernels cannot be compiled, which is slower: %s", error)
        return False
    if unlike > _UNLIKE:
        logger.warning("augmentation kernels are not used: %.2g of their values differ", unlike)
    return unlike <= _UNLIKE
