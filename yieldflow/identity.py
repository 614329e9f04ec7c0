"""Who a worker is: host, boot, process namespace, pid and the process's start, so that its death can be known.

Whoever shares all but the process with a worker can say for sure that it is gone; nobody else guesses.
"""

from __future__ import annotations

import os
import socket
from functools import cache
from pathlib import Path


@cache
def name() -> str:
    """The worker name of this process."""
    own = os.getpid()
    return f"{_place()}:{own}:{_began(own) or 0}"


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=name.cache_clear)


def gone(worker: str) -> bool:
    """Whether the process of that worker is known to be dead; False where it cannot be known."""
    place, _, process = worker.rpartition(":")
    place, _, pid = place.rpartition(":")
    if place != _place() or not pid.isdigit():
        return False
    began = _began(int(pid))
    return not _alive(int(pid)) if began is None else str(began) != process


def short(worker: str) -> str:
    """For people: host and pid."""
    parts = worker.split(":")
    return f"{parts[0]}:{parts[-2]}" if len(parts) >= 4 else worker


@cache
def _place() -> str:
    boot = _read("/proc/sys/kernel/random/boot_id")[:8]
    try:
        namespace = Path("/proc/self/ns/pid").stat().st_ino
    except OSError:
        namespace = 0
    return f"{socket.gethostname().replace(':', '-')}:{boot}:{namespace}"


def _began(pid: int) -> int | None:
    """Clock ticks since boot at which the process began, -1 of a zombie; None: it cannot be seen."""
    fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    if len(fields) <= 19:
        return None
    return -1 if fields[0] == "Z" else int(fields[19])


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _read(file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
