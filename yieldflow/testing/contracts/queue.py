"""What every queue promises as long as nothing breaks, as tests. Hints may be doubled even then, and lost with a server
that dies: alarms bring them back.

    class TestMyQueue(QueueContract): ...

with a `harness` fixture. Nothing here knows which queue it is given.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from yieldflow.ports import Due, Queue

MAIN, OTHER = "yieldflow", "gpu"
MANY = 300


class QueueHarness(Protocol):
    """*queue* is new for each test. Whoever serves `MAIN` and `OTHER` is the harness."""

    @property
    def queue(self) -> Queue: ...

    def taken(self) -> Sequence[str]:
        """The runs that those who serve both queues were told to look at since the last call, until nothing is left."""
        ...


class QueueContract:
    def test_a_hint_comes_to_whoever_serves_the_queue(self, harness: QueueHarness) -> None:
        harness.queue.offer("order-1", MAIN)
        assert set(harness.taken()) == {"order-1"}

    def test_a_hint_that_was_taken_is_gone(self, harness: QueueHarness) -> None:
        harness.queue.offer("order-1", MAIN)
        harness.taken()
        assert list(harness.taken()) == []

    def test_a_run_can_be_offered_again(self, harness: QueueHarness) -> None:
        for _ in range(3):
            harness.queue.offer("order-1", MAIN)
            assert "order-1" in harness.taken()

    def test_as_many_hints_as_were_asked_for_are_the_most(self, harness: QueueHarness) -> None:
        harness.queue.offer("order-1", MAIN, 3)
        harness.queue.offer("order-2", MAIN, 1)
        taken = list(harness.taken())
        assert 1 <= taken.count("order-1") <= 3
        assert taken.count("order-2") == 1

    def test_no_hint_is_left_when_none_can_help(self, harness: QueueHarness) -> None:
        harness.queue.offer("order-1", MAIN, 0)
        assert list(harness.taken()) == []

    def test_each_queue_has_its_hints(self, harness: QueueHarness) -> None:
        harness.queue.offer("order-1", MAIN)
        harness.queue.offer("order-2", OTHER)
        assert set(harness.taken()) == {"order-1", "order-2"}

    def test_several_runs_are_offered_at_once(self, harness: QueueHarness) -> None:
        runs = [Due(f"order-{number}", MAIN if number % 3 else OTHER) for number in range(MANY)]
        harness.queue.offer_each(runs)
        assert set(harness.taken()) == {run.run_id for run in runs}

    def test_none_are_offered_at_once(self, harness: QueueHarness) -> None:
        harness.queue.offer_each([])
        assert list(harness.taken()) == []

    def test_run_ids_come_as_they_are(self, harness: QueueHarness) -> None:
        odd = {"order/42~2", "a b", "été 🚚", "~1.3", "x" * 200, "{1}", "0"}
        for run_id in odd:
            harness.queue.offer(run_id, MAIN)
        assert set(harness.taken()) == odd
