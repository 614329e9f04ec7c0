"""`ls`: which runs there are, newest first."""

from __future__ import annotations

import sys
from typing import Any, get_args

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from yieldflow.cli.options import Place, at_a_place, span_of
from yieldflow.cli.outcome import tell_json
from yieldflow.core.times import Millis, moment
from yieldflow.inspection.phrases import iso, span, whole
from yieldflow.ports import Status, Summary

_COLORS: dict[Status, str] = {
    "running": "",
    "paused": "yellow",
    "blocked": "red",
    "completed": "green",
    "failed": "red",
    "cancelled": "yellow",
    "continued": "dim",
}


@click.command()
@click.option("--status", type=click.Choice(get_args(Status)), help="Only those that are this.")
@click.option("--workflow", metavar="W", help="Only those of this workflow, as module:name.")
@click.option("--since", metavar="DURATION", help="Only those started within this time, such as 2d.")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="At most so many.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@at_a_place
def ls(
    status: Status | None,
    workflow: str | None,
    since: str | None,
    limit: int,
    as_json: bool,
    url: str | None,
    modules: tuple[str, ...],
) -> None:
    """List runs, newest first."""
    with Place(url, modules).app() as app:
        _, now = app.store.next_alarm()
        after = None if since is None else moment(now - span_of(since))
        page = app.runs(status=status, workflow=workflow, since=after, limit=limit)
        if as_json:
            tell_json([_document(summary) for summary in page.runs])
        elif sys.stdout.isatty():
            Console().print(_table(page.runs, now))
        else:
            _plain(page.runs)
        if not page.runs and not as_json:
            click.echo(f"no such runs in {app.settings.url}", err=True)
        if page.cursor is not None:
            click.echo(f"these are the newest {limit}; --limit shows more", err=True)


def _document(summary: Summary) -> dict[str, Any]:
    return {
        "run_id": summary.run_id,
        "status": summary.status,
        "workflow": summary.workflow,
        "queue": summary.queue,
        "started_at": iso(summary.started_at),
        "finished_at": None if summary.finished_at is None else iso(summary.finished_at),
        "tags": dict(summary.tags),
        "blocked": None if summary.note is None else summary.note.reason,
    }


def _plain(runs: tuple[Summary, ...]) -> None:
    """A line each, separated by tabs: for `cut` and `awk`."""
    for summary in runs:
        words = (summary.run_id, summary.status, summary.workflow, iso(summary.started_at))
        click.echo("\t".join((*words, "" if summary.finished_at is None else iso(summary.finished_at))))


def _table(runs: tuple[Summary, ...], now: Millis) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 3, 0, 0))
    table.add_column("run", overflow="fold", no_wrap=False)
    table.add_column("status", no_wrap=True)
    table.add_column("workflow", overflow="ellipsis", no_wrap=True)
    table.add_column("started", no_wrap=True, justify="right")
    table.add_column("took", no_wrap=True, justify="right")
    for summary in runs:
        took = "" if summary.finished_at is None else span(summary.finished_at - summary.started_at)
        status = Text(summary.status, style=_COLORS[summary.status])
        table.add_row(
            Text(summary.run_id), status, Text(summary.workflow), f"{whole(now - summary.started_at)} ago", took
        )
    return table
