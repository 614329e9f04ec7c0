"""Several callers at once: who waits is woken, and of those who race for one head or one entry exactly one wins."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Thread

from yieldflow.ports import Commit, Conflict, Done, Head, Mark, Open
from yieldflow.testing.contracts.harness import QUEUE, RUN, Harness, append, change, free, log, start

SOON = 5.0  # seconds; only a broken store waits so long
AT_ONCE = 0.02


def soon(call: Callable[[], object]) -> Thread:
    """Do it a moment later, in another thread."""

    def later() -> None:
        time.sleep(AT_ONCE)
        call()

    thread = Thread(target=later)
    thread.start()
    return thread


class WaitingContract:
    def test_a_wait_ends_at_once_when_the_head_is_another(self, harness: Harness) -> None:
        head = start(harness)
        assert harness.store.wait(RUN, None, SOON)
        append(harness, b"b")
        assert harness.store.wait(RUN, head, SOON)
        assert harness.store.wait(RUN, Mark(2, "other"), SOON)
        assert harness.store.wait("nobody", head, SOON)

    def test_a_wait_ends_when_the_time_is_over(self, harness: Harness) -> None:
        head = start(harness)
        began = time.monotonic()
        assert not harness.store.wait(RUN, head, AT_ONCE)
        assert not harness.store.wait("nobody", None, AT_ONCE)
        assert not harness.store.wait(RUN, head, 0)
        assert AT_ONCE * 2 <= time.monotonic() - began < SOON

    def test_a_wait_ends_when_the_head_moves(self, harness: Harness) -> None:
        head = start(harness)
        for move in (
            lambda: change(harness, Open("key"), b"payload"),
            lambda: append(harness, b"end", done=True),
            lambda: harness.store.delete(RUN),
        ):
            thread = soon(move)
            assert harness.store.wait(RUN, head, SOON)
            thread.join()
            found = harness.store.read(RUN)
            head = found.head if found else head

    def test_a_wait_for_a_run_that_is_not_there_ends_when_it_starts(self, harness: Harness) -> None:
        thread = soon(lambda: start(harness))
        assert harness.store.wait(RUN, None, SOON)
        thread.join()

    def test_of_racing_commits_on_one_head_exactly_one_wins(self, harness: Harness) -> None:
        head = start(harness, b"a")
        racers, rounds = 4, 10
        barrier = Barrier(racers)

        def race(racer: int) -> list[bool]:
            at, wins = head, []
            for turn in range(rounds):
                barrier.wait(SOON)
                event = b"%d" % racer
                (reply,) = harness.store.commit([Commit(RUN, f"c{turn}-{racer}", Head(at), (event,))])
                assert isinstance(reply, Done | Conflict)
                assert reply.head is not None
                wins.append(isinstance(reply, Done))
                at = reply.head
                barrier.wait(SOON)
            return wins

        with ThreadPoolExecutor(racers) as pool:
            wins = list(pool.map(race, range(racers)))
        assert [sum(turn) for turn in zip(*wins, strict=True)] == [1] * rounds
        events = log(harness).events
        assert len(events) == 1 + rounds
        assert [int(event) for event in events[1:]] == [turn.index(True) for turn in zip(*wins, strict=True)]

    def test_of_racing_deliveries_with_one_key_exactly_one_is_accepted(self, harness: Harness) -> None:
        start(harness, b"a")
        with ThreadPoolExecutor(4) as pool:
            replies = list(pool.map(lambda _: change(harness, Open("key"), b"payload"), range(8)))
        assert sum(isinstance(reply, Done) for reply in replies) == 1
        assert log(harness).head.length == 2

    def test_racing_workers_share_the_work_without_overlap(self, harness: Harness) -> None:
        start(harness, put=tuple(free((number,)) for number in range(1, 41)))

        def take(worker: int) -> list[tuple[int, ...]]:
            given = []
            for turn in range(4):
                tokens = [f"{worker}-{turn}-{number}" for number in range(3)]
                granted = harness.store.claim(RUN, [QUEUE], f"w{worker}", tokens)
                given += [grant.claim.path for grant in granted.grants]
            return given

        with ThreadPoolExecutor(4) as pool:
            given = [path for paths in pool.map(take, range(4)) for path in paths]
        assert sorted(given) == [(number,) for number in range(1, 41)]
