"""The model card of a job's final encoder: what it is, what it was made from, how to load it."""

from __future__ import annotations

from typing import Any

from core.store.tables import Dataset, Job
from quarterturn.card.markdown import plain
from quarterturn.models.known import TORCHVISION_NAMES, has_small_stem

_STEM = (
    "    model.conv1, model.maxpool = torch.nn.Conv2d(3, 64, 3, 1, 1, bias=False), "
    "torch.nn.Identity()\n"
)

_READ = 'model.load_state_dict(safetensors.torch.load_file("encoder.safetensors"))\n'


def _in_timm(architecture: str, stem: str) -> str:
    """timm has the ResNets under torchvision's names. Of MobileNetV2 it has the same tensors in the
    same order under other names, so there the model of torchvision hands them over.
    """
    if architecture != "mobilenet_v2":
        return (
            "import timm, torch, safetensors.torch\n\n"
            f'model = timm.create_model("{architecture}", num_classes=0)\n{stem}{_READ}'
        )
    return (
        "import timm, torch, torchvision, safetensors.torch\n\n"
        "model = torchvision.models.mobilenet_v2()\n"
        "model.classifier = torch.nn.Identity()\n"
        f"{_READ}"
        'named, model = model.state_dict(), timm.create_model("mobilenetv2_100", num_classes=0)\n'
        "model.load_state_dict(dict(zip(model.state_dict(), named.values())))\n"
    )


def loading(architecture: str, resolution: int) -> str:
    """How to load the file, in Markdown."""
    own = (
        "```python\n"
        "from quarterturn import load_encoder\n\n"
        'encoder = load_encoder("encoder.safetensors")  # (n, 3, h, w) in [0, 1] to features\n'
        "```\n"
    )
    if architecture not in TORCHVISION_NAMES:
        return f"{own}\n`{architecture}` has no counterpart in torchvision or timm.\n"
    small = has_small_stem(architecture, resolution)
    stem = _STEM.lstrip() if small else ""
    note = (
        "\nThe line with `conv1` gives the model the stem for small images that these weights are "
        "of: a 3x3 convolution of stride 1, no max-pool.\n"
        if small
        else ""
    )
    classifier = "classifier" if architecture == "mobilenet_v2" else "fc"
    return (
        f"{own}\nIn torchvision, without the classifier:\n\n```python\n"
        "import torch, torchvision, safetensors.torch\n\n"
        f"model = torchvision.models.{architecture}()\n"
        f"model.{classifier} = torch.nn.Identity()\n"
        f"{stem}{_READ}"
        "```\n\nIn timm:\n\n```python\n"
        f"{_in_timm(architecture, stem)}```\n{note}"
    )


def _start(encoder: dict[str, Any]) -> str:
    init = encoder["init"]
    if init["kind"] == "scratch":
        return "random weights"
    return f"the {init['kind']} {plain(init['name'])}, digest `{init['digest']}`"


def encoder_card(job: Job, dataset: Dataset) -> str:
    """The card; the job must have an encoder."""
    encoder: dict[str, Any] = job.encoder or {}
    pretraining: dict[str, Any] = job.spec["pretraining"]
    evidence = ((job.policy or {}).get("selection") or {}).get("evidence") or {}
    collapsed = (
        "\n**The pretraining collapsed: its outputs hardly differ between images.**\n"
        if encoder["collapsed"]
        else ""
    )
    numbers = {
        "mean": [round(v, 6) for v in encoder["mean"]],
        "std": [round(v, 6) for v in encoder["std"]],
    }
    return f"""# Encoder of {plain(job.name)}
{collapsed}
| | |
|---|---|
| architecture | {encoder["architecture"]}, without classifier |
| pretrained with | {pretraining["method"]}, {encoder["iterations"]} iterations of \
{pretraining["batch_size"]} images, seed {encoder["seed"]} |
| augmentation | policy `{encoder["policy"]}`, `GET /v1/jobs/{job.id}/policy` |
| evidence for the policy | {evidence.get("level", "unknown")} |
| variant | {pretraining["variant"]} |
| started from | {_start(encoder)} |
| images | {encoder["images"]} of {plain(dataset.name)} at {encoder["resolution"]} pixels, \
digest `{dataset.digest}` |
| input | RGB in [0, 1], minus {numbers["mean"]}, over {numbers["std"]} |
| digest of the weights | `{encoder["digest"]}` |
| labels | none were used |

It was pretrained on all images of the dataset, those included on which the policy was scored. No
score of this encoder is therefore given; measure it on images of your own.

## Loading

{loading(encoder["architecture"], encoder["resolution"])}
`load_encoder` normalises by itself. Elsewhere subtract the mean and divide by the deviation above.
"""
