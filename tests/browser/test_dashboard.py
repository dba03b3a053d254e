"""The dashboard in Chromium: updates itself, shows the ranking, gives the policy."""

from __future__ import annotations

import json
import os
from pathlib import Path

import httpx
from playwright.sync_api import Page, expect

from core.embedded.stack import Stack
from tests.service.test_end_to_end import SEARCH


def _start(http: httpx.Client, dataset: str, **search: object) -> str:
    body = {"dataset_id": dataset, **SEARCH, "name": "animals", **search}
    return str(http.post("/v1/jobs", json=body).json()["id"])


def test_the_dashboard_follows_a_job_to_its_policy(
    page: Page, http: httpx.Client, stack: Stack, animal_dataset: str, tmp_path: Path
) -> None:
    job = _start(http, animal_dataset)
    page.goto(f"{stack.url}/v1/jobs/{job}/dashboard")
    expect(page.locator("h1")).to_contain_text("animals")
    page.evaluate("window.notReloaded = true")
    expect(page.locator("h1 .state")).to_have_text("completed", timeout=90_000)
    assert page.evaluate("window.notReloaded"), "it updated itself, without a reload"

    view = http.get(f"/v1/jobs/{job}/dashboard").json()
    rows = page.locator("table.ranking tbody tr:not(.break)")
    expect(rows).to_have_count(len(view["ranking"]))
    expect(rows.first).to_contain_text(view["ranking"][0]["name"])
    assert rows.locator("svg circle").count() == len(view["ranking"])
    with page.expect_download() as download:
        page.get_by_text("Download policy.json").click()
    download.value.save_as(tmp_path / "policy.json")
    name = json.loads((tmp_path / "policy.json").read_text())["name"]
    expect(page.locator(".card.wide .who")).to_contain_text(name)
    assert name == view["best"]["name"], "without evidence it is not the first of the ranking"


def test_home_lists_jobs_and_datasets(
    page: Page, http: httpx.Client, stack: Stack, animal_dataset: str
) -> None:
    job = _start(http, animal_dataset, name="listed here")
    page.goto(stack.url)
    page.get_by_role("link", name="listed here").first.click()
    expect(page).to_have_url(f"{stack.url}/v1/jobs/{job}/dashboard")
    http.post(f"/v1/jobs/{job}/cancel")
    expect(page.locator("h1 .state")).to_have_text("cancelled", timeout=30_000)
    expect(page.locator(".note:visible")).to_contain_text("Cancelled by request.")


def test_a_narrow_screen_does_not_scroll_sideways(
    page: Page, http: httpx.Client, stack: Stack, animal_dataset: str
) -> None:
    job = _start(http, animal_dataset, iterations=6)
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(f"{stack.url}/v1/jobs/{job}/dashboard")
    expect(page.locator("h1 .state")).to_have_text("completed", timeout=90_000)
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= 390
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=Path(folder, "narrow.png"), full_page=True)
