"""Interrupts a body from another thread: its time is up, it fell silent, or its worker is told to stop.

Best effort: what runs in C is not hit before it returns, but for the waits of the main thread. The bound that always
holds is the deadline of the claim, in the store. Nothing is ever thrown into a thread that has left its body.
"""

from __future__ import annotations

import ctypes
import signal
import sys
import time
from collections.abc import Callable
from math import inf
from threading import Condition, Lock, Thread, get_ident, main_thread
from types import FrameType
from typing import Any, Literal, Protocol, TypeAlias, TypeVar

from attrs import define, field

T = TypeVar("T")
Why: TypeAlias = Literal["timeout", "silent", "stopped"]


class Interrupted(BaseException):
    """Thrown into a body that has to end now; a body that swallows it is hit again.

    A `BaseException`, so that `except Exception` does not swallow it.
    """


class Aim(Protocol):
    """Where a body is hit."""

    def throw(self) -> None: ...


@define(eq=False)
class Guard:
    """One body, while it may be interrupted. *deadline*: on the monotonic clock; *silence*: so many seconds without
    `spoken()`. *unmoved* is told of a body that goes on though it was hit. *fired*: why it was first hit, if it was.
    """

    deadline: float | None = None
    silence: float | None = None
    unmoved: Callable[[Why], None] = lambda _: None
    lasts: bool = False  # it is not interrupted because its worker stops
    stopping: bool = False
    fired: Why | None = None
    left_running: bool = False  # a coroutine that did not end when whoever waited for it was interrupted
    aim: Aim | None = None  # where its time is limited, or it waits for a coroutine; else `_own` is made when it is hit
    hit: float | None = None  # when it was last hit
    _own: _Thread | _MainThread | None = None
    _thread: int = 0
    _spoken: float = field(factory=time.monotonic)
    _phase: Literal["ready", "running", "ending", "over"] = "ready"
    _throwing: Lock = field(factory=Lock)

    def run(self, body: Callable[[], T]) -> T:
        """What *body* answers or raises, `Interrupted` included. After that nothing is thrown into this thread."""
        self._thread = get_ident()
        answers: list[T] = []
        try:
            try:
                if self.ends() < inf:
                    self._prepare()
                self._phase = "running"
                if self.fired is not None:
                    raise Interrupted
                answers.append(body())
            finally:
                self._end()
        except Interrupted:
            if not answers:
                raise
        finally:
            if self._phase != "over":  # what was thrown has hit `_end`
                self._end()
        return answers[0]

    def spoken(self) -> None:
        self._spoken = time.monotonic()

    def ends(self) -> float:
        """When it has to be interrupted, on the monotonic clock, unless it speaks before."""
        if self.stopping:
            return -inf
        silent = inf if self.silence is None else self._spoken + self.silence
        return silent if self.deadline is None else min(self.deadline, silent)

    def interrupt(self) -> bool:
        """From another thread than the body's; whether it is not over yet."""
        with self._throwing:
            if self._phase not in ("ready", "running"):
                return False
            self.fired = self.fired or self._why()
            if self._phase == "running":
                self._throw()
            return True

    def _why(self) -> Why:
        if self.stopping:
            return "stopped"
        return "timeout" if self.deadline is not None and self.deadline <= time.monotonic() else "silent"

    def _prepare(self) -> None:
        self.aim = self._own = own = _aim_here()
        own.take()

    def _throw(self) -> None:
        aim = self.aim  # once: the body may be about to change it
        if aim is None and not _is_main(self._thread):
            aim = self._own = self._own or _Thread(self._thread)
        if aim is not None:
            aim.throw()

    def _end(self) -> None:
        """May be hit itself, so it takes no lock, and doing it twice is as good as once."""
        self._phase = "ending"
        while self._throwing.locked():  # who throws at this moment does not know yet
            time.sleep(0)
        if self._own is not None:
            self._own.leave()
        self._phase = "over"


# --- how a thread is hit ----------------------------------------------------------------------------------------


