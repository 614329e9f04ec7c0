"""Several who ask at once: each gets its own answers, in as few calls of the store as there are rounds."""

from __future__ import annotations

import pytest

from tests.features.shop import listening
from yieldflow import App
from yieldflow.drive import Ports
from yieldflow.engine.requests import Newest, Offer, Read
from yieldflow.errors import StoreUnreachable, UnknownRun
from yieldflow.ports import NO_EVENTS
from yieldflow.together import together


class Queue:
    def __init__(self):
        self.offered = []

    def offer(self, run_id, queue, count=1):
        raise AssertionError("one by one")

    def offer_each(self, runs):
        self.offered.append([run.run_id for run in runs])


class Counted:
    def __init__(self, store):
        self.store, self.looks, self.newest, self.away = store, [], store.newest, False

    def begin(self, commits, looks):
        assert not commits
        if self.away:
            raise StoreUnreachable("here:", "away")
        self.looks.append([look.run_id for look in looks])
        return self.store.begin(commits, looks)


@pytest.fixture
def ports():
    app = App("memory:")
    for run_id in ("a", "b", "c"):
        app.start(listening(), run_id=run_id)
    yield Ports(None, Counted(app.store), Queue(), app.runtime.clock, None)
    app.close()


def looks(run_id, times):
    for _ in range(times):
        log = yield Read(run_id, NO_EVENTS)
        if log is None:
            raise UnknownRun(run_id)
    newest = yield Newest(run_id)
    yield Offer(run_id, "q", 1)
    return newest, times


def test_each_has_its_own_answers_and_what_they_want_at_once_is_one_call(ports):
    assert together([looks("a", 1), looks("b", 3), looks("c", 2)], ports) == [("a", 1), ("b", 3), ("c", 2)]
    assert ports.store.looks == [["a", "b", "c"], ["b", "c"], ["b"]]
    assert ports.queue.offered == [["a"], ["c"], ["b"]]


def test_what_one_of_them_raises_stops_no_other_and_is_its_answer(ports):
    first, unknown, last = together([looks("a", 2), looks("nobody", 2), looks("c", 2)], ports)
    assert (first, last) == (("a", 2), ("c", 2))
    assert isinstance(unknown, UnknownRun)


def test_a_store_that_is_away_is_an_answer_that_each_may_mind_or_not(ports):
    def patient(run_id):
        try:
            yield Read(run_id, NO_EVENTS)
        except StoreUnreachable:
            return "later"

    ports.store.away = True
    minds, does_not = together([looks("a", 1), patient("b")], ports)
    assert isinstance(minds, StoreUnreachable)
    assert does_not == "later"


def test_a_mistake_of_ours_ends_all_of_them_and_closes_them(ports):
    closed = []

    def waits():
        try:
            yield Read("a", NO_EVENTS)
        finally:
            closed.append(True)

    def fails():
        yield Read("b", NO_EVENTS)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        together([fails(), waits()], ports)
    assert closed == [True]


def test_nobody_asks_nothing(ports):
    assert together([], ports) == []
    assert ports.store.looks == []
