"""Which tensor of a file is which of an encoder. Pure: names and shapes only.

Files wrap the same names in whatever trained them: `module.encoder_q.conv1.weight` (MoCo),
`teacher.backbone.conv1.weight` (DINO), `backbone.0.weight` (a Sequential of torchvision's parts).
The prefix is not looked up in a list; it is the one under which most of an encoder is found.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from quarterturn.models.header import Shape
from quarterturn.models.timm_names import mobilenet_name

Shapes = Mapping[str, Shape]

#: Of two copies of an encoder the one that is published is taken: MoCo's query encoder, not the
#: key encoder; DINO's teacher, not the student.
_SECOND_CHOICE = ("encoder_k", "momentum", "student", "target")
#: Places of a torchvision ResNet's parts in `nn.Sequential(*network.children())`.
_CHILDREN = {
    "0": "conv1",
    "1": "bn1",
    "4": "layer1",
    "5": "layer2",
    "6": "layer3",
    "7": "layer4",
}
_DEEPEST = 16
#: The first convolution, the only tensor that may be resized.
STEMS = ("conv1.weight", "stem.conv.weight", "features.0.0.weight")


@dataclass(frozen=True)
class Match:
    """How a file fits one encoder.

    Attributes:
        names: name in the file of each tensor of the encoder that was found and fits.
        missing: tensors of the encoder that the file lacks.
        misfits: (name, shape in the file, shape in the encoder) of those that cannot be used.
        resized: the same of those that are adapted.
        unused: names of the file that belong to nothing, such as those of heads.
        beyond: of these, tensors inside the encoder's own parts, such as a third block of `layer1`:
            the file is of a deeper network, whose first blocks alone compute something else.
    """

    encoder: str
    prefix: str
    names: dict[str, str]
    missing: list[str]
    misfits: list[tuple[str, Shape, Shape]]
    resized: list[tuple[str, Shape, Shape]]
    unused: list[str]
    beyond: list[str]

    @property
    def fits(self) -> bool:
        return not self.missing and not self.misfits and not self.beyond

    def to_dict(self, most: int = 200) -> dict[str, Any]:
        """As a report; lists are cut to `most`, counts are whole."""

        def reshaped(items: list[tuple[str, Shape, Shape]]) -> list[dict[str, Any]]:
            return [{"tensor": n, "from": list(a), "to": list(b)} for n, a, b in items[:most]]

        return {
            "encoder": self.encoder,
            "fits": self.fits,
            "prefix": self.prefix,
            "matched": len(self.names),
            "missing": self.missing[:most],
            "missing_count": len(self.missing),
            "misfits": reshaped(self.misfits),
            "resized": reshaped(self.resized),
            "unused": self.unused[:most],
            "unused_count": len(self.unused),
            "beyond": self.beyond[:most],
            "beyond_count": len(self.beyond),
        }


def resizable(name: str, old: Shape, new: Shape) -> bool:
    """Whether a first convolution can be adapted: other square kernels, one channel to three."""
    if name not in STEMS or len(old) != 4 or len(new) != 4:
        return False
    square = old[2] == old[3] and new[2] == new[3] and 1 <= old[2] <= 15
    return old[0] == new[0] and old[1] in (1, new[1]) and square


def _numbered(name: str) -> str:
    """The name with the place of a torchvision part replaced by its name."""
    parts = name.split(".")
    for at, part in enumerate(parts[:_DEEPEST]):
        if part.isdecimal():
            return ".".join([*parts[:at], _CHILDREN.get(part, part), *parts[at + 1 :]])
    return name


def _prefix(names: Mapping[str, str], template: Shapes) -> str:
    """The prefix under which most of the template is found; an own copy before a second choice."""
    found: Counter[str] = Counter()
    for name in names:
        parts = name.split(".")[: 2 * _DEEPEST]
        for at in range(len(parts)):
            if ".".join(parts[at:]) in template:
                found[".".join(parts[:at]) + ("." if at else "")] += 1
    if not found:
        return ""
    return min(
        found,
        key=lambda p: (-found[p], any(word in p for word in _SECOND_CHOICE), len(p), p),
    )


def match(encoder: str, template: Shapes, shapes: Shapes) -> Match:
    """The best match of a file with an encoder.

    Args:
        template: shapes of the encoder's tensors by portable name (`quarterturn.models.naming`).
        shapes: shapes of the file's floating-point tensors.
    """
    plain = {name: name for name in shapes}
    numbered = {_numbered(name): name for name in shapes}
    from_timm = {mobilenet_name(name): name for name in shapes}
    best: Match | None = None
    for names in (plain, numbered, from_timm):
        one = _matched(encoder, template, shapes, names)
        if best is None or len(one.names) > len(best.names):
            best = one
    assert best is not None
    return best


def _matched(encoder: str, template: Shapes, shapes: Shapes, names: Mapping[str, str]) -> Match:
    prefix = _prefix(names, template)
    found: dict[str, str] = {}
    missing: list[str] = []
    misfits: list[tuple[str, Shape, Shape]] = []
    resized: list[tuple[str, Shape, Shape]] = []
    for name, wanted in template.items():
        own = names.get(prefix + name)
        if own is None:
            missing.append(name)
            continue
        given = shapes[own]
        if given != wanted and not resizable(name, given, wanted):
            misfits.append((name, given, wanted))
            continue
        if given != wanted:
            resized.append((name, given, wanted))
        found[name] = own
    unused = sorted(set(shapes) - set(found.values()))
    beyond = _beyond(names, prefix, template)
    return Match(encoder, prefix, found, missing, misfits, resized, unused, beyond)


def _beyond(names: Mapping[str, str], prefix: str, template: Shapes) -> list[str]:
    """Names inside the parts of the template, such as `layer1`, that it does not have."""
    parts = {name.split(".")[0] for name in template}
    inner = (name.removeprefix(prefix) for name in names if name.startswith(prefix))
    return sorted(
        names[prefix + name]
        for name in inner
        if name not in template and "." in name and name.split(".")[0] in parts
    )
