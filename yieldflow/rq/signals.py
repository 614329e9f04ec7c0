"""Signals to a worker that does not fork: its handlers talk to Redis, in the midst of whatever body they interrupt.

What they raise when Redis is away is not the body's, and must not count as a failed attempt.
"""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread
from types import FrameType
from typing import TypeAlias

import redis

_LOG = logging.getLogger("yieldflow.worker")

Handler: TypeAlias = Callable[[int, FrameType | None], object]
_NUMBERS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def quiet_signals() -> Iterator[None]:
    """Within it, handlers of this process raise no error of Redis. They may put others in their place."""
    quiet: dict[signal.Signals, tuple[Handler, Handler]] = {}
    if current_thread() is main_thread():
        for number in _NUMBERS:
            handler = signal.getsignal(number)
            if callable(handler):
                quiet[number] = handler, _quiet(handler)
                signal.signal(number, quiet[number][1])
    try:
        yield
    finally:
        for number, (former, ours) in quiet.items():
            if signal.getsignal(number) is ours:
                signal.signal(number, former)


def _quiet(handler: Handler) -> Handler:
    def handle(number: int, frame: FrameType | None) -> None:
        try:
            handler(number, frame)
        except redis.RedisError as error:
            _LOG.warning("signal %s could not be noted in Redis: %s", number, error)

    return handle
