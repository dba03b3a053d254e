"""Policies as data: the schema, the operations, conversions, recipes and warnings.

Importing this package is cheap: processes that decode pictures need but a little of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from quarterturn.lazy import lazily

if TYPE_CHECKING:
    from quarterturn.policy.document import (
        parse_policy,
        policy_json_schema,
        read_policy,
        write_policy,
    )
    from quarterturn.policy.schema import Policy
    from quarterturn.policy.warnings import policy_warnings

__all__ = [
    "Policy",
    "parse_policy",
    "policy_json_schema",
    "policy_warnings",
    "read_policy",
    "write_policy",
]

_HOMES = {
    "Policy": "quarterturn.policy.schema",
    "parse_policy": "quarterturn.policy.document",
    "policy_json_schema": "quarterturn.policy.document",
    "policy_warnings": "quarterturn.policy.warnings",
    "read_policy": "quarterturn.policy.document",
    "write_policy": "quarterturn.policy.document",
}

__getattr__ = lazily(__name__, _HOMES)
