"""The one family of errors for users: a stable code and a sentence that says what to do."""

from __future__ import annotations

from typing import Any


class QuarterturnError(Exception):
    """Base of all errors meant for users.

    `code` is stable and documented in docs/errors.md; `message` says what is wrong and what to do;
    `fields` names the offending parts of the input, each `{"path", "message", "allowed"?}`.
    """

    code = "error"

    def __init__(
        self, message: str, *, code: str | None = None, fields: list[dict[str, Any]] | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.fields = fields or []


class InvalidInputError(QuarterturnError):
    """The input can be understood but not accepted."""

    code = "invalid_input"


class InvalidJsonError(InvalidInputError):
    """The body is not JSON."""

    code = "invalid_json"


class BadRequestError(InvalidInputError):
    """The request itself cannot be read."""

    code = "bad_request"


class UnsupportedMediaTypeError(InvalidInputError):
    """The body is of a kind that is not accepted here."""

    code = "unsupported_media_type"


class NotFoundError(QuarterturnError):
    """No such resource."""

    code = "not_found"


class ConflictError(QuarterturnError):
    """The resource is in a state in which this cannot be done."""

    code = "conflict"


class TooLargeError(QuarterturnError):
    """The input passes a size limit."""

    code = "too_large"


class ForbiddenError(QuarterturnError):
    """The input asks for something outside what the operator allows."""

    code = "forbidden"


class UnauthorizedError(QuarterturnError):
    """No key, or none that is accepted."""

    code = "unauthorized"


class TooManyRequestsError(QuarterturnError):
    """Asked too often; `retry_after` is in seconds."""

    code = "rate_limited"

    def __init__(self, message: str, *, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class UnavailableError(QuarterturnError):
    """Something that the service needs does not answer."""

    code = "unavailable"


def library_missing(library: str, what: str, install: str | None = None) -> UnavailableError:
    """The error for what a library that is not installed would do.

    Args:
        what: needs it; the beginning of the sentence.
        install: of `pip install`; by default the library by its name.
    """
    return UnavailableError(
        f"{what} needs {library}. Install it: pip install {install or library}.",
        code="library_missing",
    )


class StorageUnavailableError(UnavailableError):
    """The storage of files does not answer; later it may."""

    code = "storage_unavailable"

    def __init__(self, why: str) -> None:
        super().__init__(
            f"The storage cannot be used ({why}). Try again; if it stays so, let the operator "
            "check QUARTERTURN_STORAGE_URL and its credentials with `quarterturn doctor`."
        )


class ObjectMissingError(UnavailableError):
    """What was stored under `key` is not there any more, or is not what it was."""

    code = "object_missing"

    def __init__(self, key: str, *, damaged: bool = False) -> None:
        self.key = key
        super().__init__(
            f"{key} is {'damaged' if damaged else 'not'} in the storage. Restore it from a backup, "
            "or upload it again."
        )


class CacheFullError(UnavailableError):
    """This machine has no room for a copy of what is stored elsewhere."""

    code = "cache_full"

    def __init__(self, why: str) -> None:
        super().__init__(f"{why} Raise QUARTERTURN_CACHE_BYTES, or free disk space.")
