"""The work table: one entry a path, free or claimed; only free entries that are due can be claimed."""

from __future__ import annotations

from attrs import evolve

from yieldflow.ports import CLAIMS_A_CALL, NEVER, Beat, Claim, Claimed, Grant, Head, Holding, Open
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
)


def paths(harness: Harness, tokens: int, *queues: str) -> list[tuple[int, ...]]:
    """Claim, and say what was given, in order."""
    granted = harness.store.claim(RUN, queues or (QUEUE,), "w1", [f"t{number}" for number in range(tokens)])
    return [grant.claim.path for grant in granted.grants]


class WorkContract:
    def test_a_claim_answers_the_work_its_event_and_the_head(self, harness: Harness) -> None:
        work = free((1,), event=2, attempt=3)
        head = start(harness, b"a", b"issued", b"c", put=(work,))
        granted = harness.store.claim(RUN, [QUEUE], "w7", ["token"])
        now = granted.now
        expected = Claimed(work, "token", "w7", since=now, until=now + LEASE)
        assert granted.grants == (Grant(expected, b"issued", head),)
        assert log(harness).claimed == harness.store.work(RUN) == (expected,)

    def test_a_lease_ends_at_the_deadline_of_the_attempt_at_the_latest(self, harness: Harness) -> None:
        start(harness, put=(free((1,), timeout=SHORT), free((2,), timeout=LEASE * 2)))
        granted = harness.store.claim(RUN, [QUEUE], "w1", ["a", "b"])
        tight, loose = (grant.claim for grant in granted.grants)
        assert tight.until == tight.deadline == granted.now + SHORT
        assert (loose.until, loose.deadline) == (granted.now + LEASE, granted.now + LEASE * 2)

    def test_claimed_work_is_not_given_again(self, harness: Harness) -> None:
        start(harness, put=(free((1,)),))
        claim(harness)
        assert paths(harness, 1) == []
        harness.pass_time(LEASE + 1)
        assert paths(harness, 1) == []

    def test_a_run_that_is_unknown_or_has_ended_has_no_work(self, harness: Harness) -> None:
        assert paths(harness, 1) == []
        start(harness, put=(free((1,)),))
        append(harness, b"end", done=True)
        assert paths(harness, 1) == []

    def test_work_of_other_queues_is_left(self, harness: Harness) -> None:
        start(harness, put=(free((1,), queue="gpu"), free((2,), queue="io"), free((3,), queue="mail")))
        assert log(harness).free == {"gpu": 1, "io": 1, "mail": 1}
        assert paths(harness, 9, "mail", "gpu") == [(1,), (3,)]
        assert paths(harness, 9, "nothing") == []
        assert paths(harness, 9) == []
        assert log(harness).free == {"io": 1}

    def test_work_that_is_not_due_is_neither_given_nor_counted(self, harness: Harness) -> None:
        start(harness, put=(free((1,), not_before=harness.now() + LEASE),))
        assert (paths(harness, 1), log(harness).free, log(harness).entries) == ([], {}, 1)
        harness.pass_time(LEASE)
        assert log(harness).free == {QUEUE: 1}
        assert paths(harness, 1) == [(1,)]

    def test_what_was_due_first_is_given_first_then_by_path_as_numbers(self, harness: Harness) -> None:
        late, early = 2_000, 1_000
        start(
            harness,
            put=(
                free((10,), not_before=late),
                free((9, 2), not_before=late),
                free((9, 10), not_before=late),
                free((9,), not_before=late),
                free((300,), not_before=early),
                free((70_000,), not_before=early),
            ),
        )
        assert paths(harness, 4) == [(300,), (70_000,), (9,), (9, 2)]
        assert paths(harness, 4) == [(9, 10), (10,)]

    def test_the_order_of_what_is_due_spans_queues(self, harness: Harness) -> None:
        start(harness, put=(free((1,), queue="a", not_before=5), free((2,), queue="b"), free((3,), queue="a")))
        assert paths(harness, 2, "a", "b") == [(2,), (3,)]

    def test_a_queue_that_is_named_twice_gives_no_work_twice(self, harness: Harness) -> None:
        start(harness, put=(free((1,)), free((2,))))
        assert paths(harness, 3, QUEUE, QUEUE) == [(1,), (2,)]

    def test_at_most_one_entry_a_token_is_given(self, harness: Harness) -> None:
        start(harness, put=tuple(free((number,)) for number in range(1, 5)))
        granted = harness.store.claim(RUN, [QUEUE], "w1", ["x", "y"])
        assert [(grant.claim.path, grant.claim.token) for grant in granted.grants] == [((1,), "x"), ((2,), "y")]
        assert paths(harness, 0) == []
        assert harness.store.claim(RUN, [], "w1", ["z"]).grants == ()

    def test_a_call_claims_at_most_so_many(self, harness: Harness) -> None:
        start(harness, put=tuple(free((number,)) for number in range(1, CLAIMS_A_CALL + 11)))
        assert paths(harness, CLAIMS_A_CALL + 5) == [(number,) for number in range(1, CLAIMS_A_CALL + 1)]
        assert log(harness).free == {QUEUE: 10}

    # --- in a commit ----------------------------------------------------------------------------------------------

    def test_a_commit_drops_puts_and_claims_in_this_order(self, harness: Harness) -> None:
        head = start(harness, put=(free((1,)), free((2,))))
        reply = done(
            change(
                harness,
                Head(head),
                b"b",
                drop=((1,), (2,), (7,)),
                put=(free((1,), attempt=2), free((3,))),
                claim=(Claim((3,), "t3"), Claim((2,), "t2")),
                worker="w1",
            )
        )
        assert reply.claimed == ((3,),)
        held = Claimed(free((3,)), "t3", "w1", since=reply.now, until=reply.now + LEASE)
        assert harness.store.work(RUN) == (free((1,), attempt=2), held)

    def test_a_commit_claims_only_what_is_free_and_due(self, harness: Harness) -> None:
        start(harness, put=(free((1,)), free((2,), not_before=harness.now() + 60_000), free((4,), timeout=SHORT)))
        other = claim(harness)
        asked = tuple(Claim((number,), f"t{number}") for number in (1, 2, 3, 4))
        reply = done(change(harness, Head(log(harness).head), claim=asked, worker="w2"))
        assert reply.claimed == ((4,),)
        held = {entry.path: entry for entry in log(harness).claimed}
        assert held.keys() == {(1,), (4,)}
        assert held[1,] == other
        assert held[4,].until == held[4,].deadline == reply.now + SHORT

    def test_putting_claimed_work_makes_it_free(self, harness: Harness) -> None:
        start(harness, put=(free((1,)),))
        claim(harness)
        again = free((1,), attempt=2, not_before=5, timeout=7, queue="gpu", event=1, losses=2)
        append(harness, put=(again,))
        assert harness.store.work(RUN) == (again,)
        assert log(harness).claimed == ()

    def test_dropping_takes_work_whoever_holds_it(self, harness: Harness) -> None:
        start(harness, put=(free((1,)),))
        held = claim(harness)
        append(harness, drop=((1,),))
        assert harness.store.work(RUN) == ()
        assert harness.store.renew([Beat(RUN, held.path, held.token)]) == (None,)

    def test_work_is_shown_in_the_order_of_paths(self, harness: Harness) -> None:
        start(harness, put=(free((10,)), free((2, 1)), free((9,)), free((2,))))
        assert [entry.path for entry in harness.store.work(RUN)] == [(2,), (2, 1), (9,), (10,)]
        assert [entry.path for entry in (claim(harness), claim(harness))] == [(2,), (2, 1)]
        assert [entry.path for entry in log(harness).claimed] == [(2,), (2, 1)]

    # --- never due ----------------------------------------------------------------------------------------------------

    def test_work_that_is_never_due_is_never_given(self, harness: Harness) -> None:
        waits = free((1,), not_before=NEVER)
        head = start(harness, put=(waits,))
        assert paths(harness, 1) == []
        assert done(change(harness, Head(head), claim=(Claim((1,), "t"),), worker="w")).claimed == ()
        assert (log(harness).free, log(harness).entries, log(harness).claimed) == ({}, 1, ())
        assert harness.store.work(RUN) == (waits,)

    def test_work_that_is_never_due_hides_no_other_work(self, harness: Harness) -> None:
        start(harness, put=(free((1,), not_before=NEVER), free((2,)), free((3,), queue="gpu", not_before=NEVER)))
        assert log(harness).free == {QUEUE: 1}
        assert paths(harness, 9, QUEUE, "gpu") == [(2,)]

    def test_work_that_was_never_due_may_be_put_as_due_and_back(self, harness: Harness) -> None:
        start(harness, put=(free((1,), not_before=NEVER),))
        append(harness, put=(free((1,)),))
        assert (log(harness).free, log(harness).entries) == ({QUEUE: 1}, 1)
        done(change(harness, Open("key"), b"p", put=(free((1,), not_before=NEVER),)))
        assert (log(harness).free, paths(harness, 1)) == ({}, [])
        done(change(harness, Open("again"), b"p", put=(free((1,)),)))
        held = claim(harness)
        done(change(harness, Holding((1,), held.token), put=(free((1,), not_before=NEVER),)))
        assert (paths(harness, 1), log(harness).entries) == ([], 1)
        append(harness, drop=((1,),))
        assert (log(harness).entries, harness.store.work(RUN)) == (0, ())

    # --- renew and release ------------------------------------------------------------------------------------------

    def test_renewing_puts_off_the_end_of_a_lease_and_answers_the_head(self, harness: Harness) -> None:
        start(harness, put=(free((1,)),))
        held = claim(harness)
        head = append(harness, b"b")
        harness.pass_time(SHORT)
        early = harness.now()
        assert harness.store.renew([Beat(RUN, (1,), held.token)]) == (head,)
        (renewed,) = log(harness).claimed
        assert early + LEASE <= renewed.until <= harness.now() + LEASE
        assert (renewed.since, renewed.token, renewed.work) == (held.since, held.token, held.work)

    def test_renewing_never_goes_past_the_deadline(self, harness: Harness) -> None:
        start(harness, put=(free((1,), timeout=LEASE + SHORT),))
        held = claim(harness)
        for _ in range(2):
            harness.pass_time(LEASE - SHORT)
            assert harness.store.renew([Beat(RUN, (1,), held.token)]) != (None,)
        assert log(harness).claimed[0].until == held.deadline

    def test_a_lease_that_is_over_but_not_revoked_is_renewed(self, harness: Harness) -> None:
        head = start(harness, put=(free((1,)),))
        held = claim(harness)
        harness.pass_time(LEASE + 1)
        assert harness.store.renew([Beat(RUN, (1,), held.token)]) == (head,)
        assert log(harness).claimed[0].until > harness.now()

    def test_renewing_what_is_gone_answers_none_and_does_not_hinder_the_others(self, harness: Harness) -> None:
        head = start(harness, put=(free((1,)), free((2,))))
        held = claim(harness)
        other = start(harness, run_id="other", put=(free((1,)),))
        elsewhere = claim(harness, run_id="other")
        beats = [
            Beat(RUN, (1,), "strange"),
            Beat(RUN, (1,), held.token),
            Beat(RUN, (2,), held.token),
            Beat("nobody", (1,), held.token),
            Beat("other", (1,), elsewhere.token),
        ]
        assert harness.store.renew(beats) == (None, head, None, None, other)
        assert harness.store.renew([]) == ()

    def test_details_of_a_beat_are_kept_with_the_claim(self, harness: Harness) -> None:
        start(harness, put=(free((1,)), free((2,))))
        held, other = claim(harness), claim(harness)
        harness.store.renew([Beat(RUN, (1,), held.token, details=b'{"page": "\xc3\xa9/2"}')])
        harness.store.renew([Beat(RUN, (1,), held.token)])
        harness.store.renew([Beat(RUN, (1,), "strange", details=b"strange"), Beat(RUN, (3,), held.token, details=b"x")])
        first, second = log(harness).claimed
        assert (first.work, second.work) == (evolve(held.work, details=b'{"page": "\xc3\xa9/2"}'), other.work)
        assert harness.store.work(RUN) == (first, second)

    def test_details_are_any_bytes_and_the_last_ones_count(self, harness: Harness) -> None:
        start(harness, put=(free((1,), details=b"\x00\xff"),))
        held = claim(harness)
        assert held.work.details == b"\x00\xff"
        for details in (b"\xfe=\x00", b""):
            harness.store.renew([Beat(RUN, (1,), held.token, details=details)])
            assert [entry.work.details for entry in log(harness).claimed] == [details]

    def test_details_are_handed_to_the_next_claim(self, harness: Harness) -> None:
        start(harness, put=(free((1,), timeout=60_000),))
        held = claim(harness)
        harness.store.renew([Beat(RUN, (1,), held.token, details=b"7")])
        harness.store.release(RUN, (1,), held.token)
        again = claim(harness)
        assert again.work == evolve(held.work, details=b"7")
        next_try = evolve(again.work, attempt=2)
        done(change(harness, Holding((1,), again.token), b"failed", put=(next_try,)))
        assert claim(harness).work == next_try
        append(harness, put=(free((1,), attempt=3),))
        assert claim(harness).work.details is None

    def test_a_beat_brings_the_deadline_forward_and_the_lease_ends_there(self, harness: Harness) -> None:
        start(harness, put=(free((1,)), free((2,), timeout=LEASE * 9)))
        without, timed = claim(harness), claim(harness)
        near = harness.now() + SHORT
        beats = [Beat(RUN, held.path, held.token, deadline=near) for held in (without, timed)]
        harness.store.renew(beats)
        assert [(held.until, held.deadline) for held in log(harness).claimed] == [(near, near)] * 2
        harness.store.renew([Beat(RUN, held.path, held.token) for held in (without, timed)])
        assert [(held.until, held.deadline) for held in log(harness).claimed] == [(near, near)] * 2

    def test_a_beat_never_puts_a_deadline_off(self, harness: Harness) -> None:
        start(harness, put=(free((1,), timeout=SHORT),))
        held = claim(harness)
        harness.store.renew([Beat(RUN, (1,), held.token, deadline=harness.now() + LEASE * 9)])
        assert [(entry.until, entry.deadline) for entry in log(harness).claimed] == [(held.deadline, held.deadline)]

    def test_a_far_deadline_leaves_the_lease_as_long_as_it_is(self, harness: Harness) -> None:
        start(harness, put=(free((1,)),))
        held = claim(harness)
        far, early = harness.now() + LEASE * 9, harness.now()
        harness.store.renew([Beat(RUN, (1,), held.token, deadline=far)])
        (renewed,) = log(harness).claimed
        assert renewed.deadline == far
        assert early + LEASE <= renewed.until <= harness.now() + LEASE

    def test_a_deadline_goes_with_its_claim(self, harness: Harness) -> None:
        start(harness, put=(free((1,)),))
        held = claim(harness)
        harness.store.renew([Beat(RUN, (1,), held.token, deadline=harness.now() + SHORT)])
        harness.store.release(RUN, (1,), held.token)
        assert claim(harness).deadline is None

    def test_released_work_is_free_again(self, harness: Harness) -> None:
        work = free((1,), attempt=2, losses=1)
        start(harness, put=(work,))
        held = claim(harness)
        harness.store.release(RUN, (1,), held.token)
        assert harness.store.work(RUN) == (work,)
        assert claim(harness).token != held.token

    def test_released_work_is_due_when_the_release_says(self, harness: Harness) -> None:
        start(harness, put=(free((1,)),))
        held = claim(harness)
        then = harness.now() + LEASE
        harness.store.release(RUN, (1,), held.token, then)
        assert harness.store.work(RUN) == (free((1,), not_before=then),)
        assert paths(harness, 1) == []

    def test_only_the_holder_can_release(self, harness: Harness) -> None:
        start(harness, put=(free((1,)), free((2,))))
        held = claim(harness)
        before = harness.store.work(RUN)
        harness.store.release(RUN, (1,), "strange")
        harness.store.release(RUN, (2,), held.token)
        harness.store.release("nobody", (1,), held.token)
        assert harness.store.work(RUN) == before
