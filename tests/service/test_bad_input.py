"""Wrong input gets a 4xx with a code and a sentence, and leaves nothing behind."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from core.embedded.stack import Stack
from tests.conftest import TINY_SEARCH


def _png(side: int, seed: int = 0) -> bytes:
    buffer = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side, 3), np.uint8)
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def _zip(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def _empty_tar() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w"):
        pass
    return buffer.getvalue()


ARCHIVES = {
    "empty file": (b"", "empty_archive"),
    "empty zip": (_zip({}), "empty_archive"),
    "empty tar": (_empty_tar(), "empty_archive"),
    "not an archive": (b"these are not the bytes of an archive" * 50, "not_an_archive"),
    "no images": (_zip({"notes.txt": b"hello", "a/b.csv": b"1,2"}), "no_images"),
    "truncated image": (_zip({"a.png": _png(64)[:300]}), "no_images"),
    "one pixel": (_zip({"a.png": _png(1)}), "no_images"),
    "two images": (_zip({"a.png": _png(16, 1), "b.png": _png(16, 2)}), "too_few_images"),
    "cut zip": (_zip({"a.png": _png(64)})[:-40], "not_an_archive"),
}


def _is_problem(answer: httpx.Response, status: int, code: str) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert (body["status"], body["code"]) == (status, code), body
    assert len(body["detail"]) > 20
    assert "Traceback" not in answer.text


def _ids(http: httpx.Client, path: str) -> list[str]:
    """What there is. Its state may change: jobs of other tests may be under way."""
    return [item["id"] for item in http.get(path).json()["items"]]


def _left_behind(stack: Stack) -> list[Path]:
    data = stack.data_dir
    return [*data.glob("uploads/*"), *data.glob("datasets/.partial-*")]


@pytest.mark.parametrize("case", ARCHIVES)
def test_bad_archives_are_refused(http: httpx.Client, stack: Stack, case: str) -> None:
    data, code = ARCHIVES[case]
    before = _ids(http, "/v1/datasets")
    _is_problem(http.post("/v1/datasets", files={"file": ("a.zip", data)}), 422, code)
    assert _ids(http, "/v1/datasets") == before
    assert _left_behind(stack) == []


def test_too_large_a_body_is_cut_off(http: httpx.Client, stack: Stack) -> None:
    answer = http.post("/v1/datasets", files={"file": ("a.zip", b"\0" * 21_000_000)})
    _is_problem(answer, 413, "body_too_large")
    assert _left_behind(stack) == []


def test_uploads_need_a_file_and_known_fields(http: httpx.Client) -> None:
    _is_problem(http.post("/v1/datasets", files={"other": b"x"}), 422, "invalid_request")
    _is_problem(http.post("/v1/datasets", content=b"x"), 415, "unsupported_media_type")
    bad = http.post("/v1/datasets", files={"file": b"x"}, data={"resolution": "seven"})
    _is_problem(bad, 422, "invalid_request")
    assert bad.json()["fields"][0]["path"] == "$.resolution"
    _is_problem(http.post("/v1/datasets", json={"path": 3}), 422, "invalid_request")


def test_paths_outside_the_roots_are_refused(http: httpx.Client, server_folder: Path) -> None:
    for path in ("/etc", f"{server_folder}/../", "relative"):
        _is_problem(http.post("/v1/datasets", json={"path": path}), 403, "path_not_allowed")
    missing = {"path": str(server_folder / "missing")}
    _is_problem(http.post("/v1/datasets", json=missing), 422, "path_not_found")


def test_a_folder_under_a_root_is_read(http: httpx.Client, server_folder: Path) -> None:
    for index in range(120):
        target = server_folder / "nested" / str(index % 3) / f"{index}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(_png(20, 1000 + index))
    (server_folder / "nested" / "link.png").symlink_to("/etc/passwd")
    answer = http.post("/v1/datasets", json={"path": str(server_folder / "nested")})
    assert answer.status_code == 201, answer.text
    assert answer.json()["images"] == 120
    assert answer.json()["skipped"] == [
        {
            "name": "link.png",
            "reason": "not_a_file",
            "message": "a link out of the folders that the operator allows",
        }
    ]


JOBS: list[tuple[dict[str, Any], int, str, str]] = [
    ({"surprise": 1}, 422, "invalid_job", "$.surprise"),
    ({"iterations": "many"}, 422, "invalid_job", "$.iterations"),
    ({"iterations": 0}, 422, "invalid_job", "$.iterations"),
    ({"strategy": "genetic"}, 422, "invalid_job", "$.strategy.kind"),
    ({"budget": {"money": 3}}, 422, "invalid_job", "$.budget.money"),
    ({"pretraining": {"encoder": "vit"}}, 422, "invalid_job", "$.pretraining.encoder"),
    ({"search_space": "everything"}, 422, "invalid_search_space", "$.search_space"),
    (
        {"search_space": {"kind": "pipeline", "operations": [{"op": "swirl"}]}},
        422,
        "invalid_search_space",
        "$.search_space.operations[0].op",
    ),
    (
        {"strategy": {"kind": "list", "candidates": [{"views": [[{"op": "hue"}]]}]}},
        422,
        "invalid_job",
        "$.strategy.candidates[0].views[0][0]",
    ),
    ({"dataset_id": "ds_unknown"}, 404, "dataset_not_found", ""),
    ({"dataset_id": 7}, 422, "invalid_job", "$.dataset_id"),
    ({"budget": {"iterations": 3}}, 422, "budget_too_small", "$.budget"),
    (
        {"search_space": "selfaugment", "strategy": "density_matching", "budget": {"trials": 20}},
        422,
        "budget_too_small",
        "$.budget",
    ),
    ({"iterations": "30"}, 422, "invalid_job", "$.iterations"),
    ({"name": "a\ud800b"}, 422, "invalid_text", ""),
    ({"dataset_id": "\ud800"}, 422, "invalid_text", ""),
    (
        {"search_space": {"kind": "pipeline", "operations": ["hue"], "name": "a\0b"}},
        422,
        "invalid_search_space",
        "",
    ),
    ({"name": "a\0b"}, 422, "invalid_text", ""),
    ({"name": ""}, 422, "invalid_job", "$.name"),
]


@pytest.mark.parametrize(("change", "status", "code", "path"), JOBS)
def test_bad_jobs_are_refused(
    http: httpx.Client,
    animal_dataset: str,
    change: dict[str, Any],
    status: int,
    code: str,
    path: str,
) -> None:
    before = _ids(http, "/v1/jobs")
    body = json.dumps({"dataset_id": animal_dataset, **TINY_SEARCH, **change})  # escapes all
    answer = http.post("/v1/jobs", content=body, headers={"Content-Type": "application/json"})
    _is_problem(answer, status, code)
    if path:
        assert path in [field["path"] for field in answer.json()["fields"]]
    assert _ids(http, "/v1/jobs") == before


def _hostile_archives() -> dict[str, bytes]:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        info = tarfile.TarInfo("a.png")
        info.pax_headers = {"GNU.sparse.map": "a,b", "size": "-5"}
        archive.addfile(info)
    named = _zip({"aaaa.png": _png(16)})
    return {
        "sparse map": buffer.getvalue(),
        "name not UTF-8": named.replace(b"aaaa", b"\xff\xfe\xfd\xfc")
        .replace(b"PK\x03\x04\x14\x00\x00\x00", b"PK\x03\x04\x14\x00\x00\x08")
        .replace(b"PK\x01\x02\x14\x03\x14\x00\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x00\x08"),
        "offset beyond the end": named[:-6] + b"\xff\xff\xff\x7f\x00\x00",
        "many zeros": b"\0" * 20_000,
    }


@pytest.mark.parametrize("case", _hostile_archives())
def test_hostile_archives_are_refused(http: httpx.Client, stack: Stack, case: str) -> None:
    answer = http.post("/v1/datasets", files={"file": ("a", _hostile_archives()[case])})
    _is_problem(answer, 422, answer.json()["code"])
    assert answer.json()["code"] in ("not_an_archive", "no_images", "empty_archive")
    assert _left_behind(stack) == []


def test_odd_fields_of_an_upload(http: httpx.Client) -> None:
    for resolution in ("9" * 5000, "-4", "3.5", "٣"):
        answer = http.post("/v1/datasets", files={"file": b"x"}, data={"resolution": resolution})
        _is_problem(answer, 422, "invalid_request")


def test_names_of_any_bytes_are_reported(http: httpx.Client) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for index in range(101):
            info = tarfile.TarInfo(f"{index}.png" if index else "\udcff\udcfe odd.txt")
            data = _png(16, 9000 + index) if index else b"no image"
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    answer = http.post("/v1/datasets", files={"file": ("a\0b.tar", buffer.getvalue())})
    assert answer.status_code == 201, answer.text
    assert answer.json()["skipped"][0]["name"] == "?? odd.txt"


@pytest.mark.parametrize(
    "path",
    [
        "/v1/jobs/job_x",
        "/v1/jobs/job_x/dashboard",
        "/v1/jobs/job_x/policy",
        "/v1/jobs/job_x/trials",
        "/v1/trials/trial_x",
        "/v1/datasets/ds_x",
        "/v1/nowhere",
    ],
)
def test_unknown_ids_are_404(http: httpx.Client, path: str) -> None:
    answer = http.get(path)
    _is_problem(answer, 404, answer.json()["code"])


def test_ids_that_cannot_be_stored(http: httpx.Client) -> None:
    _is_problem(http.get("/v1/jobs/job%00x"), 422, "invalid_text")
    _is_problem(http.get("/v1/jobs", params={"after": "\0"}), 422, "invalid_text")


def test_bodies_that_are_not_json(http: httpx.Client) -> None:
    headers = {"Content-Type": "application/json"}
    _is_problem(http.post("/v1/jobs", content=b"{", headers=headers), 400, "invalid_json")
    _is_problem(http.post("/v1/jobs", json=[1]), 422, "invalid_request")
    _is_problem(http.post("/v1/datasets", content=b"{", headers=headers), 400, "invalid_json")
    _is_problem(http.put("/v1/jobs"), 405, "method_not_allowed")
    _is_problem(http.get("/v1/jobs", params={"limit": 0}), 422, "invalid_request")
