"""The commands of the service, or, where only the library is installed, how to get them."""

from __future__ import annotations

from collections.abc import Callable

import typer

from quarterturn.service import service_commands, service_missing

#: What each does, in the help of an installation without the service.
COMMANDS = {
    "serve": "Run the whole service on this machine.",
    "api": "Run the REST API alone.",
    "worker": "Run one worker, for one GPU or a CPU.",
    "migrate": "Bring the database to the schema of this release.",
    "backup": "Write database and files of the embedded stack to one file.",
    "restore": "Make the data folder of an embedded stack from a backup.",
    "doctor": "Say what is wrong with an installation.",
    "keys": "Make, list and revoke API keys.",
}
_PANEL = "Service"


def _missing(name: str) -> Callable[[], None]:
    def command() -> None:
        raise service_missing(f"`quarterturn {name}`")

    command.__doc__ = f"{COMMANDS[name]} (needs quarterturn-service)"
    return command


def add_service_commands(app: typer.Typer) -> None:
    """Add what the installed service brings; without one, commands that say how to get it."""
    installed = {entry.name: entry for entry in service_commands()}
    for name in COMMANDS:
        if name not in installed:
            # Whatever options the real command has, the answer is the same.
            settings = {"ignore_unknown_options": True, "allow_extra_args": True}
            app.command(name, context_settings=settings, rich_help_panel=_PANEL)(_missing(name))
            continue
        command = installed[name].load()
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=name, rich_help_panel=_PANEL)
        else:
            app.command(name, rich_help_panel=_PANEL)(command)
