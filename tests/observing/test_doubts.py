"""Commits whose replies were lost: what is kept of them, for how long, and what a log shows of them."""

from __future__ import annotations

import sys
import tracemalloc
from collections import Counter
from threading import Barrier, Thread

import pytest
from attrs import evolve

from tests.observing.test_books import send
from yieldflow.engine.outside import delivery
from yieldflow.observing.doubts import KEPT, Doubts
from yieldflow.ports import Commit, Head, Mark


def aged() -> tuple[Doubts, list[float]]:
    now = [0.0]
    return Doubts(lambda: now[0]), now


def test_a_doubt_is_dropped_after_a_while():
    doubts, now = aged()
    doubts.add([send("A", 1)])
    now[0] = KEPT - 1
    doubts.over(send("B", 1))
    assert "A" in doubts
    now[0] = KEPT + 1
    doubts.over(send("B", 1))
    assert not doubts
    assert doubts.size == 0


def test_doubts_take_so_many_bytes_and_no_more(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("yieldflow.observing.doubts.MOST", 100_000)
    doubts, _ = aged()
    for number in range(200):
        doubts.add([send(f"run-{number}", 1)])
        assert 0 < doubts.size <= 100_000
    assert "run-0" not in doubts
    assert "run-199" in doubts
    assert doubts.untold("run-199", tuple(b"%d" % at for at in range(2_000)))
    assert doubts.size <= 100_000


def test_payloads_are_not_kept_for_doubts():
    doubts, _ = aged()
    big = delivery("A", "c", "x", b'"' + b"x" * 5_000_000 + b'"', key="k", by=None, inbox=10, at=1)
    tracemalloc.start()
    try:
        for number in range(20):
            doubts.add([evolve(big, commit=f"c{number}", events=(big.events[0] + b" " * number,))])
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 1_000_000


def test_doubts_of_many_runs_cost_a_commit_of_another_one_nothing():
    doubts, _ = aged()
    doubts.add([send(f"run-{number}", 1) for number in range(1_000)])
    seen = Counter[str]()
    sys.setprofile(lambda _, kind, __: seen.update([kind]))
    doubts.over(send("other", 1))
    doubts.shown("other", (b"1",), tuple)
    sys.setprofile(None)
    assert sum(seen.values()) < 200


def test_threads_tell_of_an_event_once_between_them():
    doubts, told, together = Doubts(), list[bytes](), Barrier(2)
    events = tuple(b"%d" % at for at in range(2_000))
    doubts.add([send(f"run-{number}", 1) for number in range(10)])

    def tell() -> None:
        for number in range(10):
            together.wait(10)
            told.extend(doubts.untold(f"run-{number}", events))

    former = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    threads = [Thread(target=tell) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sys.setswitchinterval(former)
    assert len(told) == 10 * len(events)


def test_what_is_there_in_part_only_was_never_applied():
    doubts, _ = aged()
    both = Commit("A", "c", Head(Mark(3, "x")), events=(b"1", b"2"))
    doubts.add([both])
    assert doubts.shown("A", (b"1",), lambda: (b"0", b"1", b"3")) == []
    assert "A" not in doubts


def test_what_is_there_in_whole_is_told_once():
    doubts, _ = aged()
    first = Commit("A", "c", Head(Mark(3, "x")), events=(b"1", b"2"))
    doubts.add([first, evolve(first, commit="d", events=(b"1", b"2", b"3"))])
    shown = doubts.shown("A", (b"2",), lambda: (b"0", b"1", b"2", b"3"))
    assert [commit.events for commit in shown] == [(b"1", b"2"), (b"3",)]
    assert doubts.untold("A", (b"3", b"4")) == (b"4",)
