"""How a tender reaches other runs: starts one, finds the newest generation of a chain, delivers from outside.

Everything here may be done twice; None or False says that it is not known whether it was done.
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import evolve

from yieldflow.codec.packing import pack, unpack
from yieldflow.core.chain import chain_of, issuer
from yieldflow.core.events import RunStarted
from yieldflow.core.outcome import ContinuedAs
from yieldflow.core.path import show
from yieldflow.core.run import Pending, Run
from yieldflow.core.times import Millis
from yieldflow.engine.lineage import cancel_of, next_of
from yieldflow.engine.outside import opening
from yieldflow.engine.reading import read_all, save
from yieldflow.engine.requests import Newest, Offer, Read
from yieldflow.engine.state import Asking, Tending
from yieldflow.errors import StoreError
from yieldflow.ports import NO_EVENTS, Commit, Conflict, Done, Log, Open, Refused, Reply

_GENERATIONS = 3  # that may begin while we look for the newest one


def open_run(t: Tending, event: RunStarted) -> Asking[RunStarted | None]:
    """The first event of the run that has this id now; None: it cannot be known."""
    reply = yield from save(opening(event, t.me.fresh()))
    match reply:
        case Done():
            return event
        case Conflict(tail=tail) if tail:
            first = unpack(tail[0])
            return first if isinstance(first, RunStarted) else None
        case _:
            return None


def deliver(t: Tending, run_id: str, asked: Callable[[str, Millis], Commit]) -> Asking[Reply | None]:
    """A commit from outside on the newest generation of a chain, with a hint; None: the reply was lost."""
    chain, _ = chain_of(run_id)
    target = run_id
    for _ in range(_GENERATIONS):
        commit = asked(target, t.me.now())
        reply = yield from save(commit)
        if isinstance(reply, Done):
            yield from hint(target)
        if not isinstance(reply, Refused) or not _is_over(reply, commit):
            return reply
        newest: str = yield Newest(chain)
        if newest == target and not (yield from start_next(t, target)):
            return reply
        target = yield Newest(chain)
    return None


def _is_over(refused: Refused, commit: Commit) -> bool:
    """Whether it may be the next generation's business: that one may be cancelled, too."""
    cancels = isinstance(commit.on, Open) and commit.on.once.startswith("cancel:")
    return refused.reason == "ended" or (refused.reason == "twice" and cancels)


def hint(run_id: str) -> Asking[None]:
    """Somebody should look at that run, on its own queue. It may be lost: the alarm leaves another one."""
    try:
        log: Log | None = yield Read(run_id, NO_EVENTS)
    except StoreError:
        return
    if log is not None:
        yield Offer(run_id, log.summary.queue, 1)


def start_next(t: Tending, run_id: str) -> Asking[bool]:
    """Start the generation after *run_id*, if that was continued; whether there is one now. One whose alarm is gone had
    a successor, which has been deleted since.
    """
    stands: Log | None = yield Read(run_id, NO_EVENTS)
    if stands is None or stands.summary.status != "continued" or stands.alarm is None:
        return False
    log = yield from read_all(run_id)
    if log is None or not isinstance(log.run.outcome, ContinuedAs):
        return False
    return (yield from start_after(t, log.run))


def start_after(t: Tending, run: Run) -> Asking[bool]:
    event, cancel = next_of(run), cancel_of(run)
    commit = opening(event, t.me.fresh(), () if cancel is None else (pack(cancel),))
    keys = {} if cancel is None else {f"cancel:{cancel.key}": 2}
    reply = yield from save(evolve(commit, keys=keys))
    if not isinstance(reply, Done | Conflict):
        return False
    yield Offer(event.run_id, event.queue, 1)
    return True


def key_of(started: RunStarted, pending: Pending) -> str:
    """What a command does to other runs counts once, also if the run is retried while it is open."""
    return f"{issuer(started.run_id, started.anew, pending.position)}/{show(pending.issued.path)}"
