"""Tests; real PostgreSQL, Redis, Celery, torch and images."""
