"""An exported file in real use: each check gives "passed", "refused", or what it does not do.

`python -m tests.export.use FORMAT` prints the results as JSON, with whatever releases are found
first on the path; see `tests.export.matrix`.
"""

from __future__ import annotations

import importlib
import itertools
import json
import pickle
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset

from quarterturn.augment import RandomStreams, augment
from quarterturn.export import Options, export
from quarterturn.policy import Policy, parse_policy
from quarterturn.policy.recipes import moco_v2
from tests.augment.images import smooth
from tests.export.laws import statistics

_SIDE = 32
#: Formats whose views take tensors, and so floats, halves and batches.
TENSORS = ("torchvision", "kornia", "lightly", "huggingface", "stable-pretraining")
FORMATS = (*TENSORS, "albumentations", "timm")
_LIBRARIES = {"huggingface": "torchvision", "stable-pretraining": "torchvision"}
_GREY = parse_policy(
    {"views": [[{"op": "random_resized_crop"}, {"op": "brightness", "strength": [0, 0.4]}]]}
)
_NUMBERS = itertools.count()  # a module is imported once
PICTURE = smooth(1, _SIDE, _SIDE, seed=5)[0]


def _array(picture: torch.Tensor) -> np.ndarray[Any, Any]:
    return np.ascontiguousarray(picture.permute(1, 2, 0).numpy())


def _pil(picture: torch.Tensor) -> Image.Image:
    return Image.fromarray(_array(picture))


class Views(Dataset[torch.Tensor]):
    """One view of the same picture at every index, by a file of the format."""

    def __init__(self, name: str, view: Callable[[Any], Any], count: int) -> None:
        self.name, self.view, self.count = name, view, count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> torch.Tensor:
        torch.set_num_threads(1)
        return as_tensor(self.view(PICTURE / 255.0 if self.name == "kornia" else _pil(PICTURE)))


def as_tensor(view: Any) -> torch.Tensor:
    """float (3, h, w) in [0, 1] of what a view returns."""
    if isinstance(view, torch.Tensor):
        return view.float() / 255.0 if view.dtype == torch.uint8 else view
    return torch.from_numpy(np.array(view)).permute(2, 0, 1) / 255.0


