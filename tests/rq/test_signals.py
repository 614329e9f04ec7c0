"""A signal that comes while a body runs, to a worker whose handler talks to Redis."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest
import redis
from rq import Queue, SimpleWorker
from rq.serializers import JSONSerializer

from tests.servers import Server
from yieldflow import App, Flow, Retry, step, workflow
from yieldflow.rq.signals import quiet_signals


@step(retry=Retry(attempts=1))
def interrupted() -> int:
    os.kill(os.getpid(), signal.SIGTERM)
    return 7


@workflow
def asks() -> Flow[int]:
    return (yield interrupted())


class Cut(SimpleWorker):
    """Whose Redis is away when it wants to note that it was asked to stop."""

    asked = False

    def set_shutdown_requested_date(self) -> None:
        self.asked = True
        raise redis.ConnectionError("Connection reset by peer")


@pytest.fixture
def former() -> Iterator[object]:
    handler = signal.getsignal(signal.SIGTERM)
    yield handler
    signal.signal(signal.SIGTERM, handler)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_what_a_stock_workers_handler_raises_is_no_failure_of_the_step_that_it_interrupts(
    server: Server, former: object, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("YIELDFLOW_MODULES", __name__)
    app = App(server.url)
    handle = app.start(asks())
    connection = redis.Redis.from_url(server.url)
    worker = Cut([Queue("yieldflow", connection=connection)], connection=connection, serializer=JSONSerializer)
    worker.work(burst=True, logging_level="ERROR")
    assert worker.asked
    assert handle.result(timeout=10) == 7
    app.close()


def test_handlers_are_put_back_unless_they_have_put_others_there(former: object):
    def own(number: int, frame: object) -> None:
        raise redis.ConnectionError

    signal.signal(signal.SIGTERM, own)
    with quiet_signals():
        signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) is own
    with quiet_signals():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN


def test_errors_of_other_kinds_are_the_handlers_own(former: object):
    def stops(number: int, frame: object) -> None:
        raise SystemExit

    signal.signal(signal.SIGTERM, stops)
    with pytest.raises(SystemExit), quiet_signals():
        signal.raise_signal(signal.SIGTERM)
