"""Density matching on a trained encoder: losses of policies on held-out images (SelfAugment)."""
