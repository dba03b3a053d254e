"""`make bench-table`: rows survive a round trip, a collection goes on where it stopped."""

from __future__ import annotations

import json
import math
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.datasets.archives import group_of, load_archive
from benchmarks.datasets.labelled import SHARES, Split, png, split
from benchmarks.datasets.sets import SETS as LOADERS
from benchmarks.experiments.correlation.collect import claim
from benchmarks.experiments.table import __main__ as command
from benchmarks.experiments.table import collect as collecting
from benchmarks.experiments.table.collect import Collector, collect, read_rows
from benchmarks.experiments.table.facts import measure_facts, write_facts
from benchmarks.experiments.table.field import added_policies, table_policies
from benchmarks.experiments.table.plan import (
    FIRST,
    LONG_POLICIES,
    LONG_SETS,
    SETS,
    Part,
    default_plan,
)
from quarterturn.policy.recipes import BASELINES
from quarterturn.table.facts import load_facts
from quarterturn.table.load import load_table, table_frame
from quarterturn.table.rows import (
    EARLIER,
    NUMBERS,
    PART_ACCURACIES,
    Row,
    Run,
    build_row,
    merge,
    read_row,
    round_number,
    to_csv,
    write_row,
)

CLASSES, SIDE = 3, 28


def _draw_set() -> Split:
    """Squares of three colors somewhere on noise; nobody's pictures."""
    source = np.random.default_rng(0)
    images, labels = {}, {}
    for part, share in SHARES.items():
        count = int(400 * share)
        labels[part] = source.integers(CLASSES, size=count)
        pixels = source.integers(0, 80, size=(count, SIDE, SIDE, 3), dtype=np.uint8)
        for image, label in zip(pixels, labels[part], strict=True):
            top, left = source.integers(SIDE - 8, size=2)
            image[top : top + 8, left : left + 8, label] = 250
        images[part] = pixels
    return Split(images, labels)


@pytest.fixture
def collector(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Collector:
    """On drawn images, with features of a reference that are noise."""
    parts = _draw_set()
    reference = torch.randn(len(parts.images["pretrain"]), 70)
    monkeypatch.setattr(collecting, "load_split", lambda name, most: parts)
    monkeypatch.setattr(collecting, "reference_features", lambda path, parts: reference)
    collecting._prepare.cache_clear()
    return Collector(folder=tmp_path, device="cpu", batch_size=32)


def _row(policy: str, seed: int, accuracy: float, source: str = "table") -> Row:
    run = Run("clothing", policy, seed, 300)
    row = build_row(run, {"accuracy_by_labels": accuracy, "rotation": 1 / 3})
    return Row(**{**vars(row), "source": source})


def test_a_table_is_loaded_as_it_was_written(tmp_path: Path) -> None:
    rows = merge([_row("rand_augment(1,9)", 0, 2 / 3), _row("crop + jitter", 1, 0.5)])
    path = tmp_path / "table.csv"
    path.write_text(to_csv(rows))
    loaded = load_table(path)
    assert [row.run for row in loaded] == [row.run for row in rows]
    assert loaded[1].accuracy_by_labels == round_number(2 / 3) == 0.66667
    assert math.isnan(loaded[0].reference_r2)
    assert to_csv(loaded) == path.read_text()


def test_rows_are_merged_in_one_order_and_later_sources_win() -> None:
    earlier = [_row("b", 0, 0.1, EARLIER), _row("a", 0, 0.2, EARLIER)]
    own = [_row("b", 0, 0.3)]
    rows = merge(earlier, own)
    assert [(row.policy, row.accuracy_by_labels, row.source) for row in rows] == [
        ("a", 0.2, EARLIER),
        ("b", 0.3, "table"),
    ]
    assert to_csv(merge(own[::-1], [], earlier[::-1], own)) == to_csv(rows)


def test_earlier_rows_are_marked_and_what_was_measured_here_wins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "TABLE", tmp_path / "table.csv")
    path = tmp_path / "earlier.csv"
    path.write_text(to_csv([_row("jitter", 0, 0.2), _row("none", 0, 0.3), _row("of old", 0, 0.4)]))
    command.write_table([_row("jitter", 0, 0.25)])
    monkeypatch.setattr(command, "FOLDER", tmp_path)
    monkeypatch.setattr(command, "load_table", lambda at=tmp_path / "table.csv": load_table(at))
    threads = torch.get_num_threads()
    try:
        command.main(["--merge-only", "--earlier", str(path)])
    finally:
        torch.set_num_threads(threads)
    rows = load_table(tmp_path / "table.csv")
    assert [(row.policy, row.accuracy_by_labels, row.source) for row in rows] == [
        ("jitter", 0.25, "table"),
        ("none", 0.3, EARLIER),
    ]


def test_a_row_file_is_whole_and_named_by_its_run(tmp_path: Path) -> None:
    row = _row("rand_augment(1,9) without crop", 0, 0.25)
    path = tmp_path / f"{row.run.file_stem()}.json"
    write_row(path, row)
    assert read_row(path).run == row.run
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    stems = {run.file_stem() for part in default_plan() for run in part.runs()}
    assert len(stems) == len({run for part in default_plan() for run in part.runs()})


