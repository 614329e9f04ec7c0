"""`tend`: all that can be done now for one run. It is start, resume, retry and recovery.

Read, decide, commit, do. It is a generator: it yields requests and is sent their replies, so a driver may
stop it before or after any of them; whatever it held is then found again in the log and the work table.
"""

from __future__ import annotations

from attrs import evolve

from yieldflow.core.run import Run
from yieldflow.engine.aftermath import owes_something, settle
from yieldflow.engine.concluding import append_what_is_concluded
from yieldflow.engine.planning import child_id, looks
from yieldflow.engine.reading import look, read_all, save
from yieldflow.engine.requests import Offer, Read, Tended
from yieldflow.engine.state import HELP, Asking, Tending, Tools
from yieldflow.engine.working import next_work, perform, return_claims
from yieldflow.errors import CodeError, DeadlyReplay, ImpossibleEvent, UnreadableLog, shortened
from yieldflow.ports import HINT_AFTER, NO_EVENTS, Commit, Done, Head, Log, Note

__all__ = ["Tools", "tend"]

LONGEST_REASON = 10_000  # characters; it is listed with the run


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
            stale = t.stale
            t.drop()
            if not stale:
                yield from return_claims(t)
                return (yield from _block(t, error))


def _rounds(t: Tending) -> Asking[Tended]:
    yield from look(t)
    while t.log is not None:
        live = t.live
        if live is not None and live.execution.run.ended is not None:
            if owes_something(live.execution.run):
                yield from settle(t, live.execution.run, live.head)
            t.drop()
            return Tended("ended", live.head)
        if t.log.summary.finished_at is not None:
            return (yield from _ended(t, t.log))
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


def _ended(t: Tending, log: Log) -> Asking[Tended]:
    """A run that has ended rings as long as it owes something to another one."""
    t.drop()
    whole = (yield from read_all(t.run_id)) if log.alarm is not None else None
    if whole is not None and whole.run.ended is not None:
        yield from settle(t, whole.run, whole.head)
    return Tended("ended", log.head)


def _leave(t: Tending, log: Log) -> Asking[Tended | None]:
    """Nothing is left to do here: make sure that somebody looks again when there is. None: there may be more."""
    yield from _remind(t, log)
    if t.live is None:
        return Tended("waiting", log.head, log.alarm)
    run = t.live.execution.run
    alarm = looks(run, t.me.now())
    if not t.settled:
        if run.ended is not None or t.live.execution.decide():  # it was told more since it decided
            return None
        commit = Commit(
            t.run_id,
            t.me.fresh(),
            Head(t.live.head),
            alarm=alarm,
            entries=run.work,
            summary=t.mended(run),
            payloads=len(run.unread),
        )
        reply = yield from save(commit)
        if not isinstance(reply, Done):
            yield from look(t)
            return None
        t.log = evolve(log, summary=commit.summary or log.summary, replays=())
        t.settled, t.table = True, (reply.head, reply.entries)
        return None
    stopped = t.hinted or t.me.stopping()
    again = min((at for at in (alarm, t.retry_at) if at is not None), default=None)
    return Tended("stopped" if stopped else "waiting", t.live.head, again, children=_children(run))


def _children(run: Run) -> tuple[str, ...]:
    started = run.started
    assert started is not None
    return tuple(child_id(started, path, command) for path, command in run.children.items())


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
    reason = shortened(str(error), LONGEST_REASON)
    if log is None:
        return Tended("unknown")
    if log.summary.finished_at is not None:
        return Tended("ended", log.head)
    workflow = t.tools.registry.workflow(log.summary.workflow)
    note = Note(reason, log.head.length, None if workflow is None else workflow.version)
    same = log.summary.note == note or isinstance(error, UnreadableLog)  # a newer worker may go on with that
    deadly = isinstance(error, DeadlyReplay)
    if not same or (log.replays and not deadly):
        paused = log.summary.status == "paused"  # it stays so: nobody may take its work
        blocked = evolve(log.summary, status="paused" if paused else "blocked", note=note)
        soon = t.me.now() + HINT_AFTER
        alarm = soon if log.alarm is None else max(log.alarm, soon)  # the rings go on backing off
        commit = Commit(
            t.run_id,
            t.me.fresh(),
            Head(log.head),
            summary=None if same else blocked,
            alarm=log.alarm if paused else alarm,
            keeps_rings=True,
            keeps_replays=deadly,
        )
        yield from save(commit)
    return Tended("blocked", log.head, reason=reason)
