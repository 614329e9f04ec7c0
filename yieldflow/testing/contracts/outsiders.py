"""Deliveries from outside: each key counts once, and nothing reaches a run that has ended or whose inbox is full."""

from __future__ import annotations

from yieldflow.ports import Head, Mark, Open
from yieldflow.testing.contracts.harness import Harness, append, change, conflict, done, free, log, refused, start


class OutsiderContract:
    def test_a_delivery_is_appended_wherever_the_log_ends(self, harness: Harness) -> None:
        known = start(harness, b"a")
        append(harness, b"b")
        reply = done(change(harness, Open("key"), b"payload", commit="o", after=known, payloads=1))
        assert (reply.head, reply.tail, reply.gap) == (Mark(3, "o"), (b"b", b"payload"), False)

    def test_a_delivery_with_the_same_key_is_refused_with_the_position_of_the_first(self, harness: Harness) -> None:
        start(harness, b"a", b"b")
        done(change(harness, Open("key"), b"payload"))
        append(harness, b"c")
        reply = refused(change(harness, Open("key"), b"payload"))
        assert (reply.reason, reply.position) == ("twice", 3)
        assert log(harness).events == (b"a", b"b", b"payload", b"c")

    def test_keys_are_of_one_run(self, harness: Harness) -> None:
        start(harness)
        start(harness, run_id="other")
        done(change(harness, Open("key"), b"payload"))
        done(change(harness, Open("key"), b"payload", run_id="other"))

    def test_a_refused_delivery_does_not_use_up_its_key(self, harness: Harness) -> None:
        start(harness)
        assert refused(change(harness, Open("key"), b"p", payloads=1, inbox=0)).reason == "inbox"
        done(change(harness, Open("key"), b"p", payloads=1, inbox=1))

    def test_a_delivery_to_an_unknown_run_is_refused_as_unknown(self, harness: Harness) -> None:
        assert refused(change(harness, Open("key"), b"payload")).reason == "unknown"
        assert harness.store.read("run-1") is None

    def test_a_delivery_to_an_ended_run_is_refused_as_ended(self, harness: Harness) -> None:
        start(harness)
        append(harness, b"end", done=True)
        assert refused(change(harness, Open("key"), b"payload")).reason == "ended"
        assert log(harness).head.length == 2

    def test_a_delivery_that_is_sent_again_after_the_end_is_still_known(self, harness: Harness) -> None:
        """Or whoever lost the first reply would deliver it to the next generation as well."""
        start(harness)
        done(change(harness, Open("key"), b"payload"))
        append(harness, b"end", done=True)
        reply = refused(change(harness, Open("key"), b"payload"))
        assert (reply.reason, reply.position) == ("twice", 2)

    def test_an_inbox_takes_so_many_unread_payloads_and_no_more(self, harness: Harness) -> None:
        start(harness)
        for number in range(3):
            done(change(harness, Open(f"key-{number}"), b"payload", payloads=1, inbox=3))
        reply = refused(change(harness, Open("key-3"), b"payload", payloads=1, inbox=3))
        assert (reply.reason, reply.position) == ("inbox", None)
        assert log(harness).head.length == 4

    def test_a_commit_on_the_head_says_how_many_payloads_are_unread(self, harness: Harness) -> None:
        start(harness)
        done(change(harness, Open("a"), b"p", payloads=1, inbox=2))
        append(harness, b"read none", payloads=1)
        done(change(harness, Open("b"), b"p", payloads=1, inbox=2))
        assert refused(change(harness, Open("c"), b"p", payloads=1, inbox=2)).reason == "inbox"
        append(harness, b"says nothing of it")
        assert refused(change(harness, Open("c"), b"p", payloads=1, inbox=2)).reason == "inbox"
        append(harness, b"read all", payloads=0)
        done(change(harness, Open("c"), b"p", payloads=2, inbox=2))

    def test_a_full_inbox_does_not_keep_out_a_cancellation(self, harness: Harness) -> None:
        start(harness, payloads=9)
        done(change(harness, Open("cancel"), b"cancel", inbox=3))

    def test_a_delivery_leaves_the_work_as_it_is(self, harness: Harness) -> None:
        head = start(harness, put=(free((1,)),))
        done(change(harness, Open("key"), b"payload"))
        assert harness.store.work("run-1") == (free((1,)),)
        assert conflict(change(harness, Head(head), b"x")).head == log(harness).head
