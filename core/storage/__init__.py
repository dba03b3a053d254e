"""The storage that the settings name: a folder, or an object storage with a local cache."""

from core.storage.opening import storage_of

__all__ = ["storage_of"]
