"""A whole search in one process, or on any executor: no server, no database, no queue."""

from quarterturn.local.result import SearchResult
from quarterturn.local.search import Search
from quarterturn.local.trials import FinishedTrial

__all__ = ["FinishedTrial", "Search", "SearchResult"]
