"""Hints on a real server, looked at and worked by stock RQ."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator

import pytest
import redis
from rq import Queue, SimpleWorker
from rq.serializers import JSONSerializer

from tests.proxy import counting
from tests.servers import Server, free_port
from yieldflow.alarms import ring_once
from yieldflow.errors import ReplyLost
from yieldflow.ports import Due
from yieldflow.rq.inbox import Inbox
from yieldflow.rq.queue import FULL, TEND_RUN, RqQueue, noted_in

LOOK = f"{__name__}.look"
looked_at: list[str] = []


def look(run_id: str) -> None:
    """What a hint's job calls in these tests."""
    looked_at.append(run_id)


@pytest.fixture
def client(server: Server) -> Iterator[redis.Redis]:
    looked_at.clear()
    with redis.Redis.from_url(server.url) as client:
        yield client


def stock(client: redis.Redis, name: str = "yieldflow") -> Queue:
    return Queue(name, connection=client, serializer=JSONSerializer)


def test_a_hint_is_a_job_that_stock_rq_sees(client: redis.Redis):
    RqQueue(client).offer("order-42", "yieldflow")
    (job,) = stock(client).jobs
    assert (job.func_name, list(job.args), job.kwargs) == (TEND_RUN, ["order-42"], {})
    assert (job.timeout, job.result_ttl, job.ttl, job.failure_ttl) == (-1, 0, None, 86_400)
    assert job.retries_left is None
    assert stock(client).key.encode() in client.smembers("rq:queues")


def test_the_data_of_a_hint_is_json(client: redis.Redis):
    RqQueue(client).offer("order-42", "yieldflow")
    (job_id,) = stock(client).job_ids
    stored = client.hget(f"rq:job:{job_id}", "data")
    assert json.loads(zlib.decompress(stored)) == [TEND_RUN, None, ["order-42"], {}]


def test_as_many_hints_are_left_as_were_offered_each_a_job_of_its_own(client: redis.Redis):
    RqQueue(client).offer("order-42", "yieldflow", 3)
    RqQueue(client).offer("order-43", "gpu", 1)
    assert len(set(stock(client).job_ids)) == 3
    assert [job.args[0] for job in stock(client, "gpu").jobs] == ["order-43"]


def test_no_hint_is_left_when_none_can_help(client: redis.Redis):
    RqQueue(client).offer("order-42", "yieldflow", 0)
    assert stock(client).count == 0


def test_a_stock_worker_runs_a_hint_and_keeps_nothing_of_it(client: redis.Redis):
    RqQueue(client, LOOK).offer("order-42", "yieldflow", 2)
    queue = stock(client)
    job_ids = queue.job_ids
    SimpleWorker([queue], connection=client, serializer=JSONSerializer).work(burst=True, logging_level="WARNING")
    assert looked_at == ["order-42", "order-42"]
    assert client.exists(*(f"rq:job:{job_id}" for job_id in job_ids)) == 0


def test_a_hint_that_fails_is_kept_for_people(client: redis.Redis):
    RqQueue(client, "yieldflow.no_such_module.look").offer("order-42", "yieldflow")
    queue = stock(client)
    SimpleWorker([queue], connection=client, serializer=JSONSerializer).work(burst=True, logging_level="CRITICAL")
    (job_id,) = queue.failed_job_registry.get_job_ids(cleanup=False)
    assert 0 < client.ttl(f"rq:job:{job_id}") <= 86_400


def test_offering_many_hints_is_one_round_trip(server: Server):
    with counting(server.port) as proxy, redis.Redis.from_url(proxy.url) as client:
        queue = RqQueue(client)
        queue.offer("order-42", "yieldflow")
        before = proxy.bursts
        queue.offer("order-42", "yieldflow", 50)
        assert proxy.bursts - before == 1


def test_a_queue_has_room_until_it_is_full(client: redis.Redis):
    queue = RqQueue(client)
    assert queue.room("yieldflow") == FULL
    queue.offer_each([Due(f"order-{number}", "yieldflow") for number in range(30)])
    assert queue.room("yieldflow") == FULL - 30
    queue.offer_each([Due(f"order-{number}", "yieldflow") for number in range(FULL)])
    assert queue.room("yieldflow") == 0


def test_a_server_that_is_gone_is_a_lost_reply():
    with redis.Redis(port=free_port(), retry=None) as nobody, pytest.raises(ReplyLost):
        RqQueue(nobody).offer("order-42", "yieldflow")


def test_thousands_that_are_due_at_once_are_all_noted_and_none_is_put_off(client: redis.Redis):
    due = [Due(f"nap-{number}", "yieldflow") for number in range(2_000)]

    class Store:
        def due(self, limit: int) -> tuple[Due, ...]:
            taken, due[:] = tuple(due[:limit]), due[limit:]
            return taken

    queue = RqQueue(client)
    while ring_once(Store(), queue, queue.room):
        pass
    assert client.zcard(noted_in("yieldflow")) == 2_000
    assert stock(client).count == 1


def test_hints_that_were_taken_are_not_lost_with_the_call_that_wakes_others(client: redis.Redis):
    """It raised what the loop of a worker does not expect of a look, and the worker ended."""
    RqQueue(client).offer_each([Due(f"order-{number}", "yieldflow") for number in range(4)])
    with redis.Redis(port=free_port(), retry=None) as nobody:
        inbox = Inbox(client, ["yieldflow"], ["rq:queue:yieldflow"], RqQueue(nobody))
        taken = {hint.run_id for hint in inbox.take(32)}
    assert taken == {"order-0", "order-1", "order-2"}  # the one that the job is of, and half of the others
    assert client.zcard(noted_in("yieldflow")) == 1
