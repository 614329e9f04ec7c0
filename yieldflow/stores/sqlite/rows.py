"""Rows of the tables to values and back."""

from __future__ import annotations

import json
import struct
from typing import Any, TypeAlias, assert_never

from attrs import astuple

from yieldflow.core.path import Path
from yieldflow.ports import Claimed, Entry, Free, Note, Summary

Row: TypeAlias = tuple[Any, ...]  # what sqlite3 answers; the schema says which types

SUMMARY = "run_id, workflow, queue, status, started_at, finished_at, tags, note, parent, anew"
# The fields of Free and Claimed, in order.
WORK = (
    "path, queue, event, attempt, lease, not_before, timeout, losses, accepts, details,"
    " token, worker, since, until, deadline"
)
_TOKEN = 10  # its place among them; none: the entry is free


def path_key(path: Path) -> bytes:
    return struct.pack(f">{len(path)}I", *path)


def summary_row(summary: Summary) -> Row:
    note = summary.note
    return (
        summary.run_id,
        summary.workflow,
        summary.queue,
        summary.status,
        summary.started_at,
        summary.finished_at,
        json.dumps(dict(summary.tags)),
        None if note is None else json.dumps([note.reason, note.length, note.version]),
        summary.parent,
        json.dumps(summary.anew),
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
        json.loads(tags),
        None if note is None else Note(*json.loads(note)),
        parent,
        tuple(json.loads(anew)),
    )


def entry_row(entry: Entry) -> Row:
    match entry:
        case Free():
            return (*_free_row(entry), None, None, None, None, None)
        case Claimed(work, token, worker, since, until, deadline):
            return (*_free_row(work), token, worker, since, until, deadline)
        case _:
            assert_never(entry)


def entry_of(row: Row) -> Entry:
    return free_of(row) if row[_TOKEN] is None else claimed_of(row)


def free_of(row: Row) -> Free:
    key, *fields = row[:_TOKEN]
    return Free(struct.unpack(f">{len(key) // 4}I", key), *fields)


def claimed_of(row: Row) -> Claimed:
    return Claimed(free_of(row), *row[_TOKEN:])


def _free_row(work: Free) -> Row:
    return (path_key(work.path), *astuple(work, recurse=False)[1:])
