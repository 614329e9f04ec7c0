"""One run within a transaction: its row, and the statements on its log."""

# ruff: noqa: S608 - only this package's own names of tables and columns are put in; values are always bound

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from sqlite3 import Connection

from attrs import define

from yieldflow.core.chain import chain_of, is_first, predecessor
from yieldflow.core.path import Path
from yieldflow.core.times import Millis
from yieldflow.ports import KEYS_CARRIED, Claimed, Mark, Summary
from yieldflow.stores import rules
from yieldflow.stores.sqlite.rows import SUMMARY, replays_cell, replays_of, summary_of, summary_row
from yieldflow.stores.sqlite.schema import TABLES_OF_A_RUN
from yieldflow.stores.sqlite.work import Work

# A statement is always the same text: SQLite's module knows by it what it has prepared.
_FIND = (
    f"SELECT id, entries, length, head, done, base, alarm, rings, payloads, replays, {SUMMARY}"
    " FROM run WHERE run_id = ?"
)
_CREATE = (
    f"INSERT INTO run (length, head, done, rings, payloads, entries, chain, generation, {SUMMARY})"
    " VALUES (0, '', 0, 0, 0, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_SAVE = (
    "UPDATE run SET entries = ?, length = ?, head = ?, done = ?, base = ?, alarm = ?, rings = ?, payloads = ?,"
    " replays = ? WHERE id = ?"
)
_LIST = f"UPDATE run SET ({SUMMARY}) = (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) WHERE id = ?"
_WROTE = "SELECT 1 FROM event WHERE run = ? AND position = ? AND writer = ?"
_TAIL = "SELECT bytes FROM event WHERE run = ? AND position > ? ORDER BY position"
_EVENT = "SELECT bytes FROM event WHERE run = ? AND position = ?"
_APPEND = "INSERT INTO event (run, position, writer, bytes) VALUES (?, ?, ?, ?)"
_DELIVERED = "SELECT position FROM delivery WHERE run = ? AND once = ?"
_DELIVERIES = "SELECT once FROM delivery WHERE run = ? ORDER BY position DESC"
_DELIVER = "INSERT INTO delivery (run, once, position) VALUES (?, ?, ?)"
_KNOW = "INSERT OR REPLACE INTO delivery (run, once, position) VALUES (?, ?, ?)"
_KEEP_TAG = "INSERT INTO tag (name, value, started_at, run_id, run) VALUES (?, ?, ?, ?, ?)"
_FORGET_TAG = "DELETE FROM tag WHERE name = ? AND value = ? AND started_at = ? AND run_id = ?"
_OPEN_HOOK = "INSERT OR REPLACE INTO hook (token_hash, chain, name) VALUES (?, ?, ?)"


