"""What the records of a run say, compared with what its log says of it. A function of both; nothing is read here.

Only what no working fleet can cause is a fault: a tender that is still to come puts much right by itself, and
its alarm says that it comes.
"""

from __future__ import annotations

from collections.abc import Iterator

from attrs import evolve, fields

from yieldflow.core.agenda import DEADLINE, wakes_at
from yieldflow.core.commands import CallStep
from yieldflow.core.events import CancelRequested, Event, HookReceived, RunStarted
from yieldflow.core.path import Path, show
from yieldflow.core.questions import hook_hashes
from yieldflow.core.run import Run
from yieldflow.core.times import Millis
from yieldflow.engine.planning import open_work, summary
from yieldflow.inspection.phrases import count
from yieldflow.ports import LONGEST_PUT_OFF, NEVER, Claimed, Free, Summary
from yieldflow.stores.records import Records

SLACK: Millis = 60_000  # what an alarm may be late beyond the longest putting off


def faults(run: Run, kept: Records) -> tuple[str, ...]:
    """Each a phrase. *run* is the fold of the log that *kept* was read with."""
    return (*_listing(run, kept), *_work(run, kept), *_alarm(run, kept), *_mail(run, kept), *kept.loose)


def traces(kept: Records) -> bool:
    """Whether anything is kept of a run without a log."""
    return bool(kept.summary or kept.alarm is not None or kept.entries or kept.keys or kept.loose)


def listed(run: Run, kept: Records) -> Summary:
    """The summary as it should be; what it says of a block is nothing that a log knows."""
    started, ended = _started(run), run.ended
    told = summary(started, run.outcome, started.at if ended is None else ended.at)
    if ended is not None:
        return told
    note = None if kept.summary is None else kept.summary.note
    blocked = kept.summary is not None and kept.summary.status == "blocked"
    return evolve(told, status="paused" if run.paused else "blocked" if blocked else "running", note=note)


def missing_work(run: Run, kept: Records) -> tuple[Free, ...]:
    """Entries to put back: those that are not there, or are another attempt's."""
    known = {entry.path: entry for entry in kept.entries}
    return tuple(work for work in _expected(run) if work.path not in known or _differs(work, known[work.path], run))


def extra_work(run: Run, kept: Records) -> tuple[Path, ...]:
    expected = {work.path for work in _expected(run)}
    return tuple(entry.path for entry in kept.entries if entry.path not in expected)


def missing_hooks(run: Run, kept: Records) -> dict[str, str]:
    if run.ended is not None:
        return {}
    return {token: name for token, name in hook_hashes(run).items() if kept.hooks.get(token) != name}


def missing_keys(events: tuple[Event, ...], kept: Records) -> dict[str, int]:
    """Of deliveries, with their positions."""
    keys = {_once(event): position for position, event in enumerate(events, 1)}
    return {key: position for key, position in keys.items() if key and key not in kept.keys}


def owed_at(run: Run, kept: Records) -> Millis | None:
    """When somebody has to look at the run, as far as log and work table tell; None: perhaps never."""
    if run.ended is not None or run.paused:
        return None
    ends = [entry.until if isinstance(entry, Claimed) else entry.not_before for entry in kept.entries]
    ends += [kept.now] if run.local or not run.open else []  # a run that waits for nothing was never looked at
    ends += [kept.now] if kept.summary is not None and kept.summary.status == "blocked" else []
    wakes = wakes_at(run, kept.now)
    return min([end for end in (*ends, *([] if wakes is None else [wakes])) if end < NEVER], default=None)


# --- phrases ----------------------------------------------------------------------------------------------------------


def _listing(run: Run, kept: Records) -> Iterator[str]:
    if kept.summary is None:
        yield "it has a log and is not listed"
        return
    right = listed(run, kept)
    if kept.summary.status == "paused" and run.ended is None and kept.alarm is not None:
        right = evolve(right, status="paused")  # it was cancelled in a pause, and is still to be looked at
    wrong = [one.name for one in fields(Summary) if getattr(kept.summary, one.name) != getattr(right, one.name)]
    if "status" in wrong:
        yield f"it is listed as {kept.summary.status}, and its log says {right.status}"
    others = [name for name in wrong if name != "status"]
    if others:
        yield f"its summary is not what its log says: {', '.join(others)}"
    if kept.ended is not (run.ended is not None):
        yield "it is kept as ended, and its log goes on" if kept.ended else "its log has ended, and it is kept as open"


def _work(run: Run, kept: Records) -> Iterator[str]:
    known, expected = {entry.path: entry for entry in kept.entries}, _expected(run)
    lost = [work.path for work in expected if work.path not in known]
    if lost:
        yield f"its work table lacks {_paths(lost)}"
    extra = extra_work(run, kept)
    if extra:
        yield f"its work table has {_paths(extra)}, which its log does not have open"
    wrong = [work.path for work in expected if work.path in known and _differs(work, known[work.path], run)]
    if wrong:
        yield f"its work table has another attempt or queue than its log for {_paths(wrong)}"


def _alarm(run: Run, kept: Records) -> Iterator[str]:
    owed = owed_at(run, kept)
    if kept.alarm is None and (owed is not None or kept.owed is not None):
        yield "it has no alarm, and something is owed to it"
    elif kept.alarm is not None and owed is not None and kept.alarm > max(owed, kept.now) + LONGEST_PUT_OFF + SLACK:
        yield "its alarm is far too late"


def _mail(run: Run, kept: Records) -> Iterator[str]:
    if run.ended is not None:
        return
    hooks = missing_hooks(run, kept)
    if hooks:
        yield f"nobody finds its hook{'s' if len(hooks) > 1 else ''} {', '.join(sorted(hooks.values())[:3])} by a token"
    if kept.payloads != len(run.unread):
        yield f"it counts {count(kept.payloads, 'unread payload')}, and its log has {len(run.unread)}"
    lost = run.keys - kept.keys - {f"cancel:{DEADLINE}"}
    if lost:
        yield f"{count(len(lost), 'delivery', 'deliveries')} could come a second time"


# --- what the log expects ---------------------------------------------------------------------------------------------


def _expected(run: Run) -> tuple[Free, ...]:
    return () if run.ended is not None else open_work(run)


def _differs(right: Free, entry: Free | Claimed, run: Run) -> bool:
    work = entry.work if isinstance(entry, Claimed) else entry
    if (work.queue, work.event, work.attempt) != (right.queue, right.event, right.attempt):
        return True
    is_step = isinstance(run.open[right.path].issued.command, CallStep)
    return is_step and isinstance(entry, Free) and entry.not_before >= NEVER  # nobody would ever claim it


def _once(event: Event) -> str:
    match event:
        case HookReceived(key=key):
            return f"hook:{key}"
        case CancelRequested(key=key) if key != DEADLINE:
            return f"cancel:{key}"
        case _:
            return ""


def _started(run: Run) -> RunStarted:
    assert run.started is not None
    return run.started


def _paths(paths: list[Path] | tuple[Path, ...]) -> str:
    named = ", ".join(show(path) for path in paths[:3])
    return f"{'path' if len(paths) == 1 else 'paths'} {named}{' and others' if len(paths) > 3 else ''}"
