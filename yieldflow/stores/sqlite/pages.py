"""Pages of runs, by when they started. Each filter has an index in that order; of several the one is gone through that
the fewest runs fit, and the rest is looked up run by run.
"""

# ruff: noqa: S608 - only this module's own clauses are put in; values are always bound

from __future__ import annotations

from collections.abc import Iterator, Sequence
from heapq import merge
from itertools import islice
from sqlite3 import Connection
from typing import get_args

from attrs import frozen

from yieldflow.ports import Filter, Page, Status, Summary
from yieldflow.stores import rules
from yieldflow.stores.sqlite.rows import SUMMARY, Row, summary_of

_COLUMNS = ", ".join(f"run.{column}" for column in SUMMARY.split(", "))
_COUNTED = (100, 1_000, 10_000)  # so many entries of each index are counted, until one is found that has fewer
_TAGGED = (
    "EXISTS (SELECT 1 FROM tag AS own WHERE own.name = ? AND own.value = ?"
    " AND own.started_at = run.started_at AND own.run_id = run.run_id)"
)


@frozen
class _Part:
    """A part of an index: *where* tells which. The runs in it are in order."""

    table: str  # whose index it is; it has the place of each run
    index: str
    where: str
    values: Row

    def counted(self) -> str:
        return f"{self.table} {self.index}"

    def read(self) -> str:
        return self.counted() + ("" if self.table == "run" else f" CROSS JOIN run ON run.id = {self.table}.run")


def page(db: Connection, wanted: Filter, cursor: str | None) -> Page:
    parts = _shortest(db, _ways(wanted), wanted, cursor)
    found = [_read(db, part, wanted, cursor) for part in parts]
    in_order = merge(*found, key=rules.place, reverse=not wanted.oldest_first)
    return rules.page(tuple(islice(in_order, wanted.limit + 1)), wanted)


def _ways(wanted: Filter) -> list[Sequence[_Part]]:
    """The parts of each have all the runs that fit."""
    ways: list[Sequence[_Part]] = [
        [_Part("tag", "", "tag.name = ? AND tag.value = ?", pair)] for pair in wanted.tags.items()
    ]
    statuses = rules.statuses(wanted)
    if wanted.workflow is not None:
        where, workflow = "run.workflow = ? AND run.status = ?", wanted.workflow
        among = statuses or get_args(Status)
        ways.append([_Part("run", "INDEXED BY run_workflow", where, (workflow, status)) for status in among])
    elif statuses:
        ways.append([_Part("run", "INDEXED BY run_status", "run.status = ?", (status,)) for status in statuses])
    return ways or [[_Part("run", "INDEXED BY run_place", "1", ())]]


def _read(db: Connection, part: _Part, wanted: Filter, cursor: str | None) -> Iterator[Summary]:
    clauses = [(part.where, part.values), *_span(part.table, wanted, cursor)]
    if wanted.tags:  # else the part tells all
        clauses += _checks(wanted)
    order = "ASC" if wanted.oldest_first else "DESC"
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM {part.read()} WHERE {_all(clauses)}"
        f" ORDER BY {part.table}.started_at {order}, {part.table}.run_id {order} LIMIT ?",
        (*_values(clauses), wanted.limit + 1),
    )
    return map(summary_of, rows)


def _shortest(db: Connection, ways: list[Sequence[_Part]], wanted: Filter, cursor: str | None) -> Sequence[_Part]:
    for most in _COUNTED if len(ways) > 1 else ():
        sizes = [_size(db, parts, wanted, cursor, most) for parts in ways]
        if min(sizes) < most:
            return ways[sizes.index(min(sizes))]
    return ways[0]


def _size(db: Connection, parts: Sequence[_Part], wanted: Filter, cursor: str | None, most: int) -> int:
    """How many runs they have, each part counted up to *most*."""
    size = 0
    for part in parts:
        clauses = [(part.where, part.values), *_span(part.table, wanted, cursor)]
        query = f"SELECT count(*) FROM (SELECT 1 FROM {part.counted()} WHERE {_all(clauses)} LIMIT ?)"
        (count,) = db.execute(query, (*_values(clauses), most)).fetchone()
        size += int(count)
    return size


def _span(table: str, wanted: Filter, cursor: str | None) -> Iterator[tuple[str, Row]]:
    if wanted.since is not None:
        yield f"{table}.started_at >= ?", (wanted.since,)
    if wanted.until is not None:
        yield f"{table}.started_at < ?", (wanted.until,)
    if cursor is not None:
        after = ">" if wanted.oldest_first else "<"
        yield f"({table}.started_at, {table}.run_id) {after} (?, ?)", rules.place_of(cursor)


def _checks(wanted: Filter) -> Iterator[tuple[str, Row]]:
    statuses = rules.statuses(wanted)
    if statuses:
        yield f"run.status IN ({', '.join('?' * len(statuses))})", statuses
    if wanted.workflow is not None:
        yield "run.workflow = ?", (wanted.workflow,)
    for pair in wanted.tags.items():
        yield _TAGGED, pair


def _all(clauses: Sequence[tuple[str, Row]]) -> str:
    return " AND ".join(clause for clause, _ in clauses)


def _values(clauses: Sequence[tuple[str, Row]]) -> Row:
    return tuple(value for _, values in clauses for value in values)
