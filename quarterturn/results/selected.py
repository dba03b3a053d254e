"""What a job selected, as an object."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quarterturn.errors import InvalidInputError
from quarterturn.export import Options, export
from quarterturn.policy import parse_policy
from quarterturn.policy.searched import side_of
from quarterturn.policy.words import describe
from quarterturn.results.exported import ExportedFile

if TYPE_CHECKING:
    from PIL import Image

    from quarterturn.transform import PolicyTransform

_RESOLUTION = 64
_SHOWN_IMAGES, _SHOWN_DRAWS = 4, 5


def searched_resolution(selection: dict[str, Any] | None) -> int:
    """Pixels that a policy was searched at; of one written by hand, 64."""
    return side_of(selection) or _RESOLUTION


class SelectedPolicy:
    """What a job selected; `document` is the policy as JSON, with its selection and evidence.

    Args:
        document: as in docs/policy.md.
        images: a folder or an archive of images, for contact sheets.
    """

    def __init__(self, document: dict[str, Any], images: str | Path | None = None) -> None:
        self.document = document
        self._policy = parse_policy(document)
        self._images = images

    @property
    def name(self) -> str:
        return self._policy.name

    @property
    def words(self) -> list[str]:
        """What the policy does, line by line."""
        return describe(self._policy)

    def transform(self, seed: int | None = None) -> PolicyTransform:
        """The policy on batches, by Quarterturn's own interpreter."""
        from quarterturn.transform import load_policy

        return load_policy(self.document, seed)

    def torchvision(self, *, size: int | None = None) -> ExportedFile:
        """The policy on torchvision alone, as its file holds it: `first_view`, `second_view` and
        `two_views`, which can be pickled, as spawned workers need.

        It is made here from the document; no code comes from the server.

        Args:
            size: side of the squares that views return; by default the pictures keep their size.
        """
        return ExportedFile(export(self._policy, "torchvision", Options(size=size)).text)

    def export(self, name: str, *, size: int | None = None, view: int = 0) -> str:
        """The policy as a file of another library; see docs/exporting.md.

        Raises:
            quarterturn.errors.InvalidInputError: `unknown_format`, `export_not_possible`,
                `export_size_needed`.
        """
        return export(self._policy, name, Options(size=size, view=view)).text

    def preview(
        self,
        images: str | Path | None = None,
        *,
        count: int = 6,
        draws: int = 5,
        resolution: int | None = None,
        seed: int = 0,
    ) -> Image.Image:
        """A contact sheet: each image beside several views of it, at a fixed seed.

        Args:
            images: a folder, an archive or an image; by default what the search was started with.
            count: of images.
            draws: of views of each.
            resolution: pixels at which the policy is applied; by default those of the search.

        Raises:
            InvalidInputError: `path_not_found` or `no_images`.
        """
        from quarterturn.preview.pictures import read_images
        from quarterturn.preview.sheet import contact_sheet

        source = images if images is not None else self._images
        if source is None:
            raise InvalidInputError(
                "It is not known which images to show. Give a folder or an archive of them.",
                code="path_not_found",
            )
        size = resolution or searched_resolution(self.document.get("selection"))
        pictures = read_images([Path(source)], count, self._policy.input)
        return contact_sheet(pictures, self._policy, draws=draws, resolution=size, seed=seed)

    def __repr__(self) -> str:
        return f"SelectedPolicy({self.name!r})"

    def _repr_html_(self) -> str:
        """For notebooks: in words, and with a contact sheet if the images are at hand."""
        from quarterturn.results.notebook import policy_html

        sheet = None
        if self._images is not None:
            with suppress(InvalidInputError):  # moved since; the words are what matters
                sheet = self.preview(count=_SHOWN_IMAGES, draws=_SHOWN_DRAWS)
        return policy_html(self.name, self.words, self.document.get("selection") or {}, sheet)
