"""The queues keep the contract: that on RQ, served as our worker does, and the pool of an embedded store."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

import pytest
import redis
from attrs import define, field, frozen

from tests.servers import Server
from yieldflow.pool import More, Pool
from yieldflow.rq.inbox import Inbox
from yieldflow.rq.queue import RqQueue
from yieldflow.testing.contracts import QueueContract
from yieldflow.testing.contracts.queue import MAIN, OTHER


@frozen
class OnRq:
    client: redis.Redis

    @property
    def queue(self) -> RqQueue:
        return RqQueue(self.client)

    def taken(self) -> Sequence[str]:
        inbox = Inbox(self.client, [MAIN, OTHER], [f"rq:queue:{MAIN}", f"rq:queue:{OTHER}"], self.queue)
        found: list[str] = []
        while hints := inbox.take(32):
            found += [hint.run_id for hint in hints if hint.run_id is not None]
        inbox.close()
        return found


class TestRqQueue(QueueContract):
    @pytest.fixture
    def harness(self, server: Server) -> Iterator[OnRq]:
        with redis.Redis.from_url(server.url) as client:
            yield OnRq(client)


@define
class InThreads:
    queue: Pool = field(init=False)
    _looked: list[str] = field(factory=list)

    def __attrs_post_init__(self) -> None:
        self.queue = Pool(self._look, 2)

    def _look(self, run_ids: Sequence[str], more: More) -> None:
        self._looked += run_ids

    def taken(self) -> Sequence[str]:
        end = time.monotonic() + 10
        while not self.queue.is_idle and time.monotonic() < end:
            time.sleep(0.001)
        found, self._looked = self._looked, []
        return found


class TestPool(QueueContract):
    @pytest.fixture
    def harness(self) -> Iterator[InThreads]:
        served = InThreads()
        yield served
        served.queue.stop()
