"""Readers of formats, each chosen by the first bytes of a file and never by its name."""

from quarterturn.data.formats.options import ReadOptions
from quarterturn.data.formats.registry import FORMATS, Format, format_of, read_pictures

__all__ = ["FORMATS", "Format", "ReadOptions", "format_of", "read_pictures"]
