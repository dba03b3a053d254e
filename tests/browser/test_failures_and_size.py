"""What a job shows when trials fail, and when there are very many of them."""

from __future__ import annotations

import httpx
from playwright.sync_api import Page, expect

from core.embedded.stack import Stack
from core.jobs.figures import FIGURES
from tests.conftest import TINY_SEARCH
from tests.service.waiting import until_state

_DIVERGES = {
    "encoder": "resnet_tiny",
    "batch_size": 16,
    "learning_rate": 10,
    "weight_decay": 1,
    "temperature": 1e-40,
}


def test_failed_trials_say_why(
    page: Page, http: httpx.Client, stack: Stack, animal_dataset: str
) -> None:
    body = {"dataset_id": animal_dataset, **TINY_SEARCH, "pretraining": _DIVERGES}
    job = str(http.post("/v1/jobs", json=body).json()["id"])
    until_state(http, job, "failed")
    page.goto(f"{stack.url}/v1/jobs/{job}/dashboard")
    page.get_by_role("link", name="Failed trials").click()
    rows = page.get_by_role("region", name="Failed trials").locator("tbody tr")
    expect(rows).to_have_count(8)
    expect(rows.first.locator("code").first).to_have_text("diverged")
    expect(rows.first.locator("td").nth(4)).to_have_text("1")
    expect(rows.first).to_contain_text("learning rate")
    tail = rows.first.locator("pre")
    expect(tail).to_be_hidden()
    rows.first.get_by_text("Last lines of the log").click()
    expect(tail).to_be_visible()
    assert "failed" in tail.inner_text()
    expect(page.get_by_role("link", name="failed 8")).to_be_visible()


def test_a_large_job_comes_at_once_and_its_figures_when_they_are_seen(
    page: Page, http: httpx.Client, stack: Stack, animal_dataset: str
) -> None:
    search = {
        **TINY_SEARCH,
        "search_space": "selfaugment",
        "seeds": 2,
        "iterations": 20_000,
        "strategy": {"kind": "random", "candidates": 800},
        "name": "large",
    }
    job = str(http.post("/v1/jobs", json={"dataset_id": animal_dataset, **search}).json()["id"])
    drawn: list[str] = []
    page.on("request", lambda r: drawn.append(r.url) if "/figures/" in r.url else None)
    page.goto(f"{stack.url}/v1/jobs/{job}/dashboard")
    expect(page.locator("#job[data-updates=stream]")).to_have_count(1)
    expect(page.locator("#trials ~ .scroll tbody tr")).to_have_count(25)
    expect(page.get_by_text("Page 1 of 65")).to_be_visible()
    assert page.evaluate("document.querySelectorAll('*').length") < 1500
    for name in FIGURES:
        panel = page.locator(f"#figure-{name}")
        panel.scroll_into_view_if_needed()
        expect(panel.locator("svg.chart")).to_be_visible()
    assert {url.split("/figures/")[1].split("?")[0] for url in drawn} == set(FIGURES)
    page.get_by_role("navigation", name="Pages of trials").get_by_role("link", name="Last").click()
    expect(page.locator("#trials ~ .scroll tbody tr")).to_have_count(1612 - 64 * 25)
    http.post(f"/v1/jobs/{job}/cancel")
    expect(page.locator("h1 .state")).to_have_text("cancelled", timeout=60_000)
