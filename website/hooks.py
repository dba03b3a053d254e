"""What documents link to outside docs/, such as results of benchmarks, becomes part of the site."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

_ROOT = Path(__file__).parents[1]
_FOLDERS = ("benchmarks/results", "examples")
_OUTSIDE = re.compile(rf"\]\((?:\.\./)+((?:{'|'.join(_FOLDERS)})/[^)#\s]+)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the files of these folders under their paths in the repository."""
    for folder in _FOLDERS:
        for path in sorted((_ROOT / folder).glob("*.*")):
            name = path.relative_to(_ROOT).as_posix()
            files.append(File.generated(config, name, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Let links lead there from within the site."""
    here = posixpath.dirname(page.file.src_uri)
    return _OUTSIDE.sub(lambda link: f"]({posixpath.relpath(link[1], here or '.')}", markdown)
