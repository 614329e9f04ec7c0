"""How much an event weighs that holds more than one value: the bytes of them all. The rest of it is short."""

from __future__ import annotations

from yieldflow.core.events import RunStarted
from yieldflow.core.outcome import Failure


def carried(started: RunStarted) -> int:
    """What a run begins with."""
    payloads = sum(len(payload) for several in started.inbox.values() for payload in several)
    return len(started.arguments) + payloads + sum(map(len, started.data.values()))


def failure_size(failure: Failure) -> int:
    return sum(len(part) for part in (failure.message, failure.args, failure.state, failure.traceback) if part)
