"""`tend`: all that can be done now for one run. It is start, resume, retry and recovery.

Read, decide, commit, do. It is a generator: it yields requests and is sent their replies, so a driver may
stop it before or after any of them; whatever it held is then found again in the log and the work table.
"""

from __future__ import annotations

from attrs import evolve

from yieldflow.engine.concluding import append_what_is_concluded
from yieldflow.engine.planning import wakes
from yieldflow.engine.reading import look, save
from yieldflow.engine.requests import Offer, Read, Tended
from yieldflow.engine.state import HELP, Asking, Tending, Tools
from yieldflow.engine.working import next_work, perform, return_claims
from yieldflow.errors import CodeError, ImpossibleEvent, UnreadableLog
from yieldflow.ports import HINT_AFTER, NO_EVENTS, Commit, Done, Head, Log, Note

__all__ = ["Tools", "tend"]


def tend(run_id: str, tools: Tools) -> Asking[Tended]:
    """Do all that can be done now for a run, and say how it ended. Raises `StoreError` as the driver throws it in."""
    t = Tending(run_id, tools, until=tools.me.now() + tools.me.slice)
    try:
        tended = yield from _confirmed(t)
        t.give_back()
        return tended
    finally:
        t.drop()  # whatever is not given back may know what the log does not hold


def _confirmed(t: Tending) -> Asking[Tended]:
    """An old execution may only be out of date: what it complains of is confirmed by a replay from scratch."""
    while True:
        try:
            return (yield from _rounds(t))
        except (CodeError, ImpossibleEvent) as error:
            cached = t.cached
            t.drop()
            if not cached:
                yield from return_claims(t)
                return (yield from _block(t, error))


def _rounds(t: Tending) -> Asking[Tended]:
    yield from look(t)
    while t.log is not None:
        live = t.live
        if t.log.summary.finished_at is not None or (live is not None and live.execution.run.ended is not None):
            t.drop()
            return Tended("ended", t.log.head if live is None else live.head)
        if live is None and not t.foreign:
            yield from look(t)
            continue
        if live is not None and (yield from append_what_is_concluded(t, live)):
            continue
        if (work := (yield from next_work(t))) is not None:
            yield from perform(t, *work)
        elif (tended := (yield from _leave(t, t.log))) is not None:
            return tended
    return Tended("unknown")


def _leave(t: Tending, log: Log) -> Asking[Tended | None]:
    """Nothing is left to do here: make sure that somebody looks again when there is. None: there may be more."""
    yield from _remind(t, log)
    if t.live is None:
        return Tended("waiting", log.head, log.alarm)
    run = t.live.execution.run
    alarm = wakes(run, (), t.me.now())
    if not t.settled:
        healthy = None if log.summary.note is None else evolve(log.summary, status="running", note=None)
        commit = Commit(
            t.run_id,
            t.me.fresh(),
            Head(t.live.head),
            alarm=alarm,
            entries=run.steps,
            summary=healthy,
            payloads=len(run.unread),
        )
        reply = yield from save(commit)
        if not isinstance(reply, Done):
            yield from look(t)
            return None
        t.settled, t.table = True, (reply.head, reply.entries)
        return None
    stopped = t.hinted or t.me.stopping()
    return Tended("stopped" if stopped else "waiting", t.live.head, alarm)


def _remind(t: Tending, log: Log) -> Asking[None]:
    """Somebody rang, and nothing has been done since: the hint for work of another queue may be lost."""
    if log.rings > 0:
        t.log = evolve(log, rings=0)
        for queue, count in log.free.items():
            if not t.me.serves(queue):
                yield Offer(t.run_id, queue, min(count, HELP))


def _block(t: Tending, error: CodeError | ImpossibleEvent) -> Asking[Tended]:
    """The code at hand cannot go on. Nothing is written to the log; the reason is shown with the run."""
    log: Log | None = yield Read(t.run_id, NO_EVENTS)
    reason = str(error)
    if log is None:
        return Tended("unknown")
    if log.summary.finished_at is not None:
        return Tended("ended", log.head)
    workflow = t.tools.registry.workflow(log.summary.workflow)
    note = Note(reason, log.head.length, None if workflow is None else workflow.version)
    if log.summary.note != note and not isinstance(error, UnreadableLog):
        summary = evolve(log.summary, status="blocked", note=note)
        soon = t.me.now() + HINT_AFTER
        alarm = soon if log.alarm is None else max(log.alarm, soon)  # the rings go on backing off
        yield from save(Commit(t.run_id, t.me.fresh(), Head(log.head), summary=summary, alarm=alarm))
    return Tended("blocked", log.head, reason=reason)