def test_a_collection_measures_everything_and_goes_on_where_it_stopped(
    collector: Collector,
) -> None:
    runs = list(Part(["crop_flip", "dino"], ["drawn"], iterations=(3,)).runs())
    assert collect(collector, runs[:1]) == 1
    with claim(collector.row_path(runs[1])):  # another process is at it
        assert collect(collector, runs) == 0
    assert collect(collector, runs) == 1
    assert collect(collector, runs) == 0
    rows = read_rows(collector.folder)
    assert [row.run for row in rows] == sorted(runs)
    assert all(math.isfinite(value) for row in rows for value in row.numbers().values())
    assert all(collector.weights_path(run).exists() for run in runs)
    for row in rows:
        parts = [getattr(row, name) for name in PART_ACCURACIES]
        assert min(parts) <= row.accuracy_by_labels <= max(parts)


def test_a_run_gives_the_same_numbers_again(collector: Collector) -> None:
    run = Run("drawn", "jitter", 1, 3)
    one, other = (collector.pretrain(run).numbers() for _ in range(2))
    seconds = one.pop("seconds"), other.pop("seconds")
    assert min(seconds) > 0
    assert one == other


def test_the_smoke_run_writes_nothing_to_the_repository(
    collector: Collector,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(command, "TABLE", tmp_path / "never.csv")
    monkeypatch.setattr(command, "_QUICK", tmp_path / "quick")
    threads = torch.get_num_threads()
    try:
        command.main(["--quick"])
    finally:
        torch.set_num_threads(threads)
    assert not (tmp_path / "never.csv").exists()
    assert "nothing written" in capsys.readouterr().out


def test_what_was_asked_for_is_run_and_what_is_unknown_refused() -> None:
    options = command.parse_arguments(
        ["--sets", "mnist", "emoji", "--policies", "jitter", "none", "--seeds", "2"]
    )
    assert [(run.policy, run.set, run.seed) for run in command.choose_runs(options)] == [
        ("jitter", "mnist", 2),
        ("jitter", "emoji", 2),
        ("none", "mnist", 2),
        ("none", "emoji", 2),
    ]
    with pytest.raises(SystemExit, match="no policy 'jiter'"):
        command.choose_runs(command.parse_arguments(["--policies", "jiter"]))


def test_the_policies_are_distinct_and_the_plan_knows_all_it_names() -> None:
    policies = table_policies()
    assert len(policies) >= 32
    assert len({policy.digest for policy in policies.values()}) == len(policies)
    assert {make().name for make in BASELINES.values()} <= set(policies)
    assert {policy.name for policy in added_policies()} == set(FIRST)
    assert set(LONG_POLICIES) <= set(policies)
    assert set(LONG_SETS) <= set(SETS) <= set(LOADERS)
    whole, without = (
        json.dumps(policies[f"rand_augment(1,9){rest}"].to_document())
        for rest in ("", " without crop")
    )
    assert "random_resized_crop" in whole
    assert "random_resized_crop" not in without


def test_the_committed_table_is_in_order() -> None:
    rows = load_table()
    assert to_csv(merge(rows)) == to_csv(rows)
    assert {row.set for row in rows} <= set(SETS)
    assert {row.policy for row in rows} <= set(table_policies())
    for row in rows:
        assert 0.0 < row.accuracy_by_labels < 1.0
        if row.source != EARLIER:
            missing = [name for name in NUMBERS if math.isnan(getattr(row, name))]
            assert not missing, f"{row.run} lacks {missing}"


def test_facts_of_sets_are_measured_and_loaded_as_they_were_written(tmp_path: Path) -> None:
    drawn = _draw_set()
    gray = {
        part: images.mean(3, keepdims=True).repeat(3, 3) for part, images in drawn.images.items()
    }
    plain = {part: np.full_like(images, 128) for part, images in drawn.images.items()}
    facts = [
        measure_facts(name, Split(images, drawn.labels), SIDE)
        for name, images in (("drawn", drawn.images), ("gray", gray), ("plain", plain))
    ]
    write_facts(tmp_path / "sets.csv", facts[::-1])
    loaded = load_facts(tmp_path / "sets.csv")
    assert list(loaded.values()) == facts
    assert loaded["drawn"].chroma > loaded["gray"].chroma == 0.0
    assert (loaded["drawn"].gray, loaded["gray"].gray) == (0.0, 1.0)
    assert loaded["plain"].contrast == loaded["plain"].border == 0.0 < loaded["drawn"].border
    assert loaded["drawn"].classes == CLASSES
    assert set(load_facts()) == set(SETS)


def test_an_archive_is_split_by_the_groups_in_its_names(tmp_path: Path) -> None:
    path = tmp_path / "drawn.zip"
    source = np.random.default_rng(0)
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(120):
            pixels = source.integers(0, 256, size=(20, 30, 3), dtype=np.uint8)
            name = f"{'ab'[number % 2]}/patient{number // 4}__{number}.png"
            archive.writestr(name, png(pixels))
    data = load_archive(path, 16)
    assert data.images.shape == (120, 16, 16, 3)
    assert sorted(set(data.labels)) == [0, 1]
    assert len(set(data.groups)) == 30
    assert group_of("a/patient7__x__y.png") == "patient7"
    parts = split(data)
    places = {image.tobytes(): part for part, rows in parts.images.items() for image in rows}
    by_group: dict[str, set[str]] = {}
    for image, group in zip(data.images, data.groups, strict=True):
        by_group.setdefault(group, set()).add(places[image.tobytes()])
    assert all(len(found) == 1 for found in by_group.values())


def test_the_library_has_it_as_a_frame() -> None:
    frame, rows = table_frame(), load_table()
    assert len(frame) == len(rows) > 400
    assert frame["set"].nunique() == 17
    assert frame.loc[0, "accuracy_by_labels"] == rows[0].accuracy_by_labels
    assert load_facts().keys() == set(frame["set"])
