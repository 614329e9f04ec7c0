"""Alarms: a run rings at the earliest of what was asked for and the ends of its leases; each ring puts it off."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

from yieldflow.ports import HINT_AFTER, LONGEST_PUT_OFF, NEVER, Beat, Claim, Due, Head, Holding, Mark, Note, Open
from yieldflow.testing.contracts.harness import (
    LEASE,
    QUEUE,
    RUN,
    SHORT,
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


def block(harness: Harness, **fields: Any) -> Mark:
    """An empty commit with a note: it sets the alarm, but leaves the rings as they are."""
    return append(harness, summary=summary(status="blocked", note=Note("changed", 1)), **fields)


def put_off(harness: Harness) -> int:
    """Ring the run, which is due, and say for how long it was put off (the clock may move a little meanwhile)."""
    before = harness.now()
    assert RUN in [due.run_id for due in harness.store.due(100)]
    after = harness.now()
    alarm = log(harness).alarm
    assert alarm is not None
    rounded = round((alarm - before) / 1_000) * 1_000
    assert before + rounded <= alarm <= after + rounded
    return rounded


class AlarmContract:
    def test_a_commit_on_the_head_sets_the_alarm(self, harness: Harness) -> None:
        start(harness, alarm=5_000)
        assert log(harness).alarm == 5_000
        append(harness, b"b", alarm=9_000)
        assert log(harness).alarm == 9_000
        append(harness, alarm=7_000)
        assert log(harness).alarm == 7_000
        append(harness)
        assert log(harness).alarm is None

    def test_a_run_with_nothing_to_wait_for_has_no_alarm(self, harness: Harness) -> None:
        start(harness)
        assert log(harness).alarm is None
        assert harness.store.next_alarm()[0] is None
        assert harness.store.due(10) == ()

    def test_the_next_alarm_is_the_earliest_of_all_runs(self, harness: Harness) -> None:
        start(harness, run_id="a", alarm=7_000)
        start(harness, run_id="b", alarm=5_000)
        start(harness, run_id="c")
        early = harness.now()
        alarm, now = harness.store.next_alarm()
        assert alarm == 5_000
        assert early <= now <= harness.now()

    def test_whoever_reports_leaves_an_alarm(self, harness: Harness) -> None:
        start(harness, put=(free((1,)),))
        held = claim(harness)
        append(harness)
        reply = done(change(harness, Holding((1,), held.token), b"report", drop=((1,),), alarm=5))
        assert log(harness).alarm == reply.now + HINT_AFTER

    def test_whoever_delivers_leaves_an_alarm(self, harness: Harness) -> None:
        start(harness)
        reply = done(change(harness, Open("key"), b"payload"))
        assert log(harness).alarm == reply.now + HINT_AFTER

    def test_whoever_delivers_may_want_an_earlier_alarm(self, harness: Harness) -> None:
        start(harness, alarm=harness.now() + 3_600_000)
        done(change(harness, Open("key"), b"payload", alarm=5))
        assert log(harness).alarm == 5
        assert [due.run_id for due in harness.store.due(1)] == [RUN]

    def test_whoever_delivers_leaves_no_later_alarm(self, harness: Harness) -> None:
        start(harness)
        reply = done(change(harness, Open("key"), b"payload", alarm=harness.now() + 3_600_000))
        assert log(harness).alarm == reply.now + HINT_AFTER

    def test_a_delivery_never_makes_an_alarm_later(self, harness: Harness) -> None:
        start(harness, alarm=5_000)
        done(change(harness, Open("key"), b"payload"))
        assert log(harness).alarm == 5_000

    def test_a_delivery_brings_a_far_alarm_near(self, harness: Harness) -> None:
        start(harness, alarm=harness.now() + 3_600_000)
        reply = done(change(harness, Open("key"), b"payload"))
        assert log(harness).alarm == reply.now + HINT_AFTER

    # --- leases ----------------------------------------------------------------------------------------------------

    def test_a_claim_brings_the_alarm_to_the_end_of_its_lease(self, harness: Harness) -> None:
        start(harness, put=(free((1,)), free((2,), timeout=SHORT)))
        first = claim(harness)
        assert log(harness).alarm == first.until
        second = claim(harness)
        assert log(harness).alarm == second.until == second.deadline

    def test_an_alarm_that_is_earlier_than_the_lease_stays(self, harness: Harness) -> None:
        start(harness, put=(free((1,)),), alarm=5_000)
        claim(harness)
        assert log(harness).alarm == 5_000

    def test_a_claim_in_a_commit_moves_the_alarm_too(self, harness: Harness) -> None:
        head = start(harness, put=(free((1,)),))
        far = harness.now() + 60_000
        reply = done(change(harness, Head(head), claim=(Claim((1,), "t"),), worker="w", alarm=far))
        assert log(harness).alarm == reply.now + LEASE

    def test_renewing_moves_the_alarm(self, harness: Harness) -> None:
        start(harness, put=(free((1,)),))
        held = claim(harness)
        harness.pass_time(SHORT)
        harness.store.renew([Beat(RUN, (1,), held.token)])
        (renewed,) = log(harness).claimed
        assert log(harness).alarm == renewed.until > held.until

    def test_renewing_moves_the_alarm_to_what_was_asked_for_at_the_latest(self, harness: Harness) -> None:
        base = harness.now() + LEASE + SHORT
        start(harness, put=(free((1,)),), alarm=base)
        held = claim(harness)
        assert log(harness).alarm == min(base, held.until)
        harness.pass_time(LEASE - SHORT)
        harness.store.renew([Beat(RUN, (1,), held.token)])
        assert log(harness).alarm == base

    def test_a_deadline_that_is_brought_forward_brings_the_alarm(self, harness: Harness) -> None:
        start(harness, put=(free((1,)),), alarm=harness.now() + 60_000)
        held = claim(harness)
        near = harness.now() + SHORT
        harness.store.renew([Beat(RUN, (1,), held.token, deadline=near)])
        assert log(harness).alarm == near

    def test_a_deadline_that_is_over_rings_at_once(self, harness: Harness) -> None:
        start(harness, put=(free((1,)),), alarm=harness.now() + 60_000)
        held = claim(harness)
        over = harness.now() - 1
        harness.store.renew([Beat(RUN, (1,), held.token, deadline=over)])
        assert (log(harness).alarm, log(harness).claimed[0].until) == (over, over)
        assert harness.store.due(1) == (Due(RUN, QUEUE),)

    def test_work_that_is_done_no_longer_rings(self, harness: Harness) -> None:
        far = harness.now() + 60_000
        start(harness, put=(free((1,)),), alarm=far)
        held = claim(harness)
        assert log(harness).alarm == held.until
        append(harness, b"done", drop=((1,),), alarm=far)
        assert log(harness).alarm == far

    def test_released_work_has_an_alarm(self, harness: Harness) -> None:
        start(harness, put=(free((1,)),))
        held = claim(harness)
        append(harness)
        early = harness.now()
        harness.store.release(RUN, (1,), held.token)
        alarm = log(harness).alarm
        assert alarm is not None
        assert early + HINT_AFTER <= alarm <= harness.now() + HINT_AFTER

    def test_work_that_is_released_for_later_rings_then(self, harness: Harness) -> None:
        start(harness, put=(free((1,)),))
        then = harness.now() + HINT_AFTER * 2
        held = claim(harness)
        append(harness)
        harness.store.release(RUN, (1,), held.token, then)
        assert log(harness).alarm == then

    # --- rings ------------------------------------------------------------------------------------------------------

    def test_due_runs_are_given_earliest_first_with_their_queue(self, harness: Harness) -> None:
        start(harness, run_id="a", alarm=3_000, summary=summary("a", queue="gpu"))
        start(harness, run_id="b", alarm=1_000)
        start(harness, run_id="c", alarm=2_000)
        start(harness, run_id="later", alarm=harness.now() + 60_000)
        assert harness.store.due(2) == (Due("b", QUEUE), Due("c", QUEUE))
        assert harness.store.due(2) == (Due("a", "gpu"),)
        assert harness.store.due(2) == ()

    def test_an_alarm_is_due_at_its_very_time(self, harness: Harness) -> None:
        start(harness, alarm=harness.now() + SHORT)
        assert harness.store.due(1) == ()
        harness.pass_time(SHORT)
        assert harness.store.due(1) == (Due(RUN, QUEUE),)

    def test_the_end_of_a_lease_is_due(self, harness: Harness) -> None:
        start(harness, put=(free((1,)),))
        claim(harness)
        assert harness.store.due(1) == ()
        harness.pass_time(LEASE)
        assert harness.store.due(1) == (Due(RUN, QUEUE),)
        assert harness.store.due(1) == ()

    def test_each_ring_puts_a_run_off_for_twice_as_long_up_to_a_limit(self, harness: Harness) -> None:
        start(harness, alarm=1)
        offs = []
        for _ in range(12):
            offs.append(put_off(harness))
            block(harness, alarm=1)
        assert offs[:4] == [2_000, 4_000, 8_000, 16_000]
        assert offs[-3:] == [LONGEST_PUT_OFF] * 3
        assert offs == sorted(offs)

    def test_any_commit_ends_the_back_off(self, harness: Harness) -> None:
        start(harness, alarm=1)
        for again in (
            lambda: append(harness, b"b", alarm=1),
            lambda: append(harness, alarm=1),
            lambda: (change(harness, Open("key"), b"p"), block(harness, alarm=1)),
        ):
            assert put_off(harness) == 2_000
            block(harness, alarm=1)
            assert put_off(harness) == 4_000
            again()
        assert put_off(harness) == 2_000

    def test_a_commit_that_is_refused_does_not_end_the_back_off(self, harness: Harness) -> None:
        start(harness, alarm=1)
        put_off(harness)
        change(harness, Head(None), b"x", summary=summary())
        change(harness, Holding((1,), "t"), b"x")
        block(harness, alarm=1)
        assert put_off(harness) == 4_000

    def test_a_ring_stays_put_off_whoever_renews(self, harness: Harness) -> None:
        """A due sleep of a blocked run must not ring at every beat of its other work."""
        start(harness, put=(free((1,)),), alarm=1)
        held = claim(harness)
        harness.store.due(9)
        harness.store.renew([Beat(RUN, (1,), held.token)])
        assert log(harness).alarm == log(harness).claimed[0].until

    def test_a_ring_waits_no_longer_than_a_lease_that_is_still_to_come(self, harness: Harness) -> None:
        """Whatever the rings: a worker that dies now is missed when its lease ends."""
        start(harness, put=(free((1,)),), alarm=1)
        held = claim(harness)
        harness.store.due(9)
        assert log(harness).alarm == held.until
        assert log(harness).rings == 1

    def test_a_lease_that_is_over_and_has_rung_stays_put_off_whoever_claims_or_renews(self, harness: Harness) -> None:
        start(harness, put=(free((1,)), free((2,)), free((3,))))
        claim(harness)
        harness.pass_time(LEASE)
        held = claim(harness)
        append(harness)
        assert harness.store.due(1) == (Due(RUN, QUEUE),)
        harness.store.renew([Beat(RUN, (2,), held.token)])
        assert harness.store.due(1) == ()
        assert log(harness).alarm == log(harness).claimed[1].until
        claim(harness)
        assert harness.store.due(1) == ()

    def test_an_alarm_that_is_due_rings_whoever_renews(self, harness: Harness) -> None:
        start(harness, put=(free((1,)), free((2,))))
        held, _ = claim(harness), claim(harness)
        append(harness)
        harness.pass_time(LEASE)
        harness.store.renew([Beat(RUN, (1,), held.token)])
        assert harness.store.due(1) == (Due(RUN, QUEUE),)

    # --- free work ---------------------------------------------------------------------------------------------------

    def test_free_work_is_looked_at_soon_whatever_the_committer_says(self, harness: Harness) -> None:
        before = harness.now()
        start(harness, put=(free((1,)), free((2,), queue="gpu")))
        claim(harness)
        append(harness, alarm=harness.now() + 3_600_000, drop=((1,),))
        alarm = log(harness).alarm
        assert alarm is not None
        assert before + HINT_AFTER <= alarm <= harness.now() + HINT_AFTER

    def test_free_work_that_is_due_later_is_looked_at_then(self, harness: Harness) -> None:
        then = harness.now() + HINT_AFTER * 3
        start(harness, put=(free((1,), not_before=then), free((2,), not_before=then + 1, queue="gpu")))
        assert log(harness).alarm == then

    @pytest.mark.parametrize("alarm", [None, 9_000_000_000_000])
    def test_work_that_is_never_due_leaves_the_alarm_as_the_committer_says(
        self, harness: Harness, alarm: int | None
    ) -> None:
        never = free((1,), not_before=NEVER)
        start(harness, put=(never, evolve(never, path=(2,), queue="gpu")), entries=2, alarm=alarm)
        assert (log(harness).alarm, harness.store.next_alarm()[0]) == (alarm, alarm)
        append(harness, b"b", alarm=alarm)
        assert log(harness).alarm == alarm

    def test_work_that_is_never_due_does_not_hide_work_that_is(self, harness: Harness) -> None:
        then = harness.now() + HINT_AFTER * 3
        start(harness, put=(free((1,), not_before=NEVER), free((2,), not_before=then)))
        assert log(harness).alarm == then
        append(harness, put=(free((2,), not_before=NEVER),))
        assert log(harness).alarm is None

    def test_a_table_with_fewer_entries_than_the_committer_knows_of_is_looked_at_soon(self, harness: Harness) -> None:
        start(harness, put=(free((1,)),))
        claim(harness)
        before = harness.now()
        append(harness, entries=2, drop=((1,),))
        alarm = log(harness).alarm
        assert alarm is not None
        assert before + HINT_AFTER <= alarm <= harness.now() + HINT_AFTER
        append(harness, entries=0)
        assert log(harness).alarm is None

    def test_an_earlier_alarm_is_not_put_off_by_free_work(self, harness: Harness) -> None:
        start(harness, put=(free((1,)),), alarm=5)
        assert log(harness).alarm == 5

    def test_a_ring_for_a_lease_does_not_forget_an_alarm_that_is_still_to_come(self, harness: Harness) -> None:
        base = harness.now() + LEASE + HINT_AFTER // 2
        start(harness, put=(free((1,)),), alarm=base)
        held = claim(harness)
        harness.pass_time(LEASE)
        assert put_off(harness) == HINT_AFTER
        done(change(harness, Holding((1,), held.token), b"late", drop=((1,),)))
        assert log(harness).alarm == base

    def test_a_run_that_ends_does_not_ring(self, harness: Harness) -> None:
        start(harness, put=(free((1,)),), alarm=1)
        claim(harness)
        append(harness, b"end", done=True, summary=evolve(summary(), status="completed"))
        assert (log(harness).alarm, harness.store.due(9), harness.store.next_alarm()[0]) == (None, (), None)

    def test_a_run_that_ends_keeps_the_alarm_that_it_is_given_for_what_it_owes(self, harness: Harness) -> None:
        start(harness, put=(free((1,)), free((2,))))
        claim(harness)
        append(harness, b"end", alarm=1, entries=9, done=True, summary=summary(status="completed"))
        assert (log(harness).alarm, log(harness).entries) == (1, 0)
        assert put_off(harness) == 2_000
        block(harness, alarm=1)
        assert put_off(harness) == 4_000
        append(harness)
        assert (log(harness).alarm, harness.store.next_alarm()[0]) == (None, None)

    def test_a_run_that_ends_forgets_the_alarm_of_its_work(self, harness: Harness) -> None:
        far = harness.now() + 60_000
        start(harness, put=(free((1,)), free((2,))))
        claim(harness)
        append(harness, b"end", alarm=far, entries=9, done=True, summary=summary(status="completed"))
        assert log(harness).alarm == far

    def test_a_finished_run_can_be_given_an_alarm_for_what_it_owes(self, harness: Harness) -> None:
        start(harness, b"a", b"end", alarm=1, summary=summary(status="completed", finished_at=5))
        assert harness.store.due(9) == (Due(RUN, QUEUE),)
