"""Carry out steps: have a claim, run its body, report how it came out."""

from __future__ import annotations

from yieldflow.core.chain import issuer
from yieldflow.core.commands import CallStep, Recorded
from yieldflow.core.events import CommandIssued
from yieldflow.core.path import Path
from yieldflow.engine.attempts import Attempt, report, reported
from yieldflow.engine.concluding import speculate
from yieldflow.engine.debts import pay
from yieldflow.engine.live import Live
from yieldflow.engine.planning import Conclusion
from yieldflow.engine.reading import advance, look, save, unpacked
from yieldflow.engine.requests import Execute, Offer, Release, Stopped, Take, Unfit
from yieldflow.engine.state import HELP, Asking, Tending
from yieldflow.errors import CodeError, ImpossibleEvent, ReplyLost
from yieldflow.ports import HINT_AFTER, NO_EVENTS, Claimed, Done, Granted

_AGAIN = 2  # how often a report whose reply is lost is sent again: its body has run


def next_work(t: Tending) -> Asking[tuple[Claimed, Recorded] | None]:
    """A claim whose work may begin now, or None."""
    if t.live is not None and t.live.execution.run.paused:
        yield from return_claims(t)
        return None
    if t.live is not None and t.live.execution.run.local:  # it was not run here
        yield Offer(t.run_id, t.live.queue, 1)
        t.hinted = t.hinted or t.time_is_up()
    if t.me.stopping() or (t.time_is_up() and not t.mine):
        yield from return_claims(t)
        t.hinted = t.hinted or bool(t.ours())
        yield from _leave_to_others(t, 1)
        return None
    if t.mine:
        return t.mine.pop(0)
    if not t.may_run_now():
        yield from _leave_to_others(t, HELP)
    return (yield from _take(t)) if t.ours() else None


def perform(t: Tending, claim: Claimed, command: Recorded) -> Asking[None]:
    if t.live is not None and claim.path not in t.live.execution.run.open:
        return  # abandoned since, and its entry with it
    known = None if t.live is None else t.live.head
    if isinstance(command, CallStep):
        attempt = yield from _execute(t, claim, command)
        if known is not None:
            yield from t.hold()
    else:
        attempt = yield from _pay(t, claim)
    if attempt is None:
        return
    if attempt.again is not None:
        t.retry_at = min(t.retry_at or attempt.again.not_before, attempt.again.not_before)
    live = t.live
    if live is not None and live.head == known and _may_speculate(t, live, claim.path):
        try:
            if (yield from speculate(t, live, Conclusion(attempts=(attempt,)))):
                return
        except (CodeError, ImpossibleEvent):  # the fact comes first; a replay will say what is wrong
            t.drop()
    yield from _report(t, claim, attempt)


def _execute(t: Tending, claim: Claimed, call: CallStep) -> Asking[Attempt | None]:
    step = t.step(claim.path, call.name)
    if step is None:
        yield from _refuse(t, claim)
        return None
    listed = None if t.log is None else t.log.summary
    tags, anew = ({}, ()) if listed is None else (listed.tags, listed.anew)
    keys = issuer(t.run_id, anew, claim.work.event)
    t.give_back()  # others may tend while the body runs
    body = yield Execute(t.run_id, claim, call, step, tags, keys)
    t.tokens.discard(claim.token)
    if isinstance(body, Stopped):
        return None
    if isinstance(body, Unfit):
        yield from _refuse(t, claim)
        return None
    return reported(t.run_id, claim, call, step, body, t.me.now())


def _pay(t: Tending, claim: Claimed) -> Asking[Attempt | None]:
    """A debt is paid by those who hold the log: it is on the run's own queue."""
    if t.live is None:
        yield from _refuse(t, claim)
        return None
    run = t.live.execution.run
    assert run.started is not None
    attempt = yield from pay(t, run.started, run.open[claim.path], claim)
    t.tokens.discard(claim.token)
    return attempt


def return_claims(t: Tending) -> Asking[None]:
    """Give back what has not begun."""
    for claim, _ in t.mine:
        yield Release(t.run_id, claim.path, claim.token)
        t.left[claim.work.queue] += 1
        t.settled = False
    t.mine.clear()


def _leave_to_others(t: Tending, count: int) -> Asking[None]:
    for queue, left in t.ours().items():
        yield Offer(t.run_id, queue, min(left, count))
        del t.left[queue]


def _take(t: Tending) -> Asking[tuple[Claimed, Recorded] | None]:
    try:
        granted: Granted = yield Take(t.run_id, tuple(t.ours()), t.token())
    except ReplyLost:
        yield from look(t)
        return t.mine.pop(0) if t.mine else None
    if not granted.grants:
        for queue in t.ours():
            del t.left[queue]
        return None
    grant = granted.grants[0]
    t.left[grant.claim.work.queue] -= 1
    (event,) = unpacked((grant.event,))
    assert isinstance(event, CommandIssued)
    t.mine.append((grant.claim, event.command))
    if t.live is not None and t.live.head != grant.head and not _has_asked(t.live, grant.claim, event):
        yield from look(t)  # a plain function is known only to a program that has asked for it
    return t.mine.pop(0)


def _has_asked(live: Live, claim: Claimed, event: CommandIssued) -> bool:
    """What came since need not be read for that: the report brings it."""
    pending = live.execution.run.open.get(claim.path)
    return pending is not None and pending.position == claim.work.event and pending.issued == event


def _refuse(t: Tending, claim: Claimed) -> Asking[None]:
    """The code at hand cannot carry this out: leave it to another worker."""
    yield Release(t.run_id, claim.path, claim.token, t.me.now() + HINT_AFTER)
    t.settled = False


def _may_speculate(t: Tending, live: Live, path: Path) -> bool:
    """Only if nobody else has work of this run, and its last speculation was not refused."""
    run = live.execution.run
    return run.work == 1 and path in run.open and t.tools.cache.may_speculate(t.run_id)


def _report(t: Tending, claim: Claimed, attempt: Attempt) -> Asking[None]:
    """Append an outcome, fenced by its claim; what comes back is the log since we last looked."""
    live = t.live
    commit = report(t.run_id, t.me.fresh(), claim, attempt, NO_EVENTS if live is None else live.head)
    reply = yield from save(commit)
    for _ in range(_AGAIN):
        if reply is None:  # if it was applied, the claim is gone by now: that is fine
            reply = yield from save(commit)
    t.settled = False
    if t.foreign and t.log is not None:
        yield Offer(t.run_id, t.log.summary.queue, 1)
    elif live is not None and isinstance(reply, Done) and not reply.gap:
        yield from advance(t, live, reply.tail, reply.head)
    else:
        yield from look(t)
