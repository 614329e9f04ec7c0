"""`ls`: which runs there are, by when they started, a page at a time; with `--stuck` those that nobody will move."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any, get_args

import click
from attrs import frozen
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from yieldflow.app import App
from yieldflow.cli.errors import visible
from yieldflow.cli.options import Place, at_a_place
from yieldflow.cli.outcome import tell_json
from yieldflow.cli.pairs import tags_of
from yieldflow.core.times import Millis
from yieldflow.errors import UsageError
from yieldflow.given import instant_of
from yieldflow.inspection.around import Standing
from yieldflow.inspection.document import run_document
from yieldflow.inspection.phrases import count, iso, span, whole
from yieldflow.inspection.staff import staff
from yieldflow.inspection.stuck import AMONG, stuck
from yieldflow.ports import Filter, Status, Summary
from yieldflow.reach import wanted

_COLORS: dict[Status, str] = {
    "running": "",
    "paused": "yellow",
    "blocked": "red",
    "completed": "green",
    "failed": "red",
    "cancelled": "yellow",
    "continued": "dim",
}


@frozen
class Asked:
    """What was asked for, as it was given, so that the command of the next page can spell it again."""

    status: tuple[Status, ...]
    workflow: str | None
    tags: tuple[str, ...]
    since: str | None
    until: str | None
    oldest_first: bool
    stuck: bool
    limit: int

    def spelled(self, cursor: str) -> tuple[str, ...]:
        several = [("--status", one) for one in self.status] + [("--tag", one) for one in self.tags]
        once = [("--workflow", self.workflow), ("--since", self.since), ("--until", self.until)]
        options = [word for name, value in (*several, *once) if value is not None for word in (name, value)]
        flags = ["--oldest-first"] * self.oldest_first + ["--stuck"] * self.stuck
        return ("ls", *options, *flags, "--limit", str(self.limit), "--cursor", cursor)

    def filter(self, now: Millis) -> Filter:
        """Raises `UsageError`."""
        since, until = (
            instant_of(option, text, now) for option, text in (("--since", self.since), ("--until", self.until))
        )
        tags = tags_of(self.tags)
        if self.stuck and self.status:
            raise UsageError("--stuck looks at all runs that are blocked or running; leave out --status")
        statuses = AMONG if self.stuck else self.status
        return wanted(statuses, self.workflow, tags, since, until, self.limit, oldest_first=self.oldest_first)


@frozen
class Listed:
    """A page. *standings*: why each of them is stuck, if that was asked; *looked*: at how many."""

    runs: tuple[Summary, ...]
    cursor: str | None
    standings: tuple[Standing, ...] = ()
    looked: int = 0


@click.command(
    epilog="""\b
