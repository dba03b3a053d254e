"""Samplers: from recorded proposals and their scores to the next. Pure: they keep no state."""