@define(eq=False)
class _Thread:
    """By an asynchronous exception, which it meets when it next runs Python code."""

    _ident: int
    _thrown: bool = False

    def take(self) -> None:
        """It needs no preparation."""

    def throw(self) -> None:
        self._thrown = True
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(self._ident), ctypes.py_object(Interrupted))

    def leave(self) -> None:
        """Meet what may still be on its way. To take it back would leave Python 3.11 looking for it for ever, which
        slows it down and hangs a tracer.
        """
        if self._thrown:
            try:
                self.throw()
                while True:
                    time.sleep(0)
            except Interrupted:
                self._thrown = False


@define(eq=False)
class _MainThread:
    """By a signal, which ends a sleep at once. Heard only by a body whose time is limited: a worker that stops has its
    own way to the main thread.

    SIGURG, since it is ignored where nobody handles it: one that comes late does no harm. SIGALRM would end the
    process, and bodies, RQ and test runners have uses of their own for it.
    """

    _ident: int
    _thrown: bool = False
    _former: Any = None

    def take(self) -> None:
        self._former = signal.getsignal(signal.SIGURG)
        signal.signal(signal.SIGURG, self._heard)

    def throw(self) -> None:
        self._thrown = True
        signal.pthread_kill(self._ident, signal.SIGURG)

    def leave(self) -> None:
        if self._former is not None:
            signal.signal(signal.SIGURG, self._former)

    def _heard(self, number: int, frame: FrameType | None) -> None:
        if self._thrown:
            self._thrown = False
            raise Interrupted
        if callable(self._former):
            self._former(number, frame)


def _aim_here() -> _Thread | _MainThread:
    own = get_ident()
    foreign = _is_main(own) and signal.getsignal(signal.SIGURG) is None  # somebody's handler that is no Python
    return _MainThread(own) if _is_main(own) and not foreign else _Thread(own)


def _is_main(thread: int) -> bool:
    """Where signals are heard."""
    return sys.platform != "win32" and thread == main_thread().ident


# --- who hits ---------------------------------------------------------------------------------------------------


@define(eq=False)
class Watch:
    """One thread that interrupts bodies whose time is up, and every *again* seconds those that go on.

    A body without limits wakes nobody and waits for nobody: it is only to be found when its worker stops.
    """

    again: float = 1.0
    _guards: set[Guard] = field(factory=set, init=False)  # changed by single operations, without the lock
    _until: float = field(default=inf, init=False)
    _changed: Condition = field(factory=Condition, init=False)
    _thread: Thread | None = field(default=None, init=False)

    def add(self, guard: Guard) -> None:
        self._guards.add(guard)
        if (ends := guard.ends()) < inf:
            with self._changed:
                self._look(ends)

    def remove(self, guard: Guard) -> None:
        self._guards.discard(guard)

    def stop_all(self) -> None:
        """Interrupt every body that runs."""
        with self._changed:
            for guard in self._guards.copy():
                guard.stopping = not guard.lasts
            self._look(-inf)

    def _look(self, at: float) -> None:
        if self._thread is None or not self._thread.is_alive():  # also after a fork
            self._until = inf
            self._thread = Thread(target=self._run, name="yieldflow watch", daemon=True)
            self._thread.start()
        if at < self._until:
            self._changed.notify_all()

    def _run(self) -> None:
        while due := self._due():
            for guard, hit_before in due:
                goes_on = guard.interrupt()
                if goes_on and hit_before and guard.fired is not None:
                    guard.unmoved(guard.fired)

    def _due(self) -> list[tuple[Guard, bool]]:
        """The bodies to hit now, once there are any, and whether they were hit before; nothing: none has a limit."""
        with self._changed:
            while True:
                guards = self._guards.copy()
                self._until, now = min(map(self._next, guards), default=inf), time.monotonic()
                if self._until == inf:
                    self._thread = None
                    return []
                due = [guard for guard in guards if self._next(guard) <= now]
                if due:
                    told = [(guard, guard.hit is not None) for guard in due]
                    for guard in due:
                        guard.hit = now
                    return told
                self._changed.wait(self._until - now)

    def _next(self, guard: Guard) -> float:
        return guard.ends() if guard.hit is None else guard.hit + self.again
