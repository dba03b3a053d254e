"""bench-ingest: from files to a split cache, against plain PIL loops.

* The 60,000 JPEG files of CIFAR-10 in `cifar10.zip` with `cifar10/{train,test}/<class>/*.jpg`: in
  `../shared/data`, or where QUARTERTURN_CIFAR10 says.
* 100 photographs of 12 megapixels, the smallest set: pictures of CIFAR-10, enlarged; smooth, and
  with the grain of a sensor, which takes more bytes and more time.
* 50,000 of the small files in a folder, read where they are; what is written is measured.

Both sides read the same files and are run in turn, each in a process of its own. The loop opens
each file, converts it to RGB, resizes it and stores it in one array, on one core; ours also hashes,
drops duplicates, sorts, measures, splits and writes the cache. "Per CPU second" divides by the
seconds of CPU that all processes used together.
"""

from __future__ import annotations

import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.datasets.sets import cifar10_archive
from benchmarks.harness.report import run, spread, target, write

_QUICK_FILES = 3000
_FOLDER_FILES = 50_000
_PHOTOGRAPHS, _SIZE = 100, (4000, 3000)
_GRAIN = 4.0  # standard deviation, of 255

_OURS = """
import resource, sys, time, json
from pathlib import Path
from quarterturn.data import ingest, pool
from quarterturn.data.caps import Caps, IngestLimits
from quarterturn.data.sources import members_of
from quarterturn.storage.folder import FolderStorage
if __name__ == "__main__":
    caps = Caps(IngestLimits(min_images=10))
    data = Path(sys.argv[2])
    started = time.perf_counter()
    info, report = ingest(members_of(Path(sys.argv[1]), caps), caps, FolderStorage(data))
    seconds = time.perf_counter() - started
    pool.shutdown()
    usage = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    # Not ru_maxrss, which starts with what the process that started this one had.
    status = Path("/proc/self/status").read_text()
    own = int(status.split("VmHWM:")[1].split()[0]) / 1024
    print(json.dumps({
        "files": report.files, "images": report.images, "seconds": seconds,
        "cpu_seconds": sum(u.ru_utime + u.ru_stime for u in usage),
        "memory_mib": [own, usage[1].ru_maxrss / 1024], "splits": info.splits,
        "cache_bytes": info.images * info.resolution**2 * 3,
        "written_bytes": sum(p.stat().st_size for p in data.rglob("*") if p.is_file()),
    }))
"""

_LOOP = """
import io, json, resource, sys, time, zipfile
from pathlib import Path
import numpy as np
from PIL import Image
side = int(sys.argv[2])
started = time.perf_counter()
if Path(sys.argv[1]).is_dir():
    files = sorted(path for path in Path(sys.argv[1]).rglob("*") if path.is_file())
    read = Path.read_bytes
else:
    archive = zipfile.ZipFile(sys.argv[1])
    files = [info for info in archive.infolist() if not info.is_dir()]
    read = archive.read
images = np.empty((len(files), side, side, 3), np.uint8)
for place, file in enumerate(files):
    image = Image.open(io.BytesIO(read(file))).convert("RGB").resize((side, side))
    images[place] = np.asarray(image)
seconds = time.perf_counter() - started
usage = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({
    "files": len(files), "seconds": seconds, "cpu_seconds": usage.ru_utime + usage.ru_stime,
}))
"""


def _names(archive: zipfile.ZipFile) -> list[str]:
    return [info.filename for info in archive.infolist() if not info.is_dir()]


