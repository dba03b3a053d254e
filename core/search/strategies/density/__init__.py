"""SelfAugment's density matching: folds, search on them, pretraining of what was found."""

from core.search.strategies.density.search import wanted

__all__ = ["wanted"]
