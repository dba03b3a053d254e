"""`quarterturn search` in processes of this machine: what its options ask for."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from quarterturn.cli import app
from quarterturn.policy import parse_policy, write_policy
from quarterturn.policy.recipes import rand_augment
from quarterturn.policy.words import describe

_TINY = (
    *("--encoder", "resnet_tiny", "--batch-size", "16", "--iterations", "2", "--workers", "1"),
    *("--budget", "trials=24"),
)


def _search(images: Path, folder: Path, *options: str) -> str:
    done = CliRunner().invoke(
        app, ["search", str(images), "--output", str(folder / "policy.json"), *_TINY, *options]
    )
    assert done.exit_code == 0, (done.output, done.exception)
    return done.output


def test_an_incumbent_is_beaten_or_kept_and_nothing_has_what_is_excluded(
    animals: Path, tmp_path: Path
) -> None:
    mine = rand_augment(1, 9).model_copy(update={"name": "mine"})
    write_policy(mine, tmp_path / "mine.json")
    said = _search(
        animals,
        tmp_path,
        *("--effort", "quick", "--incumbent", str(tmp_path / "mine.json")),
        *("--exclude", "grayscale", "--exclude", "gaussian_blur"),
    )
    assert "mine" in said
    policy = parse_policy(json.loads((tmp_path / "policy.json").read_text()))
    assert "grayscale" not in describe(policy)
    card = (tmp_path / "policy.card.md").read_text()
    assert "this against nothing in its place" in card, "the effects of operations"


def test_an_incumbent_that_has_what_is_excluded_is_refused_before_anything_is_read(
    animals: Path, tmp_path: Path
) -> None:
    done = CliRunner().invoke(
        app,
        [
            *("search", str(animals), "--output", str(tmp_path / "policy.json")),
            *("--incumbent", "simclr", "--exclude", "grayscale"),
        ],
    )
    assert done.exit_code != 0
    assert "Reading" not in done.output
    assert not (tmp_path / "policy.json").exists()
