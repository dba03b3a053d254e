"""`quarterturn.load_policy`, as training code uses it."""

from __future__ import annotations

import itertools
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset

import quarterturn
from quarterturn.errors import InvalidInputError
from quarterturn.policy import write_policy
from quarterturn.policy.recipes import BASELINES, byol, crop_flip, moco_v2
from quarterturn.transform import PolicyTransform
from tests.augment.images import smooth

IMAGES = smooth(4, 24, 40)
CROPS = crop_flip().to_document()


def _picture(mode: str = "RGB") -> Image.Image:
    return Image.fromarray(IMAGES[0].permute(1, 2, 0).numpy()).convert(mode)


def test_a_file_and_its_document_are_the_same_policy(tmp_path: Path) -> None:
    path = tmp_path / "policy.json"
    write_policy(moco_v2(), path)
    from_file, from_text, from_document = (
        quarterturn.load_policy(source, seed=1)
        for source in (path, str(path), moco_v2().to_document())
    )
    assert from_file.policy == from_text.policy == from_document.policy
    assert torch.equal(from_file(IMAGES), from_document(IMAGES))


def test_a_bad_policy_is_refused_when_it_is_loaded() -> None:
    with pytest.raises(InvalidInputError, match=r"\$\.views\[0\]\[0\]\.op"):
        quarterturn.load_policy({"views": [[{"op": "twirl"}]]})


@pytest.mark.parametrize("name", BASELINES)
def test_a_picture_becomes_a_picture_of_the_same_size(name: str) -> None:
    transform = quarterturn.load_policy(BASELINES[name]().to_document(), seed=0)
    out = transform(_picture())
    assert isinstance(out, Image.Image)
    assert (out.size, out.mode) == ((40, 24), "RGB")


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "1"])
def test_pictures_of_other_modes_become_rgb(mode: str) -> None:
    out = quarterturn.load_policy(CROPS, seed=0)(_picture(mode))
    assert (out.size, out.mode) == ((40, 24), "RGB")


def test_without_augmentation_a_picture_stays_as_it_is() -> None:
    out = quarterturn.load_policy({"views": [[]]})(_picture())
    assert np.array_equal(np.asarray(out), np.asarray(_picture()))


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32, torch.float64, torch.float16])
def test_a_batch_keeps_its_dtype_and_shape(dtype: torch.dtype) -> None:
    batch = IMAGES if dtype == torch.uint8 else (IMAGES / 255).to(dtype)
    out = quarterturn.load_policy(moco_v2().to_document(), seed=0)(batch)
    assert (out.dtype, out.shape) == (dtype, batch.shape)
    assert 0 <= float(out.min()) < float(out.max()) <= (255 if dtype == torch.uint8 else 1)


def test_bytes_use_their_whole_range() -> None:
    out = quarterturn.load_policy({"views": [[{"op": "invert"}]]})(IMAGES)
    assert torch.equal(out, 255 - IMAGES)


def test_a_single_image_is_treated_as_a_batch_of_one() -> None:
    one, batch = (quarterturn.load_policy(CROPS, seed=0) for _ in range(2))
    assert torch.equal(one(IMAGES[0]), batch(IMAGES[:1])[0])


@pytest.mark.parametrize("shape", [(8, 8), (8, 8, 3), (2, 8, 8, 1), (1, 2, 3, 8, 8), (0, 8, 8)])
def test_another_shape_is_refused_with_the_expected_and_the_given_one(
    shape: tuple[int, ...],
) -> None:
    with pytest.raises(ValueError, match=r"expected \(n, c, h, w\) or \(c, h, w\)") as caught:
        quarterturn.load_policy(CROPS)(torch.zeros(shape))
    assert f"got {shape}" in str(caught.value)


@pytest.mark.parametrize("dtype", [torch.complex64, torch.bool])
def test_another_dtype_is_refused(dtype: torch.dtype) -> None:
    with pytest.raises(ValueError, match=r"expected integers or float .* got torch"):
        quarterturn.load_policy(CROPS)(torch.zeros(1, 3, 8, 8, dtype=dtype))


def test_a_seed_makes_the_sequence_of_calls_reproducible() -> None:
    one, other = (quarterturn.load_policy(CROPS, seed=3) for _ in range(2))
    first, second = one(IMAGES), one(IMAGES)
    assert not torch.equal(first, second)
    assert torch.equal(first, other(IMAGES))
    assert torch.equal(second, other(IMAGES))
    assert not torch.equal(first, quarterturn.load_policy(CROPS, seed=4)(IMAGES))


def test_without_a_seed_that_of_torch_counts() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(5)
        first = quarterturn.load_policy(CROPS)(IMAGES)
        second = quarterturn.load_policy(CROPS)(IMAGES)
        torch.manual_seed(5)
        assert torch.equal(quarterturn.load_policy(CROPS)(IMAGES), first)
    assert not torch.equal(first, second)


def test_two_views_differ_and_follow_their_own_stages() -> None:
    transform = quarterturn.load_policy(CROPS, seed=0)
    first, second = transform.two_views(IMAGES)
    assert not torch.equal(first, second)
    marked = {"views": [[], [{"op": "invert"}]]}
    plain, inverted = quarterturn.load_policy(marked).two_views(IMAGES)
    assert torch.equal(plain, IMAGES)
    assert torch.equal(inverted, 255 - IMAGES)


@pytest.mark.parametrize("seed", [None, 3])
def test_it_can_be_pickled_as_spawned_workers_need(seed: int | None) -> None:
    transform = quarterturn.load_policy(byol().to_document(), seed)
    again = pickle.loads(pickle.dumps(transform))
    assert isinstance(again, PolicyTransform)
    assert again.policy == transform.policy
    if seed is not None:
        assert torch.equal(again(IMAGES), transform(IMAGES))


class _SamePicture(Dataset[torch.Tensor]):
    """The same image at every index, so that only the draws differ."""

    def __init__(self, seed: int | None) -> None:
        self.transform = quarterturn.load_policy(CROPS, seed)

    def __len__(self) -> int:
        return 8

    def __getitem__(self, index: int) -> torch.Tensor:
        torch.set_num_threads(1)
        return self.transform(IMAGES[0])


def _epochs(seed: int | None, torch_seed: int) -> list[bytes]:
    """Two epochs of eight images from two workers."""
    generator = torch.Generator().manual_seed(torch_seed)
    loader: DataLoader[torch.Tensor] = DataLoader(
        _SamePicture(seed), batch_size=2, num_workers=2, generator=generator
    )
    batches = itertools.chain(loader, loader)
    return [image.numpy().tobytes() for batch in batches for image in batch]


@pytest.mark.parametrize("seed", [None, 3])
def test_every_worker_and_epoch_of_a_loader_draws_differently(seed: int | None) -> None:
    assert len(set(_epochs(seed, torch_seed=0))) == 16


@pytest.mark.parametrize("seed", [None, 3])
def test_a_loader_is_reproducible_by_its_generator(seed: int | None) -> None:
    assert _epochs(seed, torch_seed=0) == _epochs(seed, torch_seed=0)
    assert _epochs(seed, torch_seed=0) != _epochs(seed, torch_seed=1)


def test_it_says_which_policy_it_applies() -> None:
    assert repr(quarterturn.load_policy(CROPS)) == "PolicyTransform('crop_flip')"
