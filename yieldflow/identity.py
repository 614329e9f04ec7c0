"""Who a worker is: host, boot, process namespace, pid and the process's start, so that its death can be known.

Whoever shares all but the process with a worker can say for sure that it is gone; nobody else guesses.
"""

from __future__ import annotations

import os
import socket
from functools import cache
from pathlib import Path


def name(pid: int | None = None) -> str:
    """The worker name of this process, or of process *pid* of this machine."""
    own = os.getpid() if pid is None else pid
    return f"{_place()}:{own}:{_began(own) or 0}"


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
    """Clock ticks since boot at which the process began; None: there is no such process, or no /proc."""
    fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return int(fields[19]) if len(fields) > 19 and fields[0] != "Z" else None


def _alive(pid: int) -> bool:
    if Path("/proc/self/stat").exists():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _read(file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except OSError:
        return ""
