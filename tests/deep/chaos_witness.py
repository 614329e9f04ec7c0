"""What really happened in a chaos round, line by line, in a file that all its processes append to.

A line is one O_APPEND write, so it is there even if its process is killed in the next moment, and the order of the
lines is the order in which things happened. Nothing here asks the engine.
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path as File

from attrs import define, field, frozen

from yieldflow import current_step

FOLDER = "CHAOS_FOLDER"  # where the journal lies; without it nothing is written
UNKNOWN = 1 << 40  # an age in ms: who wrote the line does not know when its work was claimed


@frozen
class Line:
    """*what*: up, began, ended, acked, refused (the last two: what the store said to a report).

    *nonce*: of a body, its own name. *at*: monotonic ms, the same for all processes. *worker*: the pid of who took the
    hint, which with RQ's forks is the parent. *age*: ms since its work was claimed, at most. *seen*: the bodies whose
    answers it was given.
    """

    what: str
    run_id: str = ""
    path: str = ""
    nonce: str = ""
    pid: int = 0
    worker: int = 0
    at: int = 0
    age: int = 0
    seen: tuple[str, ...] = ()

    @property
    def place(self) -> tuple[str, str]:
        return self.run_id, self.path


@define
class Me:
    """This process as a witness; a horse has its parent's."""

    worker: int = field(factory=os.getpid)
    files: dict[int, int] = field(factory=dict)  # descriptors, by pid
    claimed: dict[tuple[str, str], int] = field(factory=dict)  # by run and path, when it was asked for


ME = Me()


def now() -> int:
    return time.monotonic_ns() // 1_000_000


def note(
    what: str, run_id: str = "", path: str = "", nonce: str = "", *, age: int = 0, seen: list[str] | None = None
) -> None:
    if FOLDER in os.environ:
        line = [what, run_id, path, nonce, os.getpid(), ME.worker, now(), age, seen or []]
        os.write(_file(), json.dumps(line).encode() + b"\n")


@contextmanager
def body(seen: list[str]) -> Iterator[str]:
    """Its start and its end are in the journal; answers its own name."""
    me, nonce = current_step(), os.urandom(5).hex()
    claimed = ME.claimed.get((me.run_id, me.path))
    note("began", me.run_id, me.path, nonce, age=UNKNOWN if claimed is None else now() - claimed, seen=seen)
    try:
        yield nonce
    finally:
        note("ended", me.run_id, me.path, nonce)


@define
class Journal:
    """Reads what has been added since the last time."""

    folder: File
    lines: list[Line] = field(factory=list)
    working: dict[int, Line] = field(factory=dict)  # the body that runs, by pid
    _read: int = 0

    def look(self) -> list[Line]:
        """The new lines."""
        file = self.folder / "journal"
        if not file.exists():
            return []
        with file.open("rb") as journal:
            journal.seek(self._read)
            data = journal.read()
        data = data[: data.rfind(b"\n") + 1]
        self._read += len(data)
        new = [Line(*one[:-1], seen=tuple(one[-1])) for one in map(json.loads, data.splitlines())]
        for line in new:
            if line.what == "began":
                self.working[line.pid] = line
            elif line.what == "ended":
                self.working.pop(line.pid, None)
        self.lines += new
        return new

    def bodies(self) -> Counter[tuple[str, str]]:
        return Counter(line.place for line in self.lines if line.what == "began")


def _file() -> int:
    pid = os.getpid()
    if pid not in ME.files:
        ME.files[pid] = os.open(File(os.environ[FOLDER]) / "journal", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    return ME.files[pid]
