"""Limits and risks of a selected policy, each a code and a sentence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from quarterturn.policy.schema import Policy
from quarterturn.policy.shares import Share, shares_of

#: Operations that destroy something, and where it may matter.
_DESTROYED = (
    (
        ("hue", "saturation", "grayscale", "invert", "solarize"),
        "colour_may_matter",
        "where colour carries meaning (stained tissue, traffic lights, charts, ripe fruit), the "
        "encoder is taught to ignore it",
    ),
    (
        ("horizontal_flip",),
        "mirror_may_matter",
        "where left and right differ (text, digits, signs, organs), the encoder is taught to "
        "ignore it",
    ),
    (
        ("vertical_flip", "rotate90"),
        "upright_may_matter",
        "where up and down differ, the encoder is taught to ignore it",
    ),
    (
        ("cutout", "random_resized_crop", "translate_x", "translate_y"),
        "small_objects_may_vanish",
        "where what counts is small or at the border, views may not show it",
    ),
    (
        ("gaussian_blur", "gaussian_noise", "posterize", "sharpness"),
        "texture_may_matter",
        "where fine texture carries meaning (fabrics, tissue, defects), it is removed or altered",
    ),
    (
        ("brightness", "contrast", "auto_contrast", "equalize"),
        "intensity_may_matter",
        "where the value itself is a measurement (X-ray, thermal, satellite), it is altered",
    ),
)
_GREY = 0.004


def _uses(names: tuple[str, ...], shares: Mapping[str, Share]) -> str:
    return ", ".join(
        f"{name} ({min(100.0, 100.0 * shares[name].rate):.0f} % of views)"
        for name in names
        if name in shares
    )


def _of_operations(policy: Policy) -> Iterator[tuple[str, str]]:
    shares = shares_of(policy)
    for names, code, where in _DESTROYED:
        used = _uses(names, shares)
        if used:
            yield code, f"{used}: {where}."


def _of_data(mean: list[float], std: list[float], policy: Policy) -> Iterator[tuple[str, str]]:
    if not mean or not std:
        return
    grey = max(mean) - min(mean) < _GREY and max(std) - min(std) < _GREY
    colours = [name for name in ("hue", "saturation", "grayscale") if name in shares_of(policy)]
    if grey and colours:
        yield (
            "images_are_grey",
            f"The channels of these images are alike, so that {', '.join(colours)} may do nothing.",
        )


def policy_risks(policy: Policy, mean: list[float], std: list[float]) -> list[dict[str, str]]:
    """What of a policy may destroy something that matters in these images.

    Args:
        mean, std: of the dataset by channel, in [0, 1].
    """
    found = [*_of_operations(policy), *_of_data(mean, std, policy)]
    return [{"code": code, "message": message} for code, message in found]


def risks(
    policy: Policy,
    *,
    mean: list[float],
    std: list[float],
    collapsed: list[str],
    failed: int,
    reason: str | None,
) -> list[dict[str, Any]]:
    """All that speaks against taking the choice for granted.

    Args:
        mean, std: of the dataset by channel, in [0, 1].
        collapsed: names of candidates that collapsed.
        failed: trials that failed or crashed.
        reason: of the job's end, such as `budget` or `stopped`.
    """
    found = [(risk["code"], risk["message"]) for risk in policy_risks(policy, mean, std)]
    if collapsed:
        shown = ", ".join(collapsed[:5]) + (" ..." if len(collapsed) > 5 else "")
        found.append(("collapse_seen", f"{len(collapsed)} candidates collapsed: {shown}."))
    if failed:
        found.append(("trials_failed", f"{failed} trials failed and say nothing."))
    if reason == "budget":
        found.append(("budget_ended", "The budget ended the search before it was done."))
    if reason == "stopped":
        found.append(("stopped_early", "The search was stopped early, before it was done."))
    found.append(
        (
            "proxy",
            "The ranking is that of a small encoder after a short training, on these images; a "
            "large model trained for long may rank competitive policies differently.",
        )
    )
    warnings = (policy.selection or {}).get("warnings", [])
    listed = [{"code": code, "message": message} for code, message in found]
    return [*({"code": w["code"], "message": w["message"]} for w in warnings), *listed]
