"""Rulings 51 and 69 while bodies run for real: when a claim is kept, and when it is given back."""

import os
import threading
import time
import warnings
from math import inf

import pytest

from yieldflow import App, Flow, current_step, gather, step, workflow
from yieldflow.core.events import AttemptFailed
from yieldflow.errors import ReplyLost
from yieldflow.heart import Held
from yieldflow.ports import Claimed, Free
from yieldflow.stores.memory import MemoryStore

SECONDS = 10.0


class Away(MemoryStore):
    """For a while it takes no report: each is lost on its way."""

    lost = 0

    def commit(self, commits):
        if self.lost and any(commit.drop for commit in commits):
            self.lost -= 1
            raise ReplyLost("the network is away")
        return super().commit(commits)


def test_51_a_finished_body_keeps_its_claim_until_its_report_is_made():
    app = App("memory:", lease="90ms")
    app.store = store = Away()
    begun = []

    @step(retry=1)
    def pays(number: int) -> int:
        begun.append(number)
        store.lost = 4  # one speculation, then reports: in all about three leases
        return number

    @workflow
    def program() -> Flow[int]:
        return (yield pays(7))

    with app.worker(threads=2):
        handle = app.start(program())
        assert handle.result(timeout=SECONDS) == 7
    assert begun == [7]
    assert store.lost == 0
    assert not [event for event in handle.history() if isinstance(event, AttemptFailed)]
    assert app.runtime.heart._held == {}
    app.close()


def test_a_claim_is_let_go_once_its_report_is_made(app: App):
    @step(retry=1)
    def quick(number: int) -> int:
        assert len(app.runtime.heart._held) <= 2
        return number

    @workflow
    def program() -> Flow[int]:
        total = 0
        for number in range(20):
            total += yield quick(number)
        return total + sum((yield gather(quick(1), quick(2))))

    assert app.run(program()) == 193
    app.runtime.pool.stop(SECONDS)
    assert app.runtime.heart._held == {}


@step(retry=1)
def spins(begun: str) -> None:
    current_step().heartbeat(begun)
    BEGUN.set()
    while not FREE.is_set():
        time.sleep(0.001)


@step(retry=1)
def sits(begun: str) -> None:
    BEGUN.set()
    FREE.wait(SECONDS)


@workflow
def works(kind: str) -> Flow[None]:
    yield {"spins": spins, "sits": sits}[kind](kind)


BEGUN, FREE = threading.Event(), threading.Event()


@pytest.fixture
def _at_work(app: App):
    BEGUN.clear()
    FREE.clear()
    yield
    FREE.set()
    app.runtime.pool.stop(SECONDS)


def begin(app: App, kind: str) -> None:
    app.start(works(kind), run_id="run")
    app.runtime.pool.offer("run", "")
    assert BEGUN.wait(SECONDS)


@pytest.mark.usefixtures("_at_work")
def test_69_a_body_that_is_abandoned_is_interrupted_given_back_and_not_counted(app: App):
    begin(app, "spins")
    runtime, handle = app.runtime, app.get("run")
    runtime.abandon(grace=0.02)
    (entry,) = app.store.work("run")
    assert isinstance(entry, Free)
    assert (entry.attempt, entry.losses, entry.details) == (1, 0, b'"spins"')
    assert not [event for event in handle.history() if isinstance(event, AttemptFailed)]


@pytest.mark.usefixtures("_at_work")
def test_51_a_claim_is_never_given_back_while_its_body_runs(app: App, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("yieldflow.runtime.MOMENT", 0.05)
    begin(app, "sits")
    app.runtime.abandon(grace=0.02)
    (entry,) = app.store.work("run")
    assert isinstance(entry, Claimed)
    time.sleep(0.2)  # longer than the lease
    (entry,) = app.store.work("run")
    assert entry.until > app.runtime.clock.now()  # renewed, for it still runs


@pytest.mark.usefixtures("_at_work")
def test_51_a_body_that_ends_within_the_grace_time_is_reported(app: App):
    begin(app, "spins")
    threading.Timer(0.05, FREE.set).start()
    app.runtime.abandon(grace=SECONDS)
    assert app.get("run").status() == "completed"


# --- who renews -----------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_fork_renews_the_claims_of_its_bodies(app: App):
    heart = app.runtime.heart
    heart.hold(Held("nobody", (1,), "one", 60_000))
    until(lambda: heart._pause < inf)  # then no body with such a lease wakes the thread
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # newer Pythons warn of threads that a fork does not have
        child = os.fork()
    if child == 0:
        threading.Timer(5, os._exit, (2,)).start()
        heart.hold(Held("nobody", (1,), "another", 60_000))
        os._exit(0 if heart._thread is not None and heart._thread.is_alive() else 1)
    assert os.waitpid(child, 0)[1] == 0
    heart.let_go(Held("nobody", (1,), "one", 60_000))
    assert heart._held == {}


def test_who_renews_notices_a_shorter_lease_and_survives_what_a_store_should_not_raise(app: App):
    class Odd(MemoryStore):
        beats = 0

        def renew(self, beats):
            self.beats += 1
            if self.beats == 1:
                raise ZeroDivisionError
            return super().renew(beats)

    heart = app.runtime.heart
    heart.store = store = Odd()
    threading.excepthook, before = lambda _: None, threading.excepthook
    try:
        heart.hold(Held("nobody", (1,), "long", 60_000))
        heart.hold(held := Held("nobody", (1,), "short", 30))
        until(lambda: store.beats == 1 and heart._pause == inf)
        while not held.lost:  # there is no such claim: its next body makes a new thread see that
            heart.hold(held)
            time.sleep(0.005)
    finally:
        threading.excepthook = before
    assert store.beats > 1


def until(condition) -> None:
    patience = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < patience
        time.sleep(0.005)
