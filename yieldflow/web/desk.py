"""Where HTTP meets the app: blocking calls in a few threads, so that no stranger can have more of them.

Raises for what is too much at once, before any of it is begun.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import copy_context
from time import monotonic
from typing import TypeVar

from attrs import define, field

from yieldflow.app import App
from yieldflow.web.bounds import Bounds, Room
from yieldflow.web.http import RefusedRequest
from yieldflow.web.threads import Threads

T = TypeVar("T")

_LATER = {"Retry-After": "1"}
_TOO_MUCH = "too much is asked at once; try again"
_PATIENCE = 3.0  # seconds that a view waits for its turn
_SHORTEST, _LONGEST = 0.01, 0.25  # seconds between two looks whether it has come


@define(eq=False)
class Desk:
    app: App
    bounds: Bounds
    _threads: Threads = field(init=False)
    _calls: Room = field(init=False)
    _waits: Room = field(init=False)
    _views: Room = field(init=False)
    _turns: Room = field(init=False)
    _looked_at: set[str] = field(factory=set, init=False)

    def __attrs_post_init__(self) -> None:
        self._threads = Threads(self.bounds.threads)
        self._calls, self._waits = Room(self.bounds.queued), Room(self.bounds.waits)
        self._views, self._turns = Room(max(1, self.bounds.threads // 2)), Room(self.bounds.queued)

    async def ask(self, call: Callable[[], T]) -> T:
        """In a thread. Raises what it raises, and `RefusedRequest`."""
        return await asyncio.shield(self._asked(call))  # a client that has gone leaves its call to end

    async def look(self, about: str | None, call: Callable[[], T]) -> T:
        """For a view, which may replay code that never comes to an end: views have half of the threads, and one at a
        time looks at the same run. The others wait for their turn without a thread, and not for long. Raises as `ask`.
        """
        await self._turn(about)
        try:
            asked = self._asked(call)
        except RefusedRequest:
            self._looked(about)
            raise
        asked.add_done_callback(lambda _: self._looked(about))
        return await asyncio.shield(asked)

    def _asked(self, call: Callable[[], T]) -> asyncio.Future[T]:
        """Raises `RefusedRequest`."""
        if not self._calls.take(1):
            raise RefusedRequest(503, _TOO_MUCH, _LATER)
        asking = copy_context()  # who traces requests finds what they start below them
        loop = asyncio.get_running_loop()
        try:
            asked = loop.run_in_executor(self._threads, asking.run, self._with_code, call)
        except RuntimeError:  # the machine has no thread left
            self._calls.give(1)
            raise RefusedRequest(503, _TOO_MUCH, _LATER) from None
        asked.add_done_callback(lambda _: self._calls.give(1))
        return asked

    def _with_code(self, call: Callable[[], T]) -> T:
        """Once the modules of the app are loaded."""
        _ = self.app.runtime
        return call()

    async def _turn(self, about: str | None) -> None:
        """Raises `RefusedRequest`."""
        if not self._turns.take(1):
            raise RefusedRequest(503, _TOO_MUCH, _LATER)
        began = monotonic()
        try:
            while about in self._looked_at or not self._views.take(1):
                waited = monotonic() - began
                if waited >= _PATIENCE:
                    raise RefusedRequest(503, _TOO_MUCH, _LATER)
                await asyncio.sleep(min(_LONGEST, max(_SHORTEST, waited / 10)))
        finally:
            self._turns.give(1)
        if about is not None:
            self._looked_at.add(about)

    def _looked(self, about: str | None) -> None:
        self._views.give(1)
        if about is not None:
            self._looked_at.remove(about)

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Raises `RefusedRequest`."""
        if not self._waits.take(1):
            raise RefusedRequest(503, "too many wait for results; try again", _LATER)
        try:
            yield
        finally:
            self._waits.give(1)
