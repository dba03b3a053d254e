"""What a file is that no reader takes, from its first bytes, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass

from quarterturn.data.formats.unpack import peek_gzip
from quarterturn.data.unusable import UnusableImageError


@dataclass(frozen=True)
class Known:
    """A kind of file by the bytes that stand at a place, and what is said of it."""

    first: bytes
    reason: str
    message: str
    at: int = 0


_KNOWN = (
    Known(b"7z\xbc\xaf\x27\x1c", "nested_archive", "a 7z archive; unpack it first"),
    Known(b"Rar!", "nested_archive", "a rar archive; unpack it first"),
    Known(b"PK\x03\x04", "nested_archive", "a .zip archive; unpack it first"),
    Known(b"PK\x05\x06", "nested_archive", "a .zip archive with nothing in it"),
    Known(b"\xfd7zXZ\0", "nested_archive", "a .xz archive; unpack it first"),
    Known(b"BZh", "nested_archive", "a .bz2 archive; unpack it first"),
    Known(b"\x28\xb5\x2f\xfd", "nested_archive", "a .zst archive; unpack it first"),
    Known(b"ustar", "nested_archive", "a .tar archive; unpack it first", at=257),
    Known(
        b"\xde\xc0\xef\xbe",
        "unsupported_container",
        "an LMDB database; write its images to files",
        at=16,
    ),
    Known(
        b"\x89HDF\r\n\x1a\n",
        "unsupported_container",
        "an HDF5 file; save its pictures as a .npy array (n, h, w) or (n, h, w, c)",
    ),
    Known(b"MATLAB 5.0", "unsupported_container", "a MATLAB file; save its pictures as .npy"),
    Known(
        b"version https://git-lfs",
        "git_lfs_pointer",
        "a pointer of Git LFS, not the file itself; run git lfs pull",
    ),
    Known(b"%PDF", "not_an_image", "a PDF; save its pages as PNG"),
    Known(b"8BPS", "not_an_image", "a Photoshop file; save it as PNG"),
    Known(b"gimp xcf", "not_an_image", "a GIMP file; save it as PNG"),
    Known(b"SIMPLE  =", "not_an_image", "a FITS file; save its pictures as .npy or TIFF"),
    Known(b"\0\0\1\0", "not_an_image", "an icon; save it as PNG"),
    Known(b"\x00\x00\x00\x0cJXL ", "not_an_image", "a JPEG XL; save it as PNG or JPEG"),
    Known(b"\xff\x0a", "not_an_image", "a JPEG XL; save it as PNG or JPEG"),
    Known(b"\x1aE\xdf\xa3", "not_an_image", "a video; save its frames as files"),
    Known(b"ftypqt", "not_an_image", "a video; save its frames as files", at=4),
    Known(b"ftypmp4", "not_an_image", "a video; save its frames as files", at=4),
    Known(b"ftypisom", "not_an_image", "a video; save its frames as files", at=4),
    Known(b"ftypcrx", "not_an_image", "a raw photograph; develop it to TIFF or JPEG", at=4),
    Known(b"FUJIFILMCCD-RAW", "not_an_image", "a raw photograph; develop it to TIFF or JPEG"),
    Known(b"%!PS", "not_an_image", "a PostScript file; save it as PNG"),
    Known(b"SQLite format 3", "not_an_image", "a database of SQLite; write its images to files"),
)
_READ = (
    "JPEG, PNG, WebP, BMP, TIFF, GIF, PPM, JPEG 2000, AVIF, HEIC, DICOM, NIfTI, NumPy, parquet, "
    "MNIST or CIFAR"
)


def refuse_packed(data: bytes) -> UnusableImageError:
    """The error of a file packed by gzip that holds no picture itself."""
    inside = peek_gzip(data)
    if inside[257:262] == b"ustar":
        return UnusableImageError("nested_archive", "a .tar.gz archive; unpack it first")
    if not inside:
        return UnusableImageError("damaged", "a .gz that cannot be unpacked; copy it again")
    error = refuse_unknown(inside)
    return UnusableImageError(error.reason, f"packed as .gz: {error.message}")


def is_known(data: bytes) -> bool:
    """Whether it can be said what a file is that is no picture."""
    error = refuse_unknown(data)
    return not error.message.startswith("none of")


def refuse_unknown(data: bytes) -> UnusableImageError:
    """The error of a file that no reader takes: what it is, and what to do."""
    if not data:
        return UnusableImageError("not_an_image", "an empty file; copy or download it again")
    for known in _KNOWN:
        if data[known.at : known.at + len(known.first)] == known.first:
            return UnusableImageError(known.reason, known.message)
    start = data[:256].lstrip().lower()
    if start.startswith((b"<!doctype html", b"<html")):
        return UnusableImageError(
            "web_page", "a web page, not the picture: the download was refused or needs a login"
        )
    if b"<svg" in data[:1024].lower():
        return UnusableImageError("not_an_image", "a drawing (SVG); save it as PNG")
    if not any(data[:256]):
        return UnusableImageError("not_an_image", "nothing but zeros; copy or download it again")
    return UnusableImageError("not_an_image", f"none of {_READ}")
