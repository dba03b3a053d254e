"""Strategies, plans, rankings."""
