"""A process that holds objects of a storage in turn, and checks each: for the test of the cache.

`python -m tests.cluster.holding URL WORK CAPACITY SEED KEY...` prints how many it held, and ends
with an error if one was not what it should be, or went while it was held.
"""

from __future__ import annotations

import hashlib
import random
import sys
from pathlib import Path

from core.storage.remote import RemoteStorage
from quarterturn.errors import CacheFullError


def main(url: str, work: str, capacity: str, seed: str, *keys: str) -> None:
    storage = RemoteStorage(url, Path(work), int(capacity))
    draw = random.Random(int(seed))
    held = full = 0
    for _ in range(25):
        key = draw.choice(keys)
        try:
            with storage.held(key) as path:
                for _ in range(3):
                    name = hashlib.sha256((path / "images.bin").read_bytes()).hexdigest()
                    assert key == f"datasets/{name}", "not what was stored"
                held += 1
        except CacheFullError:
            full += 1  # the others hold all there is room for
    sys.stdout.write(f"{held} {full}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
