"""What the scores of a card are, for somebody who knows nothing else of them."""

from __future__ import annotations

from quarterturn.pretrain.spec import AUTO
from quarterturn.score.catalogue import CRITERIA
from quarterturn.search.evidence import CHANCE

_ROTATION = (
    "A small encoder was pretrained with each policy, without labels, and frozen. The score is how "
    "often a linear probe on its features tells by how many quarter turns an image was turned; "
    f"guessing gives {CHANCE}."
)
_GAIN = (
    "A small encoder was pretrained with each policy, without labels, and frozen. The score is the "
    "expected gain in accuracy over the incumbent, a fraction: how much better rotation can be "
    "predicted, and the features of a reference encoder where there was one, by a rule that was "
    "learned on other images with labels."
)
_OTHER = (
    "A small encoder was pretrained with each policy, without labels, and frozen. The score is the "
    "criterion {name}, turned so that larger is better: {summary}"
)
_BOTH = (
    "`score` is what candidates were selected by; `reported` is the same on images that selection "
    "never saw. ± is one standard error over seeds, with one seed that of the images."
)


def measure(criterion: str) -> str:
    """What a score by this criterion means."""
    if criterion == "rotation":
        return f"{_ROTATION} {_BOTH}"
    if criterion == AUTO:
        return f"{_GAIN} {_BOTH}"
    return f"{_OTHER.format(name=criterion, summary=CRITERIA[criterion].summary)} {_BOTH}"
