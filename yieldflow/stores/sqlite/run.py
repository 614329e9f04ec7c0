"""One run within a transaction: its row, and the statements on its log and its work table."""

# ruff: noqa: S608 - only this package's own names of tables and columns are put in; values are always bound

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from itertools import islice
from sqlite3 import Connection

from attrs import define

from yieldflow.core.chain import chain_of, predecessor
from yieldflow.core.path import Path
from yieldflow.core.times import Millis
from yieldflow.ports import KEYS_CARRIED, NEVER, Claimed, Entry, Free, Mark, Summary
from yieldflow.stores import rules
from yieldflow.stores.sqlite.rows import (
    SUMMARY,
    WORK,
    claimed_of,
    entry_of,
    entry_row,
    free_of,
    path_key,
    summary_of,
    summary_row,
)
from yieldflow.stores.sqlite.schema import TABLES_OF_A_RUN

_ROW = f"id, length, head, done, base, alarm, rings, payloads, replays, {SUMMARY}"


@define
class Run:
    """`save` writes the fields that a caller may set; the methods that change anything else write at once."""

    db: Connection
    id: int
    length: int
    writer: str
    done: bool
    base: Millis | None
    alarm: Millis | None
    rings: int
    payloads: int
    replays: tuple[Millis, ...]
    summary: Summary

    @property
    def head(self) -> Mark:
        return Mark(self.length, self.writer)

    def save(self) -> None:
        values = (self.length, self.writer, self.done, self.base, self.alarm, self.rings, self.payloads)
        columns = "length = ?, head = ?, done = ?, base = ?, alarm = ?, rings = ?, payloads = ?, replays = ?"
        self.db.execute(f"UPDATE run SET {columns} WHERE id = ?", (*values, json.dumps(self.replays), self.id))

    def list_as(self, summary: Summary) -> None:
        if summary != self.summary:
            statement = f"UPDATE run SET ({SUMMARY}) = (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) WHERE id = ?"
            self.db.execute(statement, (*summary_row(summary), self.id))
            self.summary = summary

    def set_alarm(self) -> None:
        (lease_end,) = self.db.execute(
            "SELECT min(until) FROM work WHERE run = ? AND token IS NOT NULL", (self.id,)
        ).fetchone()
        self.alarm = rules.earliest(self.base, lease_end)

    def move_alarm(self, now: Millis, beaten: Millis | None = None) -> None:
        self.alarm = rules.moved(self.alarm, self.base, rules.earliest(self.lease_end(now), beaten), now)

    def lease_end(self, now: Millis) -> Millis | None:
        query = "SELECT min(until) FROM work WHERE run = ? AND token IS NOT NULL AND until > ?"
        (until,) = self.db.execute(query, (self.id, now)).fetchone()
        return None if until is None else int(until)

    # --- the log -------------------------------------------------------------------------------------------------

    def has(self, mark: Mark) -> bool:
        if not mark.commit:
            return 0 <= mark.length <= self.length
        query = "SELECT 1 FROM event WHERE run = ? AND position = ? AND writer = ?"
        return self.db.execute(query, (self.id, mark.length, mark.commit)).fetchone() is not None

    def tail(self, length: int) -> tuple[bytes, ...]:
        query = "SELECT bytes FROM event WHERE run = ? AND position > ? ORDER BY position"
        return rules.tail(event for (event,) in self.db.execute(query, (self.id, length)))

    def event(self, position: int) -> bytes:
        query = "SELECT bytes FROM event WHERE run = ? AND position = ?"
        (event,) = self.db.execute(query, (self.id, position)).fetchone()
        return bytes(event)

    def append(self, commit: str, events: tuple[bytes, ...]) -> None:
        rows = ((self.id, position, commit, event) for position, event in enumerate(events, self.length + 1))
        self.db.executemany("INSERT INTO event (run, position, writer, bytes) VALUES (?, ?, ?, ?)", rows)
        self.length += len(events)
        self.writer = commit if events else self.writer

    # --- the work table --------------------------------------------------------------------------------------------

    def entries(self) -> tuple[Entry, ...]:
        query = f"SELECT {WORK} FROM work WHERE run = ? ORDER BY path"
        return tuple(map(entry_of, self.db.execute(query, (self.id,))))

    def claims(self) -> tuple[Claimed, ...]:
        query = f"SELECT {WORK} FROM work WHERE run = ? AND token IS NOT NULL"
        return tuple(sorted(map(claimed_of, self.db.execute(query, (self.id,))), key=lambda claim: claim.path))

    def claim_at(self, path: Path) -> Claimed | None:
        query = f"SELECT {WORK} FROM work WHERE run = ? AND path = ? AND token IS NOT NULL"
        row = self.db.execute(query, (self.id, path_key(path))).fetchone()
        return None if row is None else claimed_of(row)

    def due_at(self, path: Path, now: Millis) -> Free | None:
        query = f"SELECT {WORK} FROM work WHERE run = ? AND path = ? AND token IS NULL AND not_before <= ?"
        row = self.db.execute(query, (self.id, path_key(path), now)).fetchone()
        return None if row is None else free_of(row)

    def due(self, queue: str, now: Millis, limit: int) -> list[Free]:
        """The first free entries of one queue, by an index."""
        query = (
            f"SELECT {WORK} FROM work WHERE run = ? AND queue = ? AND token IS NULL AND not_before <= ?"
            " ORDER BY not_before, path LIMIT ?"
        )
        return list(map(free_of, self.db.execute(query, (self.id, queue, now, limit))))

    def free(self, now: Millis) -> dict[str, int]:
        query = "SELECT queue, count(*) FROM work WHERE run = ? AND token IS NULL AND not_before <= ? GROUP BY queue"
        return dict(self.db.execute(query, (self.id, now)))

    def due_from(self) -> Millis | None:
        """When the first free entry is due, by an index: each queue's first is looked up."""
        query = "SELECT min(not_before) FROM work WHERE run = ? AND token IS NULL AND not_before < ?"
        (not_before,) = self.db.execute(query, (self.id, NEVER)).fetchone()
        return None if not_before is None else int(not_before)

    def size(self) -> int:
        (entries,) = self.db.execute("SELECT count(*) FROM work WHERE run = ?", (self.id,)).fetchone()
        return int(entries)

    def put(self, entries: Iterable[Entry]) -> None:
        statement = f"INSERT OR REPLACE INTO work (run, {WORK}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        self.db.executemany(statement, ((self.id, *entry_row(entry)) for entry in entries))

    def drop(self, paths: Iterable[Path]) -> None:
        rows = ((self.id, path_key(path)) for path in paths)
        self.db.executemany("DELETE FROM work WHERE run = ? AND path = ?", rows)

    # --- deliveries and hooks ----------------------------------------------------------------------------------------

    def accepts(self, path: Path) -> str | None:
        query = "SELECT accepts FROM work WHERE run = ? AND path = ?"
        row = self.db.execute(query, (self.id, path_key(path))).fetchone()
        return None if row is None else row[0]

    def delivered(self, once: str) -> int | None:
        query = "SELECT position FROM delivery WHERE run = ? AND once = ?"
        row = self.db.execute(query, (self.id, once)).fetchone()
        return None if row is None else int(row[0])

    def deliver(self, once: str, position: int) -> None:
        self.db.execute("INSERT INTO delivery (run, once, position) VALUES (?, ?, ?)", (self.id, once, position))

    def know(self, keys: Mapping[str, int]) -> None:
        rows = ((self.id, once, position) for once, position in keys.items())
        self.db.executemany("INSERT OR REPLACE INTO delivery (run, once, position) VALUES (?, ?, ?)", rows)

    def open_hooks(self, hooks: Iterable[tuple[str, str]]) -> None:
        chain, _ = chain_of(self.summary.run_id)
        rows = ((token_hash, chain, name) for token_hash, name in hooks)
        self.db.executemany("INSERT OR REPLACE INTO hook (token_hash, chain, name) VALUES (?, ?, ?)", rows)

    def carry_keys(self, former: Run) -> None:
        """The keys of payloads that it starts with: the last ones of the generation before, still in their order."""
        query = "SELECT once FROM delivery WHERE run = ? ORDER BY position DESC"
        keys = (once for (once,) in self.db.execute(query, (former.id,)).fetchall() if rules.is_carried(once))
        for age, once in enumerate(islice(keys, KEYS_CARRIED)):
            self.deliver(once, -age)

    def end(self) -> None:
        self.done = True
        self.db.execute("DELETE FROM work WHERE run = ?", (self.id,))

    def delete(self) -> None:
        for table in TABLES_OF_A_RUN:
            self.db.execute(f"DELETE FROM {table} WHERE run = ?", (self.id,))
        self.db.execute("DELETE FROM run WHERE id = ?", (self.id,))


def find(db: Connection, run_id: str) -> Run | None:
    row = db.execute(f"SELECT {_ROW} FROM run WHERE run_id = ?", (run_id,)).fetchone()
    if row is None:
        return None
    number, length, writer, done, base, alarm, rings, payloads, replays, *listed = row
    began = tuple(json.loads(replays))
    return Run(db, number, length, writer, bool(done), base, alarm, rings, payloads, began, summary_of(tuple(listed)))


def create(db: Connection, summary: Summary) -> Run:
    """A run without events; `save` it in the same transaction."""
    columns = f"length, head, done, rings, payloads, replays, chain, generation, {SUMMARY}"
    statement = f"INSERT INTO run ({columns}) VALUES (0, '', 0, 0, 0, '[]', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
    number = db.execute(statement, (*chain_of(summary.run_id), *summary_row(summary))).lastrowid
    assert number is not None
    run = Run(db, number, 0, "", done=False, base=None, alarm=None, rings=0, payloads=0, replays=(), summary=summary)
    former = find(db, predecessor(summary.run_id))
    if former is not None:
        run.carry_keys(former)
    return run


def close_hooks(db: Connection, chain: str) -> None:
    db.execute("DELETE FROM hook WHERE chain = ?", (chain,))
