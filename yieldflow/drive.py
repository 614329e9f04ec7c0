"""Performs what a tender asks, one request after the other, on a real store, queue and bodies."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import suppress
from threading import Lock
from typing import Any, TypeVar, assert_never

from attrs import define, field

from yieldflow.authoring.scope import inside
from yieldflow.core.times import Millis
from yieldflow.engine.requests import (
    Body,
    Execute,
    ExecuteLocal,
    Inspect,
    Newest,
    Offer,
    Read,
    Release,
    Request,
    Save,
    Take,
    Wait,
    Worker,
)
from yieldflow.errors import ReplyLost, StoreError
from yieldflow.ports import Commit, Holding, Queue, Store

T = TypeVar("T")

LONGEST_WAIT = 1.0  # seconds, for somebody else in this process; then the tender looks again

# seconds; in all less than a lease of 10 s: a body that has run need not run again
_PAUSES = (0.05, 0.2, 0.5, 1.0, 2.0, 3.0)


@define(eq=False)
class Clock:
    """The store's time: what it said last, and the monotonic time since. Never runs backwards.

    *ask* answers it for the first time: the clock of this machine may be hours off, and is read only where there is no
    store to ask.
    """

    ask: Callable[[], Millis] = field(factory=lambda: _of_this_machine)
    _offset: float | None = None  # None: not known yet, or being changed at this moment
    _floor: Millis = 0  # what may have been said before the offset fell
    _changing: Lock = field(factory=Lock)

    def now(self) -> Millis:
        here = time.monotonic() * 1_000  # first: an offset that was there after it is covered by the floor that follows
        if (offset := self._offset) is None:
            return self._told()
        now = int(here + offset)
        if now < self._floor:
            return self._floor
        return now

    def heard(self, now: Millis) -> None:
        with self._changing:
            offset, former = now - time.monotonic() * 1_000, self._offset
            if former is not None and offset < former:
                self._offset = None  # whoever reads it from here on waits for the floor
                self._floor = max(self._floor, int(time.monotonic() * 1_000 + former))
            self._offset = offset

    def _told(self) -> Millis:
        with self._changing:
            known = self._offset is not None
        if not known:
            try:
                self.heard(self.ask())
            except StoreError:  # it is not known yet: what needs it for more than a guess will not get far, either
                return _of_this_machine()
        return self.now()


def _of_this_machine() -> Millis:
    return time.time_ns() // 1_000_000


@define
class Ports:
    """What the driver performs requests on."""

    me: Worker
    store: Store
    queue: Queue
    clock: Clock
    execute: Callable[[Execute | ExecuteLocal], Body]


def drive(tending: Generator[Request, Any, T], ports: Ports) -> T:
    """Perform the requests of one tender until it ends, and answer how it did.

    Raises `StoreError`, and what a body was interrupted by.
    """
    reply: Any = None
    lost: StoreError | None = None
    try:
        while True:
            try:
                request = resume(tending, reply, lost)
            except StopIteration as ended:
                came: T = ended.value
                return came
            lost = None
            try:
                reply = insist(request, ports)
            except StoreError as error:  # the tender may go on without that, or else ends with it
                lost = error
    finally:
        tending.close()  # where it has not ended


def resume(tending: Generator[Request, Any, T], reply: Any, lost: StoreError | None) -> Request:
    """Its next request. Programs run in here: what only a step may do is refused meanwhile."""
    former = inside.set("workflow")
    try:
        return tending.send(reply) if lost is None else tending.throw(lost)
    finally:
        inside.reset(former)


def insist(request: Request, ports: Ports) -> Any:
    """Perform it; what may be asked twice is asked again while the store is away for a moment."""
    match request:
        case Read() | Newest() | Inspect() | Release() | Save(Commit(on=Holding())):
            for pause in _PAUSES:
                with suppress(ReplyLost):
                    return perform(request, ports)
                time.sleep(pause)
        case _:
            pass
    return perform(request, ports)


def perform(request: Request, ports: Ports) -> Any:
    store, clock = ports.store, ports.clock
    match request:
        case Read(run_id, after, replaying):
            log = store.read(run_id, after, replaying=replaying)
            if log is not None:
                clock.heard(log.now)
            return log
        case Newest(chain):
            return store.newest(chain)
        case Save(commit):
            (reply,) = store.commit((commit,))
            clock.heard(reply.now)
            return reply
        case Take(run_id, queues, token):
            granted = store.claim(run_id, queues, ports.me.name, (token,))
            clock.heard(granted.now)
            return granted
        case Wait(block=block):
            return block(LONGEST_WAIT)
        case Inspect(run_id):
            return store.work(run_id)
        case Release(run_id, path, token, not_before):
            return store.release(run_id, path, token, not_before)
        case Offer(run_id, queue, count):
            with suppress(StoreError):  # a hint may be lost: the alarm leaves another one
                ports.queue.offer(run_id, queue, count)
            return None
        case Execute() | ExecuteLocal():
            return ports.execute(request)
        case _:
            assert_never(request)
