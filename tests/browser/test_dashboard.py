"""The dashboard in Chromium: the finished job, updates without streams, the list of jobs."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
from playwright.sync_api import Browser, Page, expect

from core.embedded.stack import Stack
from tests.conftest import TINY_SEARCH


def test_a_finished_job_shows_its_ranking_and_gives_its_policy(
    page: Page, http: httpx.Client, stack: Stack, finished_job: dict[str, str], tmp_path: Path
) -> None:
    job = finished_job["job"]
    page.goto(f"{stack.url}/v1/jobs/{job}/dashboard")
    view = http.get(f"/v1/jobs/{job}/dashboard").json()
    rows = page.locator("table.ranking tbody tr:not(.break)")
    expect(rows).to_have_count(len(view["ranking"]))
    expect(rows.first).to_contain_text(view["ranking"][0]["name"])
    assert rows.locator("svg circle").count() == len(view["ranking"])
    expect(rows.first.locator(".criterion").first).to_be_hidden()
    page.get_by_label("Other criteria").check()
    expect(rows.first.locator(".criterion").first).to_be_visible()
    with page.expect_download() as download:
        page.get_by_text("Download policy.json").click()
    download.value.save_as(tmp_path / "policy.json")
    name = json.loads((tmp_path / "policy.json").read_text())["name"]
    expect(page.locator(".tile.wide .who")).to_contain_text(name)
    assert name == view["best"]["name"], "without evidence it is not the first of the ranking"


def test_the_list_finds_a_job_and_its_page_needs_no_stream(
    browser: Browser, http: httpx.Client, stack: Stack, animal_dataset: str
) -> None:
    body = {"dataset_id": animal_dataset, **TINY_SEARCH, "iterations": 5000, "name": "listed here"}
    job = str(http.post("/v1/jobs", json=body).json()["id"])
    page = browser.new_page()
    page.add_init_script("delete window.EventSource")
    page.goto(stack.url)
    page.get_by_label("Search").fill("isted h")
    page.get_by_label("State").select_option("completed")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_text("No job fits.")).to_be_visible()
    page.get_by_label("State").select_option("")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("#jobs tbody tr")).to_have_count(1)
    page.get_by_role("link", name="listed here").click()
    expect(page).to_have_url(f"{stack.url}/v1/jobs/{job}/dashboard")
    expect(page.locator("#job[data-updates=polling]")).to_have_count(1)
    http.post(f"/v1/jobs/{job}/cancel")
    expect(page.locator("h1 .state")).to_have_text("cancelled", timeout=30_000)
    expect(page.locator(".note:visible")).to_contain_text("Cancelled by request.")
    page.close()
