"""One trial from start to result."""
