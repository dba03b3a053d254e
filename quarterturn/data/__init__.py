"""Image sets: archives and folders in, a memory-mapped cache with a fixed split out."""

from quarterturn.data.cache import CacheInfo, DatasetCache, open_cache
from quarterturn.data.ingest import IngestReport, ingest

__all__ = ["CacheInfo", "DatasetCache", "IngestReport", "ingest", "open_cache"]
