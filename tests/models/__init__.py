"""Weights from elsewhere: safe reading, matching, storing, loading."""
