"""The work table of one run within a transaction.

What the transaction puts is written by `save`, once, and as it stands then. The table is not asked for what is known
without: when all that is in it is put by this transaction, as a step after the other does, it is only written to.
"""

# ruff: noqa: S608 - only this package's own names of columns are put in; values are always bound

from __future__ import annotations

from collections.abc import Sequence
from sqlite3 import Connection

from attrs import define, field

from yieldflow.core.path import Path
from yieldflow.core.times import Millis
from yieldflow.ports import NEVER, Claimed, Entry, Free
from yieldflow.stores import rules
from yieldflow.stores.sqlite.rows import WORK, Row, claimed_of, entry_of, entry_row, free_of, path_key

_ALL = f"SELECT {WORK} FROM work WHERE run = ?"
_CLAIMS = f"{_ALL} AND claimed = 1 ORDER BY path"
_CLAIM_AT = f"{_ALL} AND claimed = 1 AND path = ?"
_FREE_AT = f"{_ALL} AND claimed = 0 AND path = ?"
_DUE = f"{_ALL} AND claimed = 0 AND queue = ? AND not_before <= ? ORDER BY not_before, path LIMIT ?"
_ACCEPTS = "SELECT accepts FROM work WHERE run = ? AND claimed IN (0, 1) AND path = ?"
_FREE = "SELECT queue, count(*) FROM work WHERE run = ? AND claimed = 0 AND not_before <= ? GROUP BY queue"
_DUE_FROM = "SELECT min(not_before) FROM work WHERE run = ? AND claimed = 0 AND not_before < ?"
_LEASE_END = "SELECT min(until) FROM work WHERE run = ? AND claimed = 1 AND until > ?"
_PUT = f"INSERT INTO work (run, {WORK}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_RENEW = "UPDATE work SET details = ?, until = ?, deadline = ? WHERE run = ? AND claimed = 1 AND path = ?"
_DROP = "DELETE FROM work WHERE run = ? AND claimed IN (0, 1) AND path = ?"
_DROP_ALL = "DELETE FROM work WHERE run = ?"


@define
class Work:
    """*rest*: how many entries are in the table."""

    db: Connection
    run: int
    rest: int
    _put: dict[Path, Entry] = field(factory=dict, init=False)  # and none of these paths is in the table

    @property
    def size(self) -> int:
        return self.rest + len(self._put)

    # --- what is in the table: to be asked before anything is put --------------------------------------------------

    def entries(self) -> tuple[Entry, ...]:
        return tuple(sorted(map(entry_of, self.db.execute(_ALL, (self.run,))), key=lambda entry: entry.path))

    def claims(self) -> tuple[Claimed, ...]:
        return tuple(map(claimed_of, self.db.execute(_CLAIMS, (self.run,)))) if self.rest else ()

    def claim_at(self, path: Path) -> Claimed | None:
        row = self.db.execute(_CLAIM_AT, (self.run, path_key(path))).fetchone()
        return None if row is None else claimed_of(row)

    def due(self, queue: str, now: Millis, limit: int) -> list[Free]:
        """The first free entries of one queue, by an index."""
        return list(map(free_of, self.db.execute(_DUE, (self.run, queue, now, limit))))

    def free(self, now: Millis) -> dict[str, int]:
        return dict(self.db.execute(_FREE, (self.run, now))) if self.rest else {}

    def accepts(self, path: Path) -> str | None:
        row = self.db.execute(_ACCEPTS, (self.run, path_key(path))).fetchone()
        return None if row is None else row[0]

    # --- as the transaction leaves it ------------------------------------------------------------------------------

    def due_at(self, path: Path, now: Millis) -> Free | None:
        entry = self._put.get(path) or self._free_at(path)
        return entry if isinstance(entry, Free) and entry.not_before <= now else None

    def due_from(self) -> Millis | None:
        """When the first free entry is due."""
        put = [entry.not_before for entry in self._put.values() if isinstance(entry, Free) and entry.not_before < NEVER]
        return rules.earliest(self._least(_DUE_FROM, NEVER), *put)

    def lease_end(self, after: Millis = -1) -> Millis | None:
        """The first one after that moment."""
        put = [entry.until for entry in self._put.values() if isinstance(entry, Claimed) and entry.until > after]
        return rules.earliest(self._least(_LEASE_END, after), *put)

    def put(self, entries: Sequence[Entry]) -> None:
        """In place of what is there."""
        if self.rest:
            self.drop([entry.path for entry in entries])
        for entry in entries:
            self._put[entry.path] = entry

    def renew(self, claim: Claimed) -> None:
        """Of a claim that is in the table."""
        self.db.execute(_RENEW, (claim.work.details, claim.until, claim.deadline, self.run, path_key(claim.path)))

    def drop(self, paths: Sequence[Path]) -> None:
        there = [path for path in paths if self._put.pop(path, None) is None]
        if self.rest and there:
            rows = [(self.run, path_key(path)) for path in there]
            self.rest -= self.db.executemany(_DROP, rows).rowcount

    def clear(self) -> None:
        self._put.clear()
        if self.rest:
            self.db.execute(_DROP_ALL, (self.run,))
            self.rest = 0

    def save(self) -> None:
        if self._put:
            self.db.executemany(_PUT, [(self.run, *entry_row(entry)) for entry in self._put.values()])
            self.rest += len(self._put)
            self._put = {}

    def _free_at(self, path: Path) -> Free | None:
        row: Row | None = self.db.execute(_FREE_AT, (self.run, path_key(path))).fetchone() if self.rest else None
        return None if row is None else free_of(row)

    def _least(self, query: str, bound: Millis) -> Millis | None:
        if not self.rest:
            return None
        (least,) = self.db.execute(query, (self.run, bound)).fetchone()
        return None if least is None else int(least)
