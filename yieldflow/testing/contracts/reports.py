"""Reports of whoever holds a claim, and claims that are taken away: fenced by the token, never by the clock."""

from __future__ import annotations

from typing import Any

import pytest

from yieldflow.ports import NEVER, Beat, Head, Holding, Mark, Open, Revoke
from yieldflow.testing.contracts.harness import (
    LEASE,
    RUN,
    SHORT,
    Harness,
    append,
    change,
    claim,
    done,
    free,
    log,
    new_id,
    refused,
    start,
    summary,
)


def working(harness: Harness, **fields: Any) -> tuple[Mark, str]:
    """A run with one claimed step: the head, and the token."""
    head = start(harness, b"a", put=(free((1,), **fields),))
    return head, claim(harness).token


class ReportContract:
    def test_a_report_is_appended_wherever_the_log_ends(self, harness: Harness) -> None:
        known, token = working(harness)
        append(harness, b"by another")
        reply = done(change(harness, Holding((1,), token), b"report", commit="r", after=known, drop=((1,),)))
        assert (reply.head, reply.tail, reply.gap) == (Mark(3, "r"), (b"by another", b"report"), False)
        assert harness.store.work(RUN) == ()

    def test_the_tail_of_a_report_has_a_gap_when_what_was_known_is_not_of_this_log(self, harness: Harness) -> None:
        _, token = working(harness)
        reply = done(change(harness, Holding((1,), token), b"report", after=Mark(1, "other"), drop=((1,),)))
        assert (reply.head.length, reply.tail, reply.gap) == (2, (), True)

    def test_a_report_without_events_keeps_the_head(self, harness: Harness) -> None:
        known, token = working(harness)
        reply = done(change(harness, Holding((1,), token), after=known, put=(free((1,), attempt=2),)))
        assert (reply.head, reply.tail) == (known, ())
        assert harness.store.work(RUN) == (free((1,), attempt=2),)

    def test_a_second_report_is_refused_as_resolved(self, harness: Harness) -> None:
        known, token = working(harness)
        done(change(harness, Holding((1,), token), b"report", after=known, drop=((1,),)))
        assert refused(change(harness, Holding((1,), token), b"report", after=known)).reason == "resolved"
        assert log(harness).events == (b"a", b"report")

    def test_a_report_under_another_token_or_path_is_refused_as_resolved(self, harness: Harness) -> None:
        _, token = working(harness)
        for on in (Holding((1,), "other"), Holding((2,), token), Holding((1, 1), token), Holding((1,), "")):
            assert refused(change(harness, on, b"report", drop=((1,),))).reason == "resolved"
        assert (log(harness).events, log(harness).entries) == ((b"a",), 1)

    def test_free_work_cannot_be_reported(self, harness: Harness) -> None:
        start(harness, b"a", put=(free((1,)),))
        assert refused(change(harness, Holding((1,), ""), b"report")).reason == "resolved"

    def test_a_report_on_an_ended_run_is_refused_as_ended(self, harness: Harness) -> None:
        _, token = working(harness)
        append(harness, b"end", done=True)
        assert refused(change(harness, Holding((1,), token), b"report")).reason == "ended"

    def test_a_report_on_an_unknown_run_is_refused_as_unknown(self, harness: Harness) -> None:
        assert refused(change(harness, Holding((1,), "t"), b"report")).reason == "unknown"
        assert harness.store.read(RUN) is None

    def test_a_late_report_that_nobody_revoked_counts(self, harness: Harness) -> None:
        known, token = working(harness)
        harness.pass_time(LEASE + 1)
        assert done(change(harness, Holding((1,), token), b"late", after=known)).tail == (b"late",)

    def test_a_report_ignores_a_summary(self, harness: Harness) -> None:
        _, token = working(harness)
        done(change(harness, Holding((1,), token), b"r", summary=summary(status="failed")))
        assert log(harness).summary == summary()

    # --- work that accepts a token ---------------------------------------------------------------------------

    @pytest.mark.parametrize("not_before", [0, NEVER])
    def test_free_work_is_reported_under_the_token_that_it_accepts(self, harness: Harness, not_before: int) -> None:
        known = start(harness, b"a", put=(free((1,), accepts="child", not_before=not_before),))
        for on in (Holding((1,), "other"), Holding((1,), ""), Holding((2,), "child")):
            assert refused(change(harness, on, b"report")).reason == "resolved"
        reply = done(change(harness, Holding((1,), "child"), b"report", after=known, drop=((1,),)))
        assert (reply.tail, reply.entries) == ((b"report",), 0)

    def test_claimed_work_is_reported_under_the_token_that_it_accepts(self, harness: Harness) -> None:
        _, token = working(harness, accepts="child")
        assert refused(change(harness, Holding((1,), "other"), b"report")).reason == "resolved"
        done(change(harness, Holding((1,), "child"), b"from the child", drop=((1,),)))
        assert refused(change(harness, Holding((1,), token), b"late")).reason == "resolved"
        assert log(harness).events == (b"a", b"from the child")

    def test_work_that_accepts_a_token_is_still_reported_by_who_claimed_it(self, harness: Harness) -> None:
        _, token = working(harness, accepts="child")
        done(change(harness, Holding((1,), token), b"report", drop=((1,),)))

    def test_what_was_dropped_or_put_without_it_accepts_no_token(self, harness: Harness) -> None:
        start(harness, b"a", put=(free((1,), accepts="child"), free((2,), accepts="child")))
        append(harness, drop=((1,),), put=(free((2,)),))
        for path in ((1,), (2,)):
            assert refused(change(harness, Holding(path, "child"), b"report")).reason == "resolved"
        assert log(harness).events == (b"a",)

    def test_an_ended_run_accepts_nothing(self, harness: Harness) -> None:
        start(harness, b"a", put=(free((1,), accepts="child", not_before=NEVER),))
        append(harness, b"end", done=True)
        assert refused(change(harness, Holding((1,), "child"), b"report")).reason == "ended"

    def test_what_it_accepts_is_shown_with_the_work(self, harness: Harness) -> None:
        work = free((1,), accepts="child")
        start(harness, put=(work, free((2,))))
        assert harness.store.work(RUN) == (work, free((2,)))
        assert claim(harness).work == work

    # --- revoke ------------------------------------------------------------------------------------------------

    def test_a_claim_is_not_revoked_while_its_lease_lasts(self, harness: Harness) -> None:
        head, token = working(harness)
        reply = change(harness, Head(head), b"lost", revoke=(Revoke((1,), token),), put=(free((1,), attempt=9),))
        assert refused(reply).reason == "revoked"
        found = log(harness)
        assert (found.events, found.head, [held.token for held in found.claimed]) == ((b"a",), head, [token])

    def test_a_claim_is_revoked_once_its_lease_is_over(self, harness: Harness) -> None:
        head, token = working(harness)
        harness.pass_time(LEASE)
        again = free((1,), attempt=2)
        done(change(harness, Head(head), b"lost", revoke=(Revoke((1,), token),), put=(again,)))
        assert harness.store.work(RUN) == (again,)
        assert refused(change(harness, Holding((1,), token), b"late")).reason == "resolved"

    def test_a_revoked_claim_is_gone_without_a_put(self, harness: Harness) -> None:
        head, token = working(harness)
        harness.pass_time(LEASE)
        done(change(harness, Head(head), b"lost", revoke=(Revoke((1,), token),)))
        assert harness.store.work(RUN) == ()

    def test_a_claim_of_a_dead_process_is_revoked_at_once(self, harness: Harness) -> None:
        head, token = working(harness)
        done(change(harness, Head(head), b"lost", revoke=(Revoke((1,), token, gone=True),)))
        assert harness.store.work(RUN) == ()

    def test_a_claim_that_was_renewed_in_time_is_not_revoked(self, harness: Harness) -> None:
        head, token = working(harness)
        harness.pass_time(LEASE - SHORT)
        assert harness.store.renew([Beat(RUN, (1,), token)]) == (head,)
        harness.pass_time(SHORT)
        reply = change(harness, Head(head), b"lost", revoke=(Revoke((1,), token),))
        assert refused(reply).reason == "revoked"

    @pytest.mark.parametrize("gone", [False, True])
    def test_what_is_not_held_under_the_token_cannot_be_revoked(self, harness: Harness, gone: bool) -> None:
        head, token = working(harness)
        append(harness, put=(free((3,)),))
        harness.pass_time(LEASE)
        for strange in (Revoke((1,), "other", gone), Revoke((2,), token, gone), Revoke((3,), "", gone)):
            assert refused(change(harness, Head(head), b"lost", revoke=(strange,))).reason == "revoked"
        assert log(harness).events == (b"a",)

    def test_revocations_are_all_or_nothing(self, harness: Harness) -> None:
        head, token = working(harness)
        append(harness, put=(free((2,)),))
        harness.pass_time(LEASE)
        alive = claim(harness, token=new_id("token"))
        both = (Revoke((1,), token), Revoke(alive.path, alive.token))
        assert refused(change(harness, Head(head), b"lost", revoke=both)).reason == "revoked"
        assert {held.token for held in log(harness).claimed} == {token, alive.token}

    def test_the_condition_is_checked_before_the_revocation(self, harness: Harness) -> None:
        _, token = working(harness)
        reply = change(harness, Open("k"), b"lost", revoke=(Revoke((1,), "other"),), payloads=1)
        assert refused(reply).reason == "revoked"
        assert done(change(harness, Open("k"), b"again", payloads=1, inbox=1)).head.length == 2
        twice = change(harness, Open("k"), b"lost", revoke=(Revoke((1,), token, gone=True),))
        assert refused(twice).reason == "twice"
        assert log(harness).entries == 1
