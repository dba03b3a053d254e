"""Pictures of more than 8 bits through the service: range, report, page, policy; and no patient."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import httpx
import numpy as np
import pytest

from core.embedded.stack import Stack
from tests.conftest import TINY_SEARCH
from tests.data.drawn import file_of, shape01
from tests.data.test_medical import SECRETS, _hostile, _twelve, dicom_of
from tests.service.waiting import until_state

COUNT = 110


def _zip(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def scans() -> bytes:
    files = {f"{n}.dcm": dicom_of(_twelve(shape01(n)), BitsStored=12) for n in range(COUNT)}
    files |= {f"bad{n}.dcm": _hostile(n) for n in range(5)}
    return _zip(files)


def _send(http: httpx.Client, data: bytes, **fields: str) -> httpx.Response:
    return http.post("/v1/datasets", files={"file": ("scans.zip", data)}, data=fields)


def test_the_range_is_in_report_page_and_policy(http: httpx.Client, scans: bytes) -> None:
    answer = _send(http, scans)
    assert answer.status_code == 201, answer.text
    dataset: dict[str, Any] = answer.json()
    intensity = dataset["pictures"]["intensity"]
    assert (intensity["low"], intensity["high"], intensity["source"]) == (0, 4095, "bits")
    assert dataset["grey"]
    notes = {note["code"]: note for note in dataset["notes"]}
    assert "0 (black) to 4095 (white)" in notes["intensity"]["message"]
    page = http.get(f"/v1/datasets/{dataset['id']}", headers={"Accept": "text/html"}).text
    assert "0 (black) to 4095 (white)" in page
    body = {**TINY_SEARCH, "dataset_id": dataset["id"], "search_space": "photometric"}
    job = http.post("/v1/jobs", json=body).json()
    said = [warning["operation"] for warning in job["warnings"] if warning["code"] == "grey_images"]
    assert said == ["saturation", "hue", "grayscale"]
    until_state(http, job["id"], "completed")
    policy = http.get(f"/v1/jobs/{job['id']}/policy").json()
    assert policy["schema_version"] == 2
    assert policy["input"]["intensity"]["high"] == 4095
    card = http.get(f"/v1/jobs/{job['id']}/card").json()
    assert "0 (black) to 4095 (white)" in card["data"]["pictures"]
    for told in (answer.text, page, str(policy), str(card)):
        assert not any(secret in told for secret in SECRETS)


def test_a_window_makes_another_set_of_the_same_images(http: httpx.Client, scans: bytes) -> None:
    first, second = _send(http, scans).json(), _send(http, scans, window="500:3000").json()
    assert first["digest"] != second["digest"]
    assert second["pictures"]["intensity"]["low"] == 500
    assert _send(http, scans, window="500:3000").json()["id"] == second["id"]


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("window", "white", "invalid_window"),
        ("bands", "1,2", "invalid_bands"),
        ("fit", "squeeze", "invalid_request"),
        ("window", "0:" + "9" * 90, "invalid_request"),
    ],
)
def test_what_is_not_understood_is_refused(
    http: httpx.Client, field: str, value: str, code: str
) -> None:
    answer = _send(http, b"x", **{field: value})
    assert (answer.status_code, answer.json()["code"]) == (422, code)


def test_the_report_is_that_of_this_upload(http: httpx.Client) -> None:
    images = {f"{n}.png": file_of(_eight(n), "PNG") for n in range(COUNT)}
    first = _send(http, _zip({**images, "broken.jpg": b"\xff\xd8\xff", "notes.txt": b"x"}))
    renamed = {f"new_{name}": data for name, data in images.items()}
    second = _send(http, _zip({**renamed, "later.pdf": b"%PDF-1.7"}))
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["id"] == second.json()["id"]
    assert {item["name"] for item in first.json()["skipped"]} == {"broken.jpg", "notes.txt"}
    assert {item["name"] for item in second.json()["skipped"]} == {"later.pdf"}
    assert second.json()["files"] == COUNT + 1


def _eight(number: int) -> np.ndarray:
    return np.random.default_rng(number).integers(0, 256, (24, 24, 3), np.uint8)


def test_nothing_of_a_patient_is_stored_or_logged(
    stack: Stack, http: httpx.Client, scans: bytes
) -> None:
    told = _send(http, scans).text + http.get("/v1/datasets").text
    logs = b"".join(path.read_bytes() for path in stack.data_dir.rglob("*.log") if path.is_file())
    kept = b"".join(
        path.read_bytes() for path in (stack.data_dir / "datasets").rglob("*") if path.is_file()
    )
    for secret in SECRETS:
        assert secret not in told
        assert secret.encode() not in logs + kept
