"""Policies carry how files became pictures, and training sees what the search saw."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from quarterturn import load_policy
from quarterturn.data.asked import picture_options
from quarterturn.data.caps import Caps, IngestLimits
from quarterturn.data.ingest import ingest
from quarterturn.data.sources import folder_members
from quarterturn.errors import InvalidInputError
from quarterturn.policy import Policy, parse_policy
from quarterturn.policy.operations import COLOR_OPERATIONS, OPERATIONS
from quarterturn.storage.folder import FolderStorage
from tests.data.drawn import bands01, distance, eight, file_of, shape01, tiff_of

RANGE = {"intensity": {"low": 0, "high": 4095, "source": "bits"}}


def _policy(*stages: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"views": [list(stages)], **more}


def _leaf(name: str) -> dict[str, Any]:
    info = OPERATIONS[name]
    stage: dict[str, Any] = {"op": name}
    if info.has_strength:
        stage["strength"] = info.search_limit or info.limit / 2
    return stage


def test_plain_policies_are_of_version_1_and_others_of_2() -> None:
    plain = parse_policy(_policy())
    assert plain.to_document()["schema_version"] == 1
    assert "input" not in plain.to_document()
    with_range = parse_policy(_policy(input=RANGE, schema_version=2))
    document = with_range.to_document()
    assert document["schema_version"] == 2
    assert parse_policy(json.loads(json.dumps(document))) == parse_policy(document)
    assert document["input"] == RANGE
    assert plain.digest == with_range.digest, "the digest is of what it does to pictures"


@pytest.mark.parametrize(
    "wrong",
    [
        {"intensity": {"low": 5, "high": 5}},
        {"intensity": {"low": 0}},
        {"bands": [1, 2]},
        {"bands": [0]},
        {"fit": "squeeze"},
        {"patient": "x"},
    ],
)
def test_what_is_no_input_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError) as caught:
        parse_policy(_policy(input=wrong))
    assert caught.value.code == "invalid_policy"
    assert "input" in caught.value.fields[0]["path"]


def test_deep_images_are_mapped_by_the_range_of_the_policy() -> None:
    transform = load_policy(_policy(input=RANGE))
    picture = shape01(1)
    values = np.round(picture * 4095).astype(np.uint16)
    expected = eight(picture)
    pil = Image.fromarray(values)
    assert distance(np.asarray(transform(pil)), expected) < 1
    assert np.abs(transform(values).astype(int) - expected).max() <= 1
    for kind in (torch.uint16, torch.int16, torch.int32):
        tensor = torch.from_numpy(values.astype(np.int32)).to(kind)[None, None]
        result = transform(tensor)
        assert result.dtype == torch.uint8
        assert np.abs(result[0, 0].numpy().astype(int) - expected).max() <= 1
    assert np.array_equal(transform(expected), expected), "8 bits stay as they are"


def test_without_a_range_deep_images_are_refused_not_clipped() -> None:
    values = np.round(shape01(2) * 4095).astype(np.uint16)
    for images in (Image.fromarray(values), values):
        with pytest.raises(InvalidInputError) as caught:
            load_policy(_policy())(images)
        assert caught.value.code == "intensity_range_needed"
        assert load_policy(_policy(), window="0:4095")(images) is not None
    with pytest.raises(InvalidInputError, match="whole set"):
        load_policy(_policy(), window="p1:p99")


@pytest.mark.parametrize("channels", [1, 2, 4, 5, 13])
@pytest.mark.parametrize("name", [name for name in OPERATIONS if name not in COLOR_OPERATIONS])
def test_each_operation_works_on_any_number_of_channels(name: str, channels: int) -> None:
    transform = load_policy(_policy(_leaf(name)), seed=3)
    images = (
        torch.from_numpy(eight(bands01(channels, 32))).permute(2, 0, 1)[None].repeat(2, 1, 1, 1)
    )
    result = transform(images)
    assert (result.shape, result.dtype) == (images.shape, torch.uint8)


def test_channels_move_together_and_grey_as_color_does() -> None:
    stages = (_leaf("rotate"), {"op": "random_resized_crop"}, _leaf("contrast"), _leaf("cutout"))
    grey = torch.from_numpy(eight(shape01(4, 32)))[None, None]
    many = load_policy(_policy(*stages), seed=1)(grey.repeat(1, 7, 1, 1))
    color = load_policy(_policy(*stages), seed=1)(grey.repeat(1, 3, 1, 1))
    one = load_policy(_policy(*stages), seed=1)(grey)
    assert torch.equal(one[:, 0], color[:, 0])
    assert torch.equal(many[:, 0], many[:, 3])
    assert torch.equal(many[:, :3], color)


@pytest.mark.parametrize("channels", [1, 2, 4, 13])
@pytest.mark.parametrize("name", COLOR_OPERATIONS)
def test_color_operations_are_refused_by_name(name: str, channels: int) -> None:
    nested = {"op": "shuffle", "of": [_leaf("brightness"), _leaf(name)]}
    for stage in (_leaf(name), nested, {"op": "one_of", "branches": [{"stages": [_leaf(name)]}]}):
        with pytest.raises(InvalidInputError) as caught:
            load_policy(_policy(stage))(torch.zeros(1, channels, 16, 16))
        assert caught.value.code == "colors_needed"
        assert name in caught.value.message
        assert f"{channels} channel" in caught.value.message


def test_a_set_is_seen_in_training_as_in_the_search(tmp_path: Path) -> None:
    """Files of 12 bits: searched, and read again by the policy, to the last bit."""
    folder = tmp_path / "set"
    folder.mkdir()
    for number in range(40):
        values = np.round(shape01(number, 32) * 4095).astype(np.uint16)
        (folder / f"{number}.png").write_bytes(file_of(values, "PNG"))
    caps = Caps(IngestLimits(min_images=20))
    storage = FolderStorage(tmp_path / "data")
    info, _ = ingest(folder_members(folder, caps), caps, storage, 32)
    seen = np.memmap(
        tmp_path / "data" / "datasets" / info.digest / "images.bin", np.uint8, "r"
    ).reshape(info.images, 32, 32, 3)
    policy = Policy(views=[[]], input=info.pictures)
    transform = load_policy(policy.to_document())
    searched = {image.tobytes() for image in seen}
    for path in folder.iterdir():
        assert transform.read(path).tobytes() in searched
        with Image.open(path) as image:
            assert transform(image).tobytes() in searched


def test_bands_and_windows_are_read_again(tmp_path: Path) -> None:
    picture = bands01(5)
    path = tmp_path / "scene.tif"
    path.write_bytes(
        tiff_of(
            np.round(picture * 3000).astype(np.uint16),
            photometric="minisblack",
            planarconfig="contig",
        )
    )
    pictures = {"intensity": {"low": 0, "high": 3000, "source": "window"}, "bands": [4, 3, 2]}
    transform = load_policy(_policy(input=pictures))
    assert distance(np.asarray(transform.read(path)), eight(picture[..., [3, 2, 1]])) < 1
    assert picture_options("0:3000", "4,3,2").bands == (4, 3, 2)
    with pytest.raises(InvalidInputError, match="no picture 3"):
        transform.read(path, 3)
    with pytest.raises(InvalidInputError, match="cannot be read"):
        transform.read(tmp_path / "none.tif")
