"""/v1/search-spaces"""

from __future__ import annotations

from typing import Any, Unpack

from quarterturn.client.connection import Connection
from quarterturn.client.fields import SearchFields


class SpaceCalls:
    """Search spaces, and what a search would cost."""

    _connection: Connection

    def search_spaces(self) -> dict[str, Any]:
        """The presets as documents, the operations with their limits, and the encoders."""
        return self._connection.document("GET", "/v1/search-spaces")

    def estimate(self, **search: Unpack[SearchFields]) -> dict[str, Any]:
        """What a search would cost: its candidates, and as `estimate` its trials, iterations and
        seconds. It starts nothing.

        Raises:
            ServerError: `invalid_job`, `invalid_search_space`, with the fields.
        """
        return self._connection.document(
            "POST", "/v1/search-spaces/validate", json=dict(search), again=True
        )
