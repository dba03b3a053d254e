"""/docs: Swagger UI without a network and without inline script."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from api.pages.render import render

router = APIRouter(include_in_schema=False)


def swagger_files() -> Path:
    """The folder of Swagger UI, as the package fastapi-offline brings it."""
    package = find_spec("fastapi_offline")
    assert package is not None
    assert package.origin is not None
    return Path(package.origin).parent / "static"


@router.get("/docs")
def docs() -> HTMLResponse:
    """The OpenAPI description, to be read and tried."""
    return HTMLResponse(render("docs.html"))
