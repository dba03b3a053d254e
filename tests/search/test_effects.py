"""The fit of candidates and seeds is that of plain least squares, however many candidates."""

from __future__ import annotations

import random

import numpy as np
import pytest

from quarterturn.search.effects import fit


def _scores(generator: random.Random) -> dict[str, dict[int, float]]:
    """Scores with gaps; the first candidate has every seed, so that all can be compared."""
    seeds = range(generator.randint(2, 4))
    found = {"c0": {seed: generator.random() for seed in seeds}}
    for number in range(1, generator.randint(2, 8)):
        having = [seed for seed in seeds if generator.random() < 0.7] or [0]
        found[f"c{number}"] = {seed: generator.random() + 0.2 * seed for seed in having}
    return found


@pytest.mark.parametrize("number", range(20))
def test_it_is_plain_least_squares(number: int) -> None:
    scores = _scores(random.Random(number))
    names, seeds = sorted(scores), sorted(scores["c0"])
    rows = [(names.index(c), seeds.index(s), v) for c in names for s, v in scores[c].items()]
    design = np.zeros((len(rows), len(names) + len(seeds)))
    for at, (candidate, seed, _) in enumerate(rows):
        design[at, candidate] = design[at, len(names) + seed] = 1.0
    values = np.array([value for _, _, value in rows])
    effects = np.linalg.lstsq(design, values, rcond=None)[0]
    residual = float(((values - design @ effects) ** 2).sum())
    found = fit(scores)
    common = effects[len(names) :].mean()
    for name in names:
        assert found.means[name] == pytest.approx(effects[names.index(name)] + common)
    freedom = len(rows) - np.linalg.matrix_rank(design)
    assert found.freedom == freedom
    if not freedom:
        return
    assert found.deviation == pytest.approx((residual / freedom) ** 0.5)
    inverse = np.linalg.pinv(design.T @ design)
    pairs = [(a, b) for a in range(len(names)) for b in range(a)]
    variances = [inverse[a, a] + inverse[b, b] - 2 * inverse[a, b] for a, b in pairs]
    for (a, b), variance in zip(pairs, variances, strict=True):
        error = found.error_of_difference(names[a], names[b])
        assert error == pytest.approx(found.deviation * variance**0.5)
    observed = np.var(list(found.means.values()), ddof=1) / found.deviation**2
    ratio = max(0.0, observed - np.mean(variances) / 2)
    assert found.variance_ratio() == pytest.approx(ratio)


def test_thousands_of_candidates_are_compared() -> None:
    generator = np.random.default_rng(0)
    scores = {f"c{n:04}": dict(enumerate(generator.normal(0.5, 0.01, 3))) for n in range(3000)}
    found = fit(scores)
    assert found.freedom == 2 * 2999
    p_value = found.separates()
    assert p_value is not None
    assert 0.001 < p_value < 0.999
    assert found.error_of_difference("c0000", "c2999") == pytest.approx(
        found.deviation * (2 / 3) ** 0.5
    )
