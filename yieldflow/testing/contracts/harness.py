"""What the contract needs of a store under test, and short ways to build the calls it makes.

Time goes by only through `Harness.pass_time`: a fake clock jumps, a server's clock is waited for (so the spans
of the contract are short). Instants are compared with the time that an answer carries, or with bounds.
"""

from __future__ import annotations

from itertools import count
from typing import Any, Protocol

from attrs import define, frozen

from yieldflow.core.path import Path
from yieldflow.core.times import Millis
from yieldflow.ports import Claimed, Commit, Conflict, Done, Free, Head, Log, Mark, On, Refused, Reply, Store, Summary

LEASE: Millis = 300
SHORT: Millis = 100  # less than a lease
RUN = "run-1"
QUEUE = "yieldflow"

_numbers = count(1)


class Harness(Protocol):
    @property
    def store(self) -> Store: ...
    def now(self) -> Millis: ...
    def pass_time(self, millis: Millis) -> None: ...


@define
class FakeClock:
    at: Millis = 1_700_000_000_000

    def __call__(self) -> Millis:
        return self.at


@frozen
class Embedded:
    """The harness of a store that takes its clock as an argument."""

    store: Store
    clock: FakeClock

    def now(self) -> Millis:
        return self.clock.at

    def pass_time(self, millis: Millis) -> None:
        self.clock.at += millis


def new_id(kind: str = "commit") -> str:
    return f"{kind}-{next(_numbers)}"


def summary(run_id: str = RUN, **changes: Any) -> Summary:
    usual: dict[str, Any] = {"workflow": "shop:checkout", "queue": QUEUE, "status": "running", "started_at": 1_000}
    return Summary(**usual | changes, run_id=run_id)


def free(path: Path = (1,), **changes: Any) -> Free:
    usual: dict[str, Any] = {"queue": QUEUE, "event": 1, "attempt": 1, "lease": LEASE}
    return Free(**usual | changes, path=path)


def change(harness: Harness, on: On, *events: bytes, run_id: str = RUN, **fields: Any) -> Reply:
    """One commit under a fresh id."""
    (reply,) = harness.store.commit([Commit(run_id, fields.pop("commit", None) or new_id(), on, events, **fields)])
    return reply


def start(harness: Harness, *events: bytes, run_id: str = RUN, **fields: Any) -> Mark:
    fields.setdefault("summary", summary(run_id))
    return done(change(harness, Head(None), *(events or (b"started",)), run_id=run_id, **fields)).head


def append(harness: Harness, *events: bytes, run_id: str = RUN, **fields: Any) -> Mark:
    """A commit on whatever the head is now."""
    return done(change(harness, Head(log(harness, run_id).head), *events, run_id=run_id, **fields)).head


def claim(harness: Harness, *, run_id: str = RUN, worker: str = "w1", token: str | None = None) -> Claimed:
    """Claim one entry; it must be there."""
    (grant,) = harness.store.claim(run_id, [QUEUE], worker, [token or new_id("token")]).grants
    return grant.claim


def log(harness: Harness, run_id: str = RUN, after: Mark | None = None) -> Log:
    found = harness.store.read(run_id, after)
    assert found is not None
    return found


def done(reply: Reply) -> Done:
    assert isinstance(reply, Done), reply
    return reply


def conflict(reply: Reply) -> Conflict:
    assert isinstance(reply, Conflict), reply
    return reply


def refused(reply: Reply) -> Refused:
    assert isinstance(reply, Refused), reply
    return reply
