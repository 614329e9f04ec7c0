"""A few threads for calls that block, begun when there is something to do.

None of them keeps a process from ending: what loops in one ends with it. Those that are idle end after some seconds.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from functools import partial
from threading import Condition, Thread
from typing import ParamSpec, TypeVar

from attrs import define, field

T = TypeVar("T")
P = ParamSpec("P")

_IDLE = 5.0  # seconds that one waits for something to do


@define(eq=False)
class Threads(Executor):
    """At most so many."""

    _most: int
    _calls: deque[Callable[[], None]] = field(factory=deque, init=False)
    _alive: int = field(default=0, init=False)
    _idle: int = field(default=0, init=False)
    _changed: Condition = field(factory=Condition, init=False)

    def submit(self, call: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """In the order of asking. Raises RuntimeError where no thread can be started; the call is then dropped."""
        told = Future[T]()
        with self._changed:
            if len(self._calls) >= self._idle and self._alive < self._most:
                Thread(target=self._run, name="yieldflow web", daemon=True).start()
                self._alive += 1
            self._calls.append(lambda: _carry_out(told, partial(call, *args, **kwargs)))
            self._changed.notify()
        return told

    def _run(self) -> None:
        while (call := self._next()) is not None:
            call()
            del call  # nothing is kept while it waits

    def _next(self) -> Callable[[], None] | None:
        with self._changed:
            self._idle += 1
            self._changed.wait_for(lambda: self._calls, _IDLE)
            self._idle -= 1
            if self._calls:
                return self._calls.popleft()
            self._alive -= 1
            return None


def _carry_out(told: Future[T], call: Callable[[], T]) -> None:
    if not told.set_running_or_notify_cancel():
        return
    try:
        told.set_result(call())
    except BaseException as error:  # noqa: BLE001 - whatever it raises goes to whoever waits for it
        told.set_exception(error)
