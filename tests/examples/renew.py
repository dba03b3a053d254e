"""Runs the example notebook as it is and keeps its outputs, after `make demo`:

python -m tests.examples.renew
"""

from __future__ import annotations

import os

import nbformat
from nbclient import NotebookClient

from tests.docs.texts import ROOT

NOTEBOOK = ROOT / "examples" / "choose_a_policy.ipynb"


def main() -> None:
    """Write the outputs into the notebook, without the times of their making."""
    os.environ["PYTHONPATH"] = str(ROOT)
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    folder = {"metadata": {"path": NOTEBOOK.parent}}
    NotebookClient(notebook, timeout=1800, resources=folder).execute()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
    nbformat.write(notebook, NOTEBOOK)


if __name__ == "__main__":
    main()
