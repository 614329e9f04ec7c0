"""`schedule`: the commands of schedules. Which there are, what one looks like, and what is done with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, tzinfo
from typing import Any, TypeVar, get_args

import click
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from yieldflow.cli.errors import visible
from yieldflow.cli.layout import width_of
from yieldflow.cli.options import Place, at_a_place
from yieldflow.cli.outcome import tell_json
from yieldflow.cli.target import called, find
from yieldflow.errors import UsageError
from yieldflow.given import instant_of, time_to_come
from yieldflow.schedules import Schedule, Shown
from yieldflow.schedules.document import document, documents
from yieldflow.schedules.occurrences import known_zone
from yieldflow.schedules.phrases import call_of, rule_of
from yieldflow.schedules.plan import Overlap
from yieldflow.schedules.verbs import shown_each

F = TypeVar("F", bound=Callable[..., Any])

_SHOWN = 10  # of the runs it has started


@click.group(
    epilog="""\b
Examples:
  yieldflow schedule add shop.flows:report --cron '30 7 * * mon-fri'
  yieldflow schedule list
"""
)
@at_a_place
@click.pass_context
def schedule(ctx: click.Context, url: str | None, modules: tuple[str, ...]) -> None:
    """Start runs when they are due, again and again."""
    assert isinstance(ctx.command, click.Group)
    told = {name: value for name, value in {"url": url, "modules": modules}.items() if value}
    ctx.default_map = dict.fromkeys(ctx.command.commands, told)


def _rules(command: F) -> F:
    """When it is due, and what happens then."""
    options = (
        click.option("--cron", metavar="LINE", help="Minute, hour, day, month and weekday: '30 7 * * mon-fri'."),
        click.option("--every", metavar="DURATION", help="So long apart, such as 15m."),
        click.option("--at", multiple=True, metavar="TIME", help="At this time; may be given several times."),
        click.option("--tz", metavar="ZONE", help="The zone of a cron line, such as Europe/Berlin. Default: UTC."),
        click.option("--overlap", type=click.Choice(get_args(Overlap)), help="If the former one still runs."),
        click.option("--jitter", metavar="DURATION", help="Each begins up to so much later."),
        click.option("--catch-up", metavar="DURATION", help="What is later than this is left out. Default: 1h."),
        click.option("--start", metavar="TIME", help="Not before this."),
        click.option("--end", metavar="TIME", help="No more from this on."),
        click.option("--limit", type=click.IntRange(min=1), help="At most so many."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def _given(options: Mapping[str, Any]) -> dict[str, Any]:
    """Without what was left out."""
    given = {name: value for name, value in options.items() if value not in (None, ())}
    times: dict[str, Any] = {name: time_to_come(f"--{name}", given[name]) for name in ("start", "end") if name in given}
    ats: dict[str, Any] = {"at": [time_to_come("--at", text) for text in given["at"]]} if "at" in given else {}
    return {**given, **times, **ats}


@schedule.command(
    context_settings={"ignore_unknown_options": True},
    epilog="Example: yieldflow schedule add shop.flows:report '\"all\"' --every 15m --id report",
)
@click.argument("target")
@click.argument("json", nargs=-1)
@click.option("--kw", multiple=True, metavar="NAME=JSON", help="An argument by its name.")
@click.option("--id", "schedule_id", metavar="ID", help="Its name. Default: that of the function.")
@_rules
@at_a_place
def add(
    target: str,
    json: tuple[str, ...],
    kw: tuple[str, ...],
    schedule_id: str | None,
    url: str | None,
    modules: tuple[str, ...],
    **options: Any,
) -> None:
    """Start runs of TARGET when they are due. TARGET and JSON are those of `yieldflow start`."""
    with Place(url, modules).app(target, new=True) as app:
        call = called(app, find(target), json, kw)
        click.echo(app.schedule(call, schedule_id=schedule_id, **_given(options)).schedule_id)


@schedule.command(epilog="Example: yieldflow schedule update report --cron '0 8 * * *'")
@click.argument("schedule_id", metavar="SCHEDULE")
@_rules
@at_a_place
def update(schedule_id: str, url: str | None, modules: tuple[str, ...], **options: Any) -> None:
    """Change when it is due, or an option, from now on."""
    with Place(url, modules).app() as app:
        given = _given(options)
        if not given:
            raise UsageError("say what to change, such as --cron '0 8 * * *'")
        app.schedules.get(schedule_id).update(**given)
        click.echo(f"schedule {schedule_id} is changed", err=True)


@schedule.command("list", epilog="Example: yieldflow schedule list --json")
@click.option("--ended", is_flag=True, help="Also those that are over or deleted.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@at_a_place
def list_(ended: bool, as_json: bool, url: str | None, modules: tuple[str, ...]) -> None:
    """List schedules by their ids, and when each is due."""
    with Place(url, modules).app() as app:
        known = app.schedules.list(ended=ended)
        if as_json:
            tell_json(list(documents(known)))
            return
        found = list(_rows(known))
    if not found:
        click.echo("there are no schedules", err=True)
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("SCHEDULE", "STANDS", "DUE", "NEXT (UTC)", "STARTS"):
        table.add_column(name, overflow="fold")
    for words in found:
        table.add_row(*(Text(visible(word)) for word in words))
    _console().print(table)


@schedule.command(epilog="Example: yieldflow schedule show report")
@click.argument("schedule_id", metavar="SCHEDULE")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@at_a_place
def show(schedule_id: str, as_json: bool, url: str | None, modules: tuple[str, ...]) -> None:
    """Show when it is due, what it has started, and how that ended."""
    with Place(url, modules).app() as app:
        shown = app.schedules.get(schedule_id).show()
    if as_json:
        tell_json(document(shown))
        return
    console = _console()
    console.print(Text(visible(f"{shown.schedule_id} {_standing(shown)}")))
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim")
    table.add_column(overflow="fold")
    for name, text in _lines(shown):
        table.add_row(name, Text(visible(text)))
    console.print(Padding(table, (0, 0, 0, 2), expand=False))


@schedule.command(epilog="Example: yieldflow schedule pause report --reason 'the bank is down'")
@click.argument("schedule_id", metavar="SCHEDULE")
@click.option("--reason", help="Kept with the schedule.")
@at_a_place
def pause(schedule_id: str, reason: str | None, url: str | None, modules: tuple[str, ...]) -> None:
    """Start nothing by itself until it is resumed."""
    with Place(url, modules).app() as app:
        app.schedules.get(schedule_id).pause(reason)
        click.echo(f"schedule {schedule_id} is paused", err=True)


@schedule.command(epilog="Example: yieldflow schedule resume report")
@click.argument("schedule_id", metavar="SCHEDULE")
@at_a_place
def resume(schedule_id: str, url: str | None, modules: tuple[str, ...]) -> None:
    """Go on with what is due from now on."""
    with Place(url, modules).app() as app:
        app.schedules.get(schedule_id).resume()
        click.echo(f"schedule {schedule_id} goes on", err=True)


@schedule.command(epilog="Example: yieldflow schedule trigger report")
@click.argument("schedule_id", metavar="SCHEDULE")
@at_a_place
def trigger(schedule_id: str, url: str | None, modules: tuple[str, ...]) -> None:
    """Start it now, whatever runs; print the run id."""
    with Place(url, modules).app() as app:
        click.echo(app.schedules.get(schedule_id).trigger())


@schedule.command(epilog="Example: yieldflow schedule backfill report --since 2026-01-01 --until 2026-02-01")
@click.argument("schedule_id", metavar="SCHEDULE")
@click.option("--since", required=True, metavar="TIME", help="From then on: 2d (ago), or 2026-01-31T12:00 (UTC).")
@click.option("--until", required=True, metavar="TIME", help="Before then.")
@at_a_place
def backfill(schedule_id: str, since: str, until: str, url: str | None, modules: tuple[str, ...]) -> None:
    """Start what was due in a time that has passed; print the run ids. What was started already is not again."""
    with Place(url, modules).app() as app:
        now = app.workshop.now()
        begin, end = instant_of("--since", since, now), instant_of("--until", until, now)
        assert begin is not None
        assert end is not None
        for run_id in app.schedules.get(schedule_id).backfill(begin, end):
            click.echo(run_id)


@schedule.command(epilog="Example: yieldflow schedule delete report")
@click.argument("schedule_id", metavar="SCHEDULE")
@at_a_place
def delete(schedule_id: str, url: str | None, modules: tuple[str, ...]) -> None:
    """End it. What it has started goes on."""
    with Place(url, modules).app() as app:
        app.schedules.get(schedule_id).delete()
        click.echo(f"schedule {schedule_id} is deleted", err=True)


def _rows(known: Iterable[Schedule]) -> Iterator[tuple[str, ...]]:
    for schedule_id, shown in shown_each(known):
        if shown is None:
            yield schedule_id, "blocked", "-", "-", "its log cannot be read: inspect its run"
        else:
            due = f"{shown.next[0]:%Y-%m-%d %H:%M:%S}" if shown.next else "-"
            yield schedule_id, shown.standing, rule_of(shown.plan), due, call_of(shown.plan)


def _console() -> Console:
    """In a pipe no line is broken."""
    console = Console(highlight=False)
    console.width = width_of(console)
    return console


def _standing(shown: Shown) -> str:
    reason = shown.state.reason
    return f"is {shown.standing}: {reason}" if shown.standing == "paused" and reason else f"is {shown.standing}"


def _lines(shown: Shown) -> list[tuple[str, str]]:
    plan, state = shown.plan, shown.state
    zone = known_zone(plan.times.tz) or UTC
    lines = [("starts", call_of(plan)), ("due", rule_of(plan)), ("overlap", plan.overlap)]
    lines += [("next", _local(one, zone)) for one in shown.next[:3]]
    waiting = len(state.waiting) + len(state.backlog)
    counts = {"started": state.started, "by hand": state.by_hand, "skipped": state.skipped, "missed": state.missed}
    said = [f"{count:,} {name}" for name, count in {**counts, "waiting": waiting}.items() if count]
    lines.append(("so far", ", ".join(said) or "nothing"))
    return lines + [("run", f"{run.run_id}  {run.status}") for run in shown.recent[:_SHOWN]]


def _local(at: datetime, zone: tzinfo) -> str:
    return at.astimezone(zone).isoformat(sep=" ", timespec="seconds")
