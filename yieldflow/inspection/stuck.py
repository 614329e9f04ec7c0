"""Runs that nobody will move by himself: `yieldflow ls --stuck`, whose page in the docs says what that is.

Runs that are blocked or running are looked at, newest first, so many in a call. It only reads.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import evolve, frozen

from yieldflow.core.times import Millis
from yieldflow.errors import UnknownRun
from yieldflow.inspection.around import OVERDUE, Standing
from yieldflow.inspection.staff import Staff
from yieldflow.inspection.waiting import standing
from yieldflow.ports import NO_EVENTS, Filter, Log, Look, Status, Store, Summary

LOOKED = 10_000  # runs in a call
_PAGE = 200
_UNANSWERED = 3  # rings
AMONG: tuple[Status, ...] = ("blocked", "running")


@frozen
class StuckPage:
    """*looked*: at how many runs. *cursor*: give it back to go on; None: there are no more."""

    runs: tuple[tuple[Summary, Standing], ...]
    looked: int
    cursor: str | None


def stuck(store: Store, staff: Staff, wanted: Filter, cursor: str | None = None, *, most: int = LOOKED) -> StuckPage:
    """At most `wanted.limit` of those that fit, out of the next *most* runs. Raises `StoreError`."""
    found: list[tuple[Summary, Standing]] = []
    looked = 0
    while True:
        page = store.find(evolve(wanted, limit=min(_PAGE, most - looked)), cursor)
        logs = store.read_each([Look(summary.run_id, NO_EVENTS) for summary in page.runs])
        for at, log in enumerate(logs, 1):
            looked += 1
            stands = None if log is None or not _may_be(log, staff) else _standing(store, staff, log)
            if log is not None and stands is not None and stands.stuck:
                found.append((log.summary, stands))
            if len(found) == wanted.limit and (at < len(page.runs) or page.cursor is not None):
                return StuckPage(tuple(found), looked, store.find(evolve(wanted, limit=at), cursor).cursor)
        cursor = page.cursor
        if cursor is None or looked >= most:
            return StuckPage(tuple(found), looked, cursor)


def _may_be(log: Log, staff: Staff) -> bool:
    """By what is read without the log: of those that are, the log says why."""
    match log.summary.status:
        case "blocked":
            return True
        case "running":
            return _late(log) or _unserved(log, staff) or _forgotten(log)
        case _:
            return False


def _forgotten(log: Log) -> bool:
    """Whoever holds a claim sets the alarm again with each beat."""
    return log.alarm is None and all(claim.until <= log.now for claim in log.claimed)


def _late(log: Log) -> bool:
    due: Millis | None = log.alarm
    return due is not None and log.now - due > OVERDUE


def _unserved(log: Log, staff: Staff) -> bool:
    """Free work, or a bell that nobody answers."""
    queues: Sequence[str] = [*log.free, *([log.summary.queue] if log.rings > 0 or log.head.length == 1 else [])]
    return log.rings >= _UNANSWERED or any(staff.lack(queue) == "nobody" for queue in queues)


def _standing(store: Store, staff: Staff, log: Log) -> Standing | None:
    """None: it is gone, or another generation is the newest by now."""
    try:
        return standing(store, staff, log.summary.run_id)
    except UnknownRun:
        return None
