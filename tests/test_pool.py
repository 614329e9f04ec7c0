"""Which thread of a pool takes which hints."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from yieldflow import App, Flow, step, workflow
from yieldflow.pool import PATIENCE, Pool

SECONDS = 10.0


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


@contextmanager
def pool(work, threads: int = 4) -> Iterator[Pool]:
    made = Pool(work, threads)
    try:
        yield made
    finally:
        assert made.stop(SECONDS)


def test_a_thread_takes_half_of_what_waits_each_run_once():
    took, begun, go = [], threading.Event(), threading.Event()

    def work(run_ids, more):
        begun.set()
        go.wait(SECONDS)
        took.append((run_ids, more(32, ("a",)), more(1, ())))

    with pool(work, threads=1) as hints:
        hints.offer("first", "")
        begun.wait(SECONDS)
        for run_id in ("a", "b", "c", "d", "e"):
            hints.offer(run_id, "", 3)  # more than one thread could not help
        go.set()
        until(lambda: took)
        assert took[0] == (("first",), ("b", "c", "d"), ("a",))


def test_another_thread_joins_in_while_those_that_work_are_held_up():
    """One that looks for more again and again takes what comes."""
    took, busy = {}, threading.Event()
    busy.set()

    def work(run_ids, more):
        took.setdefault(threading.current_thread().name, []).extend(run_ids)
        while "diligent" in run_ids and busy.is_set():
            took[threading.current_thread().name].extend(more(32, ()))
            time.sleep(PATIENCE / 10)
        if "slow" in run_ids:
            time.sleep(20 * PATIENCE)

    with pool(work) as hints:
        hints.offer("slow", "")
        until(lambda: took)
        hints.offer("other", "")
        until(lambda: len(took) == 2)
        took.clear()
        time.sleep(30 * PATIENCE)
        hints.offer("diligent", "")
        until(lambda: took)
        for number in range(20):
            hints.offer(f"run-{number}", "")
            time.sleep(PATIENCE / 5)
        (one,) = took.values()
        until(lambda: len(one) == 21)
        busy.clear()


def test_a_pool_that_stops_gives_nothing_more():
    took, begun, stopping = [], threading.Event(), threading.Event()

    def work(run_ids, more):
        begun.set()
        stopping.wait(SECONDS)
        took.append(more(32, ()))

    hints = Pool(work, 1)
    hints.offer("first", "")
    begun.wait(SECONDS)
    hints.offer("second", "")
    assert not hints.stop(0)
    stopping.set()
    assert hints.stop(SECONDS)
    assert took == [()]


@step
def long(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


@workflow
def longer_than_a_slice(times: int) -> Flow[float]:
    total = 0.0
    for _ in range(times):
        total += yield from long(0.6)
    return total


def test_who_drives_a_run_keeps_it_however_long_it_takes():
    """Threads of the same process that were asked to go on with it fought with it over the run."""
    app = App("memory:")
    try:
        assert app.run(longer_than_a_slice(3)) == 0.6 * 3
        assert app.runtime.pool._running == set()
    finally:
        app.close()
