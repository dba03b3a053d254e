"""Files by key: the protocol that trials and services share, and the one in a local folder."""

from quarterturn.storage.folder import FolderStorage
from quarterturn.storage.storage import Storage

__all__ = ["FolderStorage", "Storage"]
