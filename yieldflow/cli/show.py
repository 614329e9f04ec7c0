"""`inspect`: one run, or a history in a file: a picture, its events, or JSON; now, in the past, live, step by step."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from importlib import import_module
from pathlib import Path

import click
from rich.console import Console

from yieldflow.checking import read_history
from yieldflow.cli.files import lines_of
from yieldflow.cli.moments import moment_of
from yieldflow.cli.options import Place, at_a_place
from yieldflow.cli.outcome import tell_json
from yieldflow.cli.view import View
from yieldflow.core.chain import chain_of
from yieldflow.core.events import Event, RunStarted
from yieldflow.errors import NotFoundError, UnknownRun, UnreadableLog, UsageError, error
from yieldflow.inspection import look, read
from yieldflow.inspection.document import document
from yieldflow.inspection.reading import History, exported, position


@error
class NoFile(NotFoundError):
    file: str

    def __str__(self) -> str:
        return f"there is no file {self.file}; `yieldflow export RUN > RUN.jsonl` makes one"


_EXAMPLES = """\b
Examples:
  yieldflow inspect order-42 -m shop.flows
  yieldflow inspect order-42 --at '10m ago'
  yieldflow inspect order-42.jsonl --json
"""


@click.command(epilog=_EXAMPLES)
@click.argument("run_id", metavar="RUN|FILE")
@click.option("--at", metavar="POSITION|TIME", help="As it stood then: 17, 2026-01-31T12:00, '10m ago'.")
@click.option("--step", is_flag=True, help="Walk through its history with the arrow keys.")
@click.option("--follow", is_flag=True, help="Go on showing it until it ends.")
@click.option("--events", is_flag=True, help="The log, event by event.")
@click.option("--payloads", is_flag=True, help="Show arguments, answers, payloads, data and secrets.")
@click.option("--mask", multiple=True, metavar="NAME", help="Hide local variables of this name, such as 'card*'.")
@click.option("--tokens", is_flag=True, help="Show the tokens of hooks: whoever has one can answer.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document; with --follow, one a line.")
@at_a_place
def inspect(
    run_id: str,
    at: str | None,
    step: bool,
    follow: bool,
    events: bool,
    payloads: bool,
    mask: tuple[str, ...],
    tokens: bool,
    as_json: bool,
    url: str | None,
    modules: tuple[str, ...],
) -> None:
    """Show where RUN stands and why, the lines it waits at with their local variables, and what became of all that it
    asked. FILE is a history that `yieldflow export` wrote; of several runs in it, FILE.jsonl:RUN is one.
    """
    file = run_id.endswith(".jsonl") or ".jsonl:" in run_id
    _expect_sense(follow=follow, step=step, as_json=as_json, past=at is not None or file)
    view = View(events, payloads, tokens, mask)
    with Place(url, modules).app(new=file) as app:
        if follow:
            import_module("yieldflow.cli.follow").follow(app, run_id, view, as_json=as_json)
            return
        known = _exported(run_id) if file else read(app, run_id)
        moment = None if at is None else moment_of(at)
        if step:
            start = known.length if moment is None else position(known, moment)
            import_module("yieldflow.cli.stepping").walk(app, known, start, view)
            return
        with redirect_stdout(sys.stderr):  # its program is replayed, and may print
            seen = look(app, known, moment, view.veil)
    if as_json:
        tell_json(document(seen, payloads=payloads, tokens=tokens, events=events))
        return
    view.show(Console(highlight=False), seen)


def _expect_sense(*, follow: bool, step: bool, as_json: bool, past: bool) -> None:
    """Raises `UsageError`."""
    if step and (follow or as_json):
        raise UsageError(f"--step and {'--follow' if follow else '--json'} do not go together: it waits for keys")
    if follow and past:
        raise UsageError("--follow shows how a run of a store comes along: the past and a file do not move")
    if step and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("--step needs a terminal for its keys; --at POSITION shows one moment without")


def _exported(word: str) -> History:
    """Raises `NoFile`, `UnusableFile`, `UnreadableLog`, `UnknownRun`, `UsageError`."""
    file, _, run_id = word.rpartition(".jsonl")
    path = Path(f"{file}.jsonl")
    if not os.path.isfile(path):  # noqa: PTH113 - of what no file can be called, too
        raise NoFile(str(path))
    runs = _runs(read_history(lines_of(path)))
    if run_id:
        if run_id[1:] not in runs:
            raise UnknownRun(run_id[1:])
        return exported(runs[run_id[1:]])
    chains = {chain_of(name)[0] for name in runs}
    if len(chains) > 1:
        raise UsageError(f"{path} holds {len(runs):,} histories; name one of them, such as {path}:{next(iter(runs))}")
    return exported(max(runs.items(), key=lambda run: chain_of(run[0])[1])[1] if runs else ())


def _runs(events: Sequence[Event]) -> dict[str, list[Event]]:
    """By the run id of each that begins in it."""
    found: dict[str, list[Event]] = {}
    for event in events:
        if isinstance(event, RunStarted):
            found[event.run_id] = here = []
        elif not found:
            raise UnreadableLog("a history begins with the start of its run")
        here.append(event)
    return found
