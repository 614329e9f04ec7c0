"""Ruling 50: what `timeout=` does to a body that runs, in the main thread and in others."""

import os
import signal
import threading
import time
from contextlib import suppress

import pytest

from yieldflow import App, Flow, Retry, StepTimeout, current_step, gather, step, workflow
from yieldflow.core.events import AttemptFailed
from yieldflow.interrupting import Interrupted
from yieldflow.ports import Claimed

SECONDS = 10.0
AT_ONCE = Retry(attempts=2, delay=0, jitter=0)


def spin(seconds: float = SECONDS) -> None:
    """What a body does that calls nothing which waits."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pass


def in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


@workflow
def alone(name: str) -> Flow[str]:
    try:
        yield BODIES[name]()
    except StepTimeout as error:
        return f"{error} | {error.__cause__.traceback}"
    return "it came to an end"


@workflow
def beside(name: str) -> Flow[list[str]]:
    """In threads."""
    ends = yield gather(BODIES[name](), BODIES[name](), return_exceptions=True)
    return [str(end) for end in ends]


@step(retry=1, timeout="200ms")
def sleeps() -> None:
    time.sleep(SECONDS)


@step(retry=1, timeout="200ms")
def spins() -> None:
    spin()


@step(retry=1, timeout="200ms")
def catches_errors() -> None:
    while True:
        with suppress(Exception):
            spin()


@step(retry=1, timeout="200ms")
def catches_everything_twice() -> None:
    for _ in range(2):
        with suppress(BaseException):
            spin()
    spin()


@step(retry=1, timeout="200ms")
def answers_all_the_same() -> str:
    with suppress(BaseException):
        spin()
    return "too late"


@step(retry=1, timeout="200ms")
def fails_while_it_cleans_up() -> str:
    try:
        spin()
    finally:
        raise OSError("the lock is gone")


BODIES = {
    body.fn.__name__: body
    for body in (
        sleeps,
        spins,
        catches_errors,
        catches_everything_twice,
        answers_all_the_same,
        fails_while_it_cleans_up,
    )
}


@pytest.mark.parametrize("name", BODIES)
def test_50_a_body_in_the_main_thread_is_interrupted_when_its_time_is_up(app: App, name: str):
    begun = time.monotonic()
    told = app.run(alone(name))
    assert time.monotonic() - begun < SECONDS / 4
    assert f"{name} took longer than its timeout on attempt 1" in told


@pytest.mark.parametrize("name", [name for name in BODIES if name != "sleeps"])
def test_50_a_body_in_a_thread_is_interrupted_when_its_time_is_up(app: App, name: str):
    begun = time.monotonic()
    told = app.run(beside(name))
    assert len(told) == 2
    assert [text for text in told if f"{name} took longer than its timeout on attempt 1" not in text] == []
    app.runtime.pool.stop(SECONDS)  # the store's own bound would not end the bodies
    assert time.monotonic() - begun < SECONDS / 4


def test_50_the_failure_shows_where_the_body_was(app: App):
    assert "time.sleep(SECONDS)" in app.run(alone("sleeps"))


def test_parity_20_a_timeout_is_kept_and_counts_as_a_failed_attempt(app: App):
    """Elsewhere `timeout=` is accepted and does nothing."""
    threads = []

    @step(retry=AT_ONCE, timeout="200ms")
    def slow_at_first() -> str:
        threads.append(in_main_thread())
        if current_step().attempt == 1:
            time.sleep(SECONDS)
        return "done"

    @workflow
    def program() -> Flow[str]:
        return (yield slow_at_first())

    handle = app.start(program())
    handle.drive()
    assert handle.result() == "done"
    assert threads == [True, True]
    (failed,) = [event for event in handle.history() if isinstance(event, AttemptFailed)]
    assert failed.failure.names[0] == "yieldflow.errors:StepTimeout"


def test_50_a_body_within_its_time_notices_nothing(app: App):
    @step(retry=1, timeout="5s")
    def quick() -> str:
        spin(0.05)
        return "done"

    @workflow
    def program() -> Flow[list[str]]:
        return [(yield quick()), *(yield gather(quick(), quick()))]

    assert app.run(program()) == ["done"] * 3


# --- what a signal must not disturb -----------------------------------------------------------------------------------


def test_50_handlers_and_timers_of_others_are_as_before(app: App):
    rung, heard = [], []
    before = signal.signal(signal.SIGURG, lambda *_: heard.append("urgent"))
    alarm = signal.signal(signal.SIGALRM, lambda *_: rung.append("alarm"))
    mine = signal.getsignal(signal.SIGURG)

    @step(retry=1, timeout="300ms")
    def uses_signals() -> None:
        signal.setitimer(signal.ITIMER_REAL, 0.02)
        os.kill(os.getpid(), signal.SIGURG)
        time.sleep(SECONDS)

    @workflow
    def program() -> Flow[bool]:
        try:
            yield uses_signals()
        except StepTimeout:
            return True
        return False

    try:
        assert app.run(program())
        assert signal.getsignal(signal.SIGURG) is mine
        assert (rung, heard) == (["alarm"], ["urgent"])
    finally:
        signal.signal(signal.SIGURG, before)
        signal.signal(signal.SIGALRM, alarm)


@step(retry=1)
def inner() -> None:
    time.sleep(SECONDS)


@workflow
def inner_program() -> Flow[None]:
    yield inner()


@step(retry=1, timeout="100ms")
def drives_another_run() -> None:
    INNER.get("inner").drive()


@workflow
def outer_program() -> Flow[str]:
    try:
        yield drives_another_run()
    except StepTimeout as error:
        return str(error)
    return ""


INNER = App("memory:")


def test_50_a_body_that_drives_another_run_is_hit_through_it(app: App):
    INNER.start(inner_program(), run_id="inner")
    assert "drives_another_run took longer" in app.run(outer_program())
    (entry,) = INNER.store.work("inner")
    assert not isinstance(entry, Claimed)  # its body runs no more: it was given back
    INNER.close()


# --- threads that do not come back ------------------------------------------------------------------------------------


def test_50_a_thread_that_does_not_come_back_is_replaced_and_counted_while_that_lasts(app: App):
    over, free = threading.Event(), threading.Event()

    @step(retry=1, timeout="40ms")
    def stuck() -> None:
        try:
            free.wait(SECONDS)  # it sits in C: nothing reaches it
        except Interrupted:
            over.set()
            raise

    @step(retry=1)
    def quick() -> str:
        return "done"

    @workflow
    def sticks() -> Flow[None]:
        yield stuck()

    @workflow
    def goes() -> Flow[str]:
        return (yield quick())

    with app.worker(threads=1):
        app.runtime.watch.again = 0.02
        app.start(sticks())
        until(lambda: app.runtime.pool.stuck == 1)
        assert app.start(goes()).result(timeout=SECONDS) == "done"
        assert app.runtime.pool.stuck == 1
        free.set()
        assert over.wait(SECONDS)
        until(lambda: app.runtime.pool.stuck == 0)
        until(lambda: len(app.runtime.pool._running) == 1)


def until(condition) -> None:
    patience = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < patience
        time.sleep(0.005)
