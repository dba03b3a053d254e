"""The policy card of a real job, in its three forms."""

from __future__ import annotations

import json
import shlex

import httpx
import pytest

from quarterturn import Client
from quarterturn.export import FORMATS
from tests.conftest import TINY_SEARCH
from tests.docs.texts import codes, read, table
from tests.service.waiting import until_state

_NAME = "cards | <b>`x`</b>"


@pytest.fixture(scope="module")
def job(http: httpx.Client, animal_dataset: str) -> str:
    body = {"dataset_id": animal_dataset, **TINY_SEARCH, "name": _NAME}
    created = http.post("/v1/jobs", json=body).json()
    early = http.get(f"/v1/jobs/{created['id']}/card")
    assert (early.status_code, early.json()["code"]) == (409, "policy_not_ready")
    until_state(http, created["id"], "completed", seconds=240)
    return str(created["id"])


def test_the_card_has_what_it_promises(http: httpx.Client, job: str) -> None:
    card = http.get(f"/v1/jobs/{job}/card").json()
    documented = codes([row[0] for row in table(read("docs/api.md"), "field of the card")])
    assert set(card) == documented
    policy = http.get(f"/v1/jobs/{job}/policy").json()
    assert card["policy"]["name"] == policy["name"]
    assert card["evidence"] == policy["selection"]["evidence"]
    board = http.get(f"/v1/jobs/{job}/dashboard").json()
    assert card["ranking"] == board["ranking"]
    assert card["searched"]["trials"]["completed"] == board["counts"]["completed"]
    assert card["searched"]["iterations"] > 0
    found = {risk["code"] for risk in card["risks"]}
    assert {warning["code"] for warning in policy["selection"]["warnings"]} <= found
    assert "proxy" in found
    assert card["importance"]["candidates"] <= 2
    assert not card["importance"]["enough"], "two candidates say nothing about operations"
    pairs = {tuple(e["criteria"]): e for e in card["agreement"]["pairs"]}
    assert len(pairs) == 8 * 7 // 2
    assert -1 <= pairs["rotation", "retrieval"]["correlation"] <= 1
    assert set(card["use"]) == set(FORMATS)
    assert card["use"]["torchvision"]["possible"]


def test_the_command_starts_the_same_search(http: httpx.Client, job: str) -> None:
    card = http.get(f"/v1/jobs/{job}/card").json()
    arguments = shlex.split(card["reproduce"]["command"])
    body = json.loads(arguments[arguments.index("-d") + 1])
    again = http.post("/v1/jobs", json=body)
    assert again.status_code == 202, again.text
    assert again.json()["spec"] == http.get(f"/v1/jobs/{job}").json()["spec"]
    http.post(f"/v1/jobs/{again.json()['id']}/cancel")


def test_markdown_and_html_say_the_same_and_escape_names(http: httpx.Client, job: str) -> None:
    card = http.get(f"/v1/jobs/{job}/card").json()
    text = http.get(f"/v1/jobs/{job}/card", params={"format": "markdown"})
    page = http.get(f"/v1/jobs/{job}/card", params={"format": "html"})
    assert text.headers["content-type"].startswith("text/markdown")
    assert page.headers["content-type"].startswith("text/html")
    with Client(str(http.base_url)) as client:
        assert client.card(job) == text.text
    assert "<b>`x`" not in page.text
    assert "<b>" not in text.text.partition("## Reproduce")[0]
    for risk in card["risks"]:
        assert f"`{risk['code']}`" in text.text
    for heading in ("Evidence", "Limits and risks", "Asked", "Data", "Ranking", "Use"):
        assert f"## {heading}" in text.text
        assert f"<h2>{heading}</h2>" in page.text
    assert card["policy"]["digest"] in text.text
    assert "style=" not in page.text, "the policy of content security allows no inline style"


def test_the_dashboard_links_card_and_exports(http: httpx.Client, job: str) -> None:
    page = http.get(f"/v1/jobs/{job}/dashboard", params={"fragment": True}).text
    assert f"/v1/jobs/{job}/card?format=html" in page
    assert f"/v1/jobs/{job}/policy?format=kornia" in page


def test_unknown_forms_are_refused(http: httpx.Client, job: str) -> None:
    answer = http.get(f"/v1/jobs/{job}/card", params={"format": "pdf"})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
