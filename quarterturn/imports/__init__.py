"""Recipes that others train with, as policies: so that a search can be compared with them."""

from quarterturn.imports.reading import Imported, import_policy

__all__ = ["Imported", "import_policy"]
