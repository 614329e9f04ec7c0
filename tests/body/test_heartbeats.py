"""`heartbeat()`, `heartbeat=` and `last_heartbeat`."""

import threading
import time
from datetime import UTC, datetime

import pytest

from yieldflow import App, Flow, Retry, StepTimeout, current_step, gather, step, workflow
from yieldflow.core.events import AttemptFailed
from yieldflow.errors import RunFailed, Unencodable

SECONDS = 10.0
AT_ONCE = Retry(attempts=2, delay=0, jitter=0)


@step(retry=1, heartbeat="200ms")
def falls_silent() -> None:
    for _ in range(5):
        time.sleep(0.02)
        current_step().heartbeat()
    while True:
        time.sleep(0.001)


@workflow
def silence(threads: int) -> Flow[list[str]]:
    ends = yield gather(*[falls_silent() for _ in range(threads)], return_exceptions=True)
    return [str(end) for end in ends if isinstance(end, StepTimeout)]


@pytest.mark.parametrize("threads", [1, 2])
def test_a_body_that_falls_silent_is_interrupted(app: App, threads: int):
    begun = time.monotonic()
    told = app.run(silence(threads))
    assert 0.25 < time.monotonic() - begun < SECONDS / 4
    assert len(told) == threads
    assert all("falls_silent was silent for longer than its heartbeat on attempt 1" in text for text in told)


def test_a_body_that_speaks_may_take_its_time(app: App):
    @step(retry=1, heartbeat="300ms")
    def speaks() -> str:
        for number in range(20):
            time.sleep(0.02)
            current_step().heartbeat(number)
        return "done"

    @workflow
    def program() -> Flow[str]:
        return (yield speaks())

    assert app.run(program()) == "done"


@pytest.mark.parametrize("pause", [0.0, 0.2], ids=["said just now", "said before a beat"])
def test_what_a_body_said_last_is_what_the_next_attempt_reads(app: App, pause: float):
    read, details = [], {"page": 7, "at": datetime(2030, 1, 1, tzinfo=UTC)}

    @step(retry=Retry(attempts=3, delay=0, jitter=0))
    def pages() -> None:
        read.append(current_step().last_heartbeat)
        if current_step().attempt == 1:
            current_step().heartbeat({"page": 6})
            current_step().heartbeat(details)
            current_step().heartbeat()  # no news
            time.sleep(pause)
        if current_step().attempt < 3:  # the second says nothing: what the first said still holds
            raise RuntimeError("the connection is gone")

    @workflow
    def program() -> Flow[None]:
        yield pages()

    app.run(program())
    assert read == [None, details, details]


def test_what_an_interrupted_body_said_is_not_lost(app: App):
    @step(retry=AT_ONCE, timeout="200ms")
    def pages() -> int:
        if (before := current_step().last_heartbeat) is not None:
            return before
        current_step().heartbeat(7)
        time.sleep(SECONDS)
        raise AssertionError

    @workflow
    def program() -> Flow[int]:
        return (yield pages())

    assert app.run(program()) == 7


def test_details_that_cannot_be_encoded_are_refused_where_they_are_said(app: App):
    @step(retry=1)
    def says_a_lock() -> None:
        current_step().heartbeat(threading.Lock())

    @workflow
    def program() -> Flow[None]:
        yield says_a_lock()

    with pytest.raises(RunFailed) as failed:
        app.run(program())
    assert isinstance(failed.value.__cause__, Unencodable)


def test_a_silent_body_that_nothing_reaches_loses_its_claim(app: App):
    """Its thread sits in C for longer than the run takes to end without it."""
    free, returned = threading.Event(), threading.Event()

    @step(retry=AT_ONCE, heartbeat="200ms")
    def sits() -> str:
        if current_step().attempt == 1:
            try:
                free.wait(SECONDS)
            finally:
                returned.set()
        return "done"

    @workflow
    def program() -> Flow[str]:
        return (yield sits())

    with app.worker(threads=1):
        app.runtime.watch.again = 0.02
        handle = app.start(program())
        assert handle.result(timeout=SECONDS) == "done"
        assert not returned.is_set()
        free.set()
        assert returned.wait(SECONDS)
    (failed,) = [event for event in handle.history() if isinstance(event, AttemptFailed)]
    assert failed.failure.names[0] == "yieldflow.errors:StepTimeout"


def test_27_a_heartbeat_of_a_body_that_nobody_waits_for_raises_nothing(app: App):
    begun, spoken = threading.Event(), threading.Event()

    @step(retry=1)
    def speaks() -> None:
        begun.set()
        while not current_step().cancelled:
            current_step().heartbeat("still here")
            time.sleep(0.005)
        current_step().heartbeat("after that")
        spoken.set()

    @workflow
    def program() -> Flow[None]:
        yield speaks()

    with app.worker(threads=2):
        handle = app.start(program())
        assert begun.wait(SECONDS)
        handle.cancel()
        assert spoken.wait(SECONDS)
