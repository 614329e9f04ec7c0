"""`inspect --follow`: a run as it comes along, until it ends. A terminal is redrawn; elsewhere each event is a line.

It waits for news in the store; besides, what is drawn is looked at each second, for claims that no event tells of.
"""

from __future__ import annotations

import io
import json
import sys
import time
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout

import click
from rich.console import Console, Group
from rich.live import Live

from yieldflow.app import App
from yieldflow.cli.chronicle import events as chronicle
from yieldflow.cli.layout import width_of
from yieldflow.cli.view import View, fitting, say
from yieldflow.inspection import Inspection, look, read
from yieldflow.inspection.document import event_document
from yieldflow.inspection.reading import History, newest, read_on
from yieldflow.inspection.timeline import Timeline
from yieldflow.inspection.words import Told, told

_TICK = 1.0  # seconds between two looks, where nothing happens
_LONGEST_WAIT = 30.0
_SUCCESSOR = 0.2  # until a run that goes on as a fresh log has it
_SHARE = 4  # of the time, at least so many times as much is waited as is taken to look


def follow(app: App, run_id: str, view: View, *, as_json: bool) -> None:
    """Returns when the run has ended. Raises `UnknownRun`, `StoreError`; Ctrl-C is a KeyboardInterrupt."""
    console = Console(highlight=False)
    if console.is_terminal and not console.is_dumb_terminal and not view.events and not as_json:
        _draw(app, run_id, view, console)
        return
    for event in _told(app, run_id):
        if as_json:
            click.echo(json.dumps(event_document(event, payloads=view.payloads), ensure_ascii=False))
        else:
            say(console, chronicle([event], width_of(console), payloads=view.payloads))
        sys.stdout.flush()


def _draw(app: App, run_id: str, view: View, console: Console) -> None:
    seen = None
    try:
        with Live(console=console, screen=True, auto_refresh=False, vertical_overflow="crop") as live:
            for known in _moments(app, run_id, _TICK):
                began = time.monotonic()
                seen = _looked(app, known, view)
                lines = fitting(view.lines(seen, console.width), console.height - 1)
                live.update(Group(*lines), refresh=True)
                time.sleep(max(0.1, _SHARE * (time.monotonic() - began)))
    finally:
        if seen is not None:
            view.show(console, seen)  # the screen is as it was before: this stays


def _looked(app: App, known: History, view: View) -> Inspection:
    """Whatever its program prints while it is replayed would spoil the picture."""
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
        return look(app, known, veil=view.veil)


def _told(app: App, run_id: str) -> Iterator[Told]:
    timeline, number, name = Timeline(), 0, ""
    for known in _moments(app, run_id, _LONGEST_WAIT):
        if known.log.summary.run_id != name:
            timeline, number, name = Timeline(), 0, known.log.summary.run_id
        for event in known.events[number:]:
            timeline.add(event)
            yield told(event, timeline)
        number = len(known.events)


def _moments(app: App, run_id: str, tick: float) -> Iterator[History]:
    """The history now, whenever it grows, and after each *tick*; of its newest generation, until that has ended."""
    known = read(app, run_id)
    while True:
        yield known
        name, head = known.log.summary.run_id, known.log.head
        last = known.log.summary.status
        if last == "continued":
            successor = newest(app.store, name)
            if successor == name:
                app.store.wait(name, head, _SUCCESSOR)
            else:
                known = read(app, successor)
            continue
        if known.log.summary.finished_at is not None:
            return
        app.store.wait(name, head, tick)
        known = read_on(app.store, known)
