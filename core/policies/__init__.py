"""Policies as data: the schema, the operations, conversions, recipes and warnings."""

from core.policies.document import parse_policy, policy_json_schema, read_policy, write_policy
from core.policies.schema import Policy
from core.policies.warnings import policy_warnings

__all__ = [
    "Policy",
    "parse_policy",
    "policy_json_schema",
    "policy_warnings",
    "read_policy",
    "write_policy",
]
