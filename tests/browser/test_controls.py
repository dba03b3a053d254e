"""Pause, resume, stop and cancel by the buttons of the dashboard."""

from __future__ import annotations

import os
from pathlib import Path

import httpx
from playwright.sync_api import Page, expect

from core.embedded.stack import Stack
from tests.conftest import TINY_SEARCH


def _open(page: Page, http: httpx.Client, stack: Stack, dataset: str, iterations: int) -> str:
    """A job of so many trials that none of its states is over before it is seen."""
    body = {"dataset_id": dataset, **TINY_SEARCH, "iterations": iterations, "seeds": 20}
    job = str(http.post("/v1/jobs", json=body).json()["id"])
    page.goto(f"{stack.url}/v1/jobs/{job}/dashboard")
    return job


def test_pause_resume_and_stop(
    page: Page, http: httpx.Client, stack: Stack, animal_dataset: str
) -> None:
    job = _open(page, http, stack, animal_dataset, 40)
    state = page.locator("h1 .state")
    expect(state).to_have_text("running", timeout=60_000)
    page.get_by_role("button", name="Pause").click()
    expect(state).to_have_text("paused")
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=Path(folder, "paused.png"), full_page=True)
    page.get_by_role("button", name="Resume").click()
    expect(state).to_have_text("running")
    page.get_by_role("button", name="Stop and select").focus()
    page.keyboard.press("Enter")
    expect(state).to_have_text("completed", timeout=60_000)
    expect(page.locator(".note:visible")).to_contain_text("Stopped by request")
    expect(page.locator("[data-action]")).to_have_count(0)
    assert http.get(f"/v1/jobs/{job}").json()["reason"] == "stopped"


def test_a_cancel_is_asked_about_first(
    page: Page, http: httpx.Client, stack: Stack, animal_dataset: str
) -> None:
    job = _open(page, http, stack, animal_dataset, 20_000)
    answers = iter([False, True])
    page.on("dialog", lambda box: box.accept() if next(answers) else box.dismiss())
    page.get_by_role("button", name="Cancel").click()
    assert http.get(f"/v1/jobs/{job}").json()["state"] in ("queued", "running")
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("h1 .state")).to_have_text("cancelled", timeout=60_000)
