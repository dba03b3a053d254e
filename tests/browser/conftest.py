"""A headless Chromium from the system; `make test` installs one where it can."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from tests.conftest import TINY_SEARCH
from tests.service.waiting import until_state

_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


# On a busy machine a page may take longer than the five seconds that are usual.
expect.set_options(timeout=30_000)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
    if path is None:
        reason = "no Chromium on the PATH; install the package chromium"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=_ARGUMENTS)
        yield running
        running.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page that fails the test on any error of script, console or content policy."""
    page = browser.new_page(viewport={"width": 1100, "height": 1000})
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))

    def heard(message: ConsoleMessage) -> None:
        # What the server refuses of a form is shown to the reader; the console says it too.
        if message.type == "error" and "status of 422" not in message.text:
            problems.append(message.text)

    page.on("console", heard)
    yield page
    page.close()
    assert problems == []


@pytest.fixture(scope="session")
def finished_job(http: httpx.Client, animal_dataset: str) -> dict[str, str]:
    """A job that has selected a policy: its id, that of its images, and a candidate's key."""
    body = {"dataset_id": animal_dataset, **TINY_SEARCH, "name": "finished"}
    job = str(http.post("/v1/jobs", json=body).json()["id"])
    view = until_state(http, job, "completed")
    return {
        "job": job,
        "dataset": animal_dataset,
        "candidate": view["ranking"][0]["candidate"],
    }
