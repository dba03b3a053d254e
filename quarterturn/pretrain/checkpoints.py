"""Checkpoints of trials, from which the next rung continues."""

from __future__ import annotations

import contextlib
import logging
import pickle
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from quarterturn.errors import CacheFullError, ObjectMissingError, StorageUnavailableError
from quarterturn.storage import Storage
from quarterturn.storage.keys import state_key

logger = logging.getLogger(__name__)

_DAMAGED = (OSError, RuntimeError, EOFError, ValueError, KeyError, pickle.UnpicklingError)


#: By candidate and seed, further jobs that may have kept an equal state.
Elsewhere = Mapping[tuple[str, int], Sequence[str]]


class CheckpointStore:
    """States of trials by job, candidate, seed and iterations, kept whole or not at all.

    Args:
        elsewhere: where to look for what the job itself has not kept.
    """

    def __init__(self, storage: Storage, elsewhere: Elsewhere | None = None) -> None:
        self._storage = storage
        self._elsewhere = elsewhere or {}

    def save(
        self, job: str, candidate: str, seed: int, iterations: int, state: dict[str, Any]
    ) -> None:
        """Keep a state; on a full disk, or while the storage does not answer, it is not kept, and
        whoever needs it starts afresh.
        """
        key = state_key(job, candidate, seed, iterations)
        with contextlib.ExitStack() as at_the_end:
            try:
                partial = self._storage.partial(key)
                at_the_end.callback(partial.unlink, missing_ok=True)
                torch.save(state, partial)
                self._storage.put(key, partial)
            except (OSError, RuntimeError, StorageUnavailableError) as error:
                # torch reports a full disk as a RuntimeError.
                logger.warning("a checkpoint is not kept: %s", error)

    def load(
        self, job: str, candidate: str, seed: int, iterations: int, device: torch.device
    ) -> dict[str, Any] | None:
        """The state, or None where it is missing or damaged: the trial then starts afresh.

        Raises:
            StorageUnavailableError: whether it is there cannot be known.
        """
        for place in (job, *self._elsewhere.get((candidate, seed), ())):
            try:
                with self._storage.held(state_key(place, candidate, seed, iterations)) as path:
                    state: dict[str, Any] = torch.load(path, map_location=device, weights_only=True)
            except (ObjectMissingError, CacheFullError, *_DAMAGED):
                continue
            return state
        return None

    def remove(self, job: str, candidate: str, seed: int, iterations: int) -> None:
        """Remove a state that nobody needs; while the storage does not answer, it stays until the
        job has ended.
        """
        with contextlib.suppress(OSError, StorageUnavailableError):
            self._storage.remove(state_key(job, candidate, seed, iterations))
