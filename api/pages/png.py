"""Pictures as answers."""

from __future__ import annotations

from fastapi.responses import Response

#: The same address always shows the same; only for who may see it.
_KEEP = {"Cache-Control": "private, max-age=3600"}


def png_response(content: bytes) -> Response:
    """A picture."""
    return Response(content, media_type="image/png", headers=_KEEP)
