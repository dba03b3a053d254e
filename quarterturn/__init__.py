"""Quarterturn: chooses an augmentation policy for self-supervised pretraining, without labels.

Importing this package is cheap: torch is imported when it is first needed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from quarterturn.lazy import lazily

if TYPE_CHECKING:
    from quarterturn.client.client import Client
    from quarterturn.client.job import Job
    from quarterturn.client.twin import AsyncClient
    from quarterturn.encoder import PretrainedEncoder, load_encoder
    from quarterturn.evaluation import EncoderScores, score_encoders
    from quarterturn.local import Search, SearchResult
    from quarterturn.results.selected import SelectedPolicy
    from quarterturn.table import load_table
    from quarterturn.transform import PolicyDataset, PolicyTransform, load_policy

__all__ = [
    "AsyncClient",
    "Client",
    "EncoderScores",
    "Job",
    "PolicyDataset",
    "PolicyTransform",
    "PretrainedEncoder",
    "Search",
    "SearchResult",
    "SelectedPolicy",
    "load_encoder",
    "load_policy",
    "load_table",
    "score_encoders",
]

_HOMES = {
    "AsyncClient": "quarterturn.client.twin",
    "Client": "quarterturn.client.client",
    "Job": "quarterturn.client.job",
    "PolicyDataset": "quarterturn.transform",
    "PolicyTransform": "quarterturn.transform",
    "Search": "quarterturn.local.search",
    "SearchResult": "quarterturn.local.result",
    "SelectedPolicy": "quarterturn.results.selected",
    "PretrainedEncoder": "quarterturn.encoder",
    "load_encoder": "quarterturn.encoder",
    "load_policy": "quarterturn.transform",
    "load_table": "quarterturn.table",
    "EncoderScores": "quarterturn.evaluation",
    "score_encoders": "quarterturn.evaluation",
}

__getattr__ = lazily(__name__, _HOMES)
