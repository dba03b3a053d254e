"""What exported Python files of both libraries bring along: samples of more than 8 bits, and any
number of channels.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

COLORS = ("hue", "saturation", "grayscale")


def to_eight_bits(
    samples: torch.Tensor, intensity: tuple[float, float] | None, every: bool
) -> torch.Tensor:
    """Samples as stored to uint8, as the search saw them: `intensity` are the values that are black
    and white, with `every` also of samples of 8 bits.
    """
    if samples.dtype == torch.bool:
        return samples.to(torch.uint8) * 255
    if samples.dtype == torch.uint8 and not (every and intensity):
        return samples
    if intensity is None:
        raise ValueError(
            f"the samples are {samples.dtype}, and the policy says of no value that it is black or "
            "white; map them to 8 bits before"
        )
    low, high = intensity
    values = samples.double()
    values = (values - low) * (255.0 / (high - low)) * (values.abs() < 1e30)
    return torch.floor(values.nan_to_num().clamp(0.0, 255.0) + 0.5).to(torch.uint8)


def colors_of(stage: object) -> set[str]:
    """Names of the operations on colors of a stage, a list of stages, or a view."""
    if getattr(stage, "probability", 1.0) == 0.0:
        return set()
    if (name := getattr(stage, "name", "")) in COLORS:
        return {name}
    inner = list(stage) if isinstance(stage, list) else []
    for part in ("stages", "of", "branches"):
        inner += getattr(stage, part, ())
    return set().union(*map(colors_of, inner))


def by_threes(
    images: torch.Tensor, apply: Callable[[torch.Tensor], torch.Tensor], colors: set[str]
) -> torch.Tensor:
    """Apply what takes three channels to any number of them, three at a time, with the same draws;
    `colors` are the operations that need red, green and blue.
    """
    channels = images.shape[-3]
    if channels == 3:
        return apply(images)
    if colors:
        raise ValueError(
            f"{', '.join(sorted(colors))} need red, green and blue; the images have {channels} "
            f"channel{'s' * (channels != 1)}"
        )
    devices = [images.device] if images.is_cuda else []
    parts = []
    for start in range(0, channels, 3):
        part = images.narrow(-3, start, min(3, channels - start))
        count = part.shape[-3]
        places = torch.arange(3, device=images.device).clamp_max(count - 1)
        # What is drawn for one part is drawn again for the next.
        with torch.random.fork_rng(devices, enabled=start + 3 < channels):
            done = apply(part.index_select(-3, places))
        parts.append(done.narrow(-3, 0, count))
    return torch.cat(parts, dim=-3)
