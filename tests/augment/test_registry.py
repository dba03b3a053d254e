"""Operations that are added through the public registry do what those of the library do."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from quarterturn.augment import RandomStreams, augment
from quarterturn.augment.backends import choose_backend, numba_cpu, torch_ref
from quarterturn.augment.ops.__main__ import catalog
from quarterturn.augment.ops.operation import Operation, PixelKernel
from quarterturn.augment.ops.registry import CODES, OPERATIONS, register, unregister
from quarterturn.augment.plan import sample_plan
from quarterturn.errors import InvalidInputError
from quarterturn.policy import parse_policy, policy_json_schema
from quarterturn.policy.operations import CATALOG, OperationInfo
from quarterturn.policy.words import describe
from quarterturn.space import parse_space
from quarterturn.space.candidates import enumerate_candidates
from tests.augment.added import CHANNEL_SHIFT, ZOOM
from tests.augment.images import apply, smooth

SHIFT = {"op": "channel_shift", "probability": 0.5}


@pytest.fixture
def added() -> Iterator[None]:
    apply(smooth(1), {"op": "invert"})  # what has a kernel is settled
    register(CHANNEL_SHIFT)
    yield
    unregister("channel_shift")


def test_what_policies_are_checked_by_is_what_operations_say_of_themselves() -> None:
    assert CATALOG.read_text(encoding="utf-8") == catalog(), (
        "An operation has changed, or is new: python -m quarterturn.augment.ops"
    )


def test_every_operation_is_in_a_file_of_its_name() -> None:
    for name in OPERATIONS:
        module = sys.modules[f"quarterturn.augment.ops.{name}"]
        assert module.OPERATION is OPERATIONS[name]


@pytest.mark.usefixtures("added")
def test_an_added_operation_is_one_of_policies() -> None:
    policy = parse_policy({"views": [[{"op": "sample", "count": 1, "of": [SHIFT]}]]})
    assert any("channel_shift with probability 0.5" in line for line in describe(policy))
    named = policy_json_schema()["$defs"]["Operation"]["properties"]["op"]["enum"]
    assert named[-1] == "channel_shift"


@pytest.mark.usefixtures("added")
def test_it_reaches_the_images_that_drew_it() -> None:
    images = smooth(300, 4, 4)
    stages = parse_policy({"views": [[SHIFT, {"op": "invert"}]]}).view(0)
    out = augment(images, stages, RandomStreams(0))
    shifted = [1 - images.float().roll(-shift, 1) / 255 for shift in range(3)]
    counts = [int((out - one).abs().amax((1, 2, 3)).lt(1e-5).sum()) for one in shifted]
    assert sum(counts) == 300
    assert counts == pytest.approx([200, 50, 50], abs=35)  # four standard errors


@pytest.mark.usefixtures("added")
def test_it_is_searched() -> None:
    space = parse_space(
        {"kind": "single_operation", "operations": ["invert", {"op": "channel_shift"}]}
    )
    names = [candidate.name for candidate in enumerate_candidates(space, 2)]
    assert any("channel_shift" in name for name in names)


def test_without_it_its_name_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="'channel_shift'; it must be one of"):
        parse_policy({"views": [[SHIFT]]})


def test_registered_before_images_are_augmented_it_is_compiled() -> None:
    code = (
        "import torch\n"
        "from quarterturn.augment.ops.registry import register\n"
        "from tests.augment.added import CHANNEL_SHIFT, ZOOM\n"
        "register(CHANNEL_SHIFT)\n"
        "register(ZOOM)\n"
        "from quarterturn.augment import RandomStreams\n"
        "from quarterturn.augment.backends import choose_backend, numba_cpu, torch_ref\n"
        "from quarterturn.augment.plan import sample_plan\n"
        "from quarterturn.policy import parse_policy\n"
        "from tests.augment.images import smooth\n"
        "stages = [{'op': 'channel_shift'}, {'op': 'zoom', 'strength': 0.5}, {'op': 'invert'}]\n"
        "plan = sample_plan(parse_policy({'views': [stages]}).view(0), RandomStreams(0), 9, 8, 8)\n"
        "assert choose_backend(torch.device('cpu'), plan) is numba_cpu.execute\n"
        "images = smooth(9, 8, 8)\n"
        "done = numba_cpu.execute(plan, images)\n"
        "torch.testing.assert_close(done, torch_ref.execute(plan, images), atol=2e-5, rtol=0)\n"
        "assert (done.sum(1) - (3 - images.float().sum(1) / 255)).abs().max() > 0.1, 'zoomed'\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=500)


def test_registered_later_it_runs_in_plain_torch_and_one_that_moves_pixels_is_refused() -> None:
    stages = [{"op": "zoom", "strength": 0.5}]
    apply(smooth(1), {"op": "invert"})
    register(ZOOM)
    try:
        with pytest.raises(RuntimeError, match="zoom was registered after"):
            augment(smooth(1), parse_policy({"views": [stages]}).view(0), RandomStreams(0))
    finally:
        unregister("zoom")
    register(CHANNEL_SHIFT)
    try:
        plan = sample_plan(parse_policy({"views": [[SHIFT]]}).view(0), RandomStreams(0), 2, 4, 4)
        assert choose_backend(torch.device("cpu"), plan) is torch_ref.execute
    finally:
        unregister("channel_shift")
    plan = sample_plan(parse_policy({"views": [[]]}).view(0), RandomStreams(0), 2, 4, 4)
    assert choose_backend(torch.device("cpu"), plan) is numba_cpu.execute


def test_what_is_no_operation_is_not_registered() -> None:
    before = dict(CODES)
    with pytest.raises(ValueError, match="there is an operation invert"):
        register(OPERATIONS["invert"])
    with pytest.raises(ValueError, match="neither pixels nor affine"):
        Operation(OperationInfo("empty", "Nothing."))
    with pytest.raises(ValueError, match="geometric"):
        Operation(OperationInfo("still", "Nothing."), affine=ZOOM.affine)
    pixels = PixelKernel(lambda images, _: images)
    for info in (
        OperationInfo("two words", "Nothing."),
        OperationInfo("unlimited", "Nothing.", unit="degrees"),
        OperationInfo("beyond", "Nothing.", unit="degrees", limit=1, search_limit=2),
        OperationInfo("shuffle", "Nothing."),
    ):
        with pytest.raises(ValueError, match=info.name):
            register(Operation(info, pixels))
    for name in ("invert", "channel_shift"):
        with pytest.raises(ValueError, match="was not registered"):
            unregister(name)
    assert before == CODES
    assert np.unique(list(CODES.values())).size == len(CODES)
