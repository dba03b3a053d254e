"""All pages: readable by everybody, on any screen, light and dark, and nothing from elsewhere."""

from __future__ import annotations

import csv
import io
import os
from pathlib import Path
from xml.etree import ElementTree

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, Page, Request, Response, expect

from core.embedded.stack import Stack
from core.jobs.figures import FIGURES

#: What axe calls these we allow none of.
_GRAVE = ("serious", "critical")
_MOST_BYTES = 1_000_000


def _pages(job: str, dataset: str, candidate: str) -> dict[str, str]:
    return {
        "dashboard": f"/v1/jobs/{job}/dashboard",
        "policy": f"/v1/jobs/{job}/policies/{candidate}",
        "two policies": f"/v1/jobs/{job}/policies/{candidate}?beside=selected&seed=1",
        "card": f"/v1/jobs/{job}/card?format=html",
        "dataset": f"/v1/datasets/{dataset}",
        "datasets": "/datasets",
        "new": f"/new?like={job}",
        "jobs": "/",
        "compare": f"/compare?first={job}&second={job}",
        "missing": "/v1/jobs/job_none/dashboard",
    }


@pytest.fixture(scope="module")
def pages(finished_job: dict[str, str]) -> dict[str, str]:
    return _pages(finished_job["job"], finished_job["dataset"], finished_job["candidate"])


def _settled(page: Page) -> None:
    page.wait_for_load_state("networkidle")


def _grave(page: Page) -> list[str]:
    """What axe finds in the page as it is."""
    found = Axe().run(page).response["violations"]
    return [
        f"{violation['id']}: {violation['nodes'][0]['html'][:120]}"
        for violation in found
        if violation["impact"] in _GRAVE
    ]


def test_every_page_suits_every_reader(
    browser: Browser, stack: Stack, pages: dict[str, str]
) -> None:
    """Light and dark without anything grave, small, from this server only, 360 pixels wide."""
    found: dict[str, list[str]] = {}
    for name, address in pages.items():
        page = browser.new_page(color_scheme="light", reduced_motion="reduce")
        size, elsewhere = [0], []

        def count(answer: Response, size: list[int] = size) -> None:
            size[0] += int(answer.headers.get("content-length", 0))

        def asked(request: Request, elsewhere: list[str] = elsewhere) -> None:
            if not request.url.startswith((stack.url, "data:")):
                elsewhere.append(request.url)

        page.on("response", count)
        page.on("request", asked)
        page.goto(stack.url + address)
        _settled(page)
        assert 1000 < size[0] < _MOST_BYTES, f"{name}: {size[0]} bytes"
        found[name] = [*elsewhere, *_grave(page)]
        page.emulate_media(color_scheme="dark")
        found[name] += _grave(page)
        page.set_viewport_size({"width": 360, "height": 740})
        width = page.evaluate("document.documentElement.scrollWidth")
        if width > 360:
            found[name].append(f"{width} pixels wide")
        page.close()
    assert not any(found.values()), found


def test_everything_can_be_reached_by_keyboard(
    page: Page, stack: Stack, pages: dict[str, str]
) -> None:
    page.goto(stack.url + pages["dashboard"])
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    page.keyboard.press("Tab")
    seen = set()
    for _ in range(250):
        seen.add(
            page.evaluate(
                "document.activeElement.innerText?.trim() || document.activeElement.ariaLabel"
            )
        )
        if page.evaluate("document.activeElement === document.body"):
            break
        at = page.evaluate("document.activeElement.outerHTML.slice(0, 120)")
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none", f"the focus is not seen at {at}"
        page.keyboard.press("Tab")
    assert {"Compare", "See the policy", "Policy card", "SVG", "PNG", "CSV", "Numbers"} <= seen


def test_the_theme_is_chosen_and_remembered(page: Page, stack: Stack) -> None:
    page.emulate_media(color_scheme="light")
    page.goto(stack.url)
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    switch = page.get_by_role("button", name="Theme")
    switch.click()
    assert page.evaluate(ground) == light
    switch.click()
    dark = page.evaluate(ground)
    assert dark != light
    page.goto(f"{stack.url}/new")
    assert page.evaluate(ground) == dark
    expect(page.get_by_role("button", name="Theme: dark")).to_be_visible()
    page.emulate_media(color_scheme="dark")
    page.get_by_role("button", name="Theme").click()
    assert page.evaluate(ground) == dark, "that of the system"


def test_figures_are_taken_home(
    page: Page, stack: Stack, pages: dict[str, str], tmp_path: Path
) -> None:
    for name in FIGURES:
        # Of more than ten downloads of one visit Chromium asks whether they are meant.
        page.goto(stack.url + pages["dashboard"])
        panel = page.locator(f"#figure-{name}")
        expect(panel.locator("svg.chart")).to_be_visible()
        for kind in ("SVG", "PNG", "CSV"):
            with page.expect_download() as download:
                panel.get_by_role("link", name=f"as {kind}").click()
            path = tmp_path / f"{name}.{kind}"
            download.value.save_as(path)
            assert download.value.suggested_filename.endswith(f"{name}.{kind.lower()}")
    best = ElementTree.parse(tmp_path / "best.SVG").getroot()
    assert best.find("{http://www.w3.org/2000/svg}desc") is not None
    picture = Image.open(tmp_path / "ranking.PNG").convert("L")
    assert picture.width > 1000
    left = picture.crop((0, 60, 360, picture.height))
    assert left.getextrema()[0] < 120, "names are written, whatever fonts there are"
    rows = list(csv.reader(io.StringIO((tmp_path / "ranking.CSV").read_text())))
    assert len(rows) == 9
    assert rows[0][:3] == ["rank", "policy", "origin"]


@pytest.mark.skipif("SCREENSHOTS" not in os.environ, reason="pictures are taken on demand")
def test_screenshots(browser: Browser, stack: Stack, pages: dict[str, str]) -> None:
    folder = Path(os.environ["SCREENSHOTS"])
    for scheme in ("light", "dark"):
        for width in (1280, 360):
            page = browser.new_page(
                viewport={"width": width, "height": 900},
                color_scheme=scheme,  # type: ignore[arg-type]
            )
            for name, address in pages.items():
                page.goto(stack.url + address)
                _settled(page)
                page.screenshot(path=folder / f"{name}-{scheme}-{width}.png", full_page=True)
            page.close()
