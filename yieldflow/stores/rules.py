"""The rules that every store keeps, as functions over values: leases, alarms, tails, summaries, pages.

Nothing here keeps state or talks to anything, but for the clock of a process.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Sequence

from attrs import evolve

from yieldflow.core.times import Millis
from yieldflow.errors import shown
from yieldflow.ports import (
    HINT_AFTER,
    LONGEST_PUT_OFF,
    NO_EVENTS,
    REPLAYS_KEPT,
    TAIL_BYTES,
    TAIL_EVENTS,
    Beat,
    Claimed,
    Commit,
    Filter,
    Head,
    Page,
    Status,
    Summary,
)

Clock = Callable[[], Millis]
_CURSOR = re.compile("([0-9]{1,15}) (.+)")


def wall_clock() -> Clock:
    """A clock that never runs backwards within this process, whatever happens to the wall clock."""
    latest = 0

    def now() -> Millis:
        nonlocal latest  # without a lock, which a fork could leave locked: a thread that races reads a moment ago
        latest = max(latest, time.time_ns() // 1_000_000)
        return latest

    return now


def check(commit: Commit) -> None:
    """Raises ValueError for a commit that no store can apply, before anything is written."""
    if isinstance(commit.on, Head) and commit.on.at is None and (commit.summary is None or not commit.events):
        raise ValueError(f"the first commit of run {commit.run_id!r} needs events and a summary")
    if commit.summary is not None and commit.summary.run_id != commit.run_id:
        raise ValueError(f"a commit of run {commit.run_id!r} brings the summary of run {commit.summary.run_id!r}")


def is_place(after: int, length: int) -> bool:
    """Whether a log may be read from there on, whatever it holds."""
    return after <= length or after == NO_EVENTS.length


def tail_begins(after: int, length: int) -> int:
    """After how many events; a negative number counts from the end."""
    return max(0, length + after) if after < 0 else after


def tail(events: Iterable[bytes]) -> tuple[bytes, ...]:
    """The first of *events*, at most `TAIL_EVENTS` or `TAIL_BYTES` of them, but one at least; takes no more than one
    event too many from the iterable.
    """
    kept: list[bytes] = []
    room = TAIL_BYTES
    for event in events:
        room -= len(event)
        if kept and (room < 0 or len(kept) == TAIL_EVENTS):
            break
        kept.append(event)
    return tuple(kept)


# --- leases ------------------------------------------------------------------------------------------------


def renewed(claim: Claimed, beat: Beat, now: Millis) -> Claimed:
    deadline = earliest(claim.deadline, beat.deadline)
    work = claim.work if beat.details is None else evolve(claim.work, details=beat.details)
    return evolve(claim, work=work, deadline=deadline, until=work.lease_end(deadline, now))


# --- alarms ------------------------------------------------------------------------------------------------


def earliest(*instants: Millis | None) -> Millis | None:
    first = None
    for instant in instants:
        if instant is not None and (first is None or instant < first):
            first = instant
    return first


def hinted(base: Millis | None, now: Millis, not_before: Millis = 0, alarm: Millis | None = None) -> Millis | None:
    """The alarm, but for leases, after a change by someone who cannot decide, and may want it earlier."""
    return earliest(base, alarm, max(not_before, now + HINT_AFTER))


def looked_at(commit: Commit, summary: Summary, entries: int, not_before: Millis | None, now: Millis) -> Millis | None:
    """The alarm, but for leases, after a commit on the head that leaves so many entries in the work table, the first
    free one due at *not_before* (None: there is none). Nobody may claim work of a run that is paused.
    """
    if commit.done or summary.status == "paused":
        return commit.alarm
    soon = now + HINT_AFTER
    lost = soon if entries < commit.entries else None
    return earliest(commit.alarm, lost, None if not_before is None else max(not_before, soon))


def moved(alarm: Millis | None, base: Millis | None, lease_end: Millis | None, now: Millis) -> Millis | None:
    """The alarm after a claim or a beat; *lease_end* is the first that is still to come, or the one of the beat. An
    alarm that is due stays due until it rings. A lease that is over has rung already when the alarm is not due: it must
    not undo the putting off.
    """
    return alarm if alarm is not None and alarm <= now else earliest(base, lease_end)


def put_off(base: Millis | None, lease_end: Millis | None, rings: int, now: Millis) -> tuple[Millis, Millis]:
    """The alarm without and with leases of a run that rings once more after *rings* times without a commit;
    *lease_end* is the first that is still to come.
    """
    alarm = now + min(HINT_AFTER << min(rings, 20), LONGEST_PUT_OFF)
    later = min(base, alarm) if base is not None and base > now else alarm
    return later, alarm if lease_end is None else min(alarm, lease_end)


# --- summaries and pages -------------------------------------------------------------------------------------


def summary_after(commit: Commit, before: Summary) -> Summary:
    """What is listed after *commit*. Events clear a note, as the log that could not be continued is another now; so
    does whoever has tended the run and has nothing to append: the note was of other code.
    """
    on_head = isinstance(commit.on, Head)
    chosen = commit.summary if on_head and commit.summary is not None else before
    tended = on_head and commit.summary is None and not commit.keeps_rings
    if not (commit.events or tended) or (chosen.note is None and chosen.status != "blocked"):
        return chosen
    return evolve(chosen, note=None, status="running" if chosen.status == "blocked" else chosen.status)


def keeps_hooks(ended: Summary) -> bool:
    """Links that were mailed survive until the last generation of a chain ends."""
    return ended.status == "continued"


def is_carried(once: str) -> bool:
    """A payload counts once in a chain; whoever cancels a generation may cancel the next one, too."""
    return once.startswith("hook:")


def replays(summary: Summary, queues: Sequence[str] | None) -> bool:
    return queues is None or summary.queue in queues


def replays_after(replays: Sequence[Millis], now: Millis) -> tuple[Millis, ...]:
    return (*replays, now)[-REPLAYS_KEPT:]


def keeps_rings(commit: Commit) -> bool:
    """Whether the commit only says that the run is blocked: then its alarm goes on backing off."""
    blocked = commit.summary is not None and commit.summary.note is not None
    return isinstance(commit.on, Head) and (blocked or commit.keeps_rings)


def statuses(wanted: Filter) -> tuple[Status, ...]:
    """Those that are asked for; none: any."""
    match wanted.status:
        case None:
            return ()
        case str() as one:
            return (one,)
        case several:
            return several


def fits(summary: Summary, wanted: Filter) -> bool:
    return (
        summary.status in (statuses(wanted) or (summary.status,))
        and (wanted.workflow is None or summary.workflow == wanted.workflow)
        and wanted.tags.items() <= summary.tags.items()
        and (wanted.since is None or wanted.since <= summary.started_at)
        and (wanted.until is None or summary.started_at < wanted.until)
    )


def place(summary: Summary) -> tuple[Millis, str]:
    """Where a run stands in a listing, which goes from the greatest place to the least, or with `oldest_first` back."""
    return summary.started_at, summary.run_id


def page(found: Sequence[Summary], wanted: Filter) -> Page:
    """Of runs that fit, in order: as many as there are, or one more than the page has."""
    listed = tuple(found[: wanted.limit])
    return Page(listed, cursor_after(listed[-1]) if len(found) > len(listed) > 0 else None)


def cursor_after(summary: Summary) -> str:
    return f"{summary.started_at} {summary.run_id}"


def place_of(cursor: str) -> tuple[Millis, str]:
    """Raises ValueError for what `cursor_after` did not write."""
    found = _CURSOR.fullmatch(cursor) if isinstance(cursor, str) and cursor.isprintable() else None
    if found is None:
        raise ValueError(f"{shown(cursor)} is no cursor: give back that of the page before")
    return int(found[1]), found[2]
