"""Celery workers: thin. They claim trials in Postgres and run what `core` says."""
