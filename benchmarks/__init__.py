"""Benchmarks and the real datasets they and the demo use."""