def _part_of(archive: Path, files: int, target_path: Path) -> Path:
    with zipfile.ZipFile(archive) as whole, zipfile.ZipFile(target_path, "w") as part:
        names = _names(whole)
        for name in names[:: len(names) // files][:files]:
            part.writestr(name, whole.read(name))
    return target_path


def _folder_of(archive: Path, files: int, folder: Path) -> Path:
    with zipfile.ZipFile(archive) as whole:
        whole.extractall(folder, _names(whole)[:files])
    return folder


def _photographs(archive: Path, count: int, folder: Path, grain: float) -> Path:
    folder.mkdir()
    draws = np.random.default_rng(0)
    with zipfile.ZipFile(archive) as whole:
        names = _names(whole)
        for number, name in enumerate(names[:: len(names) // count][:count]):
            small = Image.open(io.BytesIO(whole.read(name))).convert("RGB")
            picture = small.resize(_SIZE, Image.Resampling.BICUBIC)
            if grain:
                noise = draws.normal(0.0, grain, (_SIZE[1], _SIZE[0])).astype(np.int16)
                pixels = np.asarray(picture, np.int16) + noise[..., None]
                picture = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
            picture.save(folder / f"{number:03d}.jpg", quality=90)
    return folder


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


Pairs = list[tuple[dict[str, Any], dict[str, Any]]]


def _compare(source: Path, side: int, repetitions: int) -> Pairs:
    """Ours and the loop, in turn."""
    pairs = []
    for _ in range(repetitions):
        loop = _measure(_LOOP, str(source), str(side))
        with tempfile.TemporaryDirectory() as folder:
            pairs.append((_measure(_OURS, str(source), folder), loop))
    return pairs


def _ratios(pairs: Pairs, seconds: str) -> list[float]:
    """How many times as many files per second as the loop."""
    return [(a["files"] / a[seconds]) / (b["files"] / b[seconds]) for a, b in pairs]


def _show(name: str, pairs: Pairs) -> float:
    """Print a line of each kind; returns the peak of memory in MiB, parent plus largest child."""
    print(f"{name}: {pairs[0][0]['files']} files, {pairs[0][0]['images']} images")
    rows: dict[str, Callable[[], list[float]]] = {
        "ours, files per second": lambda: [a["files"] / a["seconds"] for a, _ in pairs],
        "ours / loop, wall clock": lambda: _ratios(pairs, "seconds"),
        "ours / loop, per CPU second": lambda: _ratios(pairs, "cpu_seconds"),
    }
    for label, values in rows.items():
        print(f"  {label:30}{spread(values())}")
    memory: float = max(sum(a["memory_mib"]) for a, _ in pairs)
    print(f"  {'peak memory, MiB':30}{memory:.0f}")
    return memory


def main(quick: bool) -> None:
    """Run both sides in turn."""
    repetitions = 1 if quick else 3
    archive = cifar10_archive()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        small = _part_of(archive, _QUICK_FILES, folder / "part.zip") if quick else archive
        measured = {"cifar10": _compare(small, 32, repetitions)}
        count = 10 if quick else _PHOTOGRAPHS
        for kind, grain in (("smooth photographs", 0.0), ("grainy photographs", _GRAIN)):
            photographs = _photographs(archive, count, folder / kind, grain)
            measured[kind] = _compare(photographs, 64, min(2, repetitions))
        files = _folder_of(archive, _QUICK_FILES if quick else _FOLDER_FILES, folder / "files")
        measured["folder"] = _compare(files, 32, 1)
    memory = max(_show(kind, pairs) for kind, pairs in measured.items())
    ours = measured["folder"][0][0]
    copied = ours["written_bytes"] / ours["cache_bytes"]
    print(f"folder: written, against the decoded images: {copied:.2f} times")
    targets = [
        target(
            "small files per CPU second over the PIL loop",
            statistics.median(_ratios(measured["cifar10"], "cpu_seconds")),
            1.0,
            at_least=True,
        ),
        *(
            target(
                f"{kind} per second over the PIL loop",
                statistics.median(_ratios(measured[kind], "seconds")),
                5.0,
                at_least=True,
            )
            for kind in ("smooth photographs", "grainy photographs")
        ),
        target("written for a folder, in sizes of its cache", copied, 1.1, at_least=False),
        target("peak memory in GiB", memory / 1024, 1.0, at_least=False),
    ]
    samples = {
        kind: {"ours": [a for a, _ in pairs], "pil_loop": [b for _, b in pairs]}
        for kind, pairs in measured.items()
    }
    write("ingest", samples, targets, quick)


if __name__ == "__main__":
    run(main)
