"""Jobs that others have forged in a queue of ours, and damaged logs: no worker falls, no other run is hurt."""

from __future__ import annotations

import logging
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import redis
from rq import Queue, SimpleWorker
from rq.serializers import JSONSerializer

from tests.deep.hostile_inputs import Inputs
from tests.deep.hostile_stores import Place, waits
from yieldflow import App
from yieldflow.errors import YieldflowError
from yieldflow.ports import Commit, Done, Head
from yieldflow.rq.inbox import run_of
from yieldflow.rq.job import runtime_of
from yieldflow.rq.queue import TEND_RUN
from yieldflow.rq.worker import Worker

LONGEST_TEXT = 11_000  # characters; why a run is blocked may take some
QUEUE = "rq:queue:yieldflow"


def forged_jobs(app: App, inputs: Inputs, jobs: int) -> int:
    """Our worker takes them all, and refuses those of another kind without unpacking them."""
    client: redis.Redis = app.client
    victim = app.start(waits("kept"), run_id="victim")
    made = 0
    while made < jobs:
        data = inputs.job()
        if run_of(data) is None and inputs.often(0.5):
            data = inputs.bent(b"os.system")
        job_id = inputs.one_of(("a", "{b}*:", "\x1b[31m", "é", "a b")) + str(made)
        client.hset(f"rq:job:{job_id}", "data", data)
        client.rpush(QUEUE, job_id if inputs.often(0.9) else b"\xff\xfe" + job_id.encode())
        made += 1
    work_off(app)
    assert client.llen(QUEUE) == 0
    assert victim.status() == "running", "it was tended, among all the others"
    victim.send("word", "the secret word")
    app.runtime.tend("victim")
    assert victim.result(timeout=0) == "kept: the secret word"
    return made


def work_off(app: App) -> None:
    """By our worker, in this thread, until the queue is empty."""
    with _signals_kept(), _silent():
        worker = Worker([_queue(app.client)], connection=app.client, serializer=JSONSerializer)
        worker.alarms, worker.runtime = False, app.serving(("yieldflow",))
        worker.work(burst=True)


def forged_jobs_for_stock_rq(app: App, inputs: Inputs, jobs: int) -> int:
    """`tend_run` with what is no run id: looked up nowhere, and no failed job."""
    client: redis.Redis = app.client
    queue = _queue(client)
    client.delete(queue.failed_job_registry.key)  # what our worker has refused
    given = [inputs.text() if inputs.often(0.5) else inputs.one_of(PLAIN) for _ in range(jobs)]
    given = [one.encode(errors="replace").decode() if isinstance(one, str) else one for one in given]
    queue.enqueue_many([Queue.prepare_data(TEND_RUN, (one,), timeout=-1, result_ttl=0) for one in given])
    with _signals_kept(), _silent():
        SimpleWorker([queue], connection=client, serializer=JSONSerializer).work(burst=True, logging_level="CRITICAL")
    runtime_of.cache_clear()
    failed = queue.failed_job_registry.get_job_ids()
    assert not failed, [queue.fetch_job(one).latest_result().exc_string[-500:] for one in failed[:1]]
    return jobs


PLAIN: tuple[Any, ...] = (None, 5, True, 1.5, [], ["victim"], {}, {"$": "set", "v": []}, [[[]]], 2**53, "", "\0")


def _queue(client: redis.Redis) -> Queue:
    return Queue("yieldflow", connection=client, serializer=JSONSerializer)


@contextmanager
def _signals_kept() -> Iterator[None]:
    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, former in kept.items():
            signal.signal(number, former)


@contextmanager
def _silent() -> Iterator[None]:
    """RQ tells a lot; a warning of ours is no failure, an error with a traceback is."""
    ours, others = logging.getLogger("yieldflow.worker"), logging.getLogger("rq.worker")
    told: list[str] = []
    listening = logging.Handler(logging.ERROR)
    listening.emit = lambda record: told.append(record.getMessage())  # type: ignore[method-assign]
    ours.addHandler(listening)
    level = others.level
    others.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        ours.removeHandler(listening)
        others.setLevel(level)
    assert not told, told[:3]


def damaged_logs(place: Place, inputs: Inputs, logs: int) -> tuple[int, int]:
    """How many of them blocked their run, and with how many it could go on."""
    app, blocked = place.app, 0
    healthy = app.start(waits("kept"), run_id="healthy")
    app.runtime.tend("healthy")
    for number in range(logs):
        name = f"damaged-{number}"
        app.start(waits("kept"), run_id=name)
        if inputs.often(0.7):
            app.runtime.tend(name)
        log = app.store.read(name)
        assert log is not None
        events = tuple(_event_for(name, inputs) for _ in range(inputs.random.randrange(1, 3)))
        (reply,) = app.store.commit((Commit(name, "forged", Head(log.head), events=events, alarm=log.now),))
        assert isinstance(reply, Done)
        tended = app.runtime.tend(name)
        blocked += tended.state == "blocked"
        assert len(tended.reason) <= LONGEST_TEXT
        for look in (lambda: app.get(name).inspect(), lambda: app.get(name).history(), lambda: app.get(name).data()):  # noqa: B023
            _clean(look)
        for verb in (app.cancel, app.pause, app.resume, app.retry, app.fork, app.hooks, app.terminate):
            _clean(lambda: verb(name))  # noqa: B023
        app.store.delete(name)
    healthy.send("word", "the secret word")
    app.runtime.tend("healthy")
    assert healthy.result(timeout=0) == "kept: the secret word"
    return blocked, logs - blocked


def _event_for(name: str, inputs: Inputs) -> bytes:
    """Some of them speak of paths and hooks that this run has."""
    data = inputs.event()
    return data.replace(b"approval", b"word").replace(b'"golden"', f'"{name}"'.encode())


def _clean(look: Any) -> None:
    try:
        look()
    except YieldflowError as error:
        text = str(error)
    else:
        return
    text.encode()
    assert len(text) <= LONGEST_TEXT, text[:500]
