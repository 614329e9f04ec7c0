"""Renews the claims of the bodies of this process, from the start of a body until its report is made.

It decides nothing: a claim that is gone is told to its body, and a lease that runs out is others' to notice.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from math import inf
from threading import Condition, Thread, current_thread
from weakref import WeakSet

from attrs import define, field

from yieldflow.core.path import Path
from yieldflow.core.times import Millis
from yieldflow.errors import StoreError
from yieldflow.ports import Beat, Mark, Store


@define(eq=False)
class Held:
    """A claim that this process holds, and what its body last said."""

    run_id: str
    path: Path
    token: str
    lease: Millis
    running: bool = True
    head: Mark | None = None
    lost: bool = False
    details: bytes | None = None
    told: bytes | None = None  # of the details: what the store knows
    ends: Millis | None = None  # its deadline is brought forward to this instant

    @property
    def beat(self) -> Beat:
        news = None if self.details is self.told else self.details
        return Beat(self.run_id, self.path, self.token, news, self.ends)


@define(eq=False)
class Heart:
    """One thread of a process that renews the claims of all bodies that run in it, a third of a lease apart.

    *moved* is told of a run whose head moved while a body of it runs: somebody else should tend it.
    """

    store: Store
    moved: Callable[[str], None]
    _held: dict[str, Held] = field(factory=dict, init=False)  # by token; changed by single operations, without the lock
    _changed: Condition = field(factory=Condition, init=False)
    _thread: Thread | None = field(default=None, init=False)
    _pause: float = field(default=inf, init=False)  # seconds that the thread sleeps: a longer lease need not wake it

    def __attrs_post_init__(self) -> None:
        _HEARTS.add(self)

    def hold(self, held: Held) -> None:
        self._held[held.token] = held
        if held.lease / 3_000 < self._pause:  # looked at when the thread can already find it
            self._wake(held.lease / 3_000)

    def let_go(self, held: Held) -> None:
        self._held.pop(held.token, None)

    def give_back(self, held: Held) -> None:
        """Its body is not running any more, and reports nothing: somebody may begin again at once."""
        if held.details is not held.told:
            self._beat([held])
        self.let_go(held)
        with suppress(StoreError):  # then the lease runs out
            self.store.release(held.run_id, held.path, held.token)

    def _wake(self, pause: float) -> None:
        with self._changed:
            if self._thread is None:
                self._thread = Thread(target=self._run, name="yieldflow heart", daemon=True)
                self._thread.start()
            self._pause = pause  # until it is awake, nobody else need wake it
            self._changed.notify_all()

    def _run(self) -> None:
        try:
            while self._wait_for_a_beat():
                holding = [held for held in list(self._held.values()) if not held.lost]
                if holding:
                    self._beat(holding)
        finally:
            with self._changed:
                if self._thread is current_thread():  # a store raised what it should not: there is another next time
                    self._thread, self._pause = None, inf

    def _wait_for_a_beat(self) -> bool:
        """False: nothing was held for a minute."""
        with self._changed:
            self._pause = inf
            if not self._changed.wait_for(lambda: bool(self._held), timeout=60):
                self._thread = None
                return False
            self._sleep()
            return True

    def _sleep(self) -> None:
        """A third of the shortest lease; one that is shorter still may come meanwhile."""
        began = time.monotonic()
        while True:
            self._pause = min((held.lease for held in list(self._held.values())), default=0) / 3_000
            if (left := began + self._pause - time.monotonic()) <= 0:
                return
            self._changed.wait(left)

    def _beat(self, holding: list[Held]) -> None:
        said = [held.details for held in holding]
        try:
            heads = self.store.renew([held.beat for held in holding])
        except StoreError:
            return  # the lease may run out: then somebody else goes on, and our report is refused
        for held, head, details in zip(holding, heads, said, strict=True):
            moved = held.running and held.head is not None and head != held.head
            held.lost, held.head, held.told = held.lost or head is None, head, details
            if moved:
                with suppress(StoreError):  # a hint may be lost
                    self.moved(held.run_id)

    def forked(self) -> None:
        """Here is no thread yet, and the one elsewhere may have had the lock: who holds something next starts one."""
        self._changed, self._thread, self._pause = Condition(), None, inf


_HEARTS: WeakSet[Heart] = WeakSet()


def _forked() -> None:
    for heart in _HEARTS:
        heart.forked()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
