"""Strategies: pure functions of (spec, history). `quarterturn.search.planning` is the way in."""
