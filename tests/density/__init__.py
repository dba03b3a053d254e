"""Density matching on folds: what is seen by whom, and what is measured."""
