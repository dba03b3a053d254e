"""Datasets: archives and folders in, a memory-mapped cache with a fixed split out."""

from core.datasets.cache import CacheInfo, DatasetCache, open_cache
from core.datasets.ingest import IngestReport, ingest

__all__ = ["CacheInfo", "DatasetCache", "IngestReport", "ingest", "open_cache"]
