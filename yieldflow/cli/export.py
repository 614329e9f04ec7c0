"""`export`: histories as a store keeps them, for `check`, `diff` and `import`, and for the tests of their workflows."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
from attrs import frozen

from yieldflow.app import App
from yieldflow.cli.choosing import filters, times
from yieldflow.cli.counting import counted
from yieldflow.cli.files import name_of, write_whole
from yieldflow.cli.options import Place, at_a_place
from yieldflow.cli.pairs import tags_of
from yieldflow.core.chain import expect_possible
from yieldflow.errors import UnknownRun, UsageError
from yieldflow.given import instant_of
from yieldflow.histories import generations
from yieldflow.inspection.phrases import count
from yieldflow.inspection.reading import meant, whole
from yieldflow.ports import Status

_PAGE = 100
_EXAMPLES = """\b
Examples:
  yieldflow export order-42 > order-42.jsonl
  yieldflow export --all --status blocked --into histories
"""


@frozen
class Wish:
    """Which of all runs."""

    status: tuple[Status, ...] = ()
    workflow: str | None = None
    tags: tuple[str, ...] = ()
    since: str | None = None
    until: str | None = None
    limit: int | None = None

    def found(self, app: App) -> Iterator[str]:
        """Raises `UsageError`."""
        _, now = app.store.next_alarm()
        since, until = instant_of("--since", self.since, now), instant_of("--until", self.until, now)
        cursor, left = None, self.limit
        while left is None or left > 0:
            page = app.runs(
                status=self.status or None,
                workflow=self.workflow,
                tag=tags_of(self.tags),
                since=since,
                until=until,
                limit=_PAGE if left is None else min(_PAGE, left),
                cursor=cursor,
            )
            yield from (summary.run_id for summary in page.runs)
            left = None if left is None else left - len(page.runs)
            if (cursor := page.cursor) is None:
                return


@click.command(epilog=_EXAMPLES)
@click.argument("runs", metavar="[RUN]...", nargs=-1)
@click.option("--into", metavar="FOLDER", help="A file for each generation, named after it.")
@click.option("--all", "every", is_flag=True, help="All runs of the store that fit the options below.")
@filters
@times
@click.option("--limit", type=click.IntRange(min=1), help="The newest so many.")
@at_a_place
def export(
    runs: tuple[str, ...], into: str | None, every: bool, url: str | None, modules: tuple[str, ...], **asked: Any
) -> None:
    """Print the history of RUN, one event a line, or write several into a FOLDER.

    Of a run that went on with a fresh log, RUN is its newest generation, and RUN~2 the second one; into a FOLDER go
    all of them, as they belong together. A history holds all that the run was told, and the seed of its hook tokens:
    whoever reads it can answer its hooks.
    """
    wish = Wish(**asked)
    _expect_sense(runs, into, wish, every=every)
    with Place(url, modules).app() as app:
        if into is None:
            for event in whole(app.store, meant(app.store, runs[0]))[1]:
                click.echo(event)
            return
        ids = wish.found(app) if every else _all_generations(app, runs)
        written = _write(app, ids, Path(into))
        click.echo(f"{count(written, 'history', 'histories')} in {into}", err=True)


def _expect_sense(runs: tuple[str, ...], into: str | None, wish: Wish, *, every: bool) -> None:
    if every == bool(runs):
        raise UsageError("name a RUN, or several, or ask for --all, not both")
    if wish != Wish() and not every:
        raise UsageError("filters such as --status choose among --all")
    if into is None and (every or len(runs) > 1):
        raise UsageError("several histories are several files: say --into FOLDER")


def _all_generations(app: App, runs: tuple[str, ...]) -> Iterator[str]:
    for run_id in runs:
        expect_possible(run_id)
        if not (found := generations(app.store, run_id)):
            raise UnknownRun(run_id)
        yield from found


def _write(app: App, ids: Iterator[str], folder: Path) -> int:
    written = 0
    with counted("exporting") as tell:
        for run_id in ids:
            try:
                _, events = whole(app.store, run_id)
            except UnknownRun:  # deleted meanwhile
                continue
            write_whole(folder / name_of(run_id), events)
            written += 1
            tell(1)
    sys.stdout.flush()
    return written
