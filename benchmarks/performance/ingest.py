"""bench-ingest: 60,000 JPEG files of CIFAR-10, from archive to split cache, against a PIL loop.

The archive is `cifar10.zip` with `cifar10/{train,test}/<class>/*.jpg`: in `../shared/data`, or
where QUARTERTURN_CIFAR10 says. Both sides read the same archive and are run in turn, each in a
process of its own. The loop opens each file, converts it to RGB, resizes it to 32 pixels and
stores it in one array, on one core; ours also hashes, drops duplicates, sorts, measures, splits
and writes the cache. "Per core" divides by the seconds of CPU that all processes used together.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any

from benchmarks.datasets.sets import cifar10_archive
from benchmarks.harness.report import run, spread, target, write

_QUICK_FILES = 3000


def _part_of(archive: Path, files: int, target_path: Path) -> Path:
    with zipfile.ZipFile(archive) as whole, zipfile.ZipFile(target_path, "w") as part:
        names = [info.filename for info in whole.infolist() if not info.is_dir()]
        for name in names[:: len(names) // files][:files]:
            part.writestr(name, whole.read(name))
    return target_path


_OURS = """
import resource, sys, time, json
from pathlib import Path
from quarterturn.data import ingest, pool
from quarterturn.data.caps import Caps, IngestLimits
from quarterturn.data.sources import archive_members
from quarterturn.storage.folder import FolderStorage
if __name__ == "__main__":
    caps = Caps(IngestLimits())
    storage = FolderStorage(Path(sys.argv[2]))
    started = time.perf_counter()
    info, report = ingest(archive_members(Path(sys.argv[1]), caps), caps, storage)
    seconds = time.perf_counter() - started
    pool.shutdown()
    usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    print(json.dumps({
        "files": report.files, "images": report.images, "seconds": seconds,
        "cpu_seconds": sum(u.ru_utime + u.ru_stime for u in usage),
        "memory_mib": [u.ru_maxrss / 1024 for u in usage], "splits": info.splits,
    }))
"""

_LOOP = """
import io, json, resource, sys, time, zipfile
import numpy as np
from PIL import Image
started = time.perf_counter()
with zipfile.ZipFile(sys.argv[1]) as archive:
    infos = [info for info in archive.infolist() if not info.is_dir()]
    images = np.empty((len(infos), 32, 32, 3), np.uint8)
    for place, info in enumerate(infos):
        image = Image.open(io.BytesIO(archive.read(info))).convert("RGB").resize((32, 32))
        images[place] = np.asarray(image)
seconds = time.perf_counter() - started
usage = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({
    "files": len(infos), "seconds": seconds, "cpu_seconds": usage.ru_utime + usage.ru_stime,
}))
"""


def _measure(code: str, *arguments: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, "measured.py")
        script.write_text(code)
        root = str(Path(__file__).parents[2])
        done = subprocess.run(
            [sys.executable, str(script), *arguments],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONPATH": root},
        )
    return dict(json.loads(done.stdout))


def main(quick: bool) -> None:
    """Run both sides in turn."""
    ours: list[dict[str, Any]] = []
    loop: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        archive = cifar10_archive()
        if quick:
            archive = _part_of(archive, _QUICK_FILES, Path(folder, "part.zip"))
        for repetition in range(1 if quick else 5):
            loop.append(_measure(_LOOP, str(archive)))
            ours.append(_measure(_OURS, str(archive), str(Path(folder, str(repetition)))))
            time.sleep(0.5)
    ours_rate = [r["files"] / r["seconds"] for r in ours]
    loop_rate = [r["files"] / r["seconds"] for r in loop]
    per_core = [
        (r["files"] / r["cpu_seconds"]) / (p["files"] / p["cpu_seconds"])
        for r, p in zip(ours, loop, strict=True)
    ]
    memory = max(sum(r["memory_mib"]) for r in ours)
    print(f"files: {ours[0]['files']}, images: {ours[0]['images']}, splits: {ours[0]['splits']}")
    print(f"{'':28}median (range)")
    print(f"{'ours, seconds':28}{spread([r['seconds'] for r in ours])}")
    print(f"{'ours, images per second':28}{spread(ours_rate)}")
    print(f"{'PIL loop, images per second':28}{spread(loop_rate)}")
    ratio = [a / b for a, b in zip(ours_rate, loop_rate, strict=True)]
    print(f"{'ours / loop, wall clock':28}{spread(ratio)}")
    print(f"{'ours / loop, per core':28}{spread(per_core)}")
    print(f"{'peak memory, MiB':28}{memory:.0f} (parent plus largest child)")
    targets = [
        target(
            "images per core-second over the PIL loop",
            statistics.median(per_core),
            1.0,
            at_least=True,
        ),
        target("peak memory in GiB", memory / 1024, 1.0, at_least=False),
    ]
    write("ingest", {"ours": ours, "pil_loop": loop}, targets, quick)


if __name__ == "__main__":
    run(main)
