"""bench-decision: every rule that picks a policy without labels, replayed on the table."""
