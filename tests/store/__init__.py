"""Postgres: migrations, leases, sweeping."""
