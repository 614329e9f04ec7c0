"""`Guard` and `Watch`: what is thrown hits a body or nothing."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from math import inf, sin
from pathlib import Path

import pytest

from yieldflow.interrupting import Guard, Interrupted, Watch

BODIES = 250


@pytest.fixture
def _nimble_threads() -> Iterator[None]:
    """Who watches gets its turn while three bodies spin."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(0.00002)
    yield
    sys.setswitchinterval(before)


def spin_until(end: float) -> str:
    while time.monotonic() < end:
        pass
    return "ended"


def hammer(watch: Watch, strays: list[BaseException], met: set[str]) -> None:
    """Bodies that end as they are hit, those of all threads at once; whatever hits anything else is a stray."""
    try:
        for number in range(BODIES):
            deadline = (int(time.monotonic() * 500) + 1) / 500
            guard = Guard(deadline)
            watch.add(guard)
            try:
                met.add(guard.run(lambda deadline=deadline, number=number: spin_until(deadline + sin(number) / 4_000)))
            except Interrupted:
                met.add("interrupted")
            watch.remove(guard)
            spin_until(time.monotonic() + 0.0003)  # where a late one would hit
    except BaseException as stray:
        strays.append(stray)


@pytest.mark.usefixtures("_nimble_threads")
@pytest.mark.parametrize("where", ["main thread", "threads"])
def test_a_body_that_ends_as_it_is_hit_lets_nothing_out(where: str):
    watch, strays, met = Watch(again=0.05), [], set()
    if where == "main thread":
        hammer(watch, strays, met)
    else:
        threads = [threading.Thread(target=hammer, args=(watch, strays, met)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert strays == []
    assert met == {"ended", "interrupted"}


def test_what_comes_after_a_body_is_not_thrown():
    guard = Guard(0.0)
    with pytest.raises(Interrupted):
        guard.run(guard.interrupt)
    assert guard.interrupt() is False
    assert guard.fired == "timeout"
    other = Guard(0.0)
    assert other.run(lambda: "ended") == "ended"
    assert other.interrupt() is False
    assert other.fired is None


def test_a_body_does_not_leave_while_something_is_being_thrown():
    guard = Guard(0.0)
    guard._throwing.acquire()
    begun = time.monotonic()
    threading.Timer(0.05, guard._throwing.release).start()
    assert guard.run(lambda: "ended") == "ended"
    assert time.monotonic() - begun >= 0.05


@pytest.mark.parametrize("hit", ["thrown", "ctrl-c"])
def test_what_hits_the_very_end_of_a_body_leaves_all_as_it_was(hit: str):
    guard, answers, before = Guard(0.0), [], signal.getsignal(signal.SIGURG)
    guard._throwing.acquire()  # so the body's end takes a while

    def hits() -> None:
        time.sleep(0.03)
        guard.aim.throw() if hit == "thrown" else os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.03)
        guard._throwing.release()

    threading.Thread(target=hits).start()
    try:
        answers.append(guard.run(lambda: "ended"))
    except KeyboardInterrupt:
        answers.append("interrupted")
    assert answers == ["ended" if hit == "thrown" else "interrupted"]
    assert signal.getsignal(signal.SIGURG) is before
    assert guard.interrupt() is False


def test_a_body_whose_time_is_up_before_it_begins_does_not_begin():
    guard, begun = Guard(0.0), []
    assert guard.interrupt()
    with pytest.raises(Interrupted):
        guard.run(lambda: begun.append(True))
    assert begun == []


def test_a_body_that_is_hit_for_the_last_time_in_ctrl_c_leaves_its_guard_for_good():
    def ctrl_c():
        raise KeyboardInterrupt

    guard = Guard(0.0)
    with pytest.raises(KeyboardInterrupt):
        guard.run(ctrl_c)
    assert guard.interrupt() is False


TRACED = """
import sys, threading, time
from yieldflow.interrupting import Guard, Interrupted

def body(hit):
    guard = Guard(0.0)
    try:
        guard.run(guard.interrupt if hit else lambda: None)
    except Interrupted:
        pass

for hit in (False, True):
    thread = threading.Thread(target=body, args=(hit,))
    thread.start()
    thread.join()
sys.settrace(lambda *_: None)
for number in range(1_000):
    abs(number), (lambda: number)()
"""


def test_a_thread_that_was_hit_leaves_the_interpreter_as_it_was():
    """Python 3.11 spun for ever under a tracer once an exception was called back that had not been on its way."""
    subprocess.run([sys.executable, "-c", TRACED], check=True, timeout=20, cwd=Path(__file__).parents[2])


def test_the_thread_that_watches_ends_when_nothing_is_left_to_watch():
    watch = Watch()
    endless, limited = Guard(), Guard(time.monotonic() + 0.03)
    watch.add(endless)
    assert watch._thread is None
    watch.add(limited)
    thread = watch._thread
    assert thread is not None
    watch.remove(limited)
    thread.join(5)
    assert not thread.is_alive()
    watch.add(Guard(time.monotonic() + 0.01))
    assert watch._thread is not None


def test_a_shorter_limit_that_comes_later_is_kept():
    watch = Watch()
    watch.add(Guard(time.monotonic() + 60))
    while watch._until == inf:
        time.sleep(0.001)
    guard = Guard(time.monotonic() + 0.03)
    watch.add(guard)
    begun = time.monotonic()
    with pytest.raises(Interrupted):
        guard.run(lambda: time.sleep(5))
    assert time.monotonic() - begun < 2


# --- bodies without limits: nobody is told of them before their worker stops -----------------------------------------


@pytest.mark.usefixtures("_nimble_threads")
def test_a_body_without_limits_that_ends_as_its_worker_stops_lets_nothing_out():
    watch, strays, met, ended = Watch(again=0.05), [], set(), threading.Event()

    def bodies() -> None:
        try:
            for number in range(BODIES):
                guard = Guard()
                watch.add(guard)
                try:
                    met.add(guard.run(lambda number=number: spin_until(time.monotonic() + abs(sin(number)) / 1_000)))
                except Interrupted:
                    met.add("interrupted")
                watch.remove(guard)
                spin_until(time.monotonic() + 0.0003)  # where a late one would hit
        except BaseException as stray:
            strays.append(stray)

    threads = [threading.Thread(target=bodies) for _ in range(3)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        watch.stop_all()
        ended.wait(0.002)
    assert strays == []
    assert met == {"ended", "interrupted"}
    assert watch._guards == set()


def test_a_body_of_the_main_thread_without_limits_is_left_to_ctrl_c():
    watch, guard = Watch(), Guard()
    watch.add(guard)

    def body() -> str:
        watch.stop_all()
        while guard.fired is None:
            time.sleep(0.001)
        spin_until(time.monotonic() + 0.02)
        return "ended"

    assert guard.run(body) == "ended"
    assert guard.fired == "stopped"
    watch.remove(guard)


def test_bodies_without_limits_need_no_thread_that_watches():
    watch = Watch()
    for _ in range(3):
        guard = Guard()
        watch.add(guard)
        assert guard.run(lambda: "ended") == "ended"
        watch.remove(guard)
    assert watch._thread is None
    assert watch._guards == set()
