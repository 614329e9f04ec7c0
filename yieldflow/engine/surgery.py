"""A run made of another one's log: a failed one that is retried, one that is forked. Functions over logs.

Events are copied as they are; what is open at the cut is open in the new run. A payload that came after the cut of a
retry was acknowledged, and comes along.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import evolve

from yieldflow.codec.packing import pack
from yieldflow.core.agenda import DEADLINE
from yieldflow.core.answers import token_hash
from yieldflow.core.chain import successor
from yieldflow.core.events import (
    CancelRequested,
    CommandResolved,
    Event,
    ForkOf,
    HookReceived,
    RetryOf,
    RunFinished,
    RunResumed,
    RunStarted,
    fork_of,
)
from yieldflow.core.outcome import Err
from yieldflow.core.questions import hook_token
from yieldflow.core.record import record
from yieldflow.core.run import fold
from yieldflow.core.times import Millis
from yieldflow.engine.outside import opening
from yieldflow.engine.planning import open_work, summary
from yieldflow.errors import NotFailed, UsageError
from yieldflow.ports import Commit


@record
class Cut:
    """The first event of a new run, how many events of the other log it begins with, the first one's included, and the
    places of later ones that it keeps.
    """

    started: RunStarted
    length: int
    kept: tuple[int, ...] = ()


def retried(events: Sequence[Event]) -> Cut:
    """The next generation of a failed run: it goes on before the failure that ended it. Raises `NotFailed`."""
    started, last = _ends(events)
    if not isinstance(last, RunFinished) or not isinstance(last.outcome, Err):
        raise NotFailed(started.run_id)
    length = _before_the_failure(events, last)
    origin = started.cause.run_id if isinstance(started.cause, RetryOf) else started.run_id
    cause = RetryOf(origin, length, fork_of(started.cause))
    kept = tuple(place for place in range(length, len(events)) if isinstance(events[place], HookReceived))  # were sent
    anew = (*_retried_before(started, length), length)
    again = evolve(started, run_id=successor(started.run_id), cause=cause, deadline=None, anew=anew)
    return Cut(again, length, kept)


def forked(events: Sequence[Event], run_id: str, at: int | None, seed: bytes) -> Cut:
    """A run of its own that shares the first *at* events (default: all but the end). Raises `UsageError`."""
    started, last = _ends(events)
    whole = len(events) - isinstance(last, RunFinished)
    length = whole if at is None else at
    if not 1 <= length <= len(events):
        raise UsageError(f"run {started.run_id!r} has {len(events):,} events; fork it at one from 1 to {whole:,}")
    length = min(length, whole)
    cause = ForkOf(started.run_id, length, started.seed, fork_of(started.cause))
    fork = evolve(
        started,
        run_id=run_id,
        seed=seed,
        token_seed=None,
        cause=cause,
        parent=None,
        deadline=None,
        anew=_retried_before(started, length),
    )
    return Cut(fork, length)


def begun(cut: Cut, events: Sequence[Event], packed: Sequence[bytes], commit: str, at: Millis) -> Commit:
    """The commit that starts it: the copied events, the work that is open then, the hooks. A retry goes on, also where
    its cut lies in a pause.
    """
    places = (*range(1, cut.length), *cut.kept)
    run = fold((cut.started, *(events[place] for place in places)))
    copied = [packed[place] for place in places]
    if run.paused and isinstance(cut.started.cause, RetryOf):
        run.add(resumed := RunResumed(at))
        copied.append(pack(resumed))
    opened = opening(cut.started, commit, copied, at=at)
    hooks = {token_hash(hook_token(cut.started, name)): name for name in run.hooks}
    listed = evolve(summary(cut.started, None, cut.started.at), status="paused" if run.paused else "running")
    keys = {
        f"{'hook' if isinstance(event, HookReceived) else 'cancel'}:{event.key}": position
        for position, event in enumerate((cut.started, *(events[place] for place in places)), 1)
        if isinstance(event, HookReceived | CancelRequested)
    }
    return evolve(opened, put=open_work(run), hooks=hooks, keys=keys, payloads=len(run.unread), summary=listed)


def _retried_before(started: RunStarted, length: int) -> tuple[int, ...]:
    return tuple(position for position in started.anew if position < length)


def _ends(events: Sequence[Event]) -> tuple[RunStarted, Event]:
    started = events[0]
    assert isinstance(started, RunStarted)
    return started, events[-1]


def _before_the_failure(events: Sequence[Event], last: RunFinished) -> int:
    """How many events come before the one that ended the run: a command's failure, its time, or just its end."""
    for position in range(len(events) - 1, 0, -1):
        match events[position]:
            case CommandResolved(path=path, outcome=Err()) if path == last.origin:
                return position
            case CancelRequested(key=key) if last.origin is None and key == DEADLINE:
                return position
            case _:
                pass
    return len(events) - 1
