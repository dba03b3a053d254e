"""The examples, run with little work."""
