"""Read what is new of a run, and have an execution that was fed all of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from yieldflow.codec.packing import unpack
from yieldflow.core.commands import CallStep
from yieldflow.core.events import Event
from yieldflow.core.interpreter import Execution
from yieldflow.core.run import Run
from yieldflow.engine.live import Live
from yieldflow.engine.planning import wakes
from yieldflow.engine.requests import Read, Save
from yieldflow.engine.state import Asking, Tending
from yieldflow.errors import ReplyLost, Undecodable, UnknownWorkflow, UnreadableLog
from yieldflow.ports import Commit, Log, Mark, Reply


def look(t: Tending) -> Asking[None]:
    """After it `t.log` is None if there is no such run, and `t.live` is up to the head (but of a run that has ended,
    or of another queue). Raises `CodeError` and `ImpossibleEvent`.
    """
    t.hold()
    log: Log | None = yield Read(t.run_id, None if t.live is None else t.live.head)
    t.log = log
    if log is None or log.gap:
        t.drop()
    if log is None:
        return
    t.foreign = not t.me.serves(log.summary.queue)
    if t.live is None and not t.foreign and log.summary.finished_at is None:
        t.hold()
        t.live, t.cached = Live(_execution(t, log.summary.workflow), Mark(0, "")), False
    if t.live is not None:
        yield from advance(t, t.live, log.events, log.head)
    _count(t, log)


def advance(t: Tending, live: Live, tail: tuple[bytes, ...], head: Mark) -> Asking[None]:
    """Feed a tail, and what was cut off it."""
    while True:
        length = live.head.length + len(tail)
        mark = head if length >= head.length else Mark(length, "")
        live.feed(unpacked(tail), mark, sum(map(len, tail)))
        if mark is head:
            return
        log: Log | None = yield Read(t.run_id, mark)
        if log is None or log.gap or not log.events:
            raise UnreadableLog("it changed while it was read")
        tail, head = log.events, log.head


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
            call = pending.issued.command
            assert isinstance(call, CallStep)
            t.mine.append((claim, call))


def _settled(log: Log, run: Run) -> bool:
    """Whether alarm and status are as they should be, so that no commit is owed for them."""
    ends = [wakes(run, (), log.now), *(claim.until for claim in log.claimed)]
    exact = min((end for end in ends if end is not None), default=None)
    if log.summary.note is not None:
        return False
    if log.entries == len(log.claimed):
        return log.alarm == exact
    return log.alarm is not None and (exact is None or log.alarm <= exact)  # free work: the rings put it off
