"""A copy of the dashboard."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from quarterturn.client.client import Client


def page_of(client: Client, job_id: str, policy_file: str) -> str:
    """The dashboard as one file that needs no server; its download is the file beside it."""
    body = client.dashboard_html(job_id)
    body = body.replace(f'href="/v1/jobs/{job_id}/policy"', f'href="{quote(policy_file)}"')
    body = body.replace('href="/', f'href="{client.url}/')
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Quarterturn</title><style>{client.style()}</style></head>"
        f"<body><main>{body}</main></body></html>\n"
    )
