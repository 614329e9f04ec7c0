"""What really happened, line by line, in a file that all processes of a test append to; and where one of them dies.

A line is written with one O_APPEND write, so it is there even if its process is killed in the next moment.
"""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Mapping
from pathlib import Path

from attrs import frozen

FOLDER = "E2E_FOLDER"  # where the journal lies; without it nothing is written
STOPS = "E2E_STOPS"  # "in a body:3,after a report:5": whoever is the third in a body kills itself, once


@frozen
class Line:
    """*what*: up, began, ended, resolved, failed (the last two: acknowledged by the store), killed or done.

    *path*: of a step, or the place of a kill. *at*: milliseconds.
    """

    what: str
    path: str
    run_id: str
    attempt: int
    pid: int
    thread: int
    at: int


def note(what: str, path: str = "", *, run_id: str = "", attempt: int = 0, pid: int | None = None) -> None:
    if FOLDER in os.environ:
        thread, at = threading.get_native_id(), time.time_ns() // 1_000_000
        line = [what, path, run_id, attempt, os.getpid() if pid is None else pid, thread, at]
        _append("journal", json.dumps(line).encode() + b"\n")


def lines(folder: Path) -> list[Line]:
    """All whole ones: somebody may be writing the last."""
    file = folder / "journal"
    whole, _, _ = (file.read_bytes() if file.exists() else b"").rpartition(b"\n")
    return [Line(*json.loads(line)) for line in whole.splitlines()]


def reach(place: str) -> None:
    """A place where this process may have to die: the n-th time that any process comes here, and only once."""
    for stop in filter(None, os.environ.get(STOPS, "").split(",")):
        where, _, number = stop.partition(":")
        if where == place and _append(f"reached {place}", b".") >= int(number) and _first(stop):
            note("killed", place)
            os.kill(os.getpid(), signal.SIGKILL)


def stops(where: Mapping[str, int | tuple[int, ...]]) -> str:
    """The value of `STOPS`."""
    several = {place: (at,) if isinstance(at, int) else at for place, at in where.items()}
    return ",".join(f"{place}:{number}" for place, numbers in several.items() for number in numbers)


def mark(name: str) -> None:
    """Something that other processes may wait for."""
    _append(f"mark {name}", b".")


def await_mark(name: str, seconds: float) -> bool:
    file, end = Path(os.environ[FOLDER]) / f"mark {name}", time.monotonic() + seconds
    while not file.exists() and time.monotonic() < end:
        time.sleep(0.01)
    return file.exists()


def _append(name: str, data: bytes) -> int:
    """The size of the file after it."""
    file = os.open(Path(os.environ[FOLDER]) / name, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(file, data)
        return os.fstat(file).st_size
    finally:
        os.close(file)


def _first(stop: str) -> bool:
    try:
        os.close(os.open(Path(os.environ[FOLDER]) / f"stopped {stop}", os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True
