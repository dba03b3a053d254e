"""SelfAugment's density matching: folds, search on them, pretraining of what was found."""

from quarterturn.search.strategies.density.search import explore, wanted

__all__ = ["explore", "wanted"]
