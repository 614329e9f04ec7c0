"""`Keeper` of a store file. What is derived: how many entries a run has, and its tags; the indexes are SQLite's own.

A row whose log is not there to its end is damaged, and left as it is.
"""

# ruff: noqa: S608 - only this package's own names of columns are put in; values are always bound

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path as FilePath
from sqlite3 import Connection
from typing import Any

from yieldflow.core.chain import chain_of
from yieldflow.core.times import Millis
from yieldflow.errors import StoreUnsuitable
from yieldflow.ports import Claimed, Mark, Summary
from yieldflow.stores import rules
from yieldflow.stores.records import Records, Stray
from yieldflow.stores.sqlite import run as runs
from yieldflow.stores.sqlite.connections import Connections
from yieldflow.stores.sqlite.rows import SUMMARY, summary_row
from yieldflow.stores.sqlite.run import Run

_PATIENCE = 10.0  # seconds that a locked file is waited for
_LAST = "SELECT position, writer FROM event WHERE run = ? ORDER BY position DESC LIMIT 1"
_EVENTS = "SELECT bytes FROM event WHERE run = ? AND position <= ? ORDER BY position"
_HAS_TAG = "SELECT 1 FROM tag WHERE name = ? AND value = ? AND started_at = ? AND run_id = ?"
_KEEP_TAG = "INSERT OR REPLACE INTO tag (name, value, started_at, run_id, run) VALUES (?, ?, ?, ?, ?)"
_ENTRIES = "SELECT count(*) FROM work WHERE run = ?"
_HOOKS = "SELECT token_hash, name FROM hook WHERE chain = ?"
_KEYS = "SELECT once FROM delivery WHERE run = ?"
_STRAYS = "SELECT run, bytes FROM event WHERE position = 1 AND NOT EXISTS (SELECT 1 FROM run WHERE run.id = event.run)"
_ADOPT = (
    f"INSERT OR IGNORE INTO run (id, length, head, done, rings, payloads, entries, chain, generation, {SUMMARY})"
    " VALUES (?, ?, ?, 0, 0, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


class SqliteKeeper:
    """*clock* as the store's."""

    def __init__(self, path: str | os.PathLike[str], clock: rules.Clock | None = None) -> None:
        self._path = FilePath(os.path.abspath(path))  # noqa: PTH100 - as the store names it
        self._clock = clock or rules.wall_clock()
        self._connections = Connections(path, _PATIENCE)

    def settings(self) -> Mapping[str, Any]:
        names = ("journal_mode", "synchronous", "user_version")
        told = self._connections.read(lambda db: {name: _pragma(db, name) for name in names})
        try:
            checked = self._connections.read(lambda db: _pragma(db, "quick_check(1)"))
        except StoreUnsuitable as error:
            checked = error.reason
        usage = shutil.disk_usage(self._path.parent)
        kept = self._path.stat()
        return {
            **told,
            "quick_check": checked,
            "file": str(self._path),
            "file_system": _file_system(self._path),
            "free_bytes": usage.free,
            "bytes": kept.st_size,
            "mode": kept.st_mode & 0o777,
        }

    def run_ids(self) -> Iterator[str]:
        yield from self._connections.read(lambda db: [name for (name,) in db.execute("SELECT run_id FROM run")])

    def records(self, run_ids: Sequence[str]) -> list[Records | str]:
        def query(db: Connection) -> list[Records | str]:
            return [_records(db, run_id, self._clock()) for run_id in run_ids]

        return self._connections.read(query)

    def logs(self, heads: Sequence[tuple[str, Mark]]) -> list[tuple[bytes, ...]]:
        return self._connections.read(lambda db: [_log(db, *place) for place in heads])

    def overdue(self, by: Millis) -> int:
        latest = self._clock() - by

        def query(db: Connection) -> int:
            (count,) = db.execute("SELECT count(*) FROM run WHERE alarm <= ?", (latest,)).fetchone()
            return int(count)

        return self._connections.read(query)

    def strays(self) -> list[Stray]:
        return self._connections.read(lambda db: [Stray(place, bytes(first)) for place, first in db.execute(_STRAYS)])

    def adopt(self, stray: Stray, summary: Summary) -> None:
        def change(db: Connection) -> None:
            last = db.execute(_LAST, (stray.place,)).fetchone()
            (entries,) = db.execute(_ENTRIES, (stray.place,)).fetchone()
            if last is not None:
                row = (*last, entries, *chain_of(summary.run_id), *summary_row(summary))
                db.execute(_ADOPT, (stray.place, *row))

        self._connections.write(change)

    def reindex(self, run_id: str, head: Mark | None, *, ended: bool) -> bool:
        def change(db: Connection) -> bool:
            run = runs.find(db, run_id)
            if run is None or _head(run) != head:
                return False
            if head is None:
                run.delete()
                return True
            listed = run.summary
            rows = [(*pair, listed.started_at, run_id, run.id) for pair in listed.tags.items()]
            db.executemany(_KEEP_TAG, rows)
            (run.work.rest,) = db.execute(_ENTRIES, (run.id,)).fetchone()
            run.done = ended
            if ended:
                run.work.clear()
            run.save()
            return True

        return self._connections.write(change)

    def close(self) -> None:
        self._connections.close()


def _pragma(db: Connection, name: str) -> Any:
    return db.execute(f"PRAGMA {name}").fetchone()[0]


def _records(db: Connection, run_id: str, now: Millis) -> Records | str:
    run = runs.find(db, run_id)
    if run is None:
        return Records(run_id, None, now, None, False, None, None, 0, 0, (), {}, frozenset())
    last = db.execute(_LAST, (run.id,)).fetchone()
    if last is not None and Mark(*last) != run.head:
        return f"its record has {run.length} events, and its log {last[0]}"
    entries = run.work.entries()
    return Records(
        run_id,
        _head(run),
        now,
        run.summary,
        run.done,
        run.alarm,
        rules.earliest(run.base, *[one.until for one in entries if isinstance(one, Claimed)]),
        run.payloads,
        run.rings,
        entries,
        dict(db.execute(_HOOKS, (chain_of(run_id)[0],)).fetchall()),
        frozenset(once for (once,) in db.execute(_KEYS, (run.id,))),
        tuple(_loose(run, len(entries))),
    )


def _log(db: Connection, run_id: str, head: Mark) -> tuple[bytes, ...]:
    run = runs.find(db, run_id)
    if run is None or not run.has(head):
        return ()
    return tuple(bytes(event) for (event,) in db.execute(_EVENTS, (run.id, head.length)))


def _head(run: Run) -> Mark | None:
    """By its log, whatever its row says."""
    last = run.db.execute(_LAST, (run.id,)).fetchone()
    return None if last is None else Mark(*last)


def _loose(run: Run, entries: int) -> Iterator[str]:
    if run.work.rest != entries:
        yield f"it counts {run.work.rest} open entries, and has {entries}"
    listed = run.summary
    for pair in listed.tags.items():
        if run.db.execute(_HAS_TAG, (*pair, listed.started_at, listed.run_id)).fetchone() is None:
            yield f"it is missing in the list of tag {pair[0]}"


def _file_system(path: FilePath) -> str:
    """Its kind, where the system tells: of the mount that is nearest above the file."""
    try:
        mounts = FilePath("/proc/self/mounts").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    kinds = {fields[1]: fields[2] for fields in map(str.split, mounts.splitlines()) if len(fields) > 2}
    return next((kinds[str(place)] for place in path.resolve().parents if str(place) in kinds), "")
