"""`inspect`: one run, for people: where it stands and why, its lines, its timeline, its events."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from contextlib import redirect_stdout

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from yieldflow import identity
from yieldflow.cli.document import document
from yieldflow.cli.options import Place, at_a_place
from yieldflow.cli.outcome import plain, tell_json
from yieldflow.core.path import show
from yieldflow.inspection import Inspection
from yieldflow.inspection import inspect as look
from yieldflow.inspection.branches import Line, Waiting
from yieldflow.inspection.phrases import clipped, count, error, span, stamp, when, whole
from yieldflow.inspection.situations import attempt
from yieldflow.inspection.timeline import Item
from yieldflow.inspection.words import Told
from yieldflow.ports import Claimed

_MOST_ITEMS = 50
_MOST_BRANCHES = 10
_MOST_OPEN = 5  # of one branch
_LONGEST_VALUE = 200
_COLORS = {"completed": "green", "failed": "red", "timed out": "yellow", "abandoned": "dim"}


@click.command()
@click.argument("run_id", metavar="RUN")
@click.option("--at", type=int, metavar="POSITION", help="As it stood after so many events.")
@click.option("--events", is_flag=True, help="The log, event by event.")
@click.option("--payloads", is_flag=True, help="Show arguments, answers and payloads.")
@click.option("--tokens", is_flag=True, help="Show the tokens of hooks: whoever has one can answer.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@at_a_place
def inspect(
    run_id: str,
    at: int | None,
    events: bool,
    payloads: bool,
    tokens: bool,
    as_json: bool,
    url: str | None,
    modules: tuple[str, ...],
) -> None:
    """Show where RUN stands and why, the lines it waits at, and what became of all that it asked."""
    with Place(url, modules).app() as app:
        with redirect_stdout(sys.stderr):  # its program is replayed, and may print
            seen = look(app, run_id, at)
        if as_json:
            tell_json(document(seen, payloads=payloads, tokens=tokens, events=events))
            return
        console = Console(highlight=False, soft_wrap=not sys.stdout.isatty())
        if events:
            _events(console, seen.events, payloads=payloads)
        else:
            _run(console, seen, payloads=payloads, tokens=tokens)


def _run(console: Console, seen: Inspection, *, payloads: bool, tokens: bool) -> None:
    _head(console, seen, payloads=payloads)
    if seen.code is not None and not seen.why.endswith(seen.code):
        console.print(Text(seen.code, style="yellow"))
        if not seen.branches:
            console.print(Text("  give its module with -m MODULE or -m path/to/file.py", style="dim"))
    for branch in seen.branches[:_MOST_BRANCHES]:
        _branch(console, branch, seen)
    if len(seen.branches) > _MOST_BRANCHES:
        console.print(f"\n… and {len(seen.branches) - _MOST_BRANCHES:,} more branches that wait")
    _timeline(console, seen, payloads=payloads)
    _hooks(console, seen, payloads=payloads, tokens=tokens)
    _claims(console, seen.claims, seen)


def _head(console: Console, seen: Inspection, *, payloads: bool) -> None:
    summary = seen.summary
    version = "" if seen.version is None else f", version {seen.version}"
    name = f"  {summary.workflow}{version}  "
    console.print(Text.assemble((seen.run_id, "bold"), name, (seen.status, "bold")))
    parts = [f"started {whole(seen.now - summary.started_at)} ago, {stamp(summary.started_at)}"]
    if seen.position < seen.length:
        parts = [f"as it stood after event {seen.position:,} of {seen.length:,}, {stamp(seen.now)}"]
    parts.append(f"{seen.timeline.completed:,} of {count(seen.timeline.steps, 'known step')} done")
    if seen.alarm is not None and seen.alarm > seen.now + 1_000:
        parts.append(f"next look {when(seen.alarm, seen.now)}")
    console.print(Text(" · ".join(parts), style="dim"))
    if summary.tags:
        console.print(Text("tags: " + ", ".join(f"{key}={value}" for key, value in summary.tags.items()), style="dim"))
    if payloads and seen.timeline.run.started is not None:
        console.print(f"arguments: {_value(seen.timeline.run.started.arguments)}")
    console.print(Text(f"\n{seen.why}"))


def _branch(console: Console, branch: Waiting, seen: Inspection) -> None:
    place = f"branch {show(branch.path)}" if branch.path else "the workflow"
    console.print(Text.assemble("\n", (place, "bold"), f" waits for {branch.waits_for}"))
    texts = {one.item.path: one for one in seen.situations}
    waiting = [texts[path] for path in branch.open if path in texts]
    if len(branch.open) > 1:
        for one in waiting[:_MOST_OPEN]:
            console.print(Text(f"  {show(one.item.path)} {one.item.label}: {one.text}", style="dim"))
        if len(waiting) > _MOST_OPEN:
            console.print(Text(f"  … and {len(waiting) - _MOST_OPEN:,} more", style="dim"))
    for line in branch.lines:
        _source(console, line)


def _source(console: Console, line: Line) -> None:
    console.print(Text(f"  {line.file}:{line.line} in {line.function}", style="dim"))
    for number, text in line.source:
        here = number == line.line
        row = Text(f"  {'→' if here else ' '} {number:>4} │ {text}", style="bold" if here else "")
        console.print(row, no_wrap=True, overflow="ellipsis")
    if not line.source:
        console.print(Text("    (the file cannot be read)", style="dim"))


def _timeline(console: Console, seen: Inspection, *, payloads: bool) -> None:
    items = seen.items
    if not items:
        return
    console.print(Text("\ntimeline", style="bold"))
    if len(items) > _MOST_ITEMS:
        console.print(Text(f"  {len(items) - _MOST_ITEMS:,} earlier ones are left out; --json has all", style="dim"))
    doing = {one.item.path: one.text for one in seen.situations}
    shown = items[-_MOST_ITEMS:]
    _aligned(console, [_row(item, doing.get(item.path, ""), payloads=payloads) for item in shown])


def _row(item: Item, doing: str, *, payloads: bool) -> tuple[Text, ...]:
    label = item.label if item.kind == "step" else item.kind if item.kind == "sleep" else f"{item.kind} {item.label}"
    began = item.began_at if item.began_at is not None else item.issued_at
    took = "" if item.ended_at is None else span(item.ended_at - began)
    rest = [doing] if doing else []
    if not doing and item.tries > 1:
        rest.append(attempt(item))
    if item.error is not None and not doing:
        rest.append(error(item.error))
    if payloads:
        rest += [f"given {_value(item.given)}"] if item.given is not None else []
        rest += [f"answer {_value(item.answer)}"] if item.answer is not None else []
    state = Text(item.state, style=_COLORS.get(item.state, ""))
    return (
        Text(f"  {show(item.path)}", style="dim"),
        Text(clipped(label, 40)),
        state,
        Text(took),
        Text(" · ".join(rest)),
    )


def _hooks(console: Console, seen: Inspection, *, payloads: bool, tokens: bool) -> None:
    if seen.hooks:
        console.print(Text("\nhooks", style="bold"))
    for hook in seen.hooks:
        token = hook.token if tokens else "(--tokens shows it)"
        console.print(f"  {hook.name}, opened {whole(seen.now - hook.since)} ago, token {token}", soft_wrap=True)
    if seen.unread:
        console.print(Text("\npayloads that nothing has received", style="bold"))
    for position, event in seen.unread.items():
        value = f": {_value(event.payload)}" if payloads else ""
        console.print(f"  {event.name}, {whole(seen.now - event.at)} ago, at position {position}{value}", markup=False)


def _claims(console: Console, claims: tuple[Claimed, ...], seen: Inspection) -> None:
    if claims:
        console.print(Text("\nclaims", style="bold"))
    for claim in claims:
        item = seen.timeline.items.get(claim.path)
        left = claim.until - seen.now
        lease = f"lease ends in {whole(left)}" if left > 0 else f"lease ended {whole(-left)} ago"
        held = f"{identity.short(claim.worker)} since {whole(seen.now - claim.since)}, {lease}"
        console.print(
            f"  {show(claim.path)} {'' if item is None else item.label}, attempt {claim.work.attempt}: {held}"
        )


def _events(console: Console, events: Iterable[Told], *, payloads: bool) -> None:
    rows = []
    for event in events:
        value = f" {_value(event.value)}" if payloads and event.value is not None else ""
        rest = " ".join(part for part in (event.whom, event.rest) if part) + value
        at = Text(stamp(event.at)[:19])
        rows.append((Text(f"{event.position:>5}", style="dim"), at, Text(event.what), Text(event.path), Text(rest)))
    _aligned(console, rows)


def _aligned(console: Console, rows: Sequence[tuple[Text, ...]]) -> None:
    """In columns; on a terminal the last one is wrapped in its place, in a pipe it goes on to its end."""
    if console.is_terminal:
        table = Table.grid(padding=(0, 2, 0, 0))
        for number in range(len(rows[0]) if rows else 0):
            table.add_column(no_wrap=number < len(rows[0]) - 1, overflow="fold")
        for row in rows:
            table.add_row(*row)
        console.print(table)
        return
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) if rows else 0)]
    for row in rows:
        words = (cell.plain.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(words).rstrip())


def _value(encoded: bytes | None) -> str:
    return clipped("" if encoded is None else json.dumps(plain(encoded), ensure_ascii=False), _LONGEST_VALUE)
