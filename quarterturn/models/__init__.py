"""Encoders, and their weights from elsewhere: reading files safely, matching names, storing."""
