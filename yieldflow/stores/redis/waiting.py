"""Waiting for news of a run: subscriptions, kept for whoever waits next.

What is published may be lost with its connection, so whoever waits looks again from time to time.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import redis
from attrs import define, field
from redis.client import PubSub

from yieldflow.stores.redis.server import replies

POLL_SECONDS = 1.0  # a waiter looks so often, whatever is published
_KEPT = 8


@define(eq=False)
class Subscriptions:
    client: redis.Redis
    _free: list[tuple[int, PubSub]] = field(factory=list, init=False)  # with the process that they belong to

    def wait(self, channel: str, is_so: Callable[[], bool], seconds: float) -> bool:
        """Block until *is_so*, or something was published since it was not (True), or the time is over (False)."""
        end = time.monotonic() + seconds
        if seconds <= 0:
            return is_so()
        with replies(), self._subscribed(channel) as news:
            while not is_so():
                look = min(end, time.monotonic() + POLL_SECONDS)
                while (left := look - time.monotonic()) > 0:
                    message = news.get_message(timeout=left)
                    if message is not None and message["channel"] == channel.encode():
                        return True
                if look == end:
                    return False
        return True

    def close(self) -> None:
        free, self._free = self._free, []
        for _, news in free:
            news.close()

    @contextmanager
    def _subscribed(self, channel: str) -> Iterator[PubSub]:
        """After the server has confirmed it: nothing that is published from then on is missed."""
        news, whole = self._taken(), False
        try:
            news.subscribe(channel)
            _confirmed(news, channel)
            yield news
            news.unsubscribe(channel)  # type: ignore[no-untyped-call]  # redis-py's
            whole = True
        finally:
            if whole and len(self._free) < _KEPT:
                self._free.append((os.getpid(), news))
            else:
                news.close()

    def _taken(self) -> PubSub:
        while self._free:
            try:
                owner, news = self._free.pop()
            except IndexError:
                break
            if owner == os.getpid():
                return news
        made: PubSub = self.client.pubsub()  # type: ignore[no-untyped-call]  # redis-py's
        return made


def _confirmed(news: PubSub, channel: str) -> None:
    """What is left of former subscriptions is passed over."""
    end = time.monotonic() + POLL_SECONDS
    while (left := end - time.monotonic()) > 0:
        message = news.get_message(timeout=left)
        if message is not None and message["type"] == "subscribe" and message["channel"] == channel.encode():
            return
