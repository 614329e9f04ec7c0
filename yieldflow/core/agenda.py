"""What a run is owed by the clock: a function of committed events only, so it needs no program."""

from __future__ import annotations

from collections.abc import Container
from heapq import heappop, heappush

from yieldflow.core.commands import CallStep, Receive
from yieldflow.core.events import CancelRequested, CommandResolved
from yieldflow.core.outcome import Expired, Ok
from yieldflow.core.path import ROOT, Path
from yieldflow.core.run import Run
from yieldflow.core.times import Millis

NOTHING = b"null"
DEADLINE = "deadline"  # the key and the reason of the cancellation that a deadline is


def wakes_at(run: Run, now: Millis, closing: Container[Path] = ()) -> Millis | None:
    """The earliest end of a wait, next attempt of a step after *now*, or the run's deadline; None: the clock owes it
    nothing.

    An attempt that may begin already is open work, and no longer the clock's. Paths in *closing* do not count.
    """
    if run.paused or run.ended is not None:
        return None
    aside = []
    while (timer := _earliest(run, now)) is not None and timer[1] in closing:
        aside.append(heappop(run.timers))
    for passed in aside:
        heappush(run.timers, passed)
    return None if timer is None else timer[0]


def due(run: Run, now: Millis) -> tuple[CommandResolved | CancelRequested, ...]:
    """The waits that are over, and the run's time, as the facts to append, in the order of (end, path).

    Only for a tender that holds the program and has nothing to decide: whether a payload answers a receive
    is known to the program alone, and a payload that came first is its answer.
    """
    if run.paused or run.ended is not None:
        return ()
    over = []
    while (timer := _earliest(run, now)) is not None and timer[0] <= now:
        over.append(heappop(run.timers))
    for timer in over:
        heappush(run.timers, timer)  # until the facts are committed, the waits are open
    return tuple(_fact(run, path, now) for _, path in over)


def _fact(run: Run, path: Path, now: Millis) -> CommandResolved | CancelRequested:
    if path == ROOT:
        return CancelRequested(now, DEADLINE, DEADLINE)
    waited_for = run.open[path].issued.command
    return CommandResolved(now, path, Expired() if isinstance(waited_for, Receive) else Ok(NOTHING))


def _earliest(run: Run, now: Millis) -> tuple[Millis, Path] | None:
    """The first timer that still counts; those before it that do not are dropped for good."""
    while run.timers:
        at, path = run.timers[0]
        if path == ROOT and run.cancelled is None:  # a run that is cancelled already ends without it
            return at, path
        pending = run.open.get(path)
        if pending is not None and pending.wakes_at == at:
            attempt = isinstance(pending.issued.command, CallStep)
            if not (attempt and at <= now):
                return at, path
        heappop(run.timers)
    return None
