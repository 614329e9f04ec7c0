"""The census of a store file. Open work is looked through once; all else is counted in indexes."""

from __future__ import annotations

import os
from sqlite3 import Connection
from typing import get_args

from yieldflow.core.times import Millis
from yieldflow.ports import Status
from yieldflow.stores import rules
from yieldflow.stores.census import Census, Due
from yieldflow.stores.sqlite.connections import Connections
from yieldflow.stores.sqlite.listing import next_alarm

_PATIENCE = 5.0  # seconds that a locked file is waited for
_RUNS = "SELECT status, count(*) FROM run GROUP BY status"
_OVERDUE = "SELECT count(*) FROM run WHERE alarm <= ?"
_HOOKS = "SELECT count(*) FROM hook"
_CLAIMS = "SELECT queue, count(*) FROM work WHERE claimed = 1 GROUP BY queue"
_DUE = """SELECT queue, count(*), min(nullif(not_before, 0)) FROM work
    WHERE claimed = 0 AND not_before <= ? GROUP BY queue"""
_OLDEST = """SELECT work.queue, min(event.id), event.bytes FROM work
    JOIN event ON event.run = work.run AND event.position = work.event
    WHERE work.claimed = 0 AND work.not_before = 0 GROUP BY work.queue"""


def census(path: str | os.PathLike[str]) -> Census:
    """Raises `StoreError`."""
    connections = Connections(path, _PATIENCE, "ro")
    now = rules.wall_clock()()
    try:
        return connections.read(lambda db: _census(db, now))
    finally:
        connections.close()


def _census(db: Connection, now: Millis) -> Census:
    counts = dict(db.execute(_RUNS).fetchall())
    (overdue,) = db.execute(_OVERDUE, (now,)).fetchone()
    (hooks,) = db.execute(_HOOKS).fetchone()
    issued = {queue: bytes(event) for queue, _, event in db.execute(_OLDEST)}
    return Census(
        now,
        {status: counts.get(status, 0) for status in get_args(Status)},
        overdue,
        next_alarm(db),
        hooks,
        dict(db.execute(_CLAIMS).fetchall()),
        {queue: Due(count, since, issued.get(queue)) for queue, count, since in db.execute(_DUE, (now,))},
    )
