"""Takes the pictures of docs/images from a server with two finished jobs:

python -m tests.browser.screenshots http://127.0.0.1:8000 job_... job_...
"""

from __future__ import annotations

import io
import shutil
import sys
from pathlib import Path

import httpx
from PIL import Image
from playwright.sync_api import Page, sync_playwright

FOLDER = Path(__file__).parents[2] / "docs" / "images"
_WIDTH, _COLOURS = 1180, 255
#: Of each picture the part of the page that is shown, in pixels.
_HEIGHTS = {"dashboard": 1500, "policy": 1150, "dataset": 1180, "compare": 1000, "new-job": 1450}


def _take(page: Page, name: str, url: str, *, figures: bool = False) -> None:
    page.goto(url)
    page.wait_for_load_state("networkidle")
    for image in page.locator("img").all():
        if image.is_visible():
            image.scroll_into_view_if_needed()
    page.wait_for_load_state("networkidle")
    height = _HEIGHTS[name]
    clip = {"x": 0, "y": 0, "width": _WIDTH, "height": height}
    if figures:
        box = page.locator("#figures").bounding_box()
        assert box is not None
        clip["y"] = max(0.0, box["y"] + page.evaluate("scrollY") - 10)
    raw = page.screenshot(full_page=True, clip=clip)  # type: ignore[arg-type]
    picture = (
        Image.open(io.BytesIO(raw)).convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE)
    )
    picture.save(FOLDER / f"{'figures' if figures else name}.png", optimize=True)


def main(url: str, job: str, other: str) -> None:
    """Write all pictures; `job` is the one that is shown."""
    path = shutil.which("chromium") or shutil.which("google-chrome")
    dataset = httpx.get(f"{url}/v1/jobs/{job}", trust_env=False).json()["dataset_id"]
    ranking = httpx.get(f"{url}/v1/jobs/{job}/dashboard", trust_env=False).json()["ranking"]
    searched = next(e["candidate"] for e in ranking if e["origin"] != "baseline")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = browser.new_page(
            viewport={"width": _WIDTH, "height": 900}, color_scheme="light", reduced_motion="reduce"
        )
        _take(page, "dashboard", f"{url}/v1/jobs/{job}/dashboard")
        _take(page, "dashboard", f"{url}/v1/jobs/{job}/dashboard", figures=True)
        _take(page, "policy", f"{url}/v1/jobs/{job}/policies/{searched}")
        _take(page, "dataset", f"{url}/v1/datasets/{dataset}")
        _take(page, "compare", f"{url}/compare?first={job}&second={other}")
        _take(page, "new-job", f"{url}/new?dataset={dataset}")
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
