"""Rows of the tables to values and back."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from struct import Struct
from typing import Any, TypeAlias, TypeVar, assert_never

from yieldflow.core.path import Path
from yieldflow.core.times import Millis
from yieldflow.ports import Claimed, Entry, Free, Note, Summary

T = TypeVar("T")
Row: TypeAlias = tuple[Any, ...]  # what sqlite3 answers; the schema says which types

SUMMARY = "run_id, workflow, queue, status, started_at, finished_at, tags, note, parent, anew"
# Whether it is claimed, and the fields of Free and Claimed, in order.
WORK = (
    "claimed, path, queue, event, attempt, lease, not_before, timeout, losses, accepts, details,"
    " token, worker, since, until, deadline"
)
_TOKEN = 11  # its place among them
_FREE = (None,) * 5  # it and what follows


def path_key(path: Path) -> bytes:
    return _numbers(len(path)).pack(*path)


def summary_row(summary: Summary) -> Row:
    note = summary.note
    return (
        summary.run_id,
        summary.workflow,
        summary.queue,
        summary.status,
        summary.started_at,
        summary.finished_at,
        json.dumps(dict(summary.tags)) if summary.tags else None,
        None if note is None else json.dumps([note.reason, note.length, note.version]),
        summary.parent,
        json.dumps(summary.anew) if summary.anew else None,
    )


def summary_of(row: Row) -> Summary:
    run_id, workflow, queue, status, started_at, finished_at, tags, note, parent, anew = row
    return Summary(
        run_id,
        workflow,
        queue,
        status,
        started_at,
        finished_at,
        _read(tags, dict, {}),
        _read(note, lambda fields: Note(*fields), None),
        parent,
        _read(anew, tuple, ()),
    )


def replays_cell(replays: tuple[Millis, ...]) -> str | None:
    return json.dumps(replays) if replays else None


def replays_of(cell: str | None) -> tuple[Millis, ...]:
    return _read(cell, tuple, ())


def _read(cell: str | None, make: Callable[[Any], T], nothing: T) -> T:
    """What somebody else has made unreadable is lost; the doctor compares with the log, and puts it back."""
    if cell is None:
        return nothing
    try:
        return make(json.loads(cell))
    except (ValueError, TypeError):
        return nothing


def entry_row(entry: Entry) -> Row:
    match entry:
        case Free():
            return (0, *_free_row(entry), *_FREE)
        case Claimed(work, token, worker, since, until, deadline):
            return (1, *_free_row(work), token, worker, since, until, deadline)
        case _:
            assert_never(entry)


def entry_of(row: Row) -> Entry:
    return claimed_of(row) if row[0] else free_of(row)


def free_of(row: Row) -> Free:
    key, *fields = row[1:_TOKEN]
    return Free(_numbers(len(key) // 4).unpack(key), *fields)


def claimed_of(row: Row) -> Claimed:
    return Claimed(free_of(row), *row[_TOKEN:])


@lru_cache(maxsize=64)
def _numbers(count: int) -> Struct:
    return Struct(f">{count}I")


def _free_row(work: Free) -> Row:
    return (
        path_key(work.path),
        work.queue,
        work.event,
        work.attempt,
        work.lease,
        work.not_before,
        work.timeout,
        work.losses,
        work.accepts,
        work.details,
    )
