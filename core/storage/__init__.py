"""Files of datasets, checkpoints and encoders by key: in a local folder, or in an object storage
from which each machine keeps what it uses in a cache. Knows nothing of the database.
"""

from core.storage.opening import storage_of
from core.storage.storage import Storage

__all__ = ["Storage", "storage_of"]
