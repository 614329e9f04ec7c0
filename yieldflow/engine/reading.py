"""Read what is new of a run, and have an execution that was fed all of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from yieldflow.codec.packing import unpack
from yieldflow.core.agenda import wakes_at
from yieldflow.core.events import AttemptFailed, CommandResolved, Event
from yieldflow.core.interpreter import Execution
from yieldflow.core.record import record
from yieldflow.core.run import Run, fold
from yieldflow.core.times import Millis
from yieldflow.engine.live import Live
from yieldflow.engine.requests import Read, Save
from yieldflow.engine.state import Asking, Tending
from yieldflow.errors import DeadlyReplay, ReplyLost, Undecodable, UnknownWorkflow, UnreadableLog
from yieldflow.ports import LONGEST_PUT_OFF, Commit, Log, Mark, Reply

MOST_DEATHS = 6
LONGEST_REPLAY: Millis = 10_000  # whoever takes longer and does nothing to the run counts as dead
LAST_EVENTS = 100  # where signs of life are looked for


@record
class Whole:
    """A log from its first event to *head*."""

    packed: tuple[bytes, ...]
    events: tuple[Event, ...]
    run: Run
    head: Mark


def look(t: Tending) -> Asking[None]:
    """After it `t.log` is None if there is no such run, and `t.live` is up to the head (but of a run that has ended,
    or of another queue). Raises `CodeError` and `ImpossibleEvent`.
    """
    yield from t.hold()
    replaying = t.live is None
    known = None if t.live is None else t.live.head
    log: Log | None = yield Read(t.run_id, known, t.me.queues if replaying else ())
    t.log = log
    if log is None or log.gap:
        t.drop()
    if log is None:
        return
    t.foreign = not t.me.serves(log.summary.queue)
    if t.live is None and not t.foreign and log.summary.finished_at is None:
        yield from _expect_to_survive(t.run_id, log)
        yield from t.hold()
        t.live, t.stale = Live(_execution(t, log.summary.workflow), Mark(0, "")), False
    if t.live is not None:
        yield from advance(t, t.live, log.events, log.head)
    _count(t, log)
    if replaying:
        t.settled = False  # a commit takes back that we replay it


def advance(t: Tending, live: Live, tail: tuple[bytes, ...], head: Mark) -> Asking[None]:
    """Feed a tail together with what was cut off it: the program may ask what the whole known log holds."""
    events, head = yield from _rest(t.run_id, live.head.length, tail, head)
    t.stale = t.stale or live.head.length > 0
    live.feed(unpacked(events), head, sum(map(len, events)))


def read_all(run_id: str) -> Asking[Whole | None]:
    """The whole log of any run. Raises `UnreadableLog` and `ImpossibleEvent`."""
    log: Log | None = yield Read(run_id, None)
    if log is None:
        return None
    packed, head = yield from _rest(run_id, 0, log.events, log.head)
    events = unpacked(packed)
    return Whole(packed, events, fold(events), head)


def _rest(run_id: str, known: int, tail: tuple[bytes, ...], head: Mark) -> Asking[tuple[tuple[bytes, ...], Mark]]:
    """*tail* begins after *known* events; what is missing up to the head is read page by page."""
    events = [*tail]
    while known + len(events) < head.length:
        log: Log | None = yield Read(run_id, Mark(known + len(events), ""))
        if log is None or log.gap or not log.events:
            raise UnreadableLog("it changed while it was read")
        events += log.events
        head = log.head
    return tuple(events), head


def save(commit: Commit) -> Asking[Reply | None]:
    """None: the reply was lost, and whether it was applied only the log can tell."""
    try:
        reply: Reply = yield Save(commit)
    except ReplyLost:
        return None
    return reply


def unpacked(events: Iterable[bytes]) -> tuple[Event, ...]:
    """Raises `UnreadableLog`."""
    try:
        return tuple(map(unpack, events))
    except Undecodable as error:
        raise UnreadableLog(str(error)) from error


def _expect_to_survive(run_id: str, log: Log) -> Asking[None]:
    """Raises `DeadlyReplay` where too many have begun to replay this log and were never heard of again. One more try is
    made from time to time: the code may be another by now.
    """
    silent = [began for began in log.replays if began <= log.now - LONGEST_REPLAY]
    if len(silent) < MOST_DEATHS or log.replays[-1] <= log.now - LONGEST_PUT_OFF:
        return
    alive = yield from _last_sign_of_life(run_id, log)
    deaths = sum(began > alive for began in silent)
    if deaths >= MOST_DEATHS:
        raise DeadlyReplay(deaths)


def _last_sign_of_life(run_id: str, log: Log) -> Asking[Millis]:
    """When work was last taken or reported: whoever did that has survived its replay, and may be busy since."""
    last: Log | None = yield Read(run_id, Mark(max(0, log.head.length - LAST_EVENTS), ""))
    events = unpacked(() if last is None else last.events)
    reports = [event.at for event in events if isinstance(event, AttemptFailed | CommandResolved) and event.worker]
    return max([*reports, *(claim.since for claim in log.claimed)], default=0)


def _execution(t: Tending, name: str) -> Execution:
    workflow = t.tools.registry.workflow(name)
    if workflow is None:
        raise UnknownWorkflow(name)
    return Execution(workflow, t.tools.codec, t.tools.loaded)


def _count(t: Tending, log: Log) -> None:
    t.left, t.table = Counter(log.free), (log.head, log.entries)
    if t.live is None:
        return
    run = t.live.execution.run
    t.settled = _settled(log, run)
    known = {claim.token for claim, _ in t.mine}
    for claim in log.claimed:  # a reply was lost, but the claim was given
        pending = run.open.get(claim.path)
        if claim.token in t.tokens - known and pending is not None:
            t.mine.append((claim, pending.issued.command))


def _settled(log: Log, run: Run) -> bool:
    """Whether alarm and status are as they should be, so that no commit is owed for them."""
    if log.replays or (log.summary.status == "paused") != run.paused:
        return False
    ends = [wakes_at(run, log.now), *(claim.until for claim in log.claimed)]
    exact = min((end for end in ends if end is not None), default=None)
    if log.summary.note is not None:
        return False
    waits = log.entries == len(log.claimed) + len(run.children) and not run.local
    if waits or run.paused:
        return log.alarm == exact
    return log.alarm is not None and (exact is None or log.alarm <= exact)  # free work: the rings put it off