Examples:
  yieldflow ls --status failed --status blocked --since 2d
  yieldflow ls --workflow shop.flows:checkout --tag team=shop --limit 20
  yieldflow ls --stuck"""
)
@click.option(
    "--status", type=click.Choice(get_args(Status)), multiple=True, help="Only these; may be given several times."
)
@click.option("--workflow", metavar="W", help="Only of this workflow, as module:name.")
@click.option(
    "--tag", "tags", metavar="NAME=VALUE", multiple=True, help="Only with this tag; several: with all of them."
)
@click.option("--since", metavar="TIME", help="Only started since then: 2d (ago), or 2026-01-31T12:00 (UTC).")
@click.option("--until", metavar="TIME", help="Only started before then.")
@click.option("--stuck", "is_stuck", is_flag=True, help="Only those that nobody will move by himself, and why.")
@click.option("--oldest-first", is_flag=True, help="Begin with the oldest.")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="At most so many.")
@click.option("--cursor", metavar="CURSOR", help="Go on where another page ended.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@at_a_place
def ls(
    status: tuple[Status, ...],
    workflow: str | None,
    tags: tuple[str, ...],
    since: str | None,
    until: str | None,
    is_stuck: bool,
    oldest_first: bool,
    limit: int,
    cursor: str | None,
    as_json: bool,
    url: str | None,
    modules: tuple[str, ...],
) -> None:
    """List runs, newest first.

    Where the output is not a terminal, each run is a line of columns with tabs between them: run, status, workflow,
    started, finished, queue, tags (JSON), and with --stuck why it is stuck.
    """
    asked = Asked(status, workflow, tags, since, until, oldest_first, is_stuck, limit)
    place = Place(url, modules)
    with place.app() as app:
        _, now = app.store.next_alarm()
        listed = _found(app, asked.filter(now), cursor, is_stuck=is_stuck)
        if as_json:
            looked = {"looked": listed.looked} if is_stuck else {}
            tell_json({"runs": _documents(listed), "cursor": listed.cursor, **looked})
            return
        if not sys.stdout.isatty():
            _plain(listed)
        elif is_stuck:
            _causes(Console(highlight=False), listed, now)
        else:
            Console(highlight=False).print(_table(listed.runs, now))
        _tell_the_rest(app, place, asked, listed)


def _found(app: App, fitting: Filter, cursor: str | None, *, is_stuck: bool) -> Listed:
    """Raises `UsageError` for what is no cursor."""
    try:
        if not is_stuck:
            page = app.store.find(fitting, cursor)
            return Listed(page.runs, page.cursor)
        found = stuck(app.store, staff(app), fitting, cursor)
    except ValueError as error:
        raise UsageError(str(error)) from error
    runs = tuple(summary for summary, _ in found.runs)
    return Listed(runs, found.cursor, tuple(standing for _, standing in found.runs), found.looked)


def _tell_the_rest(app: App, place: Place, asked: Asked, listed: Listed) -> None:
    """On stderr: what is not of the list itself."""
    if asked.stuck:
        here = f"{count(len(listed.runs), 'run')} stuck" if listed.runs else "no run is stuck"
        click.echo(f"{here}, of {listed.looked:,} looked at in {app.settings.url}", err=True)
    elif not listed.runs:
        click.echo(f"no such runs in {app.settings.url}", err=True)
    if listed.cursor is not None:
        click.echo(f"there are more: {place.spelled(*asked.spelled(listed.cursor))}", err=True)


def _documents(listed: Listed) -> list[dict[str, Any]]:
    documents = [run_document(summary) for summary in listed.runs]
    for document, standing in zip(documents, listed.standings, strict=False):
        document |= {"why": standing.text, "advice": list(standing.advice)}
    return documents


def _plain(listed: Listed) -> None:
    """A line each, separated by tabs: for `cut` and `awk`. New columns come last."""
    for at, summary in enumerate(listed.runs):
        finished = "" if summary.finished_at is None else iso(summary.finished_at)
        tags = json.dumps(dict(summary.tags), ensure_ascii=False) if summary.tags else ""
        words = [summary.run_id, summary.status, summary.workflow, iso(summary.started_at), finished]
        words += [summary.queue, tags, *(_one_line(standing.text) for standing in listed.standings[at : at + 1])]
        click.echo("\t".join(visible(word).replace("\t", " ") for word in words))


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _table(runs: Sequence[Summary], now: Millis) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 3, 0, 0))
    table.add_column("run", overflow="fold", no_wrap=False)
    table.add_column("status", no_wrap=True)
    table.add_column("workflow", overflow="ellipsis", no_wrap=True)
    table.add_column("started", no_wrap=True, justify="right")
    table.add_column("took", no_wrap=True, justify="right")
    for summary in runs:
        took = "" if summary.finished_at is None else span(summary.finished_at - summary.started_at)
        row = (Text(visible(summary.run_id)), _status(summary), Text(visible(summary.workflow)))
        table.add_row(*row, f"{whole(now - summary.started_at)} ago", took)
    return table


def _causes(console: Console, listed: Listed, now: Millis) -> None:
    """Why each is stuck, below it."""
    for summary, standing in zip(listed.runs, listed.standings, strict=True):
        head = Text.assemble(
            (visible(summary.run_id), "bold"), "  ", _status(summary), f"  {visible(summary.workflow)}"
        )
        head.append(f"  started {whole(now - summary.started_at)} ago", style="dim")
        console.print(head)
        console.print(Padding(Text(visible(standing.text)), (0, 0, 0, 2)))
        for advice in standing.advice:
            console.print(Padding(Text(visible(advice), style="dim"), (0, 0, 0, 2)))


def _status(summary: Summary) -> Text:
    return Text(summary.status, style=_COLORS[summary.status])
