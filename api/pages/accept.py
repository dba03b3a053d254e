"""Whether a page or JSON is wanted."""

from __future__ import annotations

from fastapi import Request


def wants_html(request: Request) -> bool:
    """Whether the client names text/html before JSON, as browsers do."""
    accept = request.headers.get("accept", "")
    html, json = accept.find("text/html"), accept.find("application/json")
    return html >= 0 and (json < 0 or html < json)
