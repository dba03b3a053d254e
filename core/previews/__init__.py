"""Pictures of what policies do."""