class _Loaded:
    """A file as a user has it: written to a folder, and imported."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.folder = name, folder
        sys.path.insert(0, str(folder))

    def view(self, policy: Policy, size: int | None = _SIDE) -> Any:
        made = export(policy, self.name, Options(size=size))
        module = f"{made.filename.removesuffix('.py')}_{next(_NUMBERS)}"
        (self.folder / f"{module}.py").write_text(made.text)
        importlib.invalidate_caches()
        return importlib.import_module(module).first_view


def _epochs(dataset: Dataset[torch.Tensor], workers: int, **how: Any) -> list[bytes]:
    loader: DataLoader[torch.Tensor] = DataLoader(
        dataset,
        batch_size=2,
        num_workers=workers,
        generator=torch.Generator().manual_seed(0),
        **how,
    )
    batches = itertools.chain(loader, loader)
    return [view.numpy().tobytes() for batch in batches for view in batch]


def _distinct(dataset: Dataset[torch.Tensor], workers: int, **how: Any) -> str:
    views = _epochs(dataset, workers, **how)
    return "passed" if len(set(views)) == len(views) else "views repeat"


def _law(file: _Loaded) -> str:
    """Inside a DataLoader with workers it draws what our interpreter draws."""
    count = 300
    torch.manual_seed(1)
    loader = DataLoader(Views(file.name, file.view(moco_v2()), count), batch_size=50, num_workers=2)
    theirs = torch.cat(list(loader))
    ours = augment(PICTURE.repeat(count, 1, 1, 1), moco_v2().view(0), RandomStreams(0))
    a, b = (statistics(views, PICTURE.float() / 255.0) for views in (ours, theirs))
    error = ((a.var(0) + b.var(0)) / count).sqrt()
    apart = (a.mean(0) - b.mean(0)).abs() - 4.2 * error
    return "passed" if bool((apart <= 0.012).all()) else f"another law, by {float(apart.max()):.3f}"


def _refused(call: Callable[[], Any]) -> bool:
    try:
        call()
    except ValueError:
        return True
    return False


def _half(file: _Loaded) -> str:
    view = file.view(moco_v2())
    floats = PICTURE / 255.0
    if file.name not in TENSORS:
        return "refused" if _refused(lambda: view(floats.half())) else "takes what it cannot"
    for dtype in (torch.float16, torch.bfloat16):
        made = view(floats.to(dtype))
        if made.dtype != dtype or not bool(made.isfinite().all()):
            return f"not in {dtype}"
    return "passed"


def _batch(file: _Loaded) -> str:
    view = file.view(moco_v2())
    batch = PICTURE.repeat(8, 1, 1, 1) / 255.0
    if file.name not in TENSORS:
        both = _refused(lambda: view(batch)) and _refused(lambda: view(batch.numpy()))
        return "refused" if both else "takes what it cannot"
    drawn = {image.numpy().tobytes() for image in view(batch)}
    return "passed" if len(drawn) == 8 else "one draw for the whole batch"


def _compile(file: _Loaded) -> str:
    view = file.view(moco_v2())
    if file.name not in TENSORS:
        return "outside" if callable(view) else "fails"
    compiled = torch.compile(lambda batch: view(batch) * 2.0, backend="aot_eager")
    batch = PICTURE.repeat(4, 1, 1, 1) / 255.0
    first, second = compiled(batch), compiled(batch)
    return "passed" if first.shape == batch.shape and not first.equal(second) else "draws once"


def _grey(file: _Loaded) -> str:
    """Grey pictures work always, or are refused always."""
    takes = file.name in TENSORS
    grey = PICTURE[:1] / 255.0 if takes else PICTURE[0].numpy()
    if file.name != "timm":
        plain, colored = file.view(_GREY), file.view(moco_v2())
        shapes = {tuple(plain(grey).shape) for _ in range(30)}
        if shapes != {tuple(grey.shape)}:
            return f"shapes {shapes}"
        if not all(_refused(lambda: colored(grey)) for _ in range(30)):
            return "sometimes takes what it cannot"
    if file.name == "kornia":
        return "passed"
    modes = {file.view(moco_v2())(_pil(PICTURE).convert("L")).mode for _ in range(10)}
    return "passed" if modes == {"RGB"} else f"modes {modes}"


def _wide(file: _Loaded) -> str:
    """Non-square pictures keep their shape without a size."""
    if file.name == "albumentations":
        return "needs a size"
    wide = smooth(1, 24, 40)[0]
    made = file.view(moco_v2(), None)(wide / 255.0 if file.name == "kornia" else _pil(wide))
    shape = tuple(as_tensor(made).shape)
    return "passed" if shape == (3, 24, 40) else f"returns {shape}"


def _size(file: _Loaded) -> str:
    """Squares are cut from the original: a checkerboard of its pixels is averaged, not sampled,
    and nothing is squashed: circles stay circles on average.
    """
    tall, wide = 60, 120
    fine = torch.zeros(3, tall, wide, dtype=torch.uint8)
    fine[:, ::2, ::2] = fine[:, 1::2, 1::2] = 255
    policy = parse_policy({"views": [[{"op": "random_resized_crop", "scale": [0.9, 1.0]}]]})
    view = file.view(policy, 16)
    picture: Any = fine / 255.0 if file.name == "kornia" else _pil(fine)
    made = as_tensor(view(picture))
    if tuple(made.shape) != (3, 16, 16):
        return f"returns {tuple(made.shape)}"
    if float(made.std()) > 0.12:
        return "aliases"
    # The crop of 3/4 to 4/3 of a picture of 2 to 1 leaves out at least a third of its width.
    ramp = torch.linspace(0, 255, wide).expand(3, tall, wide).round().to(torch.uint8)
    shown: Any = ramp / 255.0 if file.name == "kornia" else _pil(ramp)
    spans = [float(out.amax() - out.amin()) for out in (as_tensor(view(shown)) for _ in range(5))]
    return "passed" if max(spans) < 0.72 else "squashes"


CHECKS: dict[str, Callable[[_Loaded], str]] = {
    "law": _law,
    "workers 0": lambda f: _distinct(Views(f.name, f.view(moco_v2()), 8), 0),
    "workers 2": lambda f: _distinct(Views(f.name, f.view(moco_v2()), 8), 2),
    "spawn": lambda f: _distinct(
        Views(f.name, f.view(moco_v2()), 8),
        2,
        persistent_workers=True,
        multiprocessing_context="spawn",
    ),
    "pickle": lambda f: "passed" if pickle.loads(pickle.dumps(f.view(moco_v2()))) else "fails",
    "half": _half,
    "compile": _compile,
    "batch": _batch,
    "grey": _grey,
    "non-square": _wide,
    "size": _size,
}


def run(name: str, check: str) -> str:
    """The result of a check, by an exported file of the format."""
    with tempfile.TemporaryDirectory() as folder:
        file = _Loaded(name, Path(folder))
        try:
            return CHECKS[check](file)
        finally:
            sys.path.remove(folder)


def versions(name: str) -> dict[str, str]:
    """Of the library of the format, and of torch."""
    module = importlib.import_module(_LIBRARIES.get(name, name))
    return {module.__name__: str(module.__version__).split("+")[0]}


if __name__ == "__main__":
    results = {check: run(sys.argv[1], check) for check in CHECKS}
    sys.stdout.write(json.dumps({"versions": versions(sys.argv[1]), "results": results}) + "\n")
