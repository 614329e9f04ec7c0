"""The census of a store on a Redis server: one round trip, whatever it holds."""

from __future__ import annotations

from typing import get_args

import redis

from yieldflow.ports import Status
from yieldflow.stores.census import Census
from yieldflow.stores.redis.server import replies


def census(client: redis.Redis, prefix: str) -> Census:
    """Raises `StoreError`."""
    statuses = get_args(Status)
    with replies(), client.pipeline(transaction=False) as pipe:
        pipe.time()
        pipe.zrange(f"{prefix}:alarms", 0, 0, withscores=True)
        pipe.hlen(f"{prefix}:tokens")
        for status in statuses:
            pipe.zcard(f"{prefix}:status:{status}")
        (seconds, micros), earliest, hooks, *counts = pipe.execute()
        now = seconds * 1_000 + micros // 1_000
        overdue = 0
        if earliest and earliest[0][1] <= now:
            overdue = int(client.zcount(f"{prefix}:alarms", "-inf", now))
    alarm = int(earliest[0][1]) if earliest else None
    return Census(now, dict(zip(statuses, counts, strict=True)), overdue, alarm, hooks)
