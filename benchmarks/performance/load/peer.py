"""The peer: optuna-dashboard over a study of as many trials, in the same PostgreSQL server."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import optuna
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from core.embedded.process import end, spawn
from core.embedded.stack import _free_port

_PARAMETERS = 6


#: As `Study.add_trials` leaves them, which takes minutes for 10,000.
_ROWS = """
WITH made AS (
    INSERT INTO trials (number, study_id, state, datetime_start, datetime_complete)
    SELECT number, :study, 'COMPLETE', now(), now()
    FROM generate_series(0, :trials - 1) AS number
    RETURNING trial_id, number
), valued AS (
    INSERT INTO trial_values (trial_id, objective, value, value_type)
    SELECT trial_id, 0, (hashint4(number) & 65535) / 65536.0, 'FINITE' FROM made
)
INSERT INTO trial_params (trial_id, param_name, param_value, distribution_json)
SELECT trial_id, 'p' || axis, (number * 7 + axis) % 100 / 100.0, :distribution
FROM made, generate_series(1, :axes) AS axis
"""


def _fill(url: str, trials: int) -> None:
    storage = optuna.storages.RDBStorage(url)
    study = optuna.create_study(storage=storage, study_name="load", direction="maximize")
    distribution = optuna.distributions.FloatDistribution(0.0, 1.0)
    values = {
        "study": study._study_id,
        "trials": trials,
        "axes": _PARAMETERS,
        "distribution": optuna.distributions.distribution_to_json(distribution),
    }
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text(_ROWS), values)
    engine.dispose()
    assert len(study.get_trials(deepcopy=False)) == trials


@contextmanager
def optuna_dashboard(database: str, trials: int, log: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """The address of a dashboard over a study of `trials` trials, and what to read of it."""
    admin = create_engine(database, isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text("CREATE DATABASE optuna"))
    admin.dispose()
    url = make_url(database).set(database="optuna").render_as_string(hide_password=False)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    _fill(url, trials)
    port = _free_port("127.0.0.1")
    program = str(Path(sys.executable).with_name("optuna-dashboard"))
    process: subprocess.Popen[bytes] = spawn(
        [program, url, "--host", "127.0.0.1", "--port", str(port)], log, {}
    )
    address = f"http://127.0.0.1:{port}"
    reads = {
        "optuna-dashboard, studies": "/api/studies",
        "optuna-dashboard, the study": "/api/studies/1?after=0",
        "optuna-dashboard, last 100 trials": f"/api/studies/1?after={trials - 100}",
    }
    try:
        for _ in range(300):
            try:
                httpx.get(address + reads["optuna-dashboard, studies"], trust_env=False)
                break
            except httpx.HTTPError:
                time.sleep(0.1)
        yield address, reads
    finally:
        end(process, 5.0)
