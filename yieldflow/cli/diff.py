"""`diff`: where two runs part, or a run and the code at hand. Runs of a store, or exported histories; only read."""

from __future__ import annotations

import linecache
import os
import sys
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import click

from yieldflow.app import App
from yieldflow.cli.errors import DONE, ENDED_BADLY, visible
from yieldflow.cli.files import ENDING, lines_of
from yieldflow.cli.findings import document
from yieldflow.cli.options import at_a_place
from yieldflow.cli.outcome import tell_json
from yieldflow.cli.replaying import Order, opened
from yieldflow.comparing import Comparison, Parting, Shared, compare, compare_with_code
from yieldflow.histories import History, read
from yieldflow.inspection.phrases import clipped, count
from yieldflow.inspection.reading import meant, whole

_LAST = 5  # of the commands that both share
_CODE = "the code at hand"
_EXAMPLES = """\b
Examples:
  yieldflow diff order-42 order-43
  yieldflow diff order-42 -m shop.flows
  yieldflow diff histories/order-42.jsonl order-42~2 --json
"""


@click.command(epilog=_EXAMPLES)
@click.argument("one", metavar="RUN")
@click.argument("other", metavar="[RUN]", required=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON document.")
@at_a_place
def diff(one: str, other: str | None, as_json: bool, url: str | None, modules: tuple[str, ...]) -> int:
    """Show the first point where two runs of a workflow part, or where the code at hand parts from a RUN.

    RUN is a run of the store, or a file that `yieldflow export` made. Compared is what the workflows asked and what
    they were told. The exit code is 1 if they part, else 0.
    """
    names = [one] if other is None else [one, other]
    with opened(Order(url, modules, (), in_store=not all(map(_is_file, names)))) as app:
        histories = [_history(app, name) for name in names]
        with redirect_stdout(sys.stderr):  # programs are replayed, and may print
            found = _compared(app, histories)
    if as_json:
        tell_json(_document(names, histories, found))
    else:
        _tell(names, found)
    return DONE if found.parting is None and found.finding is None else ENDED_BADLY


def _compared(app: App, histories: list[History]) -> Comparison:
    first, *rest = histories
    if rest:
        return compare(first.events, rest[0].events, app.registry, app.codec)
    return compare_with_code(first.events, app.registry, app.codec)


def _is_file(name: str) -> bool:
    return name.endswith(ENDING) or os.path.isfile(name)  # noqa: PTH113 - of what no file can be called, too


def _history(app: App, name: str) -> History:
    if _is_file(name):
        return read(lines_of(Path(name)), name)
    return read(whole(app.store, meant(app.store, name))[1], f"the log of run {name!r}")


# --- for people -------------------------------------------------------------------------------------------------------


def _tell(names: list[str], found: Comparison) -> None:
    pair = f"{names[0]} and {names[1] if len(names) > 1 else _CODE}"
    if found.arguments is not None:
        click.echo(visible(f"{pair} were started with {found.arguments[0]} and {found.arguments[1]}"))
    if found.finding is not None and found.parting is None:
        click.echo(visible(f"{pair} do not fit: {found.finding.problem}"))
        return
    shared = count(len(found.shared), "command")
    if found.parting is None:
        click.secho(visible(f"{pair} do not part: they share {shared}{_further(names, found)}"), bold=True)
        return
    click.secho(visible(f"{pair} share {shared}, and part {_where(found.parting)}"), bold=True)
    _tell_shared(found.shared)
    if found.finding is not None:
        click.echo(visible("\n" + "".join(f"  {line}\n" for line in str(found.finding.problem).splitlines())), nl=False)
    else:
        _tell_parting(names, found.parting)


def _further(names: list[str], found: Comparison) -> str:
    if len(found.lengths) == 1:
        return ""
    mine, theirs = found.lengths
    if mine == theirs:
        return ""
    return f"; {names[0] if mine > theirs else names[1]} has come {count(abs(mine - theirs), 'event')} further"


def _where(parting: Parting) -> str:
    return f"at path {parting.path}" if parting.path else "at the end" if parting.what == "ended" else "there"


def _tell_shared(shared: tuple[Shared, ...]) -> None:
    if not shared:
        return
    click.echo()
    if len(shared) > _LAST:
        click.secho(f"  … {count(len(shared) - _LAST, 'command')} before", dim=True)
    last = shared[-_LAST:]
    width = max(len(item.path) for item in last)
    for item in last:
        answer = "" if item.answer is None else f"  → {item.answer}"
        click.echo(visible(f"  {item.path.ljust(width)}  {item.asked}{answer}"))


def _tell_parting(names: list[str], parting: Parting) -> None:
    click.echo()
    width = max(map(len, names)) + 2
    for name, text, at in zip(names, (parting.one, parting.other), parting.positions, strict=True):
        event = "" if at is None else f"  (event {at:,})"
        click.echo(visible(f"  {name}:".ljust(width + 2) + text + event))
    for detail in parting.details:
        click.echo(visible(" " * (width + 4) + detail))
    if parting.order is not None:
        click.echo("\n  before it they were told the same in another order; first came")
        for name, text in zip(names, parting.order, strict=True):
            click.echo(visible(f"  {name}:".ljust(width + 2) + text))
    if parting.line is not None:
        file, line = parting.line
        click.echo(visible(f"\n  {file}:{line}"))
        if source := linecache.getline(file, line).strip():
            click.echo(visible(f"    {clipped(source, 110)}"))


# --- for programs -----------------------------------------------------------------------------------------------------


def _document(names: list[str], histories: list[History], found: Comparison) -> dict[str, Any]:
    sides = [
        {"name": name, "run_id": history.run_id, "version": history.started.version, "events": len(history.events)}
        for name, history in zip(names, histories, strict=True)
    ]
    return {
        "workflow": found.workflow,
        "one": sides[0],
        "other": sides[1] if len(sides) > 1 else None,
        "arguments": None if found.arguments is None else list(found.arguments),
        "shared": [{"path": item.path, "asked": item.asked, "answer": item.answer} for item in found.shared],
        "parting": None if found.parting is None else _parting(found.parting),
        "finding": None if found.finding is None else dict(document(names[0], found.finding)),
    }


def _parting(parting: Parting) -> dict[str, Any]:
    file, line = parting.line or (None, None)
    return {
        "what": parting.what,
        "path": parting.path,
        "one": parting.one,
        "other": parting.other,
        "positions": list(parting.positions),
        "details": list(parting.details),
        "order": None if parting.order is None else list(parting.order),
        "file": file,
        "line": line,
    }
