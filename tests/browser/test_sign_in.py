"""Signing in, the dashboard and /docs in Chromium, under the content policy."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import uvicorn
from playwright.sync_api import Browser, expect
from sqlalchemy import update

from api.app import create_app
from core.access.keys import create_key
from core.settings import Settings
from core.store.database import session_scope
from core.store.tables import ApiKey
from tests.store.rows import make_job


@pytest.fixture
def key(database: Settings) -> str:
    with session_scope() as session:
        return create_key(session, "browser")[1]


@pytest.fixture
def address(key: str) -> Iterator[str]:
    """The API on a real port, with keys."""
    server = uvicorn.Server(uvicorn.Config(create_app(), port=0, lifespan="off", log_level="error"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


def test_from_the_form_to_the_dashboard_and_out(
    browser: Browser, address: str, key: str, database: Settings
) -> None:
    job, _ = make_job(database)
    context = browser.new_context()
    page = context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(f"{address}/v1/jobs/{job}/dashboard")
    expect(page.locator("h1")).to_have_text("Sign in")
    page.get_by_label("Your key").fill("qt_wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("not known")
    page.get_by_label("Your key").fill(key)
    page.get_by_role("button", name="Sign in").click()
    expect(page).to_have_url(f"{address}/v1/jobs/{job}/dashboard")
    expect(page.locator("h1 .state")).to_have_text("queued")
    assert page.evaluate("document.cookie") == "", "scripts cannot read the key"
    (cookie,) = context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")

    updates = page.locator("#job[data-updates=stream]")
    expect(updates).to_have_count(1)  # the page updates itself with the cookie
    page.goto(f"{address}/new")
    page.get_by_text("The same from a program").click()
    expect(page.locator("#curl")).to_contain_text('"Authorization: Bearer $QUARTERTURN_API_KEY"')
    page.get_by_role("button", name="Sign out").click()
    expect(page.locator("h1")).to_have_text("Sign in")
    assert context.cookies() == []
    page.goto(address)
    expect(page.locator("h1")).to_have_text("Sign in")
    context.close()
    assert problems == []


def test_a_page_whose_key_ends_leads_to_the_form(
    browser: Browser, address: str, key: str, database: Settings
) -> None:
    job, _ = make_job(database)
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{address}/sign-in?next=/v1/jobs/{job}/dashboard")
    page.get_by_label("Your key").fill(key)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("h1 .state")).to_have_text("queued")
    expect(page.locator("#job[data-updates=stream]")).to_have_count(1)
    with session_scope() as session:
        session.execute(update(ApiKey).values(revoked_at=datetime.now(UTC)))
    expect(page.locator("h1")).to_have_text("Sign in", timeout=20_000)
    context.close()


def test_the_api_description_needs_no_network(browser: Browser, address: str) -> None:
    context = browser.new_context()
    page = context.new_page()
    problems: list[str] = []
    elsewhere: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda line: problems.append(line.text) if line.type == "error" else None)
    page.on(
        "request",
        lambda asked: (
            elsewhere.append(asked.url) if not asked.url.startswith((address, "data:")) else None
        ),
    )
    page.goto(f"{address}/docs")
    expect(page.get_by_role("button", name="Authorize")).to_be_visible(timeout=20_000)
    expect(page.locator(".opblock-summary-path").first).to_be_visible()
    assert page.locator(".opblock").count() >= 15
    page.locator(".opblock-summary").first.click()
    expect(page.locator(".opblock-body").first).to_be_visible()
    context.close()
    assert elsewhere == []
    assert problems == [], "nothing breaks the content policy"
