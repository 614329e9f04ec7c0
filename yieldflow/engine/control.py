"""What operators do to a run as a whole: cancel, pause, resume, terminate, retry, fork. Each is one commit.

They need no program: what may be written follows from the fold alone. Raises `UnknownRun` and `RunEnded`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from attrs import evolve

from yieldflow.codec.packing import pack
from yieldflow.core.chain import chain_of
from yieldflow.core.events import Event, RunFinished, RunPaused, RunResumed
from yieldflow.core.outcome import Cancelled, ContinuedAs
from yieldflow.core.run import Run
from yieldflow.core.times import Millis
from yieldflow.engine.aftermath import owes_something, settle
from yieldflow.engine.outside import cancellation
from yieldflow.engine.planning import summary
from yieldflow.engine.reaching import deliver, hint, start_next
from yieldflow.engine.reading import Whole, read_all, save
from yieldflow.engine.requests import Newest, Read
from yieldflow.engine.state import Asking, Tending
from yieldflow.engine.surgery import Cut, begun, retried
from yieldflow.errors import HookTokenTaken, ReplyLost, RunEnded, RunExists, UnknownRun
from yieldflow.ports import HINT_AFTER, NO_EVENTS, Commit, Conflict, Done, Head, Log, Refused, Summary

_TRIES = 20  # against others who write to the run meanwhile


def cancel(t: Tending, reason: str | None, key: str, *, hinted: bool) -> Asking[None]:
    """Nothing is appended if it was cancelled with that key before. *hinted*: as in `opening`."""

    def asked(target: str, at: Millis) -> Commit:
        return cancellation(target, t.me.fresh(), key=key, reason=reason, at=at, hinted=hinted)

    for _ in range(_TRIES):
        match (yield from deliver(t, t.run_id, asked)):
            case None:
                pass  # the reply was lost: the key tells whether it was applied
            case Done() | Refused("twice"):
                return
            case Refused("ended"):
                raise RunEnded(t.run_id)
            case _:
                raise UnknownRun(t.run_id)
    raise ReplyLost("the store does not say whether the run was asked to stop")


def pause(t: Tending, reason: str | None) -> Asking[None]:
    """Nothing is appended if it is paused already."""
    yield from _switch(t, RunPaused(t.me.now(), reason=reason))


def resume(t: Tending) -> Asking[None]:
    """Nothing is appended if it is not paused."""
    yield from _switch(t, RunResumed(t.me.now()))


def _switch(t: Tending, event: RunPaused | RunResumed) -> Asking[None]:
    pausing = isinstance(event, RunPaused)
    for _ in range(_TRIES):
        log = yield from _live(t)
        if log.run.paused == pausing:
            return
        listed = yield from _listed(log)
        commit = Commit(
            listed.run_id,
            t.me.fresh(),
            Head(log.head),
            events=(pack(event),),
            alarm=None if pausing else event.at,  # where no hint can reach who works, it is the hint
            summary=evolve(listed, status="paused" if pausing else "running", note=None),
        )
        if isinstance((yield from save(commit)), Done):
            yield from hint(listed.run_id)
            return
    raise ReplyLost("others keep writing to the run")


def terminate(t: Tending, reason: str | None) -> Asking[None]:
    """End it without asking its program; its children are cancelled, and its parent is told."""
    mine = None
    for _ in range(_TRIES):
        log = yield from _newest(t)
        if mine is not None and log.head.commit == mine:
            return  # it was applied, and the reply was lost: whoever tends it pays what it owes
        if log.run.ended is not None:
            raise RunEnded(t.run_id)
        event = RunFinished(t.me.now(), Cancelled(reason, forced=True))
        run = _ended(log.run, event)
        assert run.started is not None
        owes = owes_something(run)
        commit = Commit(
            run.started.run_id,
            t.me.fresh(),
            Head(log.head),
            events=(pack(event),),
            alarm=event.at + HINT_AFTER if owes else None,
            summary=summary(run.started, event.outcome, event.at),
            done=True,
        )
        mine = commit.commit
        reply = yield from save(commit)
        if isinstance(reply, Done):
            if owes:
                yield from settle(t, run, reply.head)
            return
    raise ReplyLost("others keep writing to the run")


def retry(t: Tending) -> Asking[str]:
    """Go on with a failed run from its failure, as its next generation, whose id is the answer. Raises `NotFailed`."""
    log = yield from _newest(t)
    cut = retried(log.events)
    return (yield from _begin(t, cut, log))


def fork(t: Tending, forked: Callable[[Sequence[Event]], Cut]) -> Asking[str]:
    """Start a run of its own from what *forked* cuts out of the log. Raises `RunExists`, and what *forked* raises."""
    log = yield from _newest(t)
    return (yield from _begin(t, forked(log.events), log))


def _begin(t: Tending, cut: Cut, log: Whole) -> Asking[str]:
    commit = begun(cut, log.events, log.packed, t.me.fresh(), t.me.now())
    for _ in range(_TRIES):
        reply = yield from save(commit)
        match reply:
            case Done():
                yield from hint(commit.run_id)
                return commit.run_id
            case Conflict(head=head) if head is not None and head.commit == commit.commit:
                return commit.run_id  # it was applied, and the reply was lost
            case Conflict():
                raise RunExists(commit.run_id, "a log of its own")
            case Refused("taken"):
                raise HookTokenTaken(", ".join(sorted(commit.hooks.values())))
            case _:
                pass
    raise ReplyLost("the store does not say whether the run was started")


def _live(t: Tending) -> Asking[Whole]:
    log = yield from _newest(t)
    if log.run.ended is not None:
        raise RunEnded(t.run_id)
    return log


def _newest(t: Tending) -> Asking[Whole]:
    """The log of the newest generation; a run that was continued has one, or is given it here."""
    chain, _ = chain_of(t.run_id)
    stands: Log | None = yield Read(t.run_id, NO_EVENTS)
    goes_on = stands is not None and stands.summary.finished_at is None  # then there is no newer one
    newest: str = t.run_id if goes_on else (yield Newest(chain))
    log = yield from read_all(newest)
    if log is not None and isinstance(log.run.outcome, ContinuedAs) and (yield from start_next(t, newest)):
        newest = yield Newest(chain)
        log = yield from read_all(newest)
    if log is None:
        raise UnknownRun(t.run_id)
    return log


def _listed(log: Whole) -> Asking[Summary]:
    assert log.run.started is not None
    found: Log | None = yield Read(log.run.started.run_id, NO_EVENTS)
    if found is None:
        raise UnknownRun(log.run.started.run_id)
    return found.summary


def _ended(run: Run, event: RunFinished) -> Run:
    run.add(event)
    return run
