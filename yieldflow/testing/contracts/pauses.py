"""Pauses: nobody claims work of a paused run, and its free work rings nobody; what is under way goes on."""

from __future__ import annotations

from typing import Any

import pytest

from yieldflow.ports import HINT_AFTER, Beat, Claim, Head, Holding, Mark, Note, Open, Revoke
from yieldflow.testing.contracts.harness import (
    LEASE,
    QUEUE,
    RUN,
    Harness,
    append,
    change,
    claim,
    done,
    free,
    log,
    start,
    summary,
)


def pause(harness: Harness, *events: bytes, **fields: Any) -> Mark:
    return append(harness, *events, summary=summary(status="paused"), **fields)


def resume(harness: Harness, *events: bytes, **fields: Any) -> Mark:
    return append(harness, *events, summary=summary(), **fields)


def status(harness: Harness) -> str:
    return log(harness).summary.status


class PauseContract:
    def test_work_of_a_paused_run_is_given_to_nobody(self, harness: Harness) -> None:
        start(harness, put=(free((1,)), free((2,))))
        head = pause(harness, b"paused")
        assert harness.store.claim(RUN, [QUEUE], "w", ["t"]).grants == ()
        assert done(change(harness, Head(head), claim=(Claim((1,), "t"),), worker="w")).claimed == ()
        assert done(change(harness, Open("key"), b"p", claim=(Claim((1,), "t"),), worker="w")).claimed == ()
        assert (log(harness).claimed, log(harness).entries, status(harness)) == ((), 2, "paused")

    def test_a_run_that_starts_paused_gives_nothing(self, harness: Harness) -> None:
        start(harness, put=(free(),), claim=(Claim((1,), "t"),), worker="w", summary=summary(status="paused"))
        assert (log(harness).claimed, log(harness).alarm) == ((), None)

    def test_a_commit_that_pauses_claims_nothing(self, harness: Harness) -> None:
        head = start(harness, put=(free(),))
        paused = summary(status="paused")
        assert done(change(harness, Head(head), claim=(Claim((1,), "t"),), worker="w", summary=paused)).claimed == ()

    def test_a_commit_that_resumes_claims_at_once(self, harness: Harness) -> None:
        start(harness, put=(free((1,)), free((2,))))
        head = pause(harness)
        running = summary()
        reply = change(harness, Head(head), b"on", claim=(Claim((1,), "t"),), worker="w", summary=running)
        assert done(reply).claimed == ((1,),)
        assert claim(harness).path == (2,)

    @pytest.mark.parametrize("alarm", [None, 9_000_000_000_000])
    def test_free_work_of_a_paused_run_does_not_ring(self, harness: Harness, alarm: int | None) -> None:
        start(harness, put=(free((1,)), free((2,), not_before=harness.now() + 60_000)))
        pause(harness, b"paused", alarm=alarm, entries=9)
        assert log(harness).alarm == alarm
        append(harness, b"b", alarm=alarm)
        assert log(harness).alarm == alarm

    def test_free_work_rings_again_when_the_pause_ends(self, harness: Harness) -> None:
        start(harness, put=(free(),))
        pause(harness)
        early = harness.now()
        resume(harness, b"on")
        alarm = log(harness).alarm
        assert alarm is not None
        assert early + HINT_AFTER <= alarm <= harness.now() + HINT_AFTER
        assert status(harness) == "running"

    def test_what_is_claimed_is_renewed_and_reported_during_a_pause(self, harness: Harness) -> None:
        start(harness, put=(free((1,)), free((2,))))
        held = claim(harness)
        head = pause(harness, b"paused")
        assert log(harness).alarm == held.until
        assert harness.store.renew([Beat(RUN, (1,), held.token)]) == (head,)
        assert log(harness).alarm == log(harness).claimed[0].until
        reply = done(change(harness, Holding((1,), held.token), b"report", drop=((1,),)))
        assert log(harness).alarm == reply.now + HINT_AFTER
        assert (log(harness).events[-1], status(harness)) == (b"report", "paused")
        assert harness.store.claim(RUN, [QUEUE], "w", ["t"]).grants == ()

    def test_what_is_claimed_is_released_during_a_pause(self, harness: Harness) -> None:
        start(harness, put=(free(),))
        held = claim(harness)
        pause(harness)
        harness.store.release(RUN, (1,), held.token)
        assert (harness.store.work(RUN), log(harness).claimed) == ((free(),), ())
        assert harness.store.claim(RUN, [QUEUE], "w", ["t"]).grants == ()

    def test_a_lost_claim_is_revoked_during_a_pause(self, harness: Harness) -> None:
        start(harness, put=(free(),))
        held = claim(harness)
        pause(harness)
        harness.pass_time(LEASE)
        append(harness, b"lost", revoke=(Revoke(held.path, held.token),), put=(free(attempt=2),))
        assert (harness.store.work(RUN), log(harness).alarm) == ((free(attempt=2),), None)

    def test_a_delivery_to_a_paused_run_is_accepted_and_looked_at(self, harness: Harness) -> None:
        start(harness)
        pause(harness)
        reply = done(change(harness, Open("key"), b"payload", payloads=1))
        assert (log(harness).events[-1], status(harness)) == (b"payload", "paused")
        assert log(harness).alarm == reply.now + HINT_AFTER

    def test_an_outsider_or_a_report_cannot_end_a_pause(self, harness: Harness) -> None:
        start(harness, put=(free((1,)), free((2,))))
        held = claim(harness)
        pause(harness)
        done(change(harness, Open("key"), b"payload", summary=summary(), claim=(Claim((2,), "t"),)))
        done(change(harness, Holding((1,), held.token), b"report", summary=summary(), claim=(Claim((2,), "t"),)))
        assert (status(harness), log(harness).claimed[1:]) == ("paused", ())

    def test_events_take_the_note_of_a_paused_run_and_leave_the_pause(self, harness: Harness) -> None:
        start(harness)
        noted = summary(status="paused", note=Note("changed", 1))
        append(harness, summary=noted)
        assert log(harness).summary == noted
        append(harness, b"b")
        assert log(harness).summary == summary(status="paused")
        append(harness, summary=noted)
        done(change(harness, Open("key"), b"p"))
        assert log(harness).summary == summary(status="paused")
