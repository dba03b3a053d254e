"""The way of a medical user, from nothing: a folder of DICOM, the command line, a policy, and a
DataLoader that sees the pixels of the search.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms.functional import pil_to_tensor

from quarterturn import load_policy
from quarterturn.data import open_cache
from quarterturn.data.batches import decode_batch
from quarterturn.data.members import Member
from quarterturn.data.plan import DecodePlan
from tests.data.drawn import LIMITS, eight, file_of, shape01
from tests.data.test_medical import SECRETS, dicom_of
from tests.docs.texts import ROOT

pytest.importorskip("pydicom")
FILES, FRAMES, SIDE = 100, 3, 32


def _scan(number: int) -> bytes:
    """A CT, wide, inverted, rescaled or of several frames."""
    hounsfield = -1000 + 3000 * shape01(number, 48)[:, : 48 if number % 3 else 36]
    stored = np.round(hounsfield + 1024).astype(np.uint16)
    facts: dict[str, Any] = {"RescaleSlope": 1, "RescaleIntercept": -1024}
    if number % 4 == 1:
        facts |= {"PhotometricInterpretation": "MONOCHROME1"}
    if number % 10 == 0:
        stored = np.stack([np.roll(stored, 8 * frame, 0) for frame in range(FRAMES)])
    return dicom_of(stored, BitsStored=12, **facts)


class Scans(Dataset[torch.Tensor]):
    """Each frame of each file, by the policy."""

    def __init__(self, policy: Any, places: list[tuple[Path, int]]) -> None:
        self.policy, self.places = policy, places

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, index: int) -> torch.Tensor:
        path, number = self.places[index]
        return pil_to_tensor(self.policy(self.policy.read(path, number, size=SIDE)))


@pytest.mark.parametrize("asked", [[], ["--window", "-160:240", "--fit", "pad"]])
def test_from_a_folder_of_dicom_to_a_training_on_the_same_pixels(
    asked: list[str], tmp_path: Path
) -> None:
    folder = tmp_path / "scans"
    folder.mkdir()
    places = []
    for number in range(FILES):
        path = folder / f"{number:03d}.dcm"
        path.write_bytes(_scan(number))
        places += [(path, frame) for frame in range(1 if number % 10 else FRAMES)]
    (folder / "notes.txt").write_text("no picture")
    # Relative, from the folder above, as one types it.
    command = ["search", "scans", "--output", "policy.json", "--folder", "results", *asked]
    command += ["--encoder", "resnet_tiny", "--iterations", "1", "--batch-size", "16"]
    command += ["--budget", "trials=1", "--workers", "1", "--resolution", str(SIDE)]
    done = subprocess.run(
        [sys.executable, "-m", "quarterturn", *command],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = " ".join(done.stdout.split())
    assert f"{len(places)} images" in told
    assert ("-160 (black) to 240 (white)" if asked else "-1024 (black) to 3071 (white)") in told
    written = [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".dcm"]
    for secret in SECRETS:
        assert secret not in done.stdout + done.stderr
        assert not any(secret.encode() in path.read_bytes() for path in written)

    (cache,) = (tmp_path / "results" / "datasets").iterdir()
    searched = {image.tobytes() for image in open_cache(cache).images}
    document = json.loads((tmp_path / "policy.json").read_text())
    plain = load_policy({"views": [[]], "input": document["input"]})
    loader = DataLoader(Scans(plain, places), batch_size=16, num_workers=2)
    trained = [image.permute(1, 2, 0).numpy().tobytes() for batch in loader for image in batch]
    assert len(trained) == len(places)
    assert set(trained) == searched
    first = next(iter(DataLoader(Scans(load_policy(document), places), batch_size=16)))
    assert (first.shape, first.dtype) == ((16, 3, SIDE, SIDE), torch.uint8)


def test_large_photographs_are_those_of_the_search_too(tmp_path: Path) -> None:
    y, x = np.mgrid[0:1400, 0:900]
    scene = np.stack([x % 251, y % 241, (x + y) % 233], axis=2).astype(np.uint8)
    scene[:700] = eight(shape01(1, 900))[:700, :, None]
    path = tmp_path / "photo.jpg"
    path.write_bytes(file_of(scene, "JPEG", quality=90))
    limits = replace(LIMITS, max_pixels=10_000_000)
    batch = decode_batch([Member("a", path.read_bytes())], DecodePlan(64), limits)
    assert load_policy({"views": [[]]}).read(path, size=64).tobytes() == batch.pixels
