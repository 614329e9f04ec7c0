"""What the doctor says: a finding is one sentence, and what to do. A value; nothing here looks at anything."""

from __future__ import annotations

from typing import Literal, TypeAlias

from yieldflow.core.record import record

Level: TypeAlias = Literal["ok", "warning", "error"]


@record
class Finding:
    """*check*: what was looked at, a word or two, always the same for the same. *run_id*: of which run, if of one."""

    check: str
    level: Level
    says: str
    do: str = ""
    run_id: str | None = None


def ok(check: str, says: str) -> Finding:
    return Finding(check, "ok", says)


def warning(check: str, says: str, do: str, run_id: str | None = None) -> Finding:
    return Finding(check, "warning", says, do, run_id)


def error(check: str, says: str, do: str, run_id: str | None = None) -> Finding:
    return Finding(check, "error", says, do, run_id)
