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
    Known(b"P7\n", "not_an_image", "a PAM picture; save it as PPM or PNG"),
    Known(b"PF\n", "not_an_image", "a PFM picture of colors; save it as TIFF or .npy"),
    Known(b"qoif", "not_an_image", "a QOI picture; save it as PNG"),
    Known(b"\x76\x2f\x31\x01", "not_an_image", "an OpenEXR picture; save it as TIFF or .npy"),
    Known(b"#?R", "not_an_image", "a picture of Radiance (.hdr); save it as TIFF or .npy"),
    Known(b"DDS ", "not_an_image", "a texture (DDS); save it as PNG"),
    Known(b"II\xbc\x01", "not_an_image", "a JPEG XR; save it as TIFF or PNG"),
    Known(b"NRRD", "not_an_image", "an NRRD volume; save it as .nii.gz or .npy"),
    Known(b"ObjectType", "not_an_image", "a volume of MetaImage; save it as .nii.gz or .npy"),
    Known(b"\x5c\x01\0\0", "no_picture", "the header of a pair (.hdr, .img); save it as one .nii"),
    Known(b"\0\0\x01\x5c", "no_picture", "the header of a pair (.hdr, .img); save it as one .nii"),
    Known(b"\0\0\0\1\0\0", "not_an_image", "a volume of FreeSurfer; save it as .nii.gz"),
    Known(b"ZISRAWFILE", "not_an_image", "a file of a microscope (CZI); save it as OME-TIFF"),
    Known(b"\xda\xce\xbe\x0a", "not_an_image", "a file of a microscope (ND2); save it as OME-TIFF"),
    Known(b"\x70\0\0\0", "not_an_image", "a file of a microscope (LIF); save it as OME-TIFF"),
    Known(b"AVI LIST", "not_an_image", "a video; save its frames as files", at=8),
    Known(b"ftyp", "not_an_image", "a video; save its frames as files", at=4),
    Known(b"SQLite format 3", "not_an_image", "a database of SQLite; write its images to files"),
)
_BYTE_ORDER = b"\xef\xbb\xbf"  # which some editors put before a text
_READ = (
    "JPEG, PNG, WebP, BMP, TIFF, GIF, PPM, JPEG 2000, AVIF, HEIC, DICOM, NIfTI, NumPy, parquet, "
    "MNIST or CIFAR"
)


def _is_text(data: bytes) -> bool:
    data = data.removeprefix(_BYTE_ORDER)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(data) - 3:  # not a letter that was cut off
            return False
        text = data[: error.start].decode("utf-8")
    return all(letter.isprintable() or letter in "\t\r\n" for letter in text)


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
    return "none of" not in error.message


def refuse_unknown(data: bytes) -> UnusableImageError:
    """The error of a file that no reader takes: what it is, and what to do."""
    if not data:
        return UnusableImageError("not_an_image", "an empty file; copy or download it again")
    for known in _KNOWN:
        if data[known.at : known.at + len(known.first)] == known.first:
            return UnusableImageError(known.reason, known.message)
    start = data[:1024].removeprefix(_BYTE_ORDER).lstrip().lower()
    if start.startswith(b"<") and (b"<!doctype html" in start or b"<html" in start):
        return UnusableImageError(
            "web_page", "a web page, not the picture: the download was refused or needs a login"
        )
    if b"<svg" in data[:1024].lower():
        return UnusableImageError("not_an_image", "a drawing (SVG); save it as PNG")
    if data[-18:-2] == b"TRUEVISION-XFILE":
        return UnusableImageError("not_an_image", "a Targa (TGA); save it as PNG")
    if start.startswith((b"<?xml", b"<error", b"{")) and _is_text(data[:512]):
        return UnusableImageError(
            "not_an_image",
            "a text (XML or JSON), not a picture; leave it out, or download it again if it should "
            "be one: servers answer so when they refuse",
        )
    if _is_text(data[:512]):
        message = f"a text, not a picture; leave it out: none of {_READ}"
        return UnusableImageError("not_an_image", message)
    if not any(data[:256]):
        return UnusableImageError("not_an_image", "nothing but zeros; copy or download it again")
    return UnusableImageError("not_an_image", f"leave it out, or save it as PNG: none of {_READ}")
