"""Strategies: pure functions of (spec, history). `core.search.planning` is the way in."""
