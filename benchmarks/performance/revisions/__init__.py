"""Revisions of the engine, timed in turn."""
