"""Choose a policy, pretrain with it on several processes, and look at what came out.

    python examples/train_with_ddp.py path/to/images --processes 2 --steps 200

`path/to/images` is a folder of class folders. The search and the pretraining read no class; the
linear probe at the end does. SimCLR in plain PyTorch with `DistributedDataParallel`, on CPUs by
gloo; with GPUs take nccl and a device for each rank. Needs scikit-learn.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

import torch
import torch.distributed as dist
import torch.multiprocessing
import torchvision
from sklearn.linear_model import LogisticRegression
from torch import nn
from torch.nn import functional
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, Dataset, DistributedSampler
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

from quarterturn import PolicyDataset, Search, load_policy


class Pictures(Dataset):
    """The pictures of a folder without their classes."""

    def __init__(self, folder: ImageFolder) -> None:
        self.folder = folder

    def __len__(self) -> int:
        return len(self.folder)

    def __getitem__(self, index: int) -> object:
        return self.folder[index][0]


class SimCLR(nn.Module):
    """ResNet-18 and a projection head."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = torchvision.models.resnet18()
        self.encoder.fc = nn.Identity()
        self.head = nn.Sequential(nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 128))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Images (n, 3, h, w) to projections (n, 128) of length 1."""
        return functional.normalize(self.head(self.encoder(images)), dim=1)


def contrast(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """InfoNCE of the two views (n, d) of each picture, both ways, within this process."""
    logits = first @ second.T / 0.2
    itself = torch.arange(len(first))
    one, other = (functional.cross_entropy(a, itself) for a in (logits, logits.T))
    return (one + other) / 2


def pretrain(rank: int, asked: argparse.Namespace) -> None:
    """One process of the training; the first writes the encoder."""
    dist.init_process_group(
        "gloo",
        init_method=f"file://{asked.output.absolute()}.meeting",
        rank=rank,
        world_size=asked.processes,
    )
    torch.manual_seed(0)  # the same weights everywhere
    # Views follow from seed, epoch and index: ranks differ, as their pictures do.
    transform = load_policy(asked.policy, seed=0, size=asked.size)
    data = PolicyDataset(Pictures(ImageFolder(asked.images)), transform)
    sampler: DistributedSampler = DistributedSampler(data, asked.processes, rank, drop_last=True)
    loader = DataLoader(data, asked.batch_size, sampler=sampler, drop_last=True)
    model = DistributedDataParallel(SimCLR())
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3)
    step, epoch = 0, 0
    while step < asked.steps:
        sampler.set_epoch(epoch)
        data.set_epoch(epoch)
        for first, second in loader:
            loss = contrast(*model(torch.cat([first, second])).chunk(2))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            step += 1
            if rank == 0 and (step % 10 == 0 or step == asked.steps):
                print(f"step {step} of {asked.steps}: loss {loss.item():.3f}", flush=True)
            if step == asked.steps:
                break
        epoch += 1
    if rank == 0:
        torch.save(model.module.encoder.state_dict(), asked.output)
    dist.destroy_process_group()


@torch.no_grad()
def probe(asked: argparse.Namespace) -> float:
    """Accuracy of a linear probe on the features of every second picture, fitted to the others."""
    shape = [v2.Resize(asked.size), v2.CenterCrop(asked.size), v2.PILToTensor()]
    folder = ImageFolder(asked.images, v2.Compose([*shape, v2.ToDtype(torch.float32, scale=True)]))
    encoder = torchvision.models.resnet18()
    encoder.fc = nn.Identity()
    encoder.load_state_dict(torch.load(asked.output, weights_only=True))
    encoder.eval()
    features = torch.cat([encoder(images) for images, _ in DataLoader(folder, 64)]).numpy()
    classes = torch.tensor(folder.targets).numpy()
    fitted = LogisticRegression(max_iter=1000).fit(features[::2], classes[::2])
    return float(fitted.score(features[1::2], classes[1::2]))


def main(arguments: Sequence[str] | None = None) -> None:
    """Search, pretrain, probe."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("images", type=Path)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--batch-size", type=int, default=64, help="of each process")
    parser.add_argument("--size", type=int, default=64, help="side of the views in pixels")
    parser.add_argument("--budget", default="5m", help="of the search")
    parser.add_argument("--iterations", type=int, default=150, help="of each trial of the search")
    parser.add_argument("--policy", type=Path, help="one that was chosen before")
    parser.add_argument("--output", type=Path, default=Path("encoder.pt"))
    asked = parser.parse_args(arguments)
    if asked.policy is None:
        search = Search(
            asked.images, budget=asked.budget, effort="quick", iterations=asked.iterations
        )
        result = search.run()
        asked.policy = result.save(asked.output.with_suffix(".policy.json"))
        print(f"{result.policy.name}, evidence {result.evidence['level']}")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    torch.multiprocessing.spawn(pretrain, (asked,), nprocs=asked.processes)
    print(f"linear probe: {100 * probe(asked):.1f} %")


if __name__ == "__main__":
    main()
