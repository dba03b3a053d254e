"""The criteria of a trial: all recorded, signed, and held out on other images."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pytest
import torch
from torch.nn import functional

from quarterturn.augment import RandomStreams, augment
from quarterturn.data import DatasetCache
from quarterturn.policy.recipes import crop_flip
from quarterturn.pretrain import trainer
from quarterturn.pretrain.data import TrialData, load_trial_data
from quarterturn.pretrain.outcome import HELD_OUT, Score
from quarterturn.pretrain.spec import (
    AUTO,
    REFERENCE_CRITERIA,
    CriterionName,
    PretrainingSpec,
    ScoringSpec,
    TrialSpec,
)
from quarterturn.score.criteria import (
    CRITERIA,
    VIEWED_IMAGES,
    Views,
    composite,
    crop_flip_views,
    feature_criteria,
    feature_std,
    sampling_error,
    view_criteria,
)
from quarterturn.score.features import rotation_features
from quarterturn.score.probe import rotation_probe
from quarterturn.score.rank import rankme
from quarterturn.trial.execute import score

SPEC = PretrainingSpec(encoder="resnet_tiny", batch_size=16)
SCORING = {"probe_train_images": 40, "probe_test_images": 30, "report_images": 24}
SIGNS = {
    "rotation": 1,
    "composite": 1,
    "retrieval": 1,
    "infonce": -1,
    "alignment": -1,
    "uniformity": -1,
    "rankme": 1,
    "feature_std": 1,
}


@pytest.fixture(scope="module")
def data(animal_cache: DatasetCache) -> TrialData:
    return load_trial_data(animal_cache, torch.device("cpu"))


@pytest.fixture(scope="module")
def run(data: TrialData) -> trainer.Run:
    """A run after a few steps."""
    started = trainer.start(SPEC, data, 28, 0)
    trainer.train(started, crop_flip(), data, SPEC, seed=0, until=6, length=6, watch=lambda _: None)
    return started


def _score(run: trainer.Run, data: TrialData, **scoring: Any) -> Score:
    spec = TrialSpec(
        pretraining=SPEC,
        scoring=ScoringSpec.model_validate({**SCORING, **scoring}),
        seed=0,
        iterations=6,
        schedule_iterations=6,
    )
    return score(run, data, spec)


def test_the_criteria_are_those_that_a_job_may_name() -> None:
    signs = {**SIGNS, **dict.fromkeys(REFERENCE_CRITERIA, 1)}
    assert {name: criterion.sign for name, criterion in CRITERIA.items()} == signs
    assert set(get_args(CriterionName)) == {AUTO, *signs}


def _numbers(run: trainer.Run, data: TrialData, images: torch.Tensor) -> dict[str, float]:
    """Each criterion of exactly these images, by its sign; the probe learns from the usual ones."""
    train, features = (
        rotation_features(run.method, data, part)[0] for part in (data.probe_train[:40], images)
    )
    found = {
        "rotation": rotation_probe(train, features).accuracy,
        **view_criteria(crop_flip_views(run.method, data, images)),
        **feature_criteria(features[0]),
    }
    found["composite"] = composite(found["rotation"], found["retrieval"])
    return {name: SIGNS[name] * value for name, value in found.items()}


@pytest.mark.parametrize("criterion", SIGNS)
def test_every_criterion_is_recorded_and_the_jobs_own_is_the_score(
    run: trainer.Run, data: TrialData, criterion: str
) -> None:
    found = _score(run, data, criterion=criterion)
    metrics = found.metrics
    assert set(SIGNS) <= metrics.keys()
    assert all(math.isfinite(value) for value in metrics.values())
    assert found.score == SIGNS[criterion] * metrics[criterion]
    assert math.isfinite(found.held_out)
    assert metrics == _score(run, data).metrics, "they do not depend on the job's criterion"


@pytest.mark.parametrize("other", [None, "report", "probe_test"])
def test_the_score_is_of_the_test_images_and_the_held_out_number_of_the_reports(
    run: trainer.Run, data: TrialData, other: str | None
) -> None:
    """Two numbers of different images may be equal by chance: each is worked out by itself."""
    if other is not None:
        data = replace(data, **{other: 255 - data.pretrain[:30]})
    tested, reported = (
        _numbers(run, data, images) for images in (data.probe_test[:30], data.report[:24])
    )
    for criterion in SIGNS:
        found = _score(run, data, criterion=criterion)
        assert found.score == pytest.approx(tested[criterion], rel=1e-6), criterion
        assert found.held_out == pytest.approx(reported[criterion], rel=1e-6), criterion


def _without_held_out(found: Score) -> dict[str, float]:
    return {name: v for name, v in found.metrics.items() if not name.startswith(HELD_OUT)}


def test_what_is_reported_on_moves_no_score_and_what_is_tested_on_no_held_out_number(
    run: trainer.Run, data: TrialData
) -> None:
    others = 255 - data.pretrain[:30]
    for criterion in SIGNS:
        usual, reported, tested = (
            _score(run, each, criterion=criterion)
            for each in (data, replace(data, report=others), replace(data, probe_test=others))
        )
        assert reported.score == usual.score
        assert _without_held_out(reported) == _without_held_out(usual)
        assert tested.held_out == usual.held_out


def test_the_splits_share_no_image(data: TrialData) -> None:
    parts = [
        {image.contiguous().numpy().tobytes() for image in part}
        for part in (data.pretrain, data.probe_train, data.probe_test, data.report)
    ]
    assert all(parts)
    assert len(set().union(*parts)) == sum(len(part) for part in parts)


def test_without_images_to_report_on_nothing_is_reported(run: trainer.Run, data: TrialData) -> None:
    found = _score(run, replace(data, report=data.report[:2]))
    assert found.held_out is None
    assert 0 <= found.score <= 1


def test_features_that_are_not_finite_are_an_error(data: TrialData) -> None:
    broken = trainer.start(SPEC, data, 28, 0)
    with torch.no_grad():
        next(broken.method.head.parameters()).fill_(float("nan"))
    with pytest.raises(trainer.DivergedError):
        _score(broken, data)


def test_infonce_of_two_views_against_float64(run: trainer.Run, data: TrialData) -> None:
    """The views of the other images are the negatives of each."""
    images, method = data.probe_test[:20], run.method.eval()
    outputs = []
    for view in (0, 1):
        seen = data.normalise(augment(images, crop_flip().view(0), RandomStreams(0, 0), view=view))
        with torch.no_grad():
            found = torch.cat([method.project(one[None]) for one in seen]).double().numpy()
        outputs.append(found / np.linalg.norm(found, axis=1, keepdims=True))
    first, second = outputs
    similarity = np.exp(first @ second.T / 0.2)
    expected = -np.log(np.diag(similarity) / similarity.sum(1)).mean()
    measured = view_criteria(crop_flip_views(method, data, images))
    assert measured.keys() == {"infonce", "alignment", "uniformity", "retrieval"}
    # bf16, where the CPU is fast at it, has a precision of 0.4 %.
    assert measured["infonce"] == pytest.approx(expected, rel=1e-2)
    distances = ((first - second) ** 2).sum(1).mean()
    assert measured["alignment"] == pytest.approx(distances, rel=3e-2, abs=1e-4)


def test_views_are_compared_on_the_first_images_only(run: trainer.Run, data: TrialData) -> None:
    run.method.eval()
    many = torch.cat((data.pretrain, data.probe_train, data.probe_test))
    assert len(many) > VIEWED_IMAGES
    one, other = (
        view_criteria(crop_flip_views(run.method, data, images))
        for images in (many, many[:VIEWED_IMAGES])
    )
    assert one == other


def test_feature_criteria_against_float64() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(200, 24)) * np.linspace(1, 0.01, 24)
    normal = features / np.linalg.norm(features, axis=1, keepdims=True)
    tensor = torch.from_numpy(features).float()
    expected = normal.std(0, ddof=1).mean() * math.sqrt(24)
    assert feature_std(tensor) == pytest.approx(expected, rel=1e-4)
    assert feature_criteria(tensor) == {
        "rankme": rankme(tensor),
        "feature_std": feature_std(tensor),
    }
    assert feature_std(torch.ones(200, 24)) == pytest.approx(0.0, abs=1e-5)
    assert feature_std(torch.randn(2000, 24)) == pytest.approx(1.0, abs=0.03)


def test_the_composite_is_rotation_above_chance_times_retrieval(
    run: trainer.Run, data: TrialData
) -> None:
    metrics = _score(run, data).metrics
    expected = (metrics["rotation"] - 0.25) * metrics["retrieval"]
    assert metrics["rotation"] > 0.25
    assert metrics["composite"] == pytest.approx(expected)
    assert composite(0.2, 0.9) == 0.0, "worse than guessing is no merit"


@pytest.mark.parametrize("criterion", SIGNS)
@pytest.mark.parametrize("count", [30, 80])
def test_every_criterion_has_a_sampling_error_of_its_test_images(
    run: trainer.Run, data: TrialData, criterion: str, count: int
) -> None:
    images = data.probe_test[:count]
    train, test = (
        rotation_features(run.method, data, part)[0] for part in (data.probe_train[:40], images)
    )
    found = _score(run, data, criterion=criterion, probe_test_images=count)
    expected = sampling_error(
        criterion,
        found.metrics,
        rotation_probe(train, test).sampling_error,
        crop_flip_views(run.method, data, images),
        test[0],
    )
    assert found.sampling_error == pytest.approx(expected, rel=1e-6)


def _made_up_error(criterion: str, count: int, seed: int) -> float:
    """Of features of so many images that tell something, and are not the same in two views."""
    generator = torch.Generator().manual_seed(seed)

    def drawn(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator)

    turns = torch.eye(4, 6).unsqueeze(1)  # which way up an image is
    first = drawn(count, 6) + 1.0
    both = (functional.normalize(v, dim=1) for v in (first, first + drawn(count, 6)))
    views = Views((first, first + drawn(count, 6)), tuple(both))  # type: ignore[arg-type]
    rotation = rotation_probe(turns + drawn(4, 60, 6), turns + drawn(4, count, 6)).sampling_error
    metrics = {"rotation": 0.65, **view_criteria(views)}
    return sampling_error(criterion, metrics, rotation, views, first)


@pytest.mark.parametrize("criterion", SIGNS)
def test_the_sampling_error_shrinks_as_the_root_of_the_number_of_images(criterion: str) -> None:
    """One of ten groups is known to a quarter; the mean of sixteen to a sixteenth. Retrieval, and
    the composite with it, becomes harder with the images, and its error smaller by that too.
    """
    few, many = (
        np.mean([_made_up_error(criterion, count, seed) for seed in range(16)])
        for count in (60, 240)
    )
    assert 0.25 * few < many < 0.75 * few


def test_the_error_of_alignment_is_that_of_a_mean() -> None:
    generator = torch.Generator().manual_seed(2)
    first = functional.normalize(torch.randn(400, 6, generator=generator), dim=1)
    second = functional.normalize(first + torch.randn(400, 6, generator=generator), dim=1)
    views = Views((first, second), (first, second))
    distances = (first - second).square().sum(1)
    error = sampling_error("alignment", {}, 0.0, views, first)
    # Ten groups know a standard deviation to about a quarter.
    assert error == pytest.approx(float(distances.std()) / 400**0.5, rel=0.5)


def test_the_error_of_the_composite_is_that_of_a_product() -> None:
    generator = torch.Generator().manual_seed(3)
    first = torch.randn(200, 6, generator=generator)
    views = Views((first, first + torch.randn(200, 6, generator=generator)), (first, first))
    metrics = {"rotation": 0.65, **view_criteria(views)}
    retrieved = sampling_error("retrieval", metrics, 0.02, views, first)
    found = sampling_error("composite", metrics, 0.02, views, first)
    assert 0.0 < retrieved < 0.1
    assert found == pytest.approx(math.hypot(0.02 * metrics["retrieval"], 0.4 * retrieved))
    assert sampling_error("rotation", metrics, 0.02, views, first) == 0.02
