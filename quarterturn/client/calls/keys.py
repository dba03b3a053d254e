"""/v1/keys, and how the server is."""

from __future__ import annotations

from typing import Any

from quarterturn.client.connection import Connection


class KeyCalls:
    """API keys, for keys with the scope `admin`; health and metrics."""

    _connection: Connection

    def create_key(
        self,
        name: str,
        *,
        owner: str | None = None,
        scopes: list[str] | None = None,
        expires_in_days: int | None = None,
    ) -> dict[str, Any]:
        """Make a key; the answer is the only one that holds it.

        Raises:
            ServerError: `invalid_key`, `scope_missing`, `keys_required`.
        """
        given = {
            "name": name,
            "owner": owner,
            "scopes": scopes,
            "expires_in_days": expires_in_days,
        }
        body = {field: value for field, value in given.items() if value is not None}
        return self._connection.document("POST", "/v1/keys", json=body)

    def keys(self) -> list[dict[str, Any]]:
        """All keys, newest first, without what they are."""
        return self._connection.items("/v1/keys")

    def revoke_key(self, key_id: str) -> None:
        """Revoke a key at once.

        Raises:
            ServerError: `key_not_found`.
        """
        self._connection.request("DELETE", f"/v1/keys/{key_id}")

    def is_ready(self) -> bool:
        """Whether the server can take requests, with its database and its broker."""
        from quarterturn.errors import UnavailableError

        try:
            self._connection.request("GET", "/readyz")
        except UnavailableError:
            return False
        return True

    def metrics(self) -> str:
        """The metrics in the format of Prometheus."""
        return self._connection.request("GET", "/metrics").text
