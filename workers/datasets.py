"""The datasets that this worker has open: the last two, as searches with sources take turns."""

from __future__ import annotations

from collections import OrderedDict
from contextlib import ExitStack

import torch

from quarterturn.errors import CacheFullError
from quarterturn.pretrain.data import TrialData
from quarterturn.pretrain.graphs.recording import CudaGraphs
from quarterturn.pretrain.spec import ReferenceSpec
from quarterturn.storage import Storage
from quarterturn.storage.keys import dataset_key
from quarterturn.trial.data import open_trial_data

_MOST = 2
#: Digest of the images, whether all are pretrained on, and the reference.
_Key = tuple[str, bool, ReferenceSpec | None]


class OpenDatasets:
    """Images stay memory-mapped on a CPU, so their copy on this machine is held while open."""

    def __init__(self, cuda_graphs: CudaGraphs) -> None:
        self._cuda_graphs = cuda_graphs
        self._open: OrderedDict[_Key, tuple[TrialData, ExitStack]] = OrderedDict()

    def get(
        self,
        digest: str,
        storage: Storage,
        device: torch.device,
        *,
        whole: bool = False,
        reference: ReferenceSpec | None = None,
    ) -> TrialData:
        """The images of a dataset; see `quarterturn.pretrain.data`. No trial may be running.

        Raises:
            ObjectMissingError, StorageUnavailableError, CacheFullError, WeightsUnavailableError.
        """
        key = (digest, whole, reference)
        if key not in self._open:
            self._close(_MOST - 1)
            try:
                self._open[key] = self._load(key, storage, device)
            except CacheFullError:
                self._close(0)
                self._open[key] = self._load(key, storage, device)
        self._open.move_to_end(key)
        return self._open[key][0]

    def _load(
        self, key: _Key, storage: Storage, device: torch.device
    ) -> tuple[TrialData, ExitStack]:
        digest, whole, reference = key
        with ExitStack() as held:
            folder = held.enter_context(storage.held(dataset_key(digest)))
            data = open_trial_data(
                folder, device, storage, reference, whole=whole, cuda_graphs=self._cuda_graphs
            )
            return data, held.pop_all()

    def _close(self, most: int) -> None:
        while len(self._open) > most:
            _, (_, held) = self._open.popitem(last=False)
            held.close()
