"""Pretrain an encoder with a selected policy, by SimCLR as lightly implements it.

    python examples/train_with_lightly.py policy.json path/to/images --steps 1000

`policy.json` is what a search wrote, `path/to/images` a folder of images. Needs lightly:
`pip install lightly`. Writes the encoder of torchvision, without a classifier, as its state.
"""

from __future__ import annotations

import argparse
import sys
import types
from collections.abc import Iterator
from itertools import chain, islice, repeat
from pathlib import Path

import torch
import torchvision
from lightly.data import LightlyDataset
from lightly.loss import NTXentLoss
from lightly.models.modules import SimCLRProjectionHead
from lightly.transforms.utils import IMAGENET_NORMALIZE
from torch import nn
from torch.utils.data import DataLoader

from quarterturn.export import export
from quarterturn.policy import read_policy


def policy_transform(path: Path, size: int) -> object:
    """The policy as a transform of two views, by the file that `quarterturn policy export` writes.

    Args:
        size: to which pictures are resized first, in pixels.
    """
    made = export(read_policy(path), "lightly")
    for difference in made.differences:
        print(f"difference: {difference.operation}: {difference.message}", file=sys.stderr)
    module = types.ModuleType("policy_lightly")
    exec(compile(made.text, made.filename, "exec"), module.__dict__)
    return module.PolicyTransform(size=size, normalize=IMAGENET_NORMALIZE)


class SimCLR(nn.Module):
    """An encoder of torchvision and the projection head of SimCLR."""

    def __init__(self, encoder: str) -> None:
        super().__init__()
        self.encoder = torchvision.models.get_model(encoder)
        width = self.encoder.fc.in_features
        self.encoder.fc = nn.Identity()
        self.head = SimCLRProjectionHead(width, width, 128)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Images (n, 3, h, w), normalised, to projections (n, 128)."""
        return self.head(self.encoder(images))


def batches(loader: DataLoader, steps: int) -> Iterator[list[torch.Tensor]]:
    """`steps` batches of two views, epoch after epoch."""
    epochs = chain.from_iterable(repeat(loader))
    for views, _labels, _names in islice(epochs, steps):
        yield views


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("policy", type=Path, help="a policy file")
    parser.add_argument("images", type=Path, help="a folder of images")
    parser.add_argument("--output", type=Path, default=Path("encoder.pt"))
    parser.add_argument("--encoder", default="resnet18", help="a ResNet of torchvision")
    parser.add_argument("--size", type=int, default=64, help="of pictures in pixels")
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--learning-rate", type=float, default=3e-4)
    parser.add_argument("--temperature", type=float, default=0.2)
    parser.add_argument("--workers", type=int, default=2, help="processes that load pictures")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)

    torch.manual_seed(options.seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    dataset = LightlyDataset(
        str(options.images), transform=policy_transform(options.policy, options.size)
    )
    if len(dataset) < options.batch_size:
        parser.error(f"{len(dataset)} images are less than a batch of {options.batch_size}")
    loader = DataLoader(
        dataset, options.batch_size, shuffle=True, drop_last=True, num_workers=options.workers
    )
    model = SimCLR(options.encoder).to(device)
    loss_of = NTXentLoss(options.temperature)
    optimizer = torch.optim.AdamW(model.parameters(), lr=options.learning_rate)
    for step, (first, second) in enumerate(batches(loader, options.steps), start=1):
        loss = loss_of(model(first.to(device)), model(second.to(device)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if step % 50 == 0 or step == options.steps:
            print(f"step {step} of {options.steps}: loss {loss.item():.3f}", flush=True)
    torch.save(model.encoder.state_dict(), options.output)
    print(f"wrote {options.output}")


if __name__ == "__main__":
    main()
