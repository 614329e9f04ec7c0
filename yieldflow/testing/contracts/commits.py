"""Commits on the head, and reading: a head is a length and a commit id, and a refused commit changes nothing."""

from __future__ import annotations

import pytest

from yieldflow.ports import LAST_EVENT, NO_EVENTS, TAIL_BYTES, TAIL_EVENTS, Commit, Head, Look, Mark, Note, Open
from yieldflow.testing.contracts.harness import (
    RUN,
    Harness,
    append,
    change,
    conflict,
    done,
    free,
    log,
    new_id,
    refused,
    start,
    summary,
)


class CommitContract:
    def test_there_is_no_log_before_the_first_commit(self, harness: Harness) -> None:
        assert harness.store.read(RUN) is None
        assert harness.store.work(RUN) == ()

    def test_the_first_commit_creates_the_run(self, harness: Harness) -> None:
        listed = summary(tags={"team": "été"})
        reply = done(change(harness, Head(None), b"a", b"b", commit="c1", summary=listed, put=(free((1,)),)))
        assert (reply.head, reply.tail, reply.claimed, reply.gap) == (Mark(2, "c1"), (), (), False)
        found = log(harness)
        assert (found.head, found.events, found.gap) == (Mark(2, "c1"), (b"a", b"b"), False)
        assert (found.summary, found.entries, found.free, found.claimed) == (listed, 1, {free().queue: 1}, ())

    def test_a_first_commit_needs_a_summary_and_events(self, harness: Harness) -> None:
        with pytest.raises(ValueError, match="first commit"):
            change(harness, Head(None), b"a")
        with pytest.raises(ValueError, match="first commit"):
            change(harness, Head(None), summary=summary())
        assert harness.store.read(RUN) is None

    def test_a_commit_brings_the_summary_of_its_own_run(self, harness: Harness) -> None:
        with pytest.raises(ValueError, match="summary of run 'other'"):
            change(harness, Head(None), b"a", summary=summary("other"))
        assert harness.store.read(RUN) is None

    def test_a_run_is_created_once(self, harness: Harness) -> None:
        head = start(harness, b"a", b"b")
        reply = conflict(change(harness, Head(None), b"x", summary=summary(workflow="other")))
        assert (reply.head, reply.tail, reply.gap) == (head, (b"a", b"b"), False)
        assert log(harness).summary == summary()

    def test_events_are_any_bytes(self, harness: Harness) -> None:
        start(harness, bytes(range(256)), b"", b"\r\n\0")
        assert log(harness).events == (bytes(range(256)), b"", b"\r\n\0")

    def test_a_commit_on_the_head_appends_and_moves_it(self, harness: Harness) -> None:
        head = start(harness, b"a")
        reply = done(change(harness, Head(head), b"b", b"c", commit="c2"))
        assert (reply.head, reply.tail) == (Mark(3, "c2"), ())
        assert log(harness).events == (b"a", b"b", b"c")

    def test_a_commit_on_an_old_head_changes_nothing_and_answers_what_came_after(self, harness: Harness) -> None:
        old = start(harness, b"a")
        head = append(harness, b"b", b"c")
        before = log(harness)
        reply = conflict(
            change(harness, Head(old), b"x", put=(free(),), summary=summary(queue="q"), hooks={"h": "n"}, alarm=1)
        )
        assert (reply.head, reply.tail, reply.gap) == (head, (b"b", b"c"), False)
        after = log(harness)
        assert (after.events, after.summary, after.entries) == (before.events, before.summary, before.entries)
        assert after.alarm == before.alarm
        assert harness.store.resolve("h") is None

    def test_the_same_length_under_another_commit_id_is_not_the_head(self, harness: Harness) -> None:
        head = start(harness, b"a")
        for strange in (Mark(1, "other"), Mark(1, ""), Mark(7, head.commit), Mark(0, "")):
            assert conflict(change(harness, Head(strange), b"x")).head == head
        assert log(harness).events == (b"a",)

    def test_an_expected_head_that_is_not_of_this_log_is_a_gap_without_a_tail(self, harness: Harness) -> None:
        start(harness, b"a")
        append(harness, b"b")
        for strange in (Mark(1, "other"), Mark(3, "other")):
            reply = conflict(change(harness, Head(strange), b"x"))
            assert (reply.tail, reply.gap) == ((), True)

    def test_a_head_of_an_unknown_run_conflicts_with_no_head(self, harness: Harness) -> None:
        reply = conflict(change(harness, Head(Mark(1, "c1")), b"x"))
        assert (reply.head, reply.tail, reply.gap) == (None, (), True)
        assert harness.store.read(RUN) is None

    def test_a_repeated_commit_is_known_by_the_id_of_the_head(self, harness: Harness) -> None:
        head = start(harness, b"a")
        twice = Commit(RUN, "mine", Head(head), (b"b",))
        first, second = harness.store.commit([twice, twice])
        assert done(first).head == conflict(second).head == Mark(2, "mine")
        assert conflict(second).tail == (b"b",)
        assert log(harness).events == (b"a", b"b")

    def test_a_commit_without_events_does_not_move_the_head(self, harness: Harness) -> None:
        head = start(harness, b"a")
        reply = done(change(harness, Head(head), put=(free(),), summary=summary(status="paused")))
        assert reply.head == head
        found = log(harness)
        assert (found.head, found.entries, found.summary.status) == (head, 1, "paused")

    def test_a_commit_without_a_summary_keeps_the_one_that_is_listed(self, harness: Harness) -> None:
        start(harness, summary=summary(tags={"a": "b"}, status="paused"))
        append(harness, b"b")
        assert log(harness).summary == summary(tags={"a": "b"}, status="paused")

    def test_each_commit_of_a_call_stands_by_itself(self, harness: Harness) -> None:
        first = start(harness, b"a")
        replies = harness.store.commit(
            [
                Commit("other", "o1", Head(None), (b"o",), summary=summary("other")),
                Commit(RUN, "c2", Head(Mark(1, "strange")), (b"x",)),
                Commit("nobody", "n1", Open("key"), (b"x",)),
                Commit(RUN, "c3", Head(first), (b"b",)),
                Commit(RUN, "c4", Head(Mark(2, "c3")), (b"c",)),
            ]
        )
        assert done(replies[0]).head == Mark(1, "o1")
        assert conflict(replies[1]).head == first
        assert refused(replies[2]).reason == "unknown"
        assert (done(replies[3]).head, done(replies[4]).head) == (Mark(2, "c3"), Mark(3, "c4"))
        assert log(harness).events == (b"a", b"b", b"c")

    def test_no_commits_have_no_replies(self, harness: Harness) -> None:
        assert harness.store.commit([]) == ()

    def test_a_note_is_kept_until_a_commit_on_the_head_says_otherwise(self, harness: Harness) -> None:
        """By events, or by having nothing to append; not by who blocks it again and leaves the rings as they are."""
        head = start(harness)
        blocked = summary(status="blocked", note=Note("changed", head.length, "v2"))
        for after in ({"put": (free(),)}, {"alarm": 5}):
            append(harness, summary=blocked)
            append(harness, keeps_rings=True)
            assert log(harness).summary == blocked
            append(harness, **after)
            assert log(harness).summary == summary(status="running", note=None)
        append(harness, summary=blocked)
        append(harness, b"b")
        assert log(harness).summary == summary(status="running", note=None)

    def test_what_an_outsider_appends_clears_a_note_as_well(self, harness: Harness) -> None:
        start(harness)
        append(harness, summary=summary(status="blocked", note=Note("changed", 1)))
        done(change(harness, Open("k"), b"payload"))
        assert log(harness).summary == summary()

    # --- reading ---------------------------------------------------------------------------------------------

    def test_a_read_answers_what_comes_after_a_mark(self, harness: Harness) -> None:
        first = start(harness, b"a")
        second = append(harness, b"b", b"c")
        assert log(harness, after=first).events == (b"b", b"c")
        assert log(harness, after=second).events == ()
        assert not log(harness, after=second).gap

    def test_a_mark_that_is_not_of_this_log_reads_from_the_start(self, harness: Harness) -> None:
        start(harness, b"a")
        head = append(harness, b"b")
        for strange in (Mark(1, "other"), Mark(2, "other"), Mark(3, head.commit), Mark(1, head.commit)):
            found = log(harness, after=strange)
            assert (found.gap, found.events) == (True, (b"a", b"b"))

    def test_a_mark_without_a_commit_id_is_taken_at_its_length(self, harness: Harness) -> None:
        start(harness, b"a")
        append(harness, b"b", b"c")
        assert log(harness, after=Mark(2, "")).events == (b"c",)
        assert log(harness, after=Mark(0, "")).events == (b"a", b"b", b"c")
        assert not log(harness, after=Mark(3, "")).gap
        assert log(harness, after=Mark(4, "")).gap

    def test_how_a_run_stands_and_its_last_event_are_read_without_the_rest(self, harness: Harness) -> None:
        start(harness, b"a")
        head = append(harness, b"b", b"c")
        found = log(harness, after=NO_EVENTS)
        assert (found.gap, found.events, found.head) == (False, (), head)
        found = log(harness, after=LAST_EVENT)
        assert (found.gap, found.events, found.head) == (False, (b"c",), head)

    def test_a_tail_has_at_most_so_many_events(self, harness: Harness) -> None:
        events = tuple(b"%d" % number for number in range(TAIL_EVENTS + 10))
        head = start(harness, b"a")
        end = append(harness, *events)
        found = log(harness)
        assert (found.events, found.head) == ((b"a", *events[:-11]), end)
        assert log(harness, after=Mark(len(found.events), "")).events == events[-11:]
        assert conflict(change(harness, Head(head), b"x")).tail == events[:TAIL_EVENTS]

    def test_a_tail_has_at_most_so_many_bytes(self, harness: Harness) -> None:
        half = TAIL_BYTES // 2
        start(harness, b"a" * half, b"b" * half, b"c")
        assert [len(event) for event in log(harness).events] == [half, half]
        assert log(harness, after=Mark(2, "")).events == (b"c",)

    def test_a_tail_has_one_event_however_large(self, harness: Harness) -> None:
        start(harness, b"a" * (TAIL_BYTES + 1), b"b")
        assert [len(event) for event in log(harness).events] == [TAIL_BYTES + 1]

    # --- the end -----------------------------------------------------------------------------------------------

    def test_an_ended_run_keeps_its_log_and_summary_and_nothing_else(self, harness: Harness) -> None:
        start(harness, put=(free((1,)), free((2,))), claim=(), hooks={"hash": "approval"}, alarm=1)
        ended = summary(status="completed", finished_at=2_000)
        head = append(harness, b"end", summary=ended, done=True)
        found = log(harness)
        assert (found.events, found.head, found.summary) == ((b"started", b"end"), head, ended)
        assert (found.entries, found.alarm, harness.store.work(RUN)) == (0, None, ())
        assert harness.store.resolve("hash") is None
        assert harness.store.due(10) == ()

    def test_a_deleted_run_leaves_nothing(self, harness: Harness) -> None:
        start(harness, put=(free(),), hooks={"hash": "approval"}, alarm=1)
        done(change(harness, Open("key"), b"payload", payloads=1))
        start(harness, run_id="other", hooks={"kept": "approval"})
        harness.store.delete(RUN)
        harness.store.delete(RUN)
        assert (harness.store.read(RUN), harness.store.work(RUN)) == (None, ())
        assert harness.store.resolve("hash") is None
        assert harness.store.resolve("kept") == ("other", "approval")
        assert harness.store.due(10) == ()
        start(harness, b"new")
        found = log(harness)
        assert (found.events, found.entries, found.alarm) == ((b"new",), 0, None)
        assert done(change(harness, Open("key"), b"payload", commit=new_id(), payloads=1, inbox=1)).head.length == 2

    def test_58_several_commits_in_one_call_have_each_their_own_condition_and_reply(self, harness: Harness) -> None:
        head = start(harness, b"a")
        first = Commit(RUN, new_id(), Head(head), (b"b",))
        stale = Commit(RUN, new_id(), Head(head), (b"x",), put=(free((9,)),), hooks={"h": "n"})
        other = Commit("other", new_id(), Head(None), (b"o",), summary=summary("other"))
        unknown = Commit("nobody", new_id(), Open("key"), (b"y",))
        replies = harness.store.commit((first, stale, other, unknown))
        assert done(replies[0]).head == Mark(2, first.commit)
        assert conflict(replies[1]).tail == (b"b",)
        assert done(replies[2]).head == Mark(1, other.commit)
        assert refused(replies[3]).reason == "unknown"
        assert log(harness).events == (b"a", b"b")
        assert harness.store.work(RUN) == ()
        assert harness.store.resolve("h") is None
        assert [found and found.events for found in harness.store.read_each((Look("other"), Look("nobody")))] == [
            (b"o",),
            None,
        ]
