"""Listing runs, newest first and a page at a time; and the index of open hooks."""

from __future__ import annotations

from random import Random
from typing import get_args

from attrs import evolve

from yieldflow.ports import Filter, Head, Open, Status, Summary
from yieldflow.testing.contracts.chains import go_on
from yieldflow.testing.contracts.harness import (
    RUN,
    Harness,
    append,
    change,
    done,
    free,
    log,
    refused,
    start,
    summary,
)


def listed(harness: Harness, wanted: Filter) -> list[str]:
    """The run ids of all pages."""
    found: list[Summary] = []
    cursor = None
    for _ in range(100):
        page = harness.store.find(wanted, cursor)
        assert len(page.runs) <= wanted.limit
        found += page.runs
        cursor = page.cursor
        if cursor is None:
            return [run.run_id for run in found]
    raise AssertionError("the pages never end")


STATUSES: tuple[Status, ...] = get_args(Status)


def one_of_many(random: Random, number: int) -> Summary:
    """Many share a moment, and some a tag."""
    return summary(
        f"{random.choice('aB~é:')}{number}",
        workflow=random.choice(["w", "w:v"]),
        status=random.choice([status for status in STATUSES if status != "blocked"]),  # a start is never blocked
        started_at=random.randrange(1_000, 1_012),
        tags={name: random.choice("xy") for name in ("a", "a:x", "é") if random.random() < 0.5},
    )


def some_filter(random: Random) -> Filter:
    moments = sorted(random.choices(range(1_000, 1_014), k=2))
    return Filter(
        status=random.choice([None, random.choice(STATUSES), tuple(random.sample(STATUSES, 3))]),
        workflow=random.choice([None, None, "w", "w:v", "none"]),
        tags={name: random.choice("xy") for name in ("a", "a:x", "é") if random.random() < 0.3},
        since=random.choice([None, moments[0]]),
        until=random.choice([None, moments[1]]),
        limit=random.choice([1, 2, 5, 100]),
        oldest_first=random.random() < 0.5,
    )


def fits(run: Summary, wanted: Filter) -> bool:
    statuses = STATUSES if wanted.status is None else wanted.status
    return (
        run.status in ((statuses,) if isinstance(statuses, str) else statuses)
        and wanted.workflow in (None, run.workflow)
        and all(run.tags.get(name) == value for name, value in wanted.tags.items())
        and (wanted.since or 0) <= run.started_at < (wanted.until or 2_000)
    )


