"""A whole log told again: what was told of it when it was written, in its order. Only reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from yieldflow.core.events import CommandIssued, Event, ForkOf, RetryOf, RunFinished, RunStarted
from yieldflow.core.path import Path
from yieldflow.engine.planning import summary
from yieldflow.observing.closing import closed
from yieldflow.observing.told import RunBegan, RunEnded, Told


def retold(events: Sequence[Event]) -> Iterator[Told]:
    """But for what was copied of another log: that was told of the run that it happened to."""
    started = events[0] if events else None
    if not isinstance(started, RunStarted):
        return
    yield RunBegan(summary(started, None, started.at))
    copied = started.cause.position if isinstance(started.cause, RetryOf | ForkOf) else 1
    issued: dict[Path, CommandIssued] = {}
    for position, event in enumerate(events, 1):
        if isinstance(event, CommandIssued):
            issued[event.path] = event
        if position <= copied:
            continue
        if isinstance(event, RunFinished):
            yield RunEnded(summary(started, event.outcome, event.at), event.at, event.outcome)
        elif (told := closed(started.run_id, event, issued.get, issued.get)) is not None:
            yield told
