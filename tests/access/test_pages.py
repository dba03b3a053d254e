"""Signing in, and what every answer says to browsers."""

from __future__ import annotations

import re

import pytest

from api.headers import CONTENT_POLICY
from api.routes.sign_in import local_path
from tests.access.conftest import MakeClient, MakeKey

_HTML = {"Accept": "text/html,application/xhtml+xml"}


def test_signing_in_and_out(make_key: MakeKey, client_with: MakeClient) -> None:
    key, browser = make_key(), client_with()
    asked = browser.get("/?a=1&b=2", headers=_HTML)
    assert asked.status_code == 303
    assert asked.headers["location"] == "/sign-in?next=/%3Fa%3D1%26b%3D2"
    form = browser.get(asked.headers["location"])
    assert 'value="/?a=1&amp;b=2"' in form.text
    wrong = browser.post("/sign-in", data={"key": "qt_wrong", "next": "/"})
    assert wrong.status_code == 401
    assert "not known" in wrong.text
    assert "set-cookie" not in wrong.headers
    done = browser.post("/sign-in", data={"key": f" {key}\n", "next": "/?a=1&b=2"})
    assert (done.status_code, done.headers["location"]) == (303, "/?a=1&b=2")
    cookie = done.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "; secure" not in cookie
    home = browser.get("/", headers=_HTML)
    assert home.status_code == 200
    assert "Sign out local" in home.text
    assert key not in home.text
    assert browser.post("/sign-out").headers["location"] == "/sign-in"
    assert browser.get("/", headers=_HTML).status_code == 303


def test_over_https_the_cookie_stays_there(make_key: MakeKey, client_with: MakeClient) -> None:
    browser = client_with(base_url="https://quarterturn.example")
    done = browser.post("/sign-in", data={"key": make_key()})
    assert "; secure" in done.headers["set-cookie"].lower()
    assert done.headers["strict-transport-security"].startswith("max-age=")


def test_a_cookie_cannot_be_used_by_another_site(
    make_key: MakeKey, client_with: MakeClient
) -> None:
    browser = client_with()
    browser.post("/sign-in", data={"key": make_key()})
    assert browser.post("/v1/jobs/job_x/cancel").status_code == 404
    foreign = {"Origin": "https://evil.example"}
    assert browser.post("/v1/jobs/job_x/cancel", headers=foreign).status_code == 403
    assert browser.post("/sign-in", data={"key": "x"}, headers=foreign).status_code == 403


def test_updates_of_a_page_are_not_led_to_the_form(
    make_key: MakeKey, client_with: MakeClient
) -> None:
    make_key()
    answer = client_with().get("/v1/jobs/job_x/dashboard?fragment=true", headers=_HTML)
    assert answer.status_code == 401


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil",
        "",
        "javascript:x",
        "/a\nLocation: x",
        "/é",
    ],
)
def test_signing_in_leads_nowhere_else(wanted: str) -> None:
    assert local_path(wanted) == "/"
    assert local_path("/v1/jobs?state=running") == "/v1/jobs?state=running"


@pytest.mark.parametrize("keys", [True, False])
def test_every_answer_protects_browsers(
    make_key: MakeKey, client_with: MakeClient, keys: bool
) -> None:
    if keys:
        make_key()
    client = client_with()
    for path in (
        "/",
        "/docs",
        "/sign-in",
        "/v1/jobs",
        "/v1/nowhere",
        "/healthz",
        "/openapi.json",
        "/static/live.js",
        "/static/swagger/swagger-ui-bundle.js",
        "/static/nothing",
    ):
        answer = client.get(path)
        assert answer.headers["content-security-policy"] == CONTENT_POLICY
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"
        assert (answer.headers.get("cache-control") == "no-store") == ("/static/" not in path)
    assert "unsafe" not in CONTENT_POLICY


def test_pages_hold_no_inline_script_or_style(client_with: MakeClient) -> None:
    for path in ("/", "/docs", "/sign-in"):
        page = client_with().get(path, headers=_HTML).text
        assert re.findall(r"<script(?![^>]*\bsrc=)", page) == []
        assert re.findall(r"<style|\sstyle=|\son\w+=|https?://", page) == []
