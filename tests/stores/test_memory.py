"""The memory store keeps the contract, and its clock never runs backwards."""

from __future__ import annotations

import time

import pytest

from yieldflow.stores import rules
from yieldflow.stores.memory import MemoryStore
from yieldflow.testing.contracts import StoreContract
from yieldflow.testing.contracts.harness import Embedded, FakeClock


class TestMemoryStore(StoreContract):
    @pytest.fixture
    def harness(self) -> Embedded:
        clock = FakeClock()
        return Embedded(MemoryStore(clock), clock)


def test_the_default_clock_is_the_wall_clock():
    before = time.time_ns() // 1_000_000
    _, now = MemoryStore().next_alarm()
    assert before <= now <= before + 60_000


def test_the_clock_stands_still_while_the_wall_clock_runs_backwards(monkeypatch):
    instants = iter([5_000_000_000, 3_000_000_000, 6_000_000_000])
    monkeypatch.setattr(time, "time_ns", lambda: next(instants))
    clock = rules.wall_clock()
    assert [clock(), clock(), clock()] == [5_000, 5_000, 6_000]


def test_a_cursor_that_no_page_gave_is_refused():
    with pytest.raises(ValueError):
        rules.place_of("nonsense")