class ListingContract:
    def test_any_filter_lists_just_the_runs_that_fit_in_order_and_once(self, harness: Harness) -> None:
        random = Random(7)  # noqa: S311 - chosen once
        runs = [one_of_many(random, number) for number in range(90)]
        for run in runs:
            start(harness, run_id=run.run_id, summary=run)
        listings = [some_filter(random) for _ in range(150)]
        for wanted in listings:
            back = not wanted.oldest_first
            fitting = sorted([(run.started_at, run.run_id) for run in runs if fits(run, wanted)], reverse=back)
            assert listed(harness, wanted) == [run_id for _, run_id in fitting], wanted
        assert sum(bool(listed(harness, wanted)) for wanted in listings) > 75

    def test_a_page_goes_on_after_a_run_that_is_gone_in_either_direction(self, harness: Harness) -> None:
        for number in range(9):
            start(harness, run_id=f"r{number}", summary=summary(f"r{number}", tags={"team": "shop"}))
        for back, rest in ((False, ["r5", "r4", "r3", "r2", "r1", "r0"]), (True, ["r7", "r8"])):
            wanted = Filter(status=("running", "failed"), tags={"team": "shop"}, limit=3, oldest_first=back)
            page = harness.store.find(wanted)
            page = page if not back else harness.store.find(wanted, page.cursor)
            harness.store.delete(page.runs[-1].run_id)
            assert [
                run.run_id for run in harness.store.find(Filter(limit=9, oldest_first=back), page.cursor).runs
            ] == rest

    def test_runs_are_listed_newest_first_then_by_run_id_backwards(self, harness: Harness) -> None:
        for run_id, at in [("b", 5), ("old", 1), ("a", 5), ("new", 9), ("c", 5)]:
            start(harness, run_id=run_id, summary=summary(run_id, started_at=at))
        assert listed(harness, Filter()) == ["new", "c", "b", "a", "old"]

    def test_the_whole_summary_is_listed(self, harness: Harness) -> None:
        kept = summary(status="failed", finished_at=7, tags={"team": "été", "": "x=y"}, parent="order-1~2", anew=(3, 7))
        start(harness, summary=kept)
        page = harness.store.find(Filter())
        assert (page.runs, page.cursor) == ((kept,), None)
        found = harness.store.read(RUN)
        assert found is not None
        assert found.summary == kept
        append(harness, summary=summary())
        assert harness.store.find(Filter()).runs == (summary(),)

    def test_there_may_be_nothing_to_list(self, harness: Harness) -> None:
        assert listed(harness, Filter()) == []
        start(harness)
        assert listed(harness, Filter(status="failed")) == []

    def test_runs_are_found_by_status(self, harness: Harness) -> None:
        start(harness, run_id="a")
        start(harness, run_id="b")
        append(harness, b"end", run_id="b", summary=summary("b", status="failed"), done=True)
        assert listed(harness, Filter(status="failed")) == ["b"]
        assert listed(harness, Filter(status="running")) == ["a"]

    def test_runs_are_found_by_workflow_tag_and_time_together(self, harness: Harness) -> None:
        for number in range(12):
            start(
                harness,
                run_id=f"r{number:02}",
                summary=summary(
                    f"r{number:02}",
                    workflow=f"w{number % 2}",
                    tags={"third": str(number % 3), "all": "yes"},
                    started_at=100 + number,
                ),
            )
        assert listed(harness, Filter(workflow="w1")) == ["r11", "r09", "r07", "r05", "r03", "r01"]
        assert listed(harness, Filter(tags={"third": "2"})) == ["r11", "r08", "r05", "r02"]
        assert listed(harness, Filter(tags={"third": "yes"})) == []
        assert listed(harness, Filter(since=109)) == ["r11", "r10", "r09"]
        assert listed(harness, Filter(until=103)) == ["r02", "r01", "r00"]
        both = Filter(workflow="w0", tags={"third": "0"}, since=101, until=110)
        assert listed(harness, both) == ["r06"]

    def test_pages_go_on_where_the_last_ended(self, harness: Harness) -> None:
        names = [f"r{number:02}" for number in range(11)]
        for name in names:
            start(harness, run_id=name, summary=summary(name, started_at=int(name[1:]) // 3))
        assert listed(harness, Filter(limit=3)) == names[::-1]
        assert listed(harness, Filter(limit=11)) == names[::-1]

    def test_pages_are_stable_while_runs_come_and_go(self, harness: Harness) -> None:
        for number in range(6):
            start(harness, run_id=f"r{number}", summary=summary(f"r{number}", started_at=number))
        first = harness.store.find(Filter(limit=3))
        start(harness, run_id="newer", summary=summary("newer", started_at=99))
        harness.store.delete("r3")
        harness.store.delete("r1")
        second = harness.store.find(Filter(limit=3), first.cursor)
        assert [run.run_id for run in first.runs] == ["r5", "r4", "r3"]
        assert [run.run_id for run in second.runs] == ["r2", "r0"]

    def test_a_run_that_changes_its_summary_is_listed_once(self, harness: Harness) -> None:
        start(harness)
        append(harness, summary=summary(workflow="other", tags={"x": "y"}, started_at=2_000))
        assert listed(harness, Filter()) == [RUN]
        assert listed(harness, Filter(workflow="shop:checkout")) == []
        assert listed(harness, Filter(workflow="other", tags={"x": "y"})) == [RUN]
        append(harness, summary=summary(workflow="other", tags={"x": "z"}, started_at=2_000))
        assert listed(harness, Filter(tags={"x": "y"})) == []
        assert listed(harness, Filter(tags={"x": "z"})) == [RUN]
        harness.store.delete(RUN)
        assert listed(harness, Filter(workflow="other")) == listed(harness, Filter(tags={"x": "z"})) == []

    def test_a_run_id_may_hold_any_printable_character(self, harness: Harness) -> None:
        for run_id in ("a:log", "alarms", "{x}", "a~2.3", "ä b", "%s'\";*", "1:2"):
            start(harness, run_id.encode(), run_id=run_id, hooks={f"hash of {run_id}": "h"}, alarm=1)
            found = harness.store.read(run_id)
            assert found is not None
            assert found.events == (run_id.encode(),)
            assert harness.store.resolve(f"hash of {run_id}") == (run_id, "h")
        assert len(listed(harness, Filter(limit=1))) == 7
        assert len(harness.store.due(10)) == 7

    # --- hooks ------------------------------------------------------------------------------------------------------

    def test_an_open_hook_is_found_by_the_hash_of_its_token(self, harness: Harness) -> None:
        start(harness, hooks={"hash-1": "approval", "hash-2": "reply"})
        append(harness, b"b", hooks={"hash-3": "late"})
        assert harness.store.resolve("hash-1") == (RUN, "approval")
        assert harness.store.resolve("hash-2") == (RUN, "reply")
        assert harness.store.resolve("hash-3") == (RUN, "late")
        assert harness.store.resolve("hash-4") is None

    def test_a_token_is_of_the_hook_that_had_it_first_until_its_run_ends(self, harness: Harness) -> None:
        start(harness, hooks={"hash": "approval"})
        other = start(harness, run_id="other", put=(free(),))
        before = log(harness, "other")
        taken = change(
            harness, Head(other), b"x", run_id="other", hooks={"mine": "h", "hash": "approval"}, drop=((1,),)
        )
        assert refused(taken).reason == "taken"
        assert evolve(log(harness, "other"), now=before.now) == before
        assert (harness.store.resolve("hash"), harness.store.resolve("mine")) == ((RUN, "approval"), None)
        append(harness, b"end", done=True)
        append(harness, b"x", run_id="other", hooks={"hash": "approval"})
        assert harness.store.resolve("hash") == ("other", "approval")
        harness.store.delete(RUN)
        assert harness.store.resolve("hash") == ("other", "approval")

    def test_no_run_begins_with_a_token_of_another_hook(self, harness: Harness) -> None:
        start(harness, hooks={"hash": "approval"})
        began = change(
            harness, Head(None), b"started", run_id="other", summary=summary("other"), hooks={"hash": "reply"}
        )
        assert refused(began).reason == "taken"
        assert harness.store.read("other") is None

    def test_a_hook_is_opened_again_under_its_token_and_no_other_hook_of_its_run(self, harness: Harness) -> None:
        start(harness, hooks={"hash": "approval"})
        append(harness, b"x", hooks={"hash": "approval"})
        taken = change(harness, Head(log(harness).head), b"y", hooks={"hash": "reply"})
        assert refused(taken).reason == "taken"
        go_on(harness, RUN, f"{RUN}~2", hooks={"hash": "approval"})
        assert harness.store.resolve("hash") == (RUN, "approval")

    def test_a_hook_stays_open_whatever_is_delivered(self, harness: Harness) -> None:
        start(harness, hooks={"hash": "approval"})
        done(change(harness, Open("key"), b"payload"))
        append(harness, b"taken")
        assert harness.store.resolve("hash") == (RUN, "approval")
