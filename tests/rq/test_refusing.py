"""Our worker carries out hints and nothing else: whoever can write to Redis cannot have it call functions by name."""

from __future__ import annotations

import logging
import pickle
import signal
from collections.abc import Iterator

import pytest
from rq import Queue
from rq.registry import FailedJobRegistry
from rq.serializers import DefaultSerializer, JSONSerializer

from tests.servers import Server
from yieldflow import App, Flow, step, workflow
from yieldflow.rq.refusing import REFUSED
from yieldflow.rq.worker import Worker

called: list[str] = []


def of_another_kind(word: str) -> None:
    called.append(word)


@step
def double(number: int) -> int:
    return 2 * number


@workflow
def doubles(number: int) -> Flow[int]:
    return (yield from double(number))


@pytest.fixture
def app(server: Server) -> Iterator[App]:
    called.clear()
    app = App(server.url)
    yield app
    app.close()


def queue(app: App, serializer: type = JSONSerializer) -> Queue:
    return Queue("yieldflow", connection=app.client, serializer=serializer)


def work_off(app: App, serializer: type = JSONSerializer) -> None:
    """By our worker, in this thread, until the queue is empty."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    logging.getLogger("rq.worker").setLevel(logging.CRITICAL)
    worker = Worker([queue(app, serializer)], connection=app.client, serializer=serializer)
    worker.alarms, worker.runtime = False, app.serving(("yieldflow",))
    try:
        worker.work(burst=True)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def test_a_job_of_another_kind_is_not_called_and_says_why(app: App):
    job = queue(app).enqueue(of_another_kind, "a word")
    work_off(app)
    assert called == []
    assert FailedJobRegistry(queue=queue(app)).get_job_ids() == [job.id]
    job.refresh()
    assert job.is_failed
    assert job.latest_result().exc_string == REFUSED
    assert 0 < app.client.ttl(job.key) <= 86_400


def test_a_job_that_is_pickled_is_not_unpickled(app: App):
    app.client.hset("rq:job:trap", "data", pickle.dumps(["os.system", None, ["exit 1"], {}]))
    app.client.hset("rq:job:trap", "meta", pickle.dumps({"a": 1}))
    app.client.rpush("rq:queue:yieldflow", "trap")
    work_off(
        app, DefaultSerializer
    )  # as `rq worker -w` without -S json; the guard of this suite fails the test if anything is unpickled
    assert FailedJobRegistry(queue=queue(app)).get_job_ids() == ["trap"]


@pytest.mark.parametrize("job_id", ["gone", "not:an id", "\x1b[31m", "é"])
def test_a_job_that_rq_never_made_is_forgotten(app: App, job_id: str):
    app.client.rpush("rq:queue:yieldflow", job_id)
    work_off(app)
    assert app.client.llen("rq:queue:yieldflow") == 0
    assert FailedJobRegistry(queue=queue(app)).get_job_ids() == []


def test_a_job_whose_keys_are_something_else_stops_nobody(app: App):
    app.client.set("rq:job:odd", "no hash")
    app.client.set("rq:results:odd", "no stream")
    app.client.rpush("rq:queue:yieldflow", "odd")
    run = app.start(doubles(4))
    work_off(app)
    assert run.result(timeout=0) == 8


def test_runs_go_on_among_the_jobs_of_others(app: App):
    runs = []
    for number in range(5):
        queue(app).enqueue(of_another_kind, str(number))
        runs.append(app.start(doubles(number)))
    work_off(app)
    assert called == []
    assert [run.result(timeout=0) for run in runs] == [0, 2, 4, 6, 8]
    assert FailedJobRegistry(queue=queue(app)).count == 5
