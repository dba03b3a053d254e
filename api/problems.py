"""Errors as application/problem+json (RFC 9457) with a stable `code`."""

from __future__ import annotations

import json
import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response
from pydantic import BaseModel, Field
from sqlalchemy.exc import DataError, OperationalError, SQLAlchemyError
from starlette.exceptions import HTTPException

from api.pages.accept import wants_html
from api.pages.render import render
from quarterturn.errors import (
    BadRequestError,
    ConflictError,
    ForbiddenError,
    InvalidInputError,
    InvalidJsonError,
    NotFoundError,
    QuarterturnError,
    TooLargeError,
    TooManyRequestsError,
    UnauthorizedError,
    UnavailableError,
    UnsupportedMediaTypeError,
)
from quarterturn.validation import describe

logger = logging.getLogger(__name__)

_STATUS: dict[type[QuarterturnError], int] = {
    UnsupportedMediaTypeError: 415,  # these three before their base
    BadRequestError: 400,
    InvalidJsonError: 400,
    InvalidInputError: 422,
    NotFoundError: 404,
    ConflictError: 409,
    TooLargeError: 413,
    UnauthorizedError: 401,
    ForbiddenError: 403,
    TooManyRequestsError: 429,
    UnavailableError: 503,
}
_TITLES = {
    400: "Bad request",
    401: "Not signed in",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    408: "Too slow",
    409: "Conflict",
    413: "Too large",
    415: "Unsupported media type",
    422: "Invalid input",
    429: "Too many requests",
    500: "Internal error",
    503: "Unavailable",
}


_AWAY = "The database does not answer. Try again shortly."


class Problem(BaseModel):
    """The body of every error."""

    type: str = Field(examples=["about:blank"])
    title: str = Field(examples=["Invalid input"])
    status: int = Field(examples=[422])
    code: str = Field(examples=["too_few_images"], description="Stable; see docs/errors.md.")
    detail: str = Field(description="What is wrong and what to do.")
    fields: list[dict[str, Any]] = Field(
        default=[], description="Offending parts, each with path, message and maybe allowed values."
    )


def problem(
    status: int, code: str, detail: str, fields: list[dict[str, Any]] | None = None
) -> JSONResponse:
    """A problem response."""
    body = Problem(
        type="about:blank",
        title=_TITLES.get(status, "Error"),
        status=status,
        code=code,
        detail=detail,
        fields=fields or [],
    )
    return JSONResponse(body.model_dump(), status, media_type="application/problem+json")


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI entries for the errors of a route."""
    return {
        status: {
            "model": Problem,
            "description": _TITLES[status],
            "content": {"application/problem+json": {}},
        }
        for status in statuses
    }


def answer_to(error: QuarterturnError | SQLAlchemyError) -> JSONResponse:
    """The answer where no handler of the application is reached."""
    if isinstance(error, SQLAlchemyError):
        logger.error("database away: %s", error)
        return problem(503, "database_unavailable", _AWAY)
    status = next(code for kind, code in _STATUS.items() if isinstance(error, kind))
    answer = problem(status, error.code, error.message, error.fields)
    if isinstance(error, UnauthorizedError):
        answer.headers["WWW-Authenticate"] = "Bearer"
    if isinstance(error, TooManyRequestsError):
        answer.headers["Retry-After"] = str(error.retry_after)
    return answer


def _own(request: Request, error: Exception) -> Response:
    assert isinstance(error, QuarterturnError)
    return _page_for(request, answer_to(error))


def _page_for(request: Request, answer: JSONResponse) -> Response:
    """The problem as a page, for somebody who followed a link."""
    if request.method != "GET" or not wants_html(request):
        return answer
    found = json.loads(bytes(answer.body))
    shown = render("problem.html", **{key: found[key] for key in ("title", "detail", "code")})
    return HTMLResponse(shown, answer.status_code)


def _validation(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    errors = error.errors()
    if any(item["type"] == "json_invalid" for item in errors):
        return problem(400, "invalid_json", "The body is not JSON. Check quotes and commas.")
    places = [{**item, "loc": item["loc"][1:]} for item in errors if item["loc"][0] == "body"]
    fields = describe(places, error.body)
    for item in errors:
        if item["loc"][0] != "body":
            name = ".".join(str(part) for part in item["loc"])
            fields.append({"path": name, "message": item["msg"].replace("Input should", "must")})
    detail = f"The request is not valid: {fields[0]['path']} {fields[0]['message']}."
    return problem(422, "invalid_request", detail, fields)


def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = {404: "no_such_route", 405: "method_not_allowed", 400: "bad_request"}
    detail = str(error.detail)
    if error.status_code == 404:
        detail = f"There is nothing at {request.scope['path']}. See /docs for what there is."
    if error.status_code == 405:
        detail = f"{request.method} is not possible here. See /docs for what is."
    response = problem(error.status_code, code.get(error.status_code, "http_error"), detail)
    response.headers.update(error.headers or {})
    return _page_for(request, response)


def _database(_: Request, error: Exception) -> JSONResponse:
    logger.error("database away: %s", error)
    return problem(503, "database_unavailable", _AWAY)


def _unstorable(_: Request, error: Exception) -> JSONResponse:
    logger.warning("refused by the database: %s", error)
    detail = "A text or number of the request cannot be stored; are there NUL characters in it?"
    return problem(422, "invalid_text", detail)


def _unexpected(_: Request, error: Exception) -> JSONResponse:
    logger.exception("unexpected error", exc_info=error)
    return problem(
        500, "internal_error", "Something broke on our side; the operator's log has the details."
    )


def install(app: FastAPI) -> None:
    """Render every error as a problem."""
    app.add_exception_handler(QuarterturnError, _own)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(OperationalError, _database)
    app.add_exception_handler(DataError, _unstorable)
    app.add_exception_handler(UnicodeEncodeError, _unstorable)
    app.add_exception_handler(Exception, _unexpected)
