"""Policies as data: the schema, the operations, conversions, recipes and warnings."""

from quarterturn.policy.document import parse_policy, policy_json_schema, read_policy, write_policy
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
