"""The store's time as a worker knows it, between threads."""

import threading
import time
from random import Random

import pytest

from yieldflow.drive import Clock
from yieldflow.errors import StoreError

ROUNDS = 3_000


@pytest.mark.usefixtures("_nimble_threads")
def test_61_no_thread_sees_the_time_run_backwards_while_the_store_puts_it_back():
    clock, over, backwards = Clock(), threading.Event(), []
    clock.heard(1_000_000_000)

    def looks() -> None:
        latest = 0
        while not over.is_set():
            now = clock.now()
            if now < latest:
                backwards.append(latest - now)
            latest = now

    threads = [threading.Thread(target=looks) for _ in range(2)]
    for thread in threads:
        thread.start()
    random = Random(61)
    for _ in range(ROUNDS):
        clock.heard(clock.now() + random.choice([-50, -3, -1, 0, 1, 20]))
    over.set()
    for thread in threads:
        thread.join()
    assert backwards == []


def test_61_who_looks_while_the_time_is_put_back_sees_nothing_that_is_later_than_what_follows(monkeypatch):
    clock, passed, looks, seen = Clock(), [0.0], [], []

    def monotonic() -> float:
        at = passed[0]
        if len(looks) == 2 and threading.current_thread() is threading.main_thread():  # for what was said before
            passed[0] += 5
            looking.start()
            looking.join(0.05)
        looks.append(at)
        return at

    looking = threading.Thread(target=lambda: seen.append(clock.now()))
    monkeypatch.setattr(time, "monotonic", monotonic)
    clock.heard(1_000_000)
    clock.heard(900_000)
    looking.join()
    assert seen == [1_000_000]
    assert clock.now() >= 1_000_000


def test_61_the_store_is_asked_for_its_time_once_it_can_answer():
    answers = [StoreError("it is away"), 7_000_000]

    def ask() -> int:
        answer = answers.pop(0)
        if isinstance(answer, StoreError):
            raise answer
        return answer

    clock = Clock(ask)
    assert clock.now() > 1_000_000_000_000  # a guess
    assert clock.now() in range(7_000_000, 7_005_000)
    assert clock.now() in range(7_000_000, 7_005_000)
    assert answers == []
