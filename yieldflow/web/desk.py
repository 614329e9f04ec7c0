"""Where HTTP meets the app: blocking calls in a few threads, so that no stranger can have more of them.

Raises for what is too much at once, before any of it is begun.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from typing import TypeVar

from attrs import define, field

from yieldflow.app import App
from yieldflow.web.bounds import Bounds, Room
from yieldflow.web.http import RefusedRequest

T = TypeVar("T")

_LATER = {"Retry-After": "1"}


@define(eq=False)
class Desk:
    app: App
    bounds: Bounds
    _threads: ThreadPoolExecutor = field(init=False)
    _calls: Room = field(init=False)
    _waits: Room = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._threads = ThreadPoolExecutor(self.bounds.threads, thread_name_prefix="yieldflow-web")
        self._calls, self._waits = Room(self.bounds.queued), Room(self.bounds.waits)

    async def ask(self, call: Callable[[], T]) -> T:
        """In a thread. Raises what it raises, and `RefusedRequest`."""
        if not self._calls.take(1):
            raise RefusedRequest(503, "too much is asked at once; try again", _LATER)
        asking = copy_context()  # who traces requests finds what they start below them
        asked = asyncio.get_running_loop().run_in_executor(self._threads, asking.run, self._with_code, call)
        asked.add_done_callback(lambda _: self._calls.give(1))  # a client that has gone leaves its call to end
        return await asked

    def _with_code(self, call: Callable[[], T]) -> T:
        """Once the modules of the app are loaded."""
        _ = self.app.runtime
        return call()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Raises `RefusedRequest`."""
        if not self._waits.take(1):
            raise RefusedRequest(503, "too many wait for results; try again", _LATER)
        try:
            yield
        finally:
            self._waits.give(1)
