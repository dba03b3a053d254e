"""Results are reused between trials that are equal: of equal code too."""

from __future__ import annotations

import json

from quarterturn.trial.version import RESULTS_VERSION
from tests.trial.results_version import RECORD, code_digest


def test_code_that_decides_results_does_not_change_unnoticed() -> None:
    recorded = json.loads(RECORD.read_text())
    assert recorded == {"version": RESULTS_VERSION, "code": code_digest()}, (
        "Code that decides the results of trials has changed. If an equal trial may now end with "
        "another result, raise RESULTS_VERSION in quarterturn/trial/version.py. Then record the "
        "code: python -m tests.trial.results_version"
    )
