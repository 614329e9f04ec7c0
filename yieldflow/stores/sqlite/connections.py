"""The connections to one store file: each is used by one thread at a time, and by no other process than opened it.

A transaction is a function that is called again from its start when the file is locked, so that nobody ever
sees "database is locked". What SQLite says is turned into the sentences of `errors`.
"""

from __future__ import annotations

import os
import sqlite3
import time
import weakref
from collections.abc import Callable
from pathlib import Path as FilePath
from sqlite3 import Connection
from threading import Lock
from typing import Literal, TypeVar

from yieldflow.errors import StoreError, StoreUnreachable, StoreUnsuitable
from yieldflow.stores.sqlite.schema import prepare

T = TypeVar("T")
Transaction = Callable[[Connection], T]
Mode = Literal["rw", "ro"]

_LOG_PAGES = 4_000  # 16 MB: a page that many commits wrote to is copied back, and the disk waited for, as rarely
_SHORTEST_NAP = 0.001  # seconds between two tries of a locked file
_LONGEST_NAP = 0.02
_LOCKED = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL}  # the last: too many began at once


class _Process:
    """What belongs to one process: never used again after a fork, nor closed there."""

    def __init__(self) -> None:
        self.idle: list[Connection] = []
        self.writing = Lock()  # threads queue here, where it is fairer than in SQLite


class Connections:
    """*patience*: seconds that a locked file is waited for. *mode*: "ro" for a file that SQLite keeps from changes.
    *fsync*: what is written is on the disk.
    """

    def __init__(
        self, path: str | os.PathLike[str], patience: float, mode: Mode = "rw", *, fsync: bool = False
    ) -> None:
        if os.fspath(path) == ":memory:":
            raise StoreUnsuitable("sqlite:///:memory:", "each connection would have its own; use memory: instead")
        self._path = FilePath(os.path.abspath(path))  # noqa: PTH100 - `resolve` would follow links
        self._url = f"sqlite:///{os.fspath(path)}"
        self._patience, self._mode, self._fsync = patience, mode, fsync
        self._processes: dict[int, _Process] = {}
        self._closed = False
        self._opened: tuple[int, int] | None = None  # which file that was
        weakref.finalize(self, _close_idle, self._processes)
        self.read(lambda db: db.execute("SELECT 1 FROM run LIMIT 1"))  # says at once what is wrong with the file
        self._opened = _identity(self._path)

    def read(self, transaction: Transaction[T]) -> T:
        """All that *transaction* reads is of one moment."""
        return self._insist(self._here(), "BEGIN", transaction)

    def write(self, transaction: Transaction[T]) -> T:
        process = self._here()
        with process.writing:
            return self._insist(process, "BEGIN IMMEDIATE", transaction)

    def close(self) -> None:
        """Connections in use are closed when they are given back."""
        self._closed = True
        _close_idle(self._processes)

    def _here(self) -> _Process:
        number = os.getpid()
        return self._processes.get(number) or self._processes.setdefault(number, _Process())

    def _insist(self, process: _Process, begin: str, transaction: Transaction[T]) -> T:
        end, nap = time.monotonic() + self._patience, _SHORTEST_NAP
        while True:
            try:
                return self._once(process, begin, transaction)
            except sqlite3.Error as error:
                if not _locked(error) or time.monotonic() >= end:
                    raise self._meaning(error) from error
            time.sleep(nap)
            nap = min(nap * 2, _LONGEST_NAP)

    def _once(self, process: _Process, begin: str, transaction: Transaction[T]) -> T:
        db = self._borrow(process)
        try:
            db.execute(begin)
            answer = transaction(db)
            db.execute("COMMIT")
            return answer
        finally:
            self._give_back(process, db)

    def _borrow(self, process: _Process) -> Connection:
        if self._closed:
            raise StoreUnreachable(self._url, "it was closed")
        if self._opened is not None and _identity(self._path) != self._opened:  # nobody would find what is written now
            raise StoreUnsuitable(self._url, "the file that was opened is not there any more; open the store again")
        try:
            return process.idle.pop()
        except IndexError:
            return self._open()

    def _give_back(self, process: _Process, db: Connection) -> None:
        if db.in_transaction:
            db.rollback()
        if self._closed:
            db.close()
        else:
            process.idle.append(db)

    def _open(self) -> Connection:
        # No busy timeout: `_insist` waits, in shorter naps than SQLite takes.
        path = f"{self._path.as_uri()}?mode=ro" if self._mode == "ro" else self._path
        db = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False, uri=self._mode == "ro")
        try:
            reason = self._set_up(db)
        except sqlite3.Error:
            db.close()
            raise
        if reason is not None:
            db.close()
            raise StoreUnsuitable(self._url, reason)
        return db

    def _set_up(self, db: Connection) -> str | None:
        reason = prepare(db)
        if reason is not None or self._mode == "ro":
            return reason
        (mode,) = db.execute("PRAGMA journal_mode = WAL").fetchone()
        db.execute(f"PRAGMA synchronous = {'FULL' if self._fsync else 'NORMAL'}")
        db.execute(f"PRAGMA wal_autocheckpoint = {_LOG_PAGES}")
        return None if mode == "wal" else "its file system has no write-ahead log; use a local disk"

    def _meaning(self, error: sqlite3.Error) -> StoreError:
        match _code(error):
            case code if code in _LOCKED:
                reason = f"another process kept it locked for {self._patience:g} s; end that one, or try again"
                return StoreUnreachable(self._url, reason)
            case sqlite3.SQLITE_CANTOPEN if _is_directory(self._path.parent) is False:
                return StoreUnsuitable(self._url, f"there is no directory {self._path.parent}; create it first")
            case sqlite3.SQLITE_CANTOPEN if _is_directory(self._path):
                return StoreUnsuitable(self._url, "it is a directory; name a file in it")
            case sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM | sqlite3.SQLITE_READONLY:
                return StoreUnsuitable(self._url, f"no permission to write {self._path} and beside it ({error})")
            case sqlite3.SQLITE_NOTADB:
                return StoreUnsuitable(self._url, "the file is not an SQLite database; name another file")
            case sqlite3.SQLITE_CORRUPT:
                return StoreUnsuitable(self._url, f"the file is damaged ({error}); restore it from a backup")
            case sqlite3.SQLITE_FULL:
                return StoreUnsuitable(self._url, "the disk is full; nothing was changed")
            case sqlite3.SQLITE_IOERR:
                return StoreUnsuitable(
                    self._url, f"the disk cannot be read or written ({error}); is it full or broken?"
                )
            case _:
                return StoreUnsuitable(self._url, str(error))


def _code(error: sqlite3.Error) -> int | None:
    """The primary code; what Python's module raises by itself has none."""
    extended: int | None = getattr(error, "sqlite_errorcode", None)
    return None if extended is None else extended & 0xFF


def _locked(error: sqlite3.Error) -> bool:
    return _code(error) in _LOCKED


def _close_idle(processes: dict[int, _Process]) -> None:
    process = processes.get(os.getpid())
    while process is not None and process.idle:
        process.idle.pop().close()


def _identity(path: FilePath) -> tuple[int, int] | None:
    """Which file has that name now; None: there is none."""
    try:
        found = os.stat(path)  # noqa: PTH116 - before each transaction: this is three times as fast
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _is_directory(path: FilePath) -> bool | None:
    """None: it may not be seen."""
    try:
        return path.is_dir()
    except PermissionError:
        return None
