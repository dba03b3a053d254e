"""Images that do not fit on the device: the batches are the same, and no thread is left."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import pytest
import torch

from quarterturn.augment import RandomStreams
from quarterturn.data import DatasetCache
from quarterturn.pretrain import data as loading
from quarterturn.pretrain import trainer
from quarterturn.pretrain.batches import source
from quarterturn.pretrain.batches.ahead import DEPTH, Ahead
from quarterturn.pretrain.batches.drawing import batch_of
from quarterturn.pretrain.batches.transfer import Copy, PlainTransfer, Transfer
from quarterturn.pretrain.data import TrialData, load_trial_data
from quarterturn.pretrain.packs.training import train_pack
from quarterturn.pretrain.residence import resident
from tests.pretrain.making import made_up, members_of, nothing, same, small, trained

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("free", "kept"),
    [
        (400, {"pretrain", "probe", "report"}),
        (399, {"pretrain", "probe"}),
        (240, {"pretrain"}),
        (199, {"probe"}),
        (120, {"report"}),
        (0, set()),
    ],
)
def test_what_fits_into_half_of_the_free_memory_is_kept(free: int, kept: set[str]) -> None:
    assert resident({"pretrain": 100, "probe": 70, "report": 30}, free) == kept


def test_images_are_uploaded_in_pieces(
    animal_cache: DatasetCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = animal_cache.split("probe_test")
    monkeypatch.setattr(loading, "_UPLOAD_BYTES", 7 * part[0].nbytes)
    assert torch.equal(loading._uploaded(part, CPU), torch.from_numpy(part.copy()))
    assert loading._uploaded(part[:0], CPU).shape == (0, 28, 28, 3)
    data = load_trial_data(animal_cache, CPU)
    assert data.is_resident
    assert data.pretrain.data_ptr() == animal_cache.images.ctypes.data, "mapped, not copied"


class LateTransfer(PlainTransfer):
    """Copies at the last moment at which they may be: when a buffer is to be filled again, or a
    batch is to be read. Until then a batch is white.
    """

    def __init__(self) -> None:
        super().__init__(CPU)
        self.filled_again = 0

    def send(self, buffer: torch.Tensor) -> tuple[torch.Tensor, Copy]:
        transfer, lock, images = self, threading.Lock(), torch.full_like(buffer, 255)

        class Late:
            done = False

            def _copy(self) -> None:
                with lock:
                    if not self.done:
                        images.copy_(buffer)
                    self.done = True

            def until_read(self) -> None:
                transfer.filled_again += 1
                self._copy()

            def hand_over(self, images: torch.Tensor) -> None:
                self._copy()

        return images, Late()


@pytest.fixture(scope="module")
def data() -> TrialData:
    return made_up()


@pytest.fixture
def streamed(monkeypatch: pytest.MonkeyPatch) -> Iterator[LateTransfer]:
    """As if the images did not fit on the device."""
    transfer = LateTransfer()
    with monkeypatch.context() as patched:
        patched.setattr(TrialData, "is_resident", False)
        patched.setattr(source, "transfer_to", lambda _: transfer)
        yield transfer
    assert not _threads()


def _threads() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith("batches")]


@contextlib.contextmanager
def _resident() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(TrialData, "is_resident", True)
        yield


@pytest.mark.parametrize("transfer", [PlainTransfer(CPU), LateTransfer()])
@pytest.mark.parametrize("steps", [range(0), range(1), range(5, 5 + 3 * DEPTH + 1)])
def test_batches_are_those_of_resident_images_in_their_order(
    data: TrialData, transfer: Transfer, steps: range
) -> None:
    with Ahead(data.pretrain, 8, [3, 1], steps, transfer) as ahead:
        for step in steps:
            batches = ahead.take(step)
            assert list(batches) == [3, 1]
            for seed, batch in batches.items():
                wanted = batch_of(data.pretrain, 8, RandomStreams(seed, step))
                assert torch.equal(batch, wanted), step
                assert batch.stride() == wanted.stride()
    assert not _threads()


def test_there_are_no_more_images_in_a_batch_than_there_are(data: TrialData) -> None:
    few = data.pretrain[:5]
    with Ahead(few, 8, [0], range(2), PlainTransfer(CPU)) as ahead:
        assert torch.equal(ahead.take(0)[0], batch_of(few, 8, RandomStreams(0, 0)))
        with pytest.raises(ValueError, match="step 1 is next"):
            ahead.take(2)


def test_a_run_stopped_resumed_and_ended_is_that_of_resident_images(
    data: TrialData, streamed: LateTransfer
) -> None:
    class Stopped(Exception):
        pass

    def until_four(step: int) -> None:
        assert _threads()
        if step == 4:
            raise Stopped

    spec = small("moco_v2")
    with _resident():
        wanted = trained(trainer.start(spec, data, 28, 0), data, spec, 12, nothing)
        halfway = trained(trainer.start(spec, data, 28, 0), data, spec, 4, nothing)
    stopped = trainer.start(spec, data, 28, 0)
    with pytest.raises(Stopped):
        trained(stopped, data, spec, 12, until_four)
    assert not _threads()
    assert stopped.step == 4
    resumed = trainer.start(spec, data, 28, 0)
    trainer.restore(resumed, trainer.state_of(halfway))
    same(trained(resumed, data, spec, 12, nothing), wanted)
    assert streamed.filled_again > 0


def test_a_pack_is_that_of_resident_images(data: TrialData, streamed: LateTransfer) -> None:
    spec = small()
    with _resident():
        wanted = members_of(data, spec, 3)
        train_pack(wanted, data, spec, until=6, length=20)
    members = members_of(data, spec, 3)
    assert train_pack(members, data, spec, until=6, length=20) == 3
    for one, other in zip(members, wanted, strict=True):
        same(one.run, other.run)


def test_errors_of_the_thread_are_those_of_the_run(
    data: TrialData, monkeypatch: pytest.MonkeyPatch, streamed: LateTransfer
) -> None:
    whole = LateTransfer.send

    def fail(self: LateTransfer, buffer: torch.Tensor) -> tuple[torch.Tensor, Copy]:
        if len(buffer) > 1 or self.filled_again:
            raise torch.OutOfMemoryError
        return whole(self, buffer)

    monkeypatch.setattr(LateTransfer, "send", fail)
    spec = small()
    run = trainer.start(spec, data, 28, 0)
    with pytest.raises(torch.OutOfMemoryError):
        trained(run, data, spec, 12, nothing)
    assert run.step == DEPTH
    assert not _threads()
    streamed.filled_again = 0
    members = members_of(data, spec, 2)
    assert train_pack(members, data, spec, until=2, length=20) == 1, "halved, as two do not fit"
    assert all(member.error is None for member in members)
