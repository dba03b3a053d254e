"""`Search(images, ...).run()`: the planner, trials, ranking and decision of the service, here."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from quarterturn.data.asked import PictureOptions, picture_options
from quarterturn.data.caps import IngestLimits
from quarterturn.errors import InvalidInputError, QuarterturnError
from quarterturn.local.checkpoint import import_checkpoint, import_reference
from quarterturn.local.executors import Executor, available_cores, default_workers, open_executor
from quarterturn.local.extending import kept_document
from quarterturn.local.folder import SearchFolder
from quarterturn.local.images import ReadImages, read_images
from quarterturn.local.loop import Loop, Progress
from quarterturn.local.request import (
    budget_of,
    given,
    incumbent_of,
    leave_out_colors,
    needs_file,
    refuse_ids,
    scoring_of,
)
from quarterturn.local.result import SearchResult
from quarterturn.local.running import Task
from quarterturn.local.trials import FinishedTrial
from quarterturn.local.view import progress_view
from quarterturn.policy.schema import Policy
from quarterturn.pretrain.spec import FINAL
from quarterturn.search.budget import refuse_unaffordable
from quarterturn.search.conclusion import SearchedImages, conclude
from quarterturn.search.course import remaining
from quarterturn.search.extension import extended
from quarterturn.search.history import History, TrialRequest
from quarterturn.search.spec import SearchSpec, parse_search
from quarterturn.storage.folder import FolderStorage

if TYPE_CHECKING:
    from quarterturn.local.images import Images

Document = Mapping[str, Any]
#: Trials under way on an executor that was given.
_DEFAULT_CALLS = 4


class Search:
    """Chooses an augmentation policy for images, without labels and without a server.

    What can be asked for is what `POST /v1/jobs` takes; the same seed gives the same ranking.

    Args:
        images: a folder or an archive; an array (n, h, w, 3) of uint8, or of floats in [0, 1]; PIL
            images; a torch dataset of images, or of tuples that begin with one. Samples of 16 and
            32 bits are shown by one range for the whole set.
        space: of candidates: a preset's name or a document; by default what the strategy needs.
        strategy: a name or a document.
        budget: such as "10m", "trials=40" or {"seconds": 600}; what has completed then is ranked.
        iterations: steps of the longest pretraining.
        seeds: repetitions at full length; a pipeline has its own.
        seed: of everything random.
        encoder, method, batch_size: of pretraining; `pretraining` has its other fields.
        criterion: that ranks candidates; `scoring` has the other fields of scoring.
        effort: quick, default or thorough: how much is tried, where nothing else is asked for.
        incumbent: the policy that you train with today, which others must beat: a policy, its
            document or file, or the name of a known recipe; by default moco_v2.
        exclude: operations that no policy of this search may use, such as "hue".
        checkpoint: a .safetensors or .pth file of weights that candidates start from.
        reference: an encoder that was trained elsewhere, a file of weights or a published one such
            as `torchvision:mobilenet_v2`: how much of its features candidates hold has its part in
            the decision, and is what `criterion="reference"` ranks by.
        final_iterations: length of a last pretraining with the selected policy, on all images.
        resolution: side of the images in pixels; by default from the images.
        window: sample values shown as black and white, such as "0:4095", or percentiles of the
            whole set, such as "p0.1:p99.9"; by default what the files say, or those.
        bands: taken as red, green and blue, from 1, such as "4,3,2", or one as grey; by default the
            first three.
        fit: how pictures become squares: crop, pad or stretch.
        folder: where results are kept; a search that was interrupted goes on from there. By default
            a temporary one.
        device: auto, cpu, cuda or cuda:1.
        n_workers: processes of this machine; 1 is this process alone. By default one per core, or 1
            with a GPU. With `executor`, trials under way at a time, by default 4.
        n_threads: of torch in each process; by default the cores shared among `n_workers`, in this
            process and on an executor those that torch has there.
        executor: anything with the `submit` of `concurrent.futures.Executor`; its processes must
            see `folder`.
        callbacks: called after each trial with it.
        progress: whether to show a bar.
        limits: of what is read.

    Raises:
        InvalidInputError: the search cannot be run as asked, naming the field.
    """

    def __init__(
        self,
        images: Images,
        *,
        space: str | Document | None = None,
        strategy: str | Document | None = None,
        budget: str | Sequence[str] | Document | None = None,
        iterations: int | None = None,
        seeds: int | None = None,
        seed: int | None = None,
        encoder: str | None = None,
        method: str | None = None,
        batch_size: int | None = None,
        criterion: str | None = None,
        effort: str | None = None,
        incumbent: Policy | Document | str | Path | None = None,
        exclude: Sequence[str] | None = None,
        pretraining: Document | None = None,
        scoring: Document | None = None,
        checkpoint: str | Path | None = None,
        reference: str | Path | None = None,
        final_iterations: int | None = None,
        resolution: int | None = None,
        window: str | None = None,
        bands: str | None = None,
        fit: str | None = None,
        folder: str | Path | None = None,
        device: str = "auto",
        n_workers: int | None = None,
        n_threads: int | None = None,
        executor: Executor | None = None,
        callbacks: Sequence[Callable[[FinishedTrial], None]] = (),
        progress: bool = True,
        limits: IngestLimits | None = None,
    ) -> None:
        training = given(encoder=encoder, method=method, batch_size=batch_size)
        body = given(
            search_space=space,
            strategy=strategy,
            budget=budget_of(budget),
            iterations=iterations,
            seeds=seeds,
            seed=seed,
            pretraining={**(pretraining or {}), **training},
            scoring=scoring_of(scoring, criterion, reference),
            effort=effort,
            incumbent=incumbent_of(incumbent),
            exclude=None if exclude is None else list(exclude),
        )
        if final_iterations is not None:
            body["final_pretraining"] = {"iterations": final_iterations}
        self.spec = parse_search(body)
        refuse_ids(self.spec)
        if self.spec.scoring.reference is not None and reference is None:
            raise needs_file("reference")
        refuse_unaffordable(self.spec, remaining(self.spec, History()))
        if n_workers is not None and n_workers < 1:
            raise InvalidInputError("n_workers must be 1 or more.", code="invalid_job")
        self._images, self._resolution = images, resolution
        self._checkpoint, self._reference = checkpoint, reference
        self._folder, self._device = folder, device
        self._n_workers, self._n_threads, self._executor = n_workers, n_threads, executor
        self._callbacks, self._progress = tuple(callbacks), progress
        self._limits = limits or IngestLimits()
        self._asked = picture_options(window, bands, fit)
        self._candidates: int | None = None

    @classmethod
    def from_spec(cls, images: Images, spec: Document, **options: Any) -> Self:
        """A search from the document of a specification, as cards show it.

        Args:
            options: of where and how it runs: folder, device, n_workers and the like.
        """
        document = {key: value for key, value in spec.items() if key != "worker"}
        final = document.pop("final_pretraining", None)
        space = document.pop("search_space", None)
        return cls(
            images,
            space=space,
            final_iterations=final["iterations"] if final else None,
            **document,
            **options,
        )

    @classmethod
    def extending(
        cls,
        images: Images,
        folder: str | Path,
        *,
        candidates: int | None = None,
        **options: Any,
    ) -> Self:
        """The search of a folder with more to do: its results are taken over, and only what is new
        is paid for.

        Args:
            images: the same as before, read in the same way.
            folder: of an earlier search.
            candidates: searched ones in all, beside the baselines, or the changes of recipes;
                rounded up to whole generations. None leaves them.
            options: `budget`, of which the earlier results are part, and which is none unless it is
                given; `checkpoint` and `reference`, where the search had them; where and how it
                runs.

        Raises:
            InvalidInputError: `path_not_found`, `invalid_extension`.
        """
        files = (options.get("checkpoint"), options.get("reference"))
        document = kept_document(Path(folder), *files)
        search = cls.from_spec(images, document, folder=folder, **options)
        extended(search.spec, candidates=candidates)  # refused now rather than after the reading
        search._candidates = candidates
        return search

    @property
    def digest(self) -> str:
        """Of what is asked for, budget aside: equal searches go on from one another's results."""
        text = self.spec.model_dump_json(exclude={"budget", "worker"})
        if self._asked != PictureOptions():
            text += repr(self._asked)
        return hashlib.blake2b(text.encode(), digest_size=4).hexdigest()

    def run(self, folder: str | Path | None = None) -> SearchResult:
        """Run to the end, or go on where an earlier run in the same folder ended.

        Args:
            folder: instead of that of the search.

        Ctrl-C ends it early, and what has completed is ranked and selected from.

        Raises:
            InvalidInputError: the images cannot be used. ConflictError: `folder_in_use` or
                `another_search`. QuarterturnError: `no_completed_trial`.
        """
        with ExitStack() as stack:
            holds, path = None, folder or self._folder
            if path is None:
                holds = tempfile.TemporaryDirectory(prefix="quarterturn-")
                path = holds.name
            place = SearchFolder(Path(path))
            stack.enter_context(place.lock())
            storage = FolderStorage(place.path)
            images = read_images(self._images, storage, self._limits, self._resolution, self._asked)
            spec = self.spec
            if images.info.grey:
                spec = leave_out_colors(spec, images)
            if self._checkpoint is not None:
                spec = import_checkpoint(spec, Path(self._checkpoint), storage)
            if self._reference is not None:
                spec = import_reference(spec, Path(self._reference), storage)
            progress = place.open(spec, images.info.digest)
            if self._candidates is not None:
                spec = extended(spec, candidates=self._candidates)
                place.keep(spec, images.info.digest)
            self._run_trials(spec, progress, place, images)
            result = self._conclude(spec, progress, place, images, holds)
            if not (progress.stopped or progress.exhausted):
                place.tidy()
            return result

    def _run_trials(
        self, spec: SearchSpec, progress: Progress, folder: SearchFolder, images: ReadImages
    ) -> None:
        workers = self._n_workers or (
            _DEFAULT_CALLS if self._executor else default_workers(self._device)
        )
        threads = self._n_threads
        if threads is None and self._executor is None and workers > 1:
            threads = max(1, available_cores() // workers)

        def task_of(request: TrialRequest, seconds: float | None) -> Task:
            left = None if request.task == FINAL else seconds
            document = spec.model_dump_json()
            return Task(
                str(folder.path), images.info.digest, document, request, self._device, threads, left
            )

        with ExitStack() as stack:
            show: Callable[[dict[str, Any]], None] | None = None
            if self._progress:
                from quarterturn.results import display

                show = stack.enter_context(display.progress())

            def watch(trial: FinishedTrial) -> None:
                for callback in self._callbacks:
                    callback(trial)
                if show is not None:
                    show(progress_view(spec, progress, workers))

            executor = stack.enter_context(open_executor(self._executor, workers))
            Loop(spec, progress, folder.log, executor, task_of, workers, watch).run()

    def _conclude(
        self,
        spec: SearchSpec,
        progress: Progress,
        folder: SearchFolder,
        images: ReadImages,
        holds: Any,
    ) -> SearchResult:
        trials = list(progress.trials.values())
        search = tuple(trial.record for trial in trials if trial.record.task != FINAL)
        history = replace(progress.history(), trials=search)
        info = images.info
        concluded = conclude(
            spec,
            [c for c in progress.candidates.values() if any(r.candidate == c.key for r in search)],
            history,
            SearchedImages(
                images.name, info.digest, info.images, info.resolution, pictures=info.pictures
            ),
            exhausted=progress.exhausted,
            stopped=progress.stopped,
        )
        if concluded is None:
            if progress.stopped:
                raise KeyboardInterrupt
            failed = [trial for trial in trials if trial.message]
            why = f" The first that failed: {failed[0].message}." if failed else ""
            raise QuarterturnError(
                f"No trial completed, so there is nothing to select from.{why}",
                code="no_completed_trial",
            )
        source = self._images if isinstance(self._images, str | Path) else None
        return SearchResult(
            spec,
            images,
            trials,
            history,
            concluded,
            progress.exhausted,
            progress.stopped,
            folder.path,
            source,
            holds,
        )
