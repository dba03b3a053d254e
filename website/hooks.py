"""What documents link to outside docs/ becomes part of the site: README.md and others as pages,
results of benchmarks, examples and deployment files as files. Diagrams of states are drawn here: a
browser would need a script from elsewhere.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from core.charts.states import state_diagram

_ROOT = Path(__file__).parents[1]
_FOLDERS = ("benchmarks/results", "deploy", "examples")
_PAGES = {
    "README.md": "repository.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "benchmarks/experiments/table/README.md": "table.md",
    "deploy/kubernetes/README.md": "kubernetes.md",
}
#: From below docs/ to the root.
_OUTSIDE = re.compile(
    rf"\]\((?:\.\./)+((?:{'|'.join(_FOLDERS)})/[^)#\s]+|{'|'.join(map(re.escape, _PAGES))})"
)
_DIAGRAM = re.compile(r"^```mermaid\n(stateDiagram-v2\n.*?)^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^## (.*)$", re.MULTILINE)
_FOLDER_LINK = re.compile(rf"\[([^\]]+)\]\((?:{'|'.join(_FOLDERS)})/?\)")


def _as_page(name: str) -> str:
    """A document of the root as if it lay in docs/; a folder is no page to link to."""
    text = (_ROOT / name).read_text("utf-8").replace("](docs/", "](")
    for source, page in _PAGES.items():
        text = text.replace(f"]({source}", f"]({page}")
    if "/" in name:  # its other links lead to code beside it
        text = re.sub(r"\[([^\]]+)\]\((?!https?:)[^)]*\)", r"\1", text)
    text = text.replace("[LICENSE](LICENSE)", "LICENSE")
    return _FOLDER_LINK.sub(r"\1", text)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the files of these folders under their paths in the repository, and the pages."""
    for folder in _FOLDERS:
        for path in sorted(path for path in (_ROOT / folder).iterdir() if path.is_file()):
            name = path.relative_to(_ROOT).as_posix()
            files.append(File.generated(config, name, abs_src_path=str(path)))
    for source, page in _PAGES.items():
        files.append(File.generated(config, page, content=_as_page(source)))
    return files


def _drawn(markdown: str) -> str:
    """With drawings in place of the source of diagrams, each named by the heading above it."""

    def drawing(block: re.Match[str]) -> str:
        *_, heading = _HEADING.findall(markdown[: block.start()])
        return f"<div>{state_diagram(block[1], f'{heading}: states')}</div>\n"

    return _DIAGRAM.sub(drawing, markdown)


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Let links lead there from within the site, and draw the diagrams."""
    here = posixpath.dirname(page.file.src_uri) or "."

    def inside(link: re.Match[str]) -> str:
        return f"]({posixpath.relpath(_PAGES.get(link[1], link[1]), here)}"

    return _OUTSIDE.sub(inside, _drawn(markdown))
