"""`quarterturn jobs`, `quarterturn trials`: searches in a service."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from quarterturn.cli.connecting import Server, connected
from quarterturn.cli.options import DataDir
from quarterturn.cli.showing import STDOUT, AsJson, deleted, show, table, write

jobs_commands = typer.Typer(help="Searches in a service.", no_args_is_help=True)

JobId = Annotated[str, typer.Argument(help="The id of a job, as `jobs list` shows it.")]


@jobs_commands.callback()
def _jobs() -> None:
    """Searches in a service."""


def _line(job: dict[str, Any]) -> str:
    why = f" ({job['reason']})" if job.get("reason") else ""
    return f"{job['id']}  {job['state']}{why}  {job['created_at'][:19]}  {job['name']}"


@jobs_commands.command("list")
def list_jobs(
    state: Annotated[
        str | None, typer.Option(help="Those in this state only, such as running.")
    ] = None,
    tag: Annotated[str | None, typer.Option(help="Those with this tag only.")] = None,
    as_json: AsJson = False,
    server: Server = None,
    data_dir: DataDir = None,
) -> None:
    """List jobs, the newest first."""
    with connected(server, data_dir) as client:
        show(client.job_documents(state=state, tag=tag), as_json, _line)


@jobs_commands.command("change")
def change_job(
    job_id: JobId,
    name: Annotated[str | None, typer.Option(help="What to call it.")] = None,
    notes: Annotated[str | None, typer.Option(help="A text of your own.")] = None,
    tag: Annotated[
        list[str] | None, typer.Option(help="May be repeated; all tags are replaced, '' by none.")
    ] = None,
    as_json: AsJson = False,
    server: Server = None,
    data_dir: DataDir = None,
) -> None:
    """Change name, notes and tags of a job."""
    tags = None if tag is None else [text for text in tag if text]
    given = {"name": name, "notes": notes, "tags": tags}
    changes: Any = {key: value for key, value in given.items() if value is not None}
    with connected(server, data_dir) as client:
        show(client.change(job_id, **changes), as_json, _line)


@jobs_commands.command()
def extend(
    job_id: JobId,
    budget: Annotated[
        list[str] | None,
        typer.Option(help="Limits, none of them lower: 2h, trials=80; may be repeated."),
    ] = None,
    candidates: Annotated[
        int | None, typer.Option(min=1, help="Searched candidates in all.")
    ] = None,
    as_json: AsJson = False,
    server: Server = None,
    data_dir: DataDir = None,
) -> None:
    """Raise budget and candidates; a job that has ended is extended by another, which is shown."""
    from quarterturn.search.budget import parse_budget

    changes: Any = {} if candidates is None else {"candidates": candidates}
    if budget:
        changes["budget"] = parse_budget(budget)
    with connected(server, data_dir) as client:
        show(client.change(job_id, **changes), as_json, _line)


@jobs_commands.command("show")
def show_job(
    job_id: JobId, as_json: AsJson = False, server: Server = None, data_dir: DataDir = None
) -> None:
    """Show a job: its state, its progress and the best so far."""
    with connected(server, data_dir) as client:
        job, now = client.job_document(job_id), client.dashboard(job_id)
    if as_json:
        show({**job, "dashboard": now}, True, str)
        return
    typer.echo(_line(job))
    counts = ", ".join(f"{count} {state}" for state, count in now["counts"].items() if count)
    typer.echo(f"trials: {counts or 'none'} of {now['trials_total']}")
    if now["best"]:
        best = now["best"]
        typer.echo(f"best: {best['name']} {best['score']:.4f} ({now['criterion']})")
    for warning in job["warnings"]:
        typer.secho(f"warning: {warning['message']}", fg="yellow")


@jobs_commands.command()
def start(
    job_file: Annotated[
        Path, typer.Argument(help="The body of POST /v1/jobs: JSON or YAML, with its dataset_id.")
    ],
    key: Annotated[
        str | None,
        typer.Option(help="A text of your own: with the same one, the job is started once."),
    ] = None,
    as_json: AsJson = False,
    server: Server = None,
    data_dir: DataDir = None,
) -> None:
    """Start a job from a file."""
    from quarterturn.cli.job_file import read_job_file
    from quarterturn.errors import InvalidInputError

    body = read_job_file(job_file)
    dataset = body.pop("dataset_id", None)
    if not isinstance(dataset, str):
        raise InvalidInputError(f"{job_file} names no dataset_id.", code="invalid_job")
    with connected(server, data_dir) as client:
        show(client.start(dataset, idempotency_key=key, **body), as_json, _line)


@jobs_commands.command()
def wait(
    job_id: JobId,
    timeout: Annotated[
        float | None, typer.Option(min=0, help="Seconds after which to give up, with exit code 2.")
    ] = None,
    as_json: AsJson = False,
    server: Server = None,
    data_dir: DataDir = None,
) -> None:
    """Wait until a job has ended. Exit code 1 if it has no policy."""
    from quarterturn.results import display

    with connected(server, data_dir) as client:
        if as_json:
            last = client.wait(job_id, timeout=timeout)
        else:
            with display.progress() as watch:
                last = client.wait(job_id, watch=watch, timeout=timeout)
    show({**last, "id": job_id}, as_json, lambda job: f"{job_id}  {job['state']}")
    if last["state"] != "completed":
        raise typer.Exit(1)


@jobs_commands.command()
def policy(
    job_id: JobId,
    format: Annotated[str, typer.Option(help="As `policy export` has them.")] = "json",
    size: Annotated[
        int | None, typer.Option(min=8, max=4096, help="Side of the squares that views return.")
    ] = None,
    output: Annotated[Path, typer.Option(help="The file; - is standard output.")] = STDOUT,
    server: Server = None,
    data_dir: DataDir = None,
) -> None:
    """Fetch the policy that a job selected."""
    with connected(server, data_dir) as client:
        text = client.export(job_id, format, size=size)
    write(output, text.encode())


def _control(action: str, says: str) -> None:
    def command(
        job_id: JobId, as_json: AsJson = False, server: Server = None, data_dir: DataDir = None
    ) -> None:
        with connected(server, data_dir) as client:
            show(getattr(client, action)(job_id), as_json, _line)

    command.__doc__ = says
    jobs_commands.command(action)(command)


_control("pause", "Begin no further trial until the job is resumed.")
_control("resume", "Go on with a paused job.")
_control("stop", "Finish what runs, then rank what was measured and select.")
_control("cancel", "End a job now; nothing is selected.")


@jobs_commands.command()
def delete(
    job_id: JobId, as_json: AsJson = False, server: Server = None, data_dir: DataDir = None
) -> None:
    """Delete a job that has ended, with its trials and its policy."""
    with connected(server, data_dir) as client:
        client.delete(job_id)
    deleted(job_id, as_json)


def trials(
    job_id: JobId,
    state: Annotated[
        str | None, typer.Option(help="Those in this state only, such as completed.")
    ] = None,
    format: Annotated[str, typer.Option(help="csv, json or parquet.")] = "csv",
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
    output: Annotated[Path, typer.Option(help="The file; - is standard output.")] = STDOUT,
    policies: Annotated[
        bool, typer.Option("--policies", help="With the policy of each, as JSON in a column.")
    ] = False,
    server: Server = None,
    data_dir: DataDir = None,
) -> None:
    """Write all trials of a job as a table."""
    with connected(server, data_dir) as client:
        rows = client.trials(job_id, state=state)
        if policies:
            of = {row["candidate_key"]: row["id"] for row in rows}
            found = {key: json.dumps(client.trial(one)["policy"]) for key, one in of.items()}
            rows = [{**row, "policy": found[row["candidate_key"]]} for row in rows]
    write(output, table(rows, "json" if as_json else format))
