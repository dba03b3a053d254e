"""The formats that are Python files: torchvision, lightly, kornia."""

from __future__ import annotations

import json

from quarterturn.export.differences import differences
from quarterturn.export.formats import Export, Options
from quarterturn.export.pythonfile import python_file, views_definition
from quarterturn.policy.schema import Policy

_MEDIA_TYPE = "text/x-python"

_TWO_VIEWS = '''

def two_views(picture):
    """Two independent views of a picture, as contrastive methods take them."""
    return first_view(picture), second_view(picture)
'''

_LIGHTLY = '''

class ToTensor(torch.nn.Module):
    """A picture to a float tensor (3, h, w) in [0, 1], normalised if asked for."""

    def __init__(self, normalize=None):
        super().__init__()
        self.normalize = normalize

    def forward(self, picture):
        image = F.to_dtype(F.to_image(picture), torch.float32, scale=True)
        image = image.as_subclass(torch.Tensor)
        if self.normalize is None:
            return image
        return F.normalize(image, self.normalize["mean"], self.normalize["std"])


class PolicyTransform(MultiViewTransform):
    """The two views of a picture as a list of tensors, for lightly's datasets and collates.

    `normalize` is None or a dictionary with `mean` and `std`, such as
    lightly.transforms.utils.IMAGENET_NORMALIZE.
    """

    def __init__(self, size=None, normalize=None):
        resize = [] if size is None else [v2.Resize((size, size))]
        last = ToTensor(normalize)
        super().__init__([v2.Compose([*resize, v, last]) for v in (first_view, second_view)])


transform = PolicyTransform()
'''


def torchvision(policy: Policy, options: Options) -> Export:
    """A file of `torchvision.transforms.v2`."""
    found = differences(policy, "torchvision", options)
    usage = [
        "from policy_torchvision import first_view, second_view, two_views",
        "Each takes a PIL image or a tensor (c, h, w) and returns the same kind and size.",
        "Resize before, normalise after.",
    ]
    rest = views_definition(policy) + _TWO_VIEWS
    text = python_file(policy, "torchvision", usage, found, rest)
    return Export(text, "policy_torchvision.py", _MEDIA_TYPE, found)


def lightly(policy: Policy, options: Options) -> Export:
    """The torchvision file, with lightly's MultiViewTransform of two views."""
    found = differences(policy, "lightly", options)
    usage = [
        "from policy_lightly import PolicyTransform",
        "dataset = LightlyDataset(folder, transform=PolicyTransform(size=64))",
    ]
    wanted = "from lightly.transforms.multi_view_transform import MultiViewTransform\n\n"
    rest = wanted + views_definition(policy) + _LIGHTLY
    text = python_file(policy, "torchvision", usage, found, rest)
    return Export(text, "policy_lightly.py", _MEDIA_TYPE, found)


def kornia(policy: Policy, options: Options) -> Export:
    """A file of kornia functions for batches on any device."""
    found = differences(policy, "kornia", options)
    usage = [
        "from policy_kornia import first_view, second_view, two_views",
        "Each takes a batch (n, c, h, w) of floats in [0, 1], or of integers as stored, on CPU or",
        "GPU, and returns floats.",
        "Normalise after.",
    ]
    rest = views_definition(policy) + _TWO_VIEWS.replace("a picture", "a batch").replace(
        "picture", "images"
    )
    text = python_file(policy, "kornia", usage, found, rest)
    return Export(text, "policy_kornia.py", _MEDIA_TYPE, found)


def json_document(policy: Policy, _: Options) -> Export:
    """The policy document itself."""
    text = json.dumps(policy.to_document(), indent=2) + "\n"
    return Export(text, "policy.json", "application/json", ())
