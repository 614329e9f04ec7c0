"""The harness of a store on a real server, whose clock is waited for."""

from __future__ import annotations

import time

import redis
from attrs import frozen

from yieldflow.core.times import Millis
from yieldflow.stores.redis import RedisStore


@frozen
class RedisHarness:
    client: redis.Redis
    store: RedisStore

    def now(self) -> Millis:
        seconds, micros = self.client.time()
        return seconds * 1_000 + micros // 1_000

    def pass_time(self, millis: Millis) -> None:
        time.sleep((millis + 1) / 1_000)