@define
class Run:
    """`save` writes the fields that a caller may set, and its work; what else the methods change they write at once."""

    db: Connection
    id: int
    work: Work
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
        self.work.save()
        values = (self.work.rest, self.length, self.writer, self.done, self.base, self.alarm, self.rings, self.payloads)
        self.db.execute(_SAVE, (*values, replays_cell(self.replays), self.id))

    def list_as(self, summary: Summary) -> None:
        if summary is not self.summary:
            self.db.execute(_LIST, (*summary_row(summary), self.id))
            if (summary.tags, summary.started_at) != (self.summary.tags, self.summary.started_at):
                self._forget_tags()
                _keep_tags(self.db, summary, self.id)
            self.summary = summary

    def set_alarm(self) -> None:
        self.alarm = rules.earliest(self.base, self.work.lease_end())

    def move_alarm(self, now: Millis, beaten: Millis | None = None) -> None:
        self.alarm = rules.moved(self.alarm, self.base, rules.earliest(self.work.lease_end(now), beaten), now)

    # --- the log -------------------------------------------------------------------------------------------------

    def has(self, mark: Mark) -> bool:
        if not mark.commit:
            return rules.is_place(mark.length, self.length)
        return self.db.execute(_WROTE, (self.id, mark.length, mark.commit)).fetchone() is not None

    def tail(self, length: int) -> tuple[bytes, ...]:
        if length >= self.length:
            return ()
        rows = self.db.execute(_TAIL, (self.id, rules.tail_begins(length, self.length)))
        return rules.tail(event for (event,) in rows)

    def event(self, position: int) -> bytes:
        (event,) = self.db.execute(_EVENT, (self.id, position)).fetchone()
        return bytes(event)

    def append(self, commit: str, events: tuple[bytes, ...]) -> None:
        if not events:
            return
        rows = [(self.id, position, commit, event) for position, event in enumerate(events, self.length + 1)]
        self.db.executemany(_APPEND, rows)
        self.length += len(events)
        self.writer = commit

    # --- its work -------------------------------------------------------------------------------------------------

    def size(self) -> int:
        return self.work.size

    def claim_at(self, path: Path) -> Claimed | None:
        return self.work.claim_at(path)

    def held(self, path: Path, token: str) -> Claimed | None:
        claim = self.work.claim_at(path)
        return claim if claim is not None and claim.token == token else None

    def accepts(self, path: Path) -> str | None:
        return self.work.accepts(path)

    # --- deliveries and hooks ----------------------------------------------------------------------------------------

    def delivered(self, once: str) -> int | None:
        row = self.db.execute(_DELIVERED, (self.id, once)).fetchone()
        return None if row is None else int(row[0])

    def deliver(self, once: str, position: int) -> None:
        self.db.execute(_DELIVER, (self.id, once, position))

    def know(self, keys: Mapping[str, int]) -> None:
        if keys:
            self.db.executemany(_KNOW, [(self.id, once, position) for once, position in keys.items()])

    def open_hooks(self, hooks: Mapping[str, str]) -> None:
        if hooks:
            chain, _ = chain_of(self.summary.run_id)
            self.db.executemany(_OPEN_HOOK, [(token_hash, chain, name) for token_hash, name in hooks.items()])

    def carry_keys(self, former: Run) -> None:
        """The keys of payloads that it starts with: the last ones of the generation before, still in their order."""
        keys = (once for (once,) in self.db.execute(_DELIVERIES, (former.id,)).fetchall() if rules.is_carried(once))
        for age, once in enumerate(islice(keys, KEYS_CARRIED)):
            self.deliver(once, -age)

    def end(self) -> None:
        self.done = True
        self.work.clear()

    def delete(self) -> None:
        self._forget_tags()
        for table in TABLES_OF_A_RUN:
            self.db.execute(f"DELETE FROM {table} WHERE run = ?", (self.id,))
        self.db.execute("DELETE FROM run WHERE id = ?", (self.id,))

    def _forget_tags(self) -> None:
        listed = self.summary
        rows = [(*pair, listed.started_at, listed.run_id) for pair in listed.tags.items()]
        self.db.executemany(_FORGET_TAG, rows)


def find(db: Connection, run_id: str) -> Run | None:
    row = db.execute(_FIND, (run_id,)).fetchone()
    if row is None:
        return None
    number, entries, length, writer, done, base, alarm, rings, payloads, replays = row[:10]
    work = Work(db, number, entries)
    began = replays_of(replays)
    return Run(db, number, work, length, writer, bool(done), base, alarm, rings, payloads, began, summary_of(row[10:]))


def create(db: Connection, summary: Summary) -> Run:
    """A run without events; `save` it in the same transaction."""
    number = db.execute(_CREATE, (*chain_of(summary.run_id), *summary_row(summary))).lastrowid
    assert number is not None
    _keep_tags(db, summary, number)
    work = Work(db, number, 0)
    run = Run(
        db, number, work, 0, "", done=False, base=None, alarm=None, rings=0, payloads=0, replays=(), summary=summary
    )
    former = find(db, predecessor(summary.run_id)) if not is_first(summary.run_id) else None
    if former is not None:
        run.carry_keys(former)
    return run


def _keep_tags(db: Connection, summary: Summary, number: int) -> None:
    db.executemany(_KEEP_TAG, [(*pair, summary.started_at, summary.run_id, number) for pair in summary.tags.items()])


def close_hooks(db: Connection, chain: str) -> None:
    db.execute("DELETE FROM hook WHERE chain = ?", (chain,))
