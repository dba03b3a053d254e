"""A search in this process and the same one in a service end alike."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import httpx
import pytest

from quarterturn import Client
from quarterturn.local import Search
from tests.conftest import THREADS

_ASKED: dict[str, Any] = {
    "strategy": {
        "kind": "pipeline",
        "search": {"kind": "successive_halving", "candidates": 3, "proposals": "evolution"},
        "confirmation": {"top": 1, "seeds": 2},
    },
    "iterations": 6,
    "seed": 3,
    "scoring": {"probe_train_images": 64, "probe_test_images": 64, "report_images": 32},
}
_TRAINING = {"encoder": "resnet_tiny", "batch_size": 16}


@pytest.mark.parametrize("space", ["rand-augment", "photometric"])
def test_the_same_seed_gives_the_same_ranking(
    http: httpx.Client, animals: Path, animal_dataset: str, tmp_path: Path, space: str
) -> None:
    """Stage by stage, with the same scores: both have one thread, on one processor."""
    with Client(str(http.base_url)) as client:
        body = {**_ASKED, "search_space": space, "pretraining": _TRAINING}
        job = client.start(animal_dataset, **body)["id"]
        client.wait(job)
        theirs = client.ranking(job)
        their_policy = client.policy(job)
    # In a process of its own, as the worker's: what other tests have set in this one stays here.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor:
        search = Search(
            animals,
            space=space,
            **_ASKED,
            **_TRAINING,
            executor=executor,
            n_workers=1,
            n_threads=THREADS,
            progress=False,
        )
        result = search.run(tmp_path)
    ours = [entry.to_dict() for entry in result.conclusion.ranking]
    assert [row["candidate"] for row in ours] == [row["candidate"] for row in theirs]
    for mine, their in zip(ours, theirs, strict=True):
        for name in ("scores", "score", "standard_error", "reported", "stage", "tied_with"):
            assert mine[name] == their[name], (mine["name"], name)
    assert result.policy.document["views"] == their_policy["views"]
    assert result.evidence == their_policy["selection"]["evidence"]
