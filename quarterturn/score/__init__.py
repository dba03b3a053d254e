"""Scoring of encoders without labels: the rotation probe on frozen features."""
