"""Tests of the augmentation engine and of the transform built on it."""
