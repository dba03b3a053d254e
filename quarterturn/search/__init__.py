"""Searches: what is asked for, strategies, and rankings. No database, no torch."""
