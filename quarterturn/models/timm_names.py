"""timm's names of MobileNetV2 as torchvision's; the tensors are the same."""

from __future__ import annotations

import re

#: What timm calls the network; its ResNets have torchvision's names.
TIMM_MOBILENET = "mobilenetv2_100"
#: Blocks of each stage in timm; torchvision numbers them through, from 1.
_STAGES = (1, 2, 3, 4, 3, 3, 1)
_OUTER = {
    "conv_stem": "features.0.0",
    "bn1": "features.0.1",
    "conv_head": "features.18.0",
    "bn2": "features.18.1",
}
#: The first block has no expansion, so its parts lie one place further ahead.
_FIRST = {"conv_dw": "0.0", "bn1": "0.1", "conv_pw": "1", "bn2": "2"}
_INNER = {
    "conv_pw": "0.0",
    "bn1": "0.1",
    "conv_dw": "1.0",
    "bn2": "1.1",
    "conv_pwl": "2",
    "bn3": "3",
}
_BLOCK = re.compile(r"(.*?)blocks\.([0-6])\.([0-3])\.(\w+)(\.\w+)")
_OUTSIDE = re.compile(r"(.*?)(conv_stem|bn1|conv_head|bn2)(\.\w+)")


def mobilenet_name(name: str) -> str:
    """Torchvision's name, behind the same prefix; other names as they are."""
    block = _BLOCK.fullmatch(name)
    if block is not None:
        prefix, stage, place, part, rest = block.groups()
        number = 1 + sum(_STAGES[: int(stage)]) + int(place)
        inner = (_FIRST if stage == "0" else _INNER).get(part)
        return name if inner is None else f"{prefix}features.{number}.conv.{inner}{rest}"
    outside = _OUTSIDE.fullmatch(name)
    if outside is None:
        return name
    prefix, part, rest = outside.groups()
    return f"{prefix}{_OUTER[part]}{rest}"
