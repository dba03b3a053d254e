"""What became of the files of an upload."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from quarterturn.data.caps import IngestLimits
from quarterturn.data.notes import Note
from quarterturn.errors import InvalidInputError


def storable(text: str) -> str:
    """Text as PostgreSQL takes it: names in archives may be of any bytes."""
    return text.encode("utf-8", "replace").decode().replace("\0", "?")


@dataclass
class IngestReport:
    """What became of the files, and what was decided for all of them."""

    files: int = 0
    images: int = 0
    skipped: list[dict[str, str]] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)

    def skip(self, name: str, reason: str, message: str) -> None:
        entry = {"name": name, "reason": reason, "message": message}
        self.skipped.append({key: storable(text) for key, text in entry.items()})

    @property
    def reasons(self) -> dict[str, int]:
        return dict(Counter(item["reason"] for item in self.skipped).most_common())


def too_few(report: IngestReport, limits: IngestLimits) -> InvalidInputError:
    """The error of a set with fewer images than a split needs."""
    if report.files == 0:
        return InvalidInputError(
            "There are no files. Give a folder of images, or a .zip or .tar archive of them.",
            code="empty_archive",
        )
    reasons = ", ".join(f"{count} {reason}" for reason, count in report.reasons.items())
    return InvalidInputError(
        f"Only {report.images} usable images were found among {report.files} files "
        f"({reasons or 'none skipped'}); at least {limits.min_images} are needed to split "
        f"them into pretraining, probe-training and probe-test images. {_advice(report)}",
        code="too_few_images" if report.images else "no_images",
        fields=[
            {"path": item["name"], "message": f"{item['reason']}: {item['message']}"}
            for item in report.skipped[:20]
        ],
    )


def _advice(report: IngestReport) -> str:
    """What would help with the most frequent reason."""
    if not report.skipped:
        return "Add images."
    most = next(iter(report.reasons))
    example = next(item for item in report.skipped if item["reason"] == most)
    return f"For one, {example['name']}: {example['message']}."
