"""Keys, owners, limits, quotas."""
