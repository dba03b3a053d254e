"""What benchmarks share: the report of a run, and searches without a service."""
