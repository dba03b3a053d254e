"""The formats on torchvision and kornia, and the document itself."""

from __future__ import annotations

import json
from pathlib import Path

from quarterturn.export.differences import differences
from quarterturn.export.formats import Export, Options
from quarterturn.export.pythonfile import python_file, views_definition
from quarterturn.export.releases import release_check
from quarterturn.policy.schema import Policy

MEDIA_TYPE = "text/x-python"
_ENDINGS = Path(__file__).parent / "runtimes" / "endings"

TWO_VIEWS = '''

def two_views(picture):
    """Two independent views of a picture, as contrastive methods take them."""
    return first_view(picture), second_view(picture)
'''


def _ending(name: str) -> str:
    """Code behind the views that makes them what a library takes."""
    text = (_ENDINGS / f"{name}.txt").read_text(encoding="utf-8")
    return f"\n\n{text}"


def torchvision(policy: Policy, options: Options) -> Export:
    """A file of `torchvision.transforms.v2`."""
    found = differences(policy, "torchvision", options)
    usage = [
        "from policy_torchvision import first_view, second_view, two_views",
        "Each takes a PIL image, or a tensor (c, h, w) or (n, c, h, w), and returns the same kind.",
        "first_view.sized(224) returns squares, cropped from the original. Normalize after.",
    ]
    rest = views_definition(policy) + TWO_VIEWS
    text = python_file(policy, "torchvision", usage, found, rest, size=options.size)
    return Export(text, "policy_torchvision.py", MEDIA_TYPE, found)


def _with_ending(
    policy: Policy, options: Options, library: str, usage: list[str], before: str = ""
) -> Export:
    """The torchvision file, with what makes it fit another library before and behind its views."""
    found = differences(policy, library, options)
    ending = library.replace("-", "_")
    rest = before + views_definition(policy) + _ending(ending)
    text = python_file(policy, "torchvision", usage, found, rest, size=options.size)
    return Export(text, f"policy_{ending}.py", MEDIA_TYPE, found)


def lightly(policy: Policy, options: Options) -> Export:
    """The torchvision file, with lightly's MultiViewTransform of two views."""
    usage = [
        "from policy_lightly import PolicyTransform",
        "dataset = LightlyDataset(folder, transform=PolicyTransform(size=64))",
    ]
    wanted = "from lightly.transforms.multi_view_transform import MultiViewTransform\n\n"
    before = release_check("lightly") + wanted
    return _with_ending(policy, options, "lightly", usage, before)


def huggingface(policy: Policy, options: Options) -> Export:
    """The torchvision file, for `set_transform` of Hugging Face datasets."""
    usage = [
        "from policy_huggingface import PolicyTransform",
        'dataset.set_transform(PolicyTransform("image", size=224))',
        "Each example then has view_1 and view_2, float tensors, instead of the image.",
    ]
    return _with_ending(policy, options, "huggingface", usage)


def stable_pretraining(policy: Policy, options: Options) -> Export:
    """The torchvision file, for the dictionaries of stable-pretraining's datasets."""
    usage = [
        "from policy_stable_pretraining import PolicyView, views",
        "transform = stable_pretraining.data.transforms.MultiViewTransform(views(size=224))",
        'Each takes a sample, a dictionary, and replaces its "image" by a float tensor.',
    ]
    return _with_ending(policy, options, "stable-pretraining", usage)


def kornia(policy: Policy, options: Options) -> Export:
    """A file of kornia functions for batches on any device."""
    found = differences(policy, "kornia", options)
    usage = [
        "from policy_kornia import first_view, second_view, two_views",
        "Each takes a batch (n, c, h, w) of floats in [0, 1], or of integers as stored, on CPU or",
        "GPU, and returns floats.",
        "first_view.sized(224) returns squares, cropped from the original. Normalize after.",
    ]
    rest = views_definition(policy) + TWO_VIEWS.replace("a picture", "a batch").replace(
        "picture", "images"
    )
    text = python_file(policy, "kornia", usage, found, rest, size=options.size)
    return Export(text, "policy_kornia.py", MEDIA_TYPE, found)


def json_document(policy: Policy, _: Options) -> Export:
    """The policy document itself."""
    text = json.dumps(policy.to_document(), indent=2) + "\n"
    return Export(text, "policy.json", "application/json", ())
