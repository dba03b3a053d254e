"""What runs in a worker process of `quarterturn.processes.pool`: calls come in, answers go out."""

from __future__ import annotations

import os
import pickle
import sys

_VARIABLE = "QUARTERTURN_WORKER_PROCESS"


def in_worker() -> bool:
    """Whether this is a worker process, which may be limited and may die."""
    return os.environ.get(_VARIABLE) == str(os.getpid())


def answer_calls() -> None:
    """Until the parent is gone."""
    os.environ[_VARIABLE] = str(os.getpid())
    calls, answers = sys.stdin.buffer, os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what a library prints is no answer
    while True:
        try:
            function, args = pickle.load(calls)
        except EOFError:
            return
        try:
            answer = pickle.dumps((True, function(*args)))
        except Exception as error:
            answer = _pickled_error(error)
        answers.write(answer)
        answers.flush()


def _pickled_error(error: Exception) -> bytes:
    try:
        data = pickle.dumps((False, error))
        pickle.loads(data)
    except Exception:
        data = pickle.dumps((False, RuntimeError(f"{type(error).__name__}: {error}")))
    return data


if __name__ == "__main__":
    answer_calls()
