"""What makes an SQLite file hard to use for others, each as a process of its own: for tests of what its users see."""

from __future__ import annotations

import resource
import sqlite3
import time
from contextlib import closing, suppress
from pathlib import Path

from tests.deep.stores_contenders import contend


def lock(file: str, seconds: float, ready: str, mode: str = "NORMAL") -> None:
    """Hold the write lock; in the mode EXCLUSIVE nobody may read either."""
    with closing(opened(file)) as db:
        db.execute(f"PRAGMA locking_mode = {mode}")
        db.execute("BEGIN IMMEDIATE")
        Path(ready).touch()
        time.sleep(seconds)
        db.execute("COMMIT")


def disturb(file: str, seconds: float) -> None:
    """In turn: a long transaction that writes, one that reads, a checkpoint that wants the file to itself, a vacuum."""
    end = time.monotonic() + seconds
    with closing(opened(file)) as db:
        while time.monotonic() < end:
            for begin, pause in (("BEGIN IMMEDIATE", 0.1), ("BEGIN", 0.2), ("BEGIN EXCLUSIVE", 0.05)):
                with suppress(sqlite3.OperationalError):  # it is the others who are looked at
                    db.execute(begin)
                    db.execute("SELECT count(*) FROM event").fetchone()
                    time.sleep(pause)
                    db.execute("COMMIT")
            for statement in ("PRAGMA wal_checkpoint(TRUNCATE)", "PRAGMA wal_checkpoint(RESTART)", "VACUUM"):
                with suppress(sqlite3.OperationalError):
                    db.execute(statement).fetchall()


def contend_in_little_space(space: int, *args: object) -> None:
    """Files of this process do not grow beyond *space* bytes: the system refuses to write more."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (space, space))
    contend(*args)  # type: ignore[arg-type] # they come from JSON


def opened(file: str) -> sqlite3.Connection:
    return sqlite3.connect(file, isolation_level=None, timeout=30)
