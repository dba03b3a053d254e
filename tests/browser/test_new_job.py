"""From the form to a policy in hand, as a person does it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import httpx
from playwright.sync_api import Page, expect

from core.embedded.stack import Stack
from tests.docs.texts import ROOT


def _fill(page: Page, **values: str) -> None:
    for name, value in values.items():
        page.locator(f"#{name}").fill(value)


def _loaded(page: Page, selector: str) -> None:
    """Wait until a picture has arrived."""
    page.wait_for_function(
        "s => [...document.querySelectorAll(s)].every(i => i.complete && i.naturalWidth > 0)",
        arg=selector,
    )


def _pasted(http: httpx.Client, command: list[str]) -> None:
    """What the form shows for programs does the same, as it stands there."""
    before = [job["id"] for job in http.get("/v1/jobs", params={"limit": 1}).json()["items"]]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "no_proxy": "127.0.0.1"}
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    job = http.get("/v1/jobs", params={"limit": 1}).json()["items"][0]
    assert job["id"] not in before
    assert job["name"] == "from the form"
    spec = http.get(f"/v1/jobs/{job['id']}").json()["spec"]
    assert (spec["strategy"]["candidates"], spec["budget"]["seconds"]) == (2, 120)
    http.post(f"/v1/jobs/{job['id']}/cancel")


def test_a_window_and_a_fit_are_sent_with_the_file(
    page: Page, stack: Stack, http: httpx.Client, animals: Path
) -> None:
    page.goto(f"{stack.url}/new")
    page.get_by_text("How files become pictures").click()
    page.locator("#file").set_input_files(animals)
    expect(page.locator("#upload")).to_contain_text("images at 28 pixels", timeout=30_000)
    plain = page.locator("#dataset").input_value()
    page.locator("#fit").select_option("pad")
    page.locator("#window").fill("0:128")
    page.locator("#window").blur()
    expect(page.locator("#upload")).to_contain_text("128 (white)", timeout=30_000)
    chosen = page.locator("#dataset").input_value()
    assert chosen != plain
    pictures = http.get(f"/v1/datasets/{chosen}").json()["pictures"]
    assert (pictures["intensity"]["high"], pictures["fit"]) == (128, "pad")
    page.locator("#window").fill("from dark to light")
    page.locator("#window").blur()
    expect(page.locator("#problem-file")).to_contain_text("0:4095", timeout=30_000)


def test_from_the_form_to_a_policy_in_hand(
    page: Page, stack: Stack, http: httpx.Client, animals: Path, tmp_path: Path
) -> None:
    page.goto(f"{stack.url}/new")
    page.locator("#file").set_input_files(animals)
    expect(page.locator("#upload")).to_contain_text("images at 28 pixels", timeout=30_000)
    assert page.locator("#dataset").input_value().startswith("ds_")
    _loaded(page, "#sample img")
    expect(page.locator("[data-space=recipes]")).to_be_visible()
    page.get_by_label("photometric").check()
    crop = "[data-space=photometric] [data-operation=random_resized_crop]"
    page.locator(crop).scroll_into_view_if_needed()
    _loaded(page, crop)

    page.get_by_label("rand-augment").check()
    expect(page.locator("[data-space=rand-augment]")).to_be_visible()
    expect(page.locator("[data-space=photometric]")).to_be_hidden()
    page.get_by_text("Encoder, method, criterion").click()
    page.locator("#encoder").select_option("resnet_tiny")
    page.locator("#search").select_option("random")
    page.locator("#confirm").uncheck()
    _fill(page, name="from the form", candidates="2", iterations="4", batch="16", minutes="2")
    expect(page.locator("#cost")).to_contain_text("8 candidates, baselines included, in 8 trials")
    _fill(page, candidates="0")
    beside = page.locator("#candidates ~ .problem")
    expect(beside).to_contain_text("Candidates must be greater than or equal to 1.")
    expect(page.locator("#candidates")).to_have_attribute("aria-invalid", "true")
    _fill(page, candidates="2")
    expect(beside).to_be_hidden()

    page.get_by_text("The same from a program").click()
    shown = json.loads(page.locator("#curl").inner_text().split("'")[3])
    assert shown["strategy"] == {"kind": "random", "candidates": 2}
    assert shown["budget"] == {"seconds": 120}
    _pasted(http, ["bash", "-c", page.locator("#curl").inner_text()])
    _pasted(http, [sys.executable, "-c", page.locator("#python").inner_text()])
    page.get_by_role("button", name="Start the search").focus()
    page.keyboard.press("Enter")

    page.wait_for_url("**/dashboard")
    page.evaluate("window.notReloaded = true")
    expect(page.locator("h1")).to_contain_text("from the form")
    job = page.locator("#job").get_attribute("data-job")
    assert http.get(f"/v1/jobs/{job}").json()["spec"]["pretraining"]["batch_size"] == 16
    page.locator("summary", has_text="Numbers").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator("h1 .state")).to_have_text("completed", timeout=90_000)
    assert page.evaluate("window.notReloaded"), "it updated itself, without a reload"
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY", "the focus stayed"

    page.get_by_role("link", name="See the policy").click()
    _loaded(page, ".sheet img")
    for name in ("json", "torchvision", "kornia", "lightly", "albumentations"):
        with page.expect_download() as download:
            page.get_by_role("link", name=f"Download for {name}", exact=True).click()
        download.value.save_as(tmp_path / name)
        assert (tmp_path / name).stat().st_size > 200
        assert download.value.suggested_filename.endswith((".py", ".json"))
    assert json.loads((tmp_path / "json").read_text())["views"]
    compile((tmp_path / "torchvision").read_text(), "torchvision.py", "exec")


def test_a_new_job_like_another_takes_over_its_settings(
    page: Page, http: httpx.Client, stack: Stack, finished_job: dict[str, str]
) -> None:
    page.goto(f"{stack.url}/v1/jobs/{finished_job['job']}/dashboard")
    page.get_by_role("link", name="New job like this").click()
    expect(page.get_by_label("rand-augment")).to_be_checked()
    page.get_by_text("The same from a program").click()
    body = json.loads(page.locator("#curl").inner_text().split("'")[3])
    spec = http.get(f"/v1/jobs/{finished_job['job']}").json()["spec"]
    assert body["dataset_id"] == finished_job["dataset"]
    assert body["strategy"] == {"kind": "random", "candidates": spec["strategy"]["candidates"]}
    assert (body["iterations"], body["seeds"]) == (spec["iterations"], spec["seeds"])
    for name, value in body["pretraining"].items():
        assert spec["pretraining"][name] == value


def test_what_the_server_refuses_stands_beside_the_field(
    page: Page, stack: Stack, tmp_path: Path
) -> None:
    page.goto(f"{stack.url}/new")
    page.get_by_label("photometric").check()
    page.locator("#dataset").select_option("")
    page.get_by_role("button", name="Start the search").click()
    expect(page.locator("#dataset ~ .problem")).to_contain_text("is needed")
    assert page.evaluate("document.activeElement.id") == "dataset"
    wrong = tmp_path / "images.zip"
    wrong.write_bytes(b"no archive")
    with page.expect_response("**/v1/datasets") as answer:
        page.locator("#file").set_input_files(wrong)
    assert answer.value.status == 422
    expect(page.locator("#file ~ .problem")).to_contain_text("Pack the images")
    page.locator("#cost").evaluate("cost => { cost.textContent = '' }")
    with page.expect_response("**/v1/search-spaces/validate"):
        page.locator("#candidates").fill("11")
    expect(page.locator("#cost")).to_contain_text("17 candidates")
    expect(page.locator("#file ~ .problem")).to_contain_text("Pack the images")
    expect(page.locator("#dataset ~ .problem")).to_contain_text("is needed")
    expect(page.locator("#dataset")).to_have_attribute("aria-invalid", "true")
    page.locator("#dataset").select_option(index=1)
    expect(page.locator("#dataset ~ .problem")).to_have_text("")
