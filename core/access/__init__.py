"""Who may do what: API keys, owners' quotas, rate limits. Rows are scoped in core.store.owners."""
