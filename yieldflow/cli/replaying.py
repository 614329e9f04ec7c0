"""One history after the other, replayed with the code at hand; also as a process that is told what, a line each.

Only reads. Other processes are neither forked, as the code that is loaded may have threads and connections, nor sent
pickles: each loads the code as its parent did, by the names it was given.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

from attrs import asdict, frozen

from yieldflow.app import App
from yieldflow.checking import Finding, check_history, read_history
from yieldflow.cli.corpus import Item
from yieldflow.cli.files import lines_of
from yieldflow.cli.findings import Document, document, endless
from yieldflow.cli.options import Place
from yieldflow.connect import reading
from yieldflow.core.events import Event, RunStarted
from yieldflow.core.frames import raised_at
from yieldflow.errors import UnknownRun, UnreadableLog, YieldflowError
from yieldflow.inspection.reading import whole
from yieldflow.interrupting import Guard, Interrupted, Watch

_WATCH = Watch()


@frozen
class Order:
    """What is loaded, and what is replayed. *in_store*: runs are read there, too; *timeout*: seconds for each."""

    url: str | None
    modules: tuple[str, ...]
    targets: tuple[str, ...]
    in_store: bool
    workflow: str | None = None
    timeout: float = 30.0


@frozen
class Replayed:
    """*events*: how many, 0 if it was passed over."""

    events: int
    found: Document | None = None


PASSED_OVER = Replayed(0)


@contextmanager
def opened(order: Order) -> Iterator[App]:
    """The code, and a store that takes no change."""
    with Place(order.url, order.modules).app(*order.targets, new=not order.in_store) as app:
        if order.in_store:
            app.store = reading(app.settings.url, app.settings.prefix)
        yield app


def replay(app: App, item: Item, order: Order) -> Replayed:
    """Runs of other workflows than were ordered are passed over, and so are those that are gone meanwhile. Raises
    `StoreError`.
    """
    kind, name = item
    try:
        packed = lines_of(Path(name)) if kind == "file" else whole(app.store, name)[1]
        events = read_history(packed)
    except UnknownRun:
        return PASSED_OVER
    except UnreadableLog as unreadable:
        return Replayed(1, document(name, Finding(name, "?", "block", unreadable)))
    started = events[0] if events else None
    if order.workflow is not None and isinstance(started, RunStarted) and started.workflow != order.workflow:
        return PASSED_OVER
    with redirect_stdout(sys.stderr):  # programs may print
        return Replayed(max(1, len(events)), _found(app, name, events, order.timeout))


def _found(app: App, name: str, events: Sequence[Event], timeout: float) -> Document | None:
    """A program that takes longer is interrupted as the body of a step is."""
    guard, finding, frame = Guard(time.monotonic() + timeout, lasts=True), None, None
    _WATCH.add(guard)
    try:
        finding = guard.run(lambda: check_history(app.registry, events, app.codec))
    except Interrupted as hit:
        if guard.fired is None:
            raise
        frame = raised_at(hit)
    finally:
        _WATCH.remove(guard)
    if guard.fired is not None:
        return endless(name, events[0], timeout, frame)
    return None if finding is None else document(name, finding)


# --- as a process -----------------------------------------------------------------------------------------------------

READY = "ready\n"  # the first line of its answers
_BEGIN = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from yieldflow.cli.replaying import serve; serve()"


def command(order: Order) -> list[str]:
    """What starts a process that finds modules where this one does."""
    return [sys.executable, "-c", _BEGIN, json.dumps(sys.path), json.dumps(asdict(order))]


def serve() -> None:
    """Answer each line of stdin, an item, with a line on what was stdout; what a program prints goes to stderr."""
    order = _read_order(json.loads(sys.argv[2]))
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answers:
        os.dup2(2, 1)
        with opened(order) as app:
            answers.write(READY)
            answers.flush()
            for line in sys.stdin:
                kind, name = json.loads(line)
                answers.write(json.dumps(_answer(app, (kind, name), order)) + "\n")
                answers.flush()


def _answer(app: App, item: Item, order: Order) -> dict[str, Any]:
    try:
        return asdict(replay(app, item, order))
    except YieldflowError as failed:  # the store, or a file
        return {"failed": str(failed)}


def _read_order(found: dict[str, Any]) -> Order:
    modules, targets = tuple(found.pop("modules")), tuple(found.pop("targets"))
    return Order(modules=modules, targets=targets, **found)
