"""Processes that work on one SQLite file until they are killed: at a statement, at a commit, or within one.

A kill within a commit leaves a part of what it would have written to the write-ahead log. What the bodies did, and what
the store acknowledged, is in the journal of tests.e2e, whose lines are O_APPEND writes.
"""

from __future__ import annotations

import os
import random
import signal
import sqlite3
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, Literal, TypeAlias

from attrs import field, frozen

from tests.e2e.flows import body
from tests.e2e.journal import note
from tests.e2e.wrapped import FatalStore
from yieldflow import (
    App,
    Flow,
    Retry,
    continue_as_new,
    current_step,
    gather,
    hook,
    race,
    send,
    sleep,
    spawn,
    step,
    workflow,
)

QUICK = Retry(attempts=4, delay="2ms", jitter=0, lost=10_000)
TORN = "torn"  # the file that says how long the log is to be
PAYLOAD = hook("payload", int)

Place: TypeAlias = Literal["statement", "before a commit", "in a commit", "after a commit", "moment"]
"""moment: somebody else chooses it."""

# --- what they run ---------------------------------------------------------------------------------------------------


@step(retry=QUICK)
def double(n: int) -> int:
    with body():
        return 2 * n


@step(retry=QUICK)
def at_last(n: int) -> int:
    with body():
        if current_step().attempt == 1:
            raise ConnectionError("not yet")
        return n


@workflow
def alone(count: int) -> Flow[int]:
    """One run: steps in a row, at the same time, tried again, raced with a timer; a sleep."""

    def branch(k: int) -> Flow[int]:
        first = yield from double(k)
        return first + (yield from double(first))

    total = 0
    for n in range(count):
        total += yield from double(n)
    parts = yield from gather(*[branch(k) for k in range(count)])
    yield sleep("2ms")
    total += yield from at_last(100)
    _, raced = yield from race(double(1000), sleep("1 hour"))
    return total + sum(parts) + (raced or 0)


@workflow
def below(n: int) -> Flow[int]:
    first = yield from double(n)
    return first + (yield from PAYLOAD)


@workflow
def together(name: str, count: int) -> Flow[int]:
    """Several runs: children that are sent a payload each, and a second generation."""
    tasks = []
    for n in range(count):
        child = f"{name}-{n}"
        tasks.append((yield from spawn(below(n).options(run_id=child))))
        yield double(n)  # by now the child is there
        yield send(child, PAYLOAD, 100)
    total = 0
    for task in tasks:
        total += yield task
    return (yield from continue_as_new(afterwards(total)))


@workflow
def afterwards(total: int) -> Flow[int]:
    return total + (yield from double(total))


def call_of(flow: str, run_id: str, size: int) -> tuple[Any, int]:
    """The call, and what it must answer."""
    once = sum(range(size))
    if flow == "alone":
        return alone(size), 2 * once + 6 * once + 100 + 2000
    return together(run_id, size), 3 * (2 * once + 100 * size)


# --- how they die ----------------------------------------------------------------------------------------------------


@frozen
class Doom:
    """The *number*-th time that this process comes to *place* is its end."""

    place: Place
    number: int
    file: Path
    seed: int
    met: count[int] = field(factory=lambda: count(1))

    def reach(self, place: Place, sql: str = "") -> None:
        if place == self.place and next(self.met) == self.number:
            note("killed", f"before {sql.partition(' ')[0]}" if place == "statement" else place)
            os.kill(os.getpid(), signal.SIGKILL)

    def is_in_this_commit(self) -> bool:
        return self.place == "in a commit" and next(self.met) == self.number

    def tear(self, before: int) -> None:
        """The commit has written to the log: `torn` is told how much of that would be there."""
        after = self.size()
        torn = before < after  # else it was written over older pages
        if torn:
            length = random.Random(self.seed + self.number).randrange(before, after)
            self.file.with_name(TORN).write_text(str(length))
        note("killed", "in a commit" if torn else "after a commit")
        os.kill(os.getpid(), signal.SIGKILL)

    def size(self) -> int:
        log = log_of(self.file)
        return log.stat().st_size if log.exists() else 0


def tear(file: Path) -> None:
    """Leave of the log what was written when its writer died, who is gone by now."""
    torn = file.with_name(TORN)
    if torn.exists():
        os.truncate(log_of(file), int(torn.read_text()))
        torn.unlink()


def log_of(file: Path) -> Path:
    return file.with_name(f"{file.name}-wal")


class Doomed(sqlite3.Connection):
    """Dies as *doom* says; the process has one."""

    doom: Doom

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.writes = False
        if self.doom.place == "statement":
            self.set_trace_callback(partial(self.doom.reach, "statement"))

    def execute(self, sql: str, *parameters: Any) -> sqlite3.Cursor:
        self.writes = sql == "BEGIN IMMEDIATE" or (self.writes and sql != "BEGIN")
        if sql != "COMMIT" or not self.writes:
            return super().execute(sql, *parameters)
        self.doom.reach("before a commit")
        if self.doom.is_in_this_commit():
            before = self.doom.size()
            super().execute(sql)
            self.doom.tear(before)
        cursor = super().execute(sql)
        self.doom.reach("after a commit")
        return cursor


def victim(file: str, flow: str, run_id: str, size: int, place: Place, number: int, seed: int) -> None:
    """Start a run or go on with it, until its end or one's own."""
    Doomed.doom = Doom(place, number, Path(file), seed)
    setattr(sqlite3, "connect", partial(sqlite3.connect, factory=Doomed))  # noqa: B010 - of this process alone
    app = App(f"sqlite:///{file}")
    app.store = FatalStore(app.store)
    note("up")
    call, expected = call_of(flow, run_id, size)
    answer = app.run(call, run_id=run_id)
    assert answer == expected, f"{run_id} answers {answer}, not {expected}"
    note("done")
    app.close()
