"""A run that goes on as a fresh log: one run id, one result, one inbox, one set of data."""

from __future__ import annotations

import pytest

from tests.features.moments import SOON, eventually, until_it_is, until_it_waits, why_blocked
from tests.features.shop import GO, add, listening, note
from yieldflow import (
    App,
    Cancelled,
    Flow,
    RunCancelled,
    continue_as_new,
    gather,
    get_data,
    hook,
    open_hook,
    run_info,
    set_data,
    shield,
    spawn,
    uuid4,
    workflow,
)
from yieldflow.core.events import Next

TICK = hook("tick", int)


@workflow
def counting(n: int, until: int) -> Flow[list[object]]:
    yield from add(n, 1)
    info = yield from run_info()
    ids = yield from get_data("ids", list, [])
    yield set_data("ids", [*ids, str((yield from uuid4()))])
    if n < until:
        return (yield from continue_as_new(counting(n + 1, until)))
    return [info.generation, info.run_id, dict(info.tags), info.history_length, len(set((yield get_data("ids"))))]


def test_a_tail_call_is_the_same_run_with_a_fresh_log(app: App):
    handle = app.start(counting(1, 6), run_id="r", tags={"shop": "a"})
    assert handle.result(timeout=SOON) == [6, "r", {"shop": "a"}, 3, 6]
    assert app.get("r").result(timeout=SOON)[0] == 6
    assert len(handle.history()) < 8
    assert handle.history()[0].cause == Next("r~5")
    listed = {run.run_id: run.status for run in app.runs().runs}
    assert listed == {"r": "continued", **{f"r~{n}": "continued" for n in range(2, 6)}, "r~6": "completed"}
    assert app.start(counting(1, 6), run_id="r", tags={"shop": "a"}).result(timeout=0)[0] == 6


@workflow
def same_again() -> Flow[int]:
    rounds = (yield from get_data("rounds", int, 0)) + 1
    yield set_data("rounds", rounds)
    if rounds < 3:
        yield continue_as_new()
    return rounds


@workflow
def first_half(order: str) -> Flow[str]:
    done = yield from note(f"first of {order}")
    return (yield from continue_as_new(second_half(done, order=order)))


@workflow
def second_half(done: str, order: str) -> Flow[str]:
    return f"{done}, {(yield from note(f'second of {order}'))}"


def test_without_a_call_it_is_the_same_again_and_another_workflow_may_go_on(app: App):
    assert app.start(same_again()).result(timeout=SOON) == 3
    handle = app.start(first_half("o"))
    assert handle.result(timeout=SOON) == "first of o, second of o"
    assert handle.summary().workflow == f"{__name__}:second_half"


@workflow
def sums(total: int, left: int) -> Flow[int]:
    total += yield from TICK
    return total if left == 0 else (yield from continue_as_new(sums(total, left - 1)))


def test_no_payload_is_lost_between_generations(app: App):
    handle = app.start(sums(0, 9), run_id="r")
    for n in range(10):
        app.send("r", TICK, n, key=f"tick {n}")
        app.send("r", TICK, n, key=f"tick {n}")  # counts once, whatever generation takes it
    assert handle.result(timeout=SOON) == sum(range(10))
    assert handle.summary().run_id == "r~10"


@workflow
def keeps_its_link(n: int) -> Flow[list[str]]:
    mine = yield from open_hook("mine", str)
    yield set_data("link", mine.token)
    said = yield from mine
    if n == 1:
        return (yield from continue_as_new(keeps_its_link(2)))
    return [said, mine.token]


def test_a_link_that_was_mailed_survives(app: App):
    handle = app.start(keeps_its_link(1), run_id="r")
    token = handle.data("link", timeout=SOON)
    app.resume_hook(token, "first")
    eventually(lambda: handle.summary().run_id == "r~2")
    until_it_waits(handle, "mine")
    app.resume_hook(token, "second")
    assert handle.result(timeout=SOON) == ["second", token]


@workflow
def careful(n: int) -> Flow[str]:
    try:
        if n < 3:
            yield spawn(listening())  # closed first, as at any end
            yield from add(n, n)
            yield continue_as_new(careful(n + 1))
        yield hook("never")
    finally:
        if n == 3:
            yield set_data("cleaned", (yield from note("up")))
    return "done"


def test_a_run_that_was_continued_is_cancelled_under_its_one_id(app: App):
    handle = app.start(careful(1), run_id="r")
    eventually(lambda: handle.summary().run_id == "r~3")
    until_it_waits(handle, "never")
    app.cancel("r", "enough")
    with pytest.raises(RunCancelled, match="enough"):
        handle.result(timeout=SOON)
    assert handle.data() == {"cleaned": "up"}
    children = [run for run in app.runs().runs if run.parent]
    assert {run.status for run in children} == {"cancelled"}
    assert len(children) == 2


@workflow
def has_a_child_that_goes_on() -> Flow[list[object]]:
    return (yield from counting(1, 3))


def test_a_parent_is_told_by_the_last_generation_of_its_child_only(app: App):
    assert app.start(has_a_child_that_goes_on(), run_id="p").result(timeout=SOON)[:2] == [3, "p~1.1"]
    assert app.get("p~1.1").result(timeout=SOON)[0] == 3


@workflow
def lets_go_of_a_child_that_went_on() -> Flow[str]:
    task = yield from spawn(careful(1))
    yield GO
    yield task.cancel()
    return (yield from note("done"))


def test_a_child_that_went_on_is_cancelled_with_its_parents_branch(app: App):
    handle = app.start(lets_go_of_a_child_that_went_on(), run_id="p")
    child = eventually(lambda: next((run.run_id for run in app.runs().runs if run.run_id == "p~1.1.1~3"), None))
    until_it_waits(app.get(child), "never")
    handle.send(GO, "on")
    assert handle.result(timeout=SOON) == "done"
    until_it_is(app.get("p~1.1.1"), "cancelled")


def in_a_branch(kind: str):
    def tail() -> Flow[None]:
        yield continue_as_new(same_again())

    match kind:
        case "gather":
            return gather(tail(), add(1, 1))
        case "gathered directly":
            return gather(continue_as_new(same_again()), add(1, 1))
        case "spawn":
            return spawn(tail())
        case _:
            return shield(tail())


@pytest.mark.parametrize("kind", ["gather", "gathered directly", "spawn", "shield"])
def test_in_a_branch_it_is_refused_and_blocks(app: App, kind):
    @workflow
    def misplaced() -> Flow[None]:
        yield in_a_branch(kind)
        yield hook("never")

    assert "ask it in the workflow itself" in why_blocked(app.start(misplaced()))


@workflow
def cleans_up_at_a_tail_call(n: int) -> Flow[int]:
    try:
        if n == 1:
            yield continue_as_new(cleans_up_at_a_tail_call(2))
    except Cancelled:
        yield set_data("seen", True)
    finally:
        yield set_data("finally", n)  # of the first generation it is dropped
    return n


def test_nothing_after_a_tail_call_runs(app: App):
    handle = app.start(cleans_up_at_a_tail_call(1))
    assert handle.result(timeout=SOON) == 2
    assert handle.data() == {"finally": 2}
