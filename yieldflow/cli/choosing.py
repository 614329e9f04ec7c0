"""Which runs a command is for: run ids, or filters for many; and what keeps it from doing more than was meant.

What fits a filter is counted, and done after somebody has said yes to that count.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, get_args

import click
from attrs import frozen

from yieldflow.app import App
from yieldflow.cli.pairs import tags_of
from yieldflow.errors import UsageError
from yieldflow.given import instant_of
from yieldflow.inspection.phrases import count
from yieldflow.ports import Filter, Status
from yieldflow.reach import wanted

F = TypeVar("F", bound=Callable[..., Any])

_FILTERS = ("status", "workflow", "tags", "since", "until")
_CARE = ("dry_run", "yes", "expect", "as_json")


@frozen
class Care:
    """How somebody wants it done."""

    dry_run: bool
    yes: bool
    expect: int | None
    as_json: bool

    def may_do(self, what: str, fitting: int) -> bool:
        """Whether somebody has said yes to *what*, such as "cancel", for so many runs. Raises `UsageError`."""
        runs = count(fitting, "run")
        if self.expect not in (None, fitting):
            raise UsageError(f"{runs} fit, not {self.expect:,}: nothing was done; --dry-run lists them")
        if fitting == 0 or self.yes or self.expect is not None:
            return True
        if not sys.stdin.isatty():
            raise UsageError(f"nobody can be asked whether to {what} {runs}: give --yes; --dry-run lists them")
        return click.confirm(f"{what} {runs}?", err=True)


@frozen
class Choice:
    """*run_ids*, or else what the filters say."""

    run_ids: tuple[str, ...]
    status: tuple[Status, ...]
    workflow: str | None
    tags: tuple[str, ...]
    since: str | None
    until: str | None
    care: Care

    def by_filter(self, app: App) -> Filter | None:
        """None: runs are named. Raises `UsageError`."""
        filters = (self.status, self.workflow, self.tags, self.since, self.until)
        if self.run_ids and any(filters):
            raise UsageError("name runs, or say by filters which are meant: not both")
        if not self.run_ids and not any(filters):
            raise UsageError("say which runs: their ids, or filters such as --status and --workflow")
        if self.run_ids:
            return None
        _, now = app.store.next_alarm()
        since, until = instant_of("--since", self.since, now), instant_of("--until", self.until, now)
        return wanted(self.status or None, self.workflow, tags_of(self.tags), since, until, 1)


def chooses(command: F) -> F:
    """Add run ids and filters to a command, which takes them as *choice*."""

    @wraps(command)
    def choosing(run_ids: tuple[str, ...], **options: Any) -> Any:
        asked = {name: options.pop(name) for name in _FILTERS}
        return command(choice=Choice(run_ids, **asked, care=care_of(options)), **options)

    chosen: Any = choosing  # it takes what its options say, which no type tells
    made: F = _added(
        chosen,
        click.argument("run_ids", nargs=-1, metavar="[RUN]..."),
        filters,
        times,
        cares,
    )
    return made


def filters(command: F) -> F:
    """Add *status*, *workflow* and *tags*."""
    return _added(
        command,
        click.option("--status", multiple=True, type=click.Choice(get_args(Status)), help="Those that are this."),
        click.option("--workflow", metavar="W", help="Those of this workflow, as module:name."),
        click.option("--tag", "tags", metavar="NAME=VALUE", multiple=True, help="Those that have it; all of several."),
    )


def times(command: F) -> F:
    """Add *since* and *until*."""
    return _added(
        command,
        click.option("--since", metavar="TIME", help="Those started since then: 2d (ago), or 2026-01-31T12:00 (UTC)."),
        click.option("--until", metavar="TIME", help="Those started before then."),
    )


def cares(command: F) -> F:
    """Add what `care_of` reads."""
    return _added(
        command,
        click.option("--dry-run", is_flag=True, help="Only list the runs that it would be done to."),
        click.option("--yes", "-y", is_flag=True, help="Do not ask whether to do it to so many."),
        click.option("--expect", metavar="N", type=click.IntRange(min=0), help="Only if N runs fit; it asks nobody."),
        click.option("--json", "as_json", is_flag=True, help="One JSON document."),
    )


def care_of(options: dict[str, Any]) -> Care:
    """Taken out of *options*."""
    return Care(**{name: options.pop(name) for name in _CARE})


def _added(command: F, *options: Callable[[F], F]) -> F:
    for option in reversed(options):  # the last one stands first
        command = option(command)
    return command
