"""What `explore` has played is gone at once: thousands of schedules a second leave nothing to be searched for."""

import gc
from collections.abc import Iterator

import pytest

from yieldflow import Cancelled, Flow, step, workflow
from yieldflow.testing import Simulation, explore, outcomes


@step
def count(n: int) -> int: ...


@workflow
def counts(n: int) -> Flow[int]:
    try:
        for number in range(n):
            yield from count(number)
    except (ValueError, Cancelled):
        yield from count(0)
        raise
    return n


@pytest.fixture
def seldom() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def test_no_schedule_leaves_what_refers_to_itself(seldom: None):
    def looks(sim: Simulation[int]) -> None:
        assert sim.calls(count) is not None

    def left_of_each() -> float:
        gc.collect()
        fakes = {count: outcomes(1, ValueError("odd"))}
        tried = explore(counts(1), steps=fakes, always=looks, at_end=looks, exhaustive=True, elsewhere=False).schedules
        assert tried > 200
        return gc.collect() / tried

    assert min(left_of_each() for _ in range(3)) < 1  # a thread of another test may leave something meanwhile


def test_what_was_played_can_be_looked_at_afterwards():
    seen: list[Simulation[int]] = []
    explore(counts(1), steps={count: outcomes(1)}, at_end=seen.append, examples=20, elsewhere=False)
    first = seen[0]
    assert (first.status, first.result) == ("completed", 1)
    assert [(call.args, call.outcome, call.state) for call in first.calls(count)] == [((0,), 1, "answered")]
    assert first.history
