"""Which releases of each library the exported files were tested with.

`python -m tests.export.matrix` tries the oldest and the newest of each and records what it finds;
the tables of docs/exporting.md are made from the record. A file refuses other releases.
"""

from __future__ import annotations

Release = tuple[int, ...]

#: Oldest and newest, both included; 0.29 stands for all of its patches.
RELEASES: dict[str, tuple[Release, Release]] = {
    "torchvision": ((0, 29), (0, 29)),
    "lightly": ((1, 5, 9), (1, 6)),
    "kornia": ((0, 8, 1), (0, 9)),
    "albumentations": ((2, 0, 8), (2, 0, 8)),
    "timm": ((1, 0, 20), (1, 0, 31)),
}


def release_text(library: str) -> str:
    """The releases in words, such as `1.0.20 to 1.0.31`."""
    ends = dict.fromkeys(".".join(map(str, end)) for end in RELEASES[library])
    return " to ".join(ends)


def release_check(library: str) -> str:
    """The line of a file that refuses others."""
    oldest, newest = RELEASES[library]
    return f"check_release({library!r}, {oldest}, {newest})\n"
