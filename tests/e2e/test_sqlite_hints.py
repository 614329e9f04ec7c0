"""Between processes that share one SQLite file an alarm is the hint: who works there looks at those that are due."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from yieldflow import App, Flow, hook, sleep, workflow
from yieldflow.core.events import CommandIssued, HookReceived, RunFinished, RunStarted
from yieldflow.ports import HINT_AFTER, Mark


@workflow
def waits() -> Flow[int]:
    return (yield hook("number", int))


@workflow
def sleeps() -> Flow[None]:
    yield sleep(timedelta(days=1))


@pytest.fixture
def url(tmp_path) -> str:
    return f"sqlite:///{tmp_path / 'runs.db'}"


@pytest.fixture
def starting(url: str) -> Iterator[App]:
    """The app of a process that works on nothing."""
    app = App(url)
    yield app
    app.close()


def alarm(app: App, run_id: str = "r") -> int:
    """In how many milliseconds the run is looked at."""
    log = app.store.read(run_id)
    assert log is not None
    assert log.alarm is not None
    return log.alarm - log.now


@pytest.mark.parametrize("several", [False, True])
def test_a_start_that_no_worker_of_this_process_hears_is_due_at_once(starting: App, several: bool):
    call = waits().options(run_id="r")
    starting.start_many([call]) if several else starting.start(call)
    assert alarm(starting) <= 0


def test_so_is_what_a_sleeper_is_told(starting: App):
    starting.start(sleeps(), run_id="r")
    starting.runtime.tend("r")
    assert alarm(starting) > HINT_AFTER
    starting.send("r", "unasked", 1)
    assert alarm(starting) <= 0


def test_so_is_a_cancellation(starting: App):
    starting.start(sleeps(), run_id="r")
    starting.runtime.tend("r")
    starting.cancel("r")
    assert alarm(starting) <= 0


def test_a_worker_in_this_process_hears_of_it_and_need_not_ring(starting: App):
    with starting.worker(threads=1):
        starting.start(sleeps(), run_id="r")
        log = starting.store.read("r")
        assert log is not None
        assert log.alarm is not None
        assert log.alarm > log.now


def test_a_worker_of_another_app_takes_it_up_before_a_hint_would_be_missed(starting: App, url: str):
    working = App(url)
    with working.worker(threads=1):
        handle = starting.start(waits(), run_id="r")
        while (now := head(starting)).length == 1:
            assert starting.store.wait("r", now, 10.0)
        starting.send("r", "number", 7)
        assert starting.store.wait("r", None, 10.0, end=True)
    working.close()
    at = {type(event): event.at for event in handle.history()}
    assert at[CommandIssued] - at[RunStarted] < HINT_AFTER
    assert at[RunFinished] - at[HookReceived] < HINT_AFTER


def head(app: App) -> Mark:
    log = app.store.read("r")
    assert log is not None
    return log.head
