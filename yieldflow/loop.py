"""The event loop of this process, in a thread of its own, for bodies that are `async def`.

Never the caller's loop, so that a run can be driven in a notebook. A body that blocks it blocks all that share it.
"""

from __future__ import annotations

import asyncio
import contextvars
import os
from collections.abc import Coroutine
from threading import Event, Lock, Thread
from typing import Any

from attrs import define, field

from yieldflow.interrupting import Guard, Interrupted

_PATIENCE = 5.0  # seconds, with a coroutine that was cancelled because whoever waits for it was interrupted
_MAKING = Lock()
_LOOPS: dict[int, asyncio.AbstractEventLoop] = {}  # by process: a fork has no thread that runs its parent's


def finish(coroutine: Coroutine[Any, Any, Any], guard: Guard) -> Any:
    """Wait for *coroutine*; answers or raises what it does. An interruption cancels it, and is waited for."""
    called = _Called(coroutine, _loop())
    try:
        guard.aim = called
        called.begin()
        called.ended.wait()
    except Interrupted:  # thrown just before the aim was taken
        called.throw()
        called.ended.wait()
    except KeyboardInterrupt:
        called.throw()
        called.ended.wait(_PATIENCE)
        raise
    finally:
        guard.left_running = not called.ended.is_set()
    return called.outcome()


@define(eq=False)
class _Called:
    """A coroutine on its way. Its task is made and cancelled in the thread of the loop only."""

    _coroutine: Coroutine[Any, Any, Any]
    _loop: asyncio.AbstractEventLoop
    ended: Event = field(factory=Event)
    _context: contextvars.Context = field(factory=contextvars.copy_context)
    _task: asyncio.Task[None] | None = None
    _value: Any = None
    _error: BaseException | None = field(factory=asyncio.CancelledError)

    def begin(self) -> None:
        self._loop.call_soon_threadsafe(self._begin)

    def throw(self) -> None:
        self._loop.call_soon_threadsafe(self._cancel)

    def outcome(self) -> Any:
        if self._error is not None:
            raise self._error
        return self._value

    def _begin(self) -> None:
        if not self.ended.is_set():
            self._task = self._loop.create_task(self._carry_out(), context=self._context)
            self._task.add_done_callback(self._end)

    def _cancel(self) -> None:
        if self._task is None:
            self._end()
        else:
            self._task.cancel()

    def _end(self, _: object = None) -> None:
        self._coroutine.close()  # where it has not begun
        self.ended.set()

    async def _carry_out(self) -> None:
        try:
            self._value = await self._coroutine
        except BaseException as error:  # noqa: BLE001 - user code: what it raises goes to the thread that waits for it
            self._error = error
        else:
            self._error = None


def _loop() -> asyncio.AbstractEventLoop:
    with _MAKING:
        loop = _LOOPS.get(os.getpid())
        if loop is None:
            loop = _LOOPS[os.getpid()] = asyncio.new_event_loop()
            Thread(target=loop.run_forever, name="yieldflow loop", daemon=True).start()
        return loop
