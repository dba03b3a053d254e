"""Encoders, methods, training."""
