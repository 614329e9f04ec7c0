"""What a store file and its disk are like, judged: will it keep runs? It only judges what the keeper has read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from yieldflow.doctor.findings import Finding, error, ok, warning

NETWORKED = ("nfs", "cifs", "smb", "9p", "fuse.sshfs", "afs", "ceph", "glusterfs", "fuse.glusterfs", "lustre")
IN_MEMORY = ("tmpfs", "ramfs")
LITTLE: int = 256 << 20  # bytes that are free
TOO_LITTLE: int = 32 << 20
_SYNCHRONOUS = ("off", "normal", "full", "extra")


def judged(told: Mapping[str, Any]) -> Iterator[Finding]:
    yield _integrity(told)
    yield _journal(told)
    yield _disk(told)
    yield _space(told)
    yield _writers(told)


def _integrity(told: Mapping[str, Any]) -> Finding:
    said = str(told["quick_check"])
    if said != "ok":
        return error("integrity", f"the file is damaged: {said}", "restore it from a backup")
    return ok("integrity", f"schema {told['user_version']}, quick_check ok")


def _journal(told: Mapping[str, Any]) -> Finding:
    mode, level = str(told["journal_mode"]), _SYNCHRONOUS[int(told["synchronous"])]
    if mode != "wal":
        says = f"journal_mode is {mode}: readers and writers block each other"
        return warning("journal", says, "close what else has it open, and run a worker once")
    if level == "off":
        return error("journal", "synchronous is off: a crash of the machine may damage the file", "use normal")
    return ok("journal", f"journal_mode wal, synchronous {level}")


def _disk(told: Mapping[str, Any]) -> Finding:
    kind, file = str(told["file_system"]), told["file"]
    if kind.startswith(NETWORKED):
        says = f"{file} lies on a network file system ({kind}), whose locks cannot be relied on"
        return error("disk", says, "move it to a local disk, or use Redis")
    if kind in IN_MEMORY:
        return warning("disk", f"{file} lies in memory ({kind}), and is gone with the machine", "move it to a disk")
    return ok("disk", f"a local file system ({kind})" if kind else "its file system cannot be told")


def _space(told: Mapping[str, Any]) -> Finding:
    free, kept = int(told["free_bytes"]), int(told["bytes"])
    says = f"{free / (1 << 20):,.0f} MiB free, the file has {kept / (1 << 20):,.1f} MiB"
    advice = "make room, or prune runs that have ended"
    if free < TOO_LITTLE:
        return error("space", says, advice)
    return warning("space", says, advice) if free < LITTLE else ok("space", says)


def _writers(told: Mapping[str, Any]) -> Finding:
    mode = int(told["mode"])
    if mode & 0o002:
        return error("permissions", f"anybody on this machine may write the file ({mode:o})", "chmod o-w it")
    others = "its group may write it" if mode & 0o020 else "its owner alone may write it"
    return ok("permissions", f"mode {mode:o}: {others}{', and anybody may read it' if mode & 0o004 else ''}")
