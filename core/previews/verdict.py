"""What a measured rotation accuracy means for a search, in a sentence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

CHANCE = 0.25
#: Above this little is left for a policy to improve.
_GIVEN_AWAY = 0.85

Verdict = Literal["hidden", "partly", "given_away"]


def verdict_of(found: Mapping[str, float]) -> tuple[Verdict, str]:
    """The verdict, and the sentence for people.

    Args:
        found: as `core.previews.rotation.measure` returns it.
    """
    best = max(found["pixels"], found["untrained"])
    margin = 2 * max(found["sampling_error"], 0.01) + 0.02
    pixels, untrained = (f"{100 * found[name]:.0f} %" for name in ("pixels", "untrained"))
    numbers = (
        f"A linear probe tells the four turns apart in {untrained} of cases from the features of "
        f"an encoder that was not trained, and in {pixels} from coarse pixels; guessing gives 25 %."
    )
    if best <= CHANCE + margin:
        return "hidden", (
            f"There is no sign that rotation can be told on these images. {numbers} If training "
            "does not change that, the evidence of a search will be none, as it is for images "
            "without an up; consider another criterion, such as retrieval."
        )
    if best >= _GIVEN_AWAY:
        return "given_away", (
            f"Rotation can be told on these images almost without learning. {numbers} Something "
            "that is in the same place everywhere, such as a border, a caption or the light, gives "
            "it away, so policies may differ little in their scores."
        )
    return "partly", (
        f"Rotation can be told on these images, and there is something left to learn. {numbers} "
        "Scores of a search say something if they come out well above this."
    )
