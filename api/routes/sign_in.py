"""Signing in to the pages: the key becomes a cookie that scripts and other sites cannot use."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from api.gate import COOKIE, SIGN_IN
from api.pages.render import render
from core.access.keys import authenticate
from core.store.database import session_scope
from quarterturn.errors import UnauthorizedError

router = APIRouter(include_in_schema=False)

_DAYS = 7


def local_path(wanted: object) -> str:
    """A path of this server; `/` for all that might lead a browser elsewhere."""
    text = wanted if isinstance(wanted, str) else "/"
    plain = text.isascii() and text.isprintable() and "\\" not in text
    return text if plain and text.startswith("/") and not text.startswith("//") else "/"


def _page(following: str, problem: str | None = None, status: int = 200) -> HTMLResponse:
    page = render("sign_in.html", next=following, problem=problem, days=_DAYS)
    return HTMLResponse(page, status)


def _check(token: str) -> None:
    with session_scope() as session:
        authenticate(session, token)


@router.get(SIGN_IN)
def form(next: str = "/") -> HTMLResponse:
    """The form."""
    return _page(local_path(next))


@router.post(SIGN_IN)
async def sign_in(request: Request) -> Response:
    """Check the key and keep it as a cookie."""
    async with request.form(max_files=0, max_fields=10) as fields:
        token, following = str(fields.get("key", "")).strip(), local_path(fields.get("next"))
    try:
        await run_in_threadpool(_check, token)
    except UnauthorizedError as error:
        return _page(following, error.message, 401)
    answer = RedirectResponse(following, 303)
    answer.set_cookie(
        COOKIE,
        token,
        max_age=_DAYS * 24 * 3600,
        httponly=True,
        samesite="strict",
        secure=request.scope["scheme"] == "https",
    )
    return answer


@router.post("/sign-out")
def sign_out() -> Response:
    """Forget the key in this browser; it is not revoked."""
    answer = RedirectResponse(SIGN_IN, 303)
    answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
    return answer
