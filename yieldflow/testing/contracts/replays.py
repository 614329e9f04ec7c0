"""Replays: who is about to replay a run leaves a note, and who comes through takes all of them back."""

from __future__ import annotations

from yieldflow.ports import REPLAYS_KEPT, Beat, Head, Holding, Log, Open
from yieldflow.testing.contracts.harness import (
    QUEUE,
    RUN,
    Harness,
    append,
    change,
    claim,
    conflict,
    done,
    free,
    log,
    start,
)


def replay(harness: Harness) -> Log:
    found = harness.store.read(RUN, replaying=None)
    assert found is not None
    return found


class ReplayContract:
    def test_a_replay_is_told_of_those_before_it(self, harness: Harness) -> None:
        start(harness)
        first = replay(harness)
        harness.pass_time(2)
        second = replay(harness)
        assert (first.replays, second.replays) == ((), (first.now,))
        assert log(harness).replays == (first.now, second.now)
        assert first.events == second.events == (b"started",)

    def test_a_plain_read_leaves_no_note(self, harness: Harness) -> None:
        start(harness)
        log(harness)
        assert log(harness).replays == ()

    def test_a_replay_of_an_unknown_run_leaves_no_note(self, harness: Harness) -> None:
        assert harness.store.read(RUN, replaying=None) is None
        start(harness)
        assert log(harness).replays == ()

    def test_the_last_so_many_replays_are_known(self, harness: Harness) -> None:
        start(harness)
        began = []
        for _ in range(REPLAYS_KEPT + 2):
            began.append(replay(harness).now)
            harness.pass_time(1)
        assert log(harness).replays == tuple(began[-REPLAYS_KEPT:])

    def test_any_commit_on_the_head_takes_the_notes_back(self, harness: Harness) -> None:
        start(harness)
        for events in ((), (b"b",)):
            assert replay(harness).replays == ()
            append(harness, *events)
            assert log(harness).replays == ()

    def test_a_commit_that_says_so_keeps_the_notes(self, harness: Harness) -> None:
        start(harness)
        began = replay(harness).now
        append(harness, keeps_replays=True)
        append(harness, b"b", keeps_replays=True)
        assert log(harness).replays == (began,)
        append(harness)
        assert log(harness).replays == ()

    def test_no_other_commit_takes_them_back(self, harness: Harness) -> None:
        head = start(harness, put=(free(),))
        held = claim(harness)
        replay(harness)
        conflict(change(harness, Head(None), b"x", summary=log(harness).summary))
        done(change(harness, Open("key"), b"payload"))
        harness.store.renew([Beat(RUN, (1,), held.token)])
        done(change(harness, Holding((1,), held.token), b"report", drop=((1,),)))
        conflict(change(harness, Head(head), b"x"))
        assert len(log(harness).replays) == 1

    def test_a_note_is_no_commit(self, harness: Harness) -> None:
        head = start(harness, alarm=1)
        harness.store.due(1)
        before = log(harness)
        replay(harness)
        after = log(harness)
        assert (after.head, after.alarm, after.rings) == (head, before.alarm, 1)

    def test_notes_are_of_one_run_and_go_with_it(self, harness: Harness) -> None:
        start(harness)
        start(harness, run_id="other")
        replay(harness)
        assert log(harness, "other").replays == ()
        harness.store.delete(RUN)
        start(harness)
        assert log(harness).replays == ()

    def test_only_who_serves_the_queue_of_a_run_replays_it(self, harness: Harness) -> None:
        start(harness)
        for queues, noted in (((), 0), (("gpu",), 0), (("gpu", QUEUE), 1), (None, 2)):
            harness.store.read(RUN, replaying=queues)
            assert len(log(harness).replays) == noted
