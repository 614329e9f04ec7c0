"""What a run owes to other runs while it lives: to start a child, to cancel one, to deliver a payload.

Each is work with an entry and a claim, as a step is. What it does to the other run is done under a key or an id that
derives from this run and path: done twice, it is done once.
"""

from __future__ import annotations

from yieldflow.core.commands import Send, StartChild
from yieldflow.core.events import CommandResolved, RunStarted
from yieldflow.core.failures import from_exception
from yieldflow.core.outcome import Cancelled, Err, Ok
from yieldflow.core.run import Pending
from yieldflow.core.times import Millis
from yieldflow.engine.attempts import Attempt
from yieldflow.engine.lineage import child_of
from yieldflow.engine.outside import cancellation, delivery
from yieldflow.engine.planning import awaited
from yieldflow.engine.reaching import deliver, key_of, open_run
from yieldflow.engine.reading import save
from yieldflow.engine.requests import Offer, Release
from yieldflow.engine.state import Asking, Tending
from yieldflow.errors import InboxFull, RunEnded, RunExists, UnknownRun, YieldflowError
from yieldflow.ports import HINT_AFTER, Claimed, Commit, Done, Holding, Refused, Reply


def pay(t: Tending, started: RunStarted, pending: Pending, claim: Claimed) -> Asking[Attempt | None]:
    """Pay a debt that we have claimed; what is to be reported of it, or None: nothing now."""
    match pending.issued.command:
        case StartChild() as child if pending.abandoned:
            return (yield from _cancel_child(t, started, pending, child, claim))
        case StartChild() as child:
            return (yield from _start_child(t, started, pending, child, claim))
        case Send() as send:
            return (yield from _send(t, started, pending, send, claim))
        case _:
            raise AssertionError("a step is no debt")


def _start_child(
    t: Tending, started: RunStarted, pending: Pending, child: StartChild, claim: Claimed
) -> Asking[Attempt | None]:
    event = child_of(started, pending.issued, child)
    if (theirs := (yield from open_run(t, event))) is None:
        yield from _later(t, claim)
        return None
    if theirs.parent != event.parent:
        return _failed(t, claim, _others(event.run_id, theirs))
    yield Offer(event.run_id, theirs.queue, 1)  # also one that was there: whoever started it may be gone
    if child.detached:
        return _answered(t, claim, t.tools.codec.encode(event.run_id, str))
    yield from _await_end(t, claim)
    return None


def _cancel_child(
    t: Tending, started: RunStarted, pending: Pending, child: StartChild, claim: Claimed
) -> Asking[Attempt | None]:
    match (yield from cancel_child(t, started, pending, child, f"its parent {started.run_id} let it go")):
        case None:
            yield from _later(t, claim)
        case RunExists() as other:  # it was let go before it could begin: nobody has to know
            event = CommandResolved(t.me.now(), claim.path, Cancelled(str(other)), worker=claim.worker)
            return Attempt(event, claim.work)
        case _:
            yield from _await_end(t, claim)
    return None


def cancel_child(
    t: Tending, started: RunStarted, pending: Pending, child: StartChild, reason: str
) -> Asking[Reply | RunExists | None]:
    """Tell a child that nobody waits for it; a run that only has its id is left alone. One that has not begun is begun
    first: whoever is about to start it then finds it cancelled. None: it is not known whether it was told.
    """
    event = child_of(started, pending.issued, child)
    if (theirs := (yield from open_run(t, event))) is None:
        return None
    if theirs.parent != event.parent:
        return _others(event.run_id, theirs)
    key = key_of(started, pending)

    def asked(run_id: str, at: Millis) -> Commit:
        return cancellation(run_id, t.me.fresh(), key=key, reason=reason, at=at)

    return (yield from deliver(t, event.run_id, asked))


def _others(run_id: str, theirs: RunStarted) -> RunExists:
    return RunExists(run_id, f"the workflow {theirs.workflow}, and is not this command's")


def _send(t: Tending, started: RunStarted, pending: Pending, send: Send, claim: Claimed) -> Asking[Attempt | None]:
    key, inbox = key_of(started, pending), started.limits.inbox

    def asked(run_id: str, at: Millis) -> Commit:
        by = started.run_id
        return delivery(run_id, t.me.fresh(), send.hook, send.payload, key=key, by=by, inbox=inbox, at=at)

    match (yield from deliver(t, send.run_id, asked)):
        case None:
            yield from _later(t, claim)
            return None
        case Done(head):
            return _answered(t, claim, t.tools.codec.encode(head.length, int))
        case Refused("twice", position=position):
            return _answered(t, claim, t.tools.codec.encode(position or 0, int))
        case Refused("ended"):
            return _failed(t, claim, RunEnded(send.run_id))
        case Refused("inbox"):
            return _failed(t, claim, InboxFull(send.run_id, inbox))
        case _:
            return _failed(t, claim, UnknownRun(send.run_id))


def _await_end(t: Tending, claim: Claimed) -> Asking[None]:
    """The child is told; now its end is waited for. Where the claim is gone, another has seen to that."""
    commit = Commit(t.run_id, t.me.fresh(), Holding(claim.path, claim.token), put=(awaited(claim.work),))
    yield from save(commit)
    t.settled = False


def _later(t: Tending, claim: Claimed) -> Asking[None]:
    yield Release(t.run_id, claim.path, claim.token, t.me.now() + HINT_AFTER)
    t.settled = False


def _answered(t: Tending, claim: Claimed, value: bytes) -> Attempt:
    return Attempt(CommandResolved(t.me.now(), claim.path, Ok(value), worker=claim.worker), claim.work)


def _failed(t: Tending, claim: Claimed, error: YieldflowError) -> Attempt:
    failure = from_exception(error, t.tools.codec)
    return Attempt(CommandResolved(t.me.now(), claim.path, Err(failure), worker=claim.worker), claim.work)
