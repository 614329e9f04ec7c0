"""Where nobody else works, who waits for a parent works for all its descendants: their sleeps, times and hooks too."""

from __future__ import annotations

import time
from threading import Thread

import pytest

from tests.features.moments import SOON, eventually, failure, fold_of, until_it_waits
from tests.features.shop import GO, PaymentDeclined, add, declined, note
from yieldflow import (
    App,
    Cancelled,
    Flow,
    RunBlocked,
    RunCancelled,
    RunTimeout,
    TimedOut,
    continue_as_new,
    detach,
    gather,
    hook,
    set_data,
    sleep,
    spawn,
    timeout,
    workflow,
)
from yieldflow.core.events import HookReceived


@pytest.fixture(params=["memory", "sqlite"])
def app(request, tmp_path):
    app = App("memory:" if request.param == "memory" else f"sqlite:///{tmp_path}/runs.db", lease="2s")
    yield app
    app.close()


@workflow
def level(depth: int, breadth: int, pause: float) -> Flow[int]:
    """A tree: each inner node sleeps, asks its children, sleeps again; each leaf does a step between two sleeps."""
    yield sleep(pause)
    if depth == 0:
        total = yield from add(1, 0)
    else:
        total = sum((yield from gather(*[level(depth - 1, breadth, pause) for _ in range(breadth)])))
    yield sleep(pause)
    return total


@pytest.mark.parametrize("how", ["run", "result"])
def test_three_levels_that_sleep_are_driven_by_who_waits_for_the_first(app: App, how):
    call = level(3, 3, 0.01)
    began = time.monotonic()
    assert (app.run(call) if how == "run" else app.start(call).result(timeout=SOON)) == 27
    assert len(app.runs().runs) == 1 + 3 + 9 + 27
    assert {run.status for run in app.runs().runs} == {"completed"}
    assert time.monotonic() - began < SOON / 2


@workflow
def asks(name: str) -> Flow[str]:
    said = yield from hook(name, str)
    yield sleep("5ms")
    return f"{name}: {said}"


@workflow
def asks_below(names: list[str]) -> Flow[list[str]]:
    return list((yield from gather(*[asks(name) for name in names])))


@workflow
def asks_at_the_top() -> Flow[list[str]]:
    one = yield from spawn(asks_below(["a", "b"]))
    other = yield from spawn(asks_below(["c"]))
    return [*(yield one), *(yield other)]


def test_children_wait_for_what_somebody_else_sends(app: App):
    def send() -> None:
        for run_id, name in (("p~1.1.1~1.1.1", "a"), ("p~1.1.1~1.1.2", "b"), ("p~1.2.1~1.1.1", "c")):
            eventually(lambda run_id=run_id: run_id in {run.run_id for run in app.runs().runs})
            app.send(run_id, name, f"hello {name}")

    sender = Thread(target=send)
    sender.start()
    assert app.run(asks_at_the_top(), run_id="p") == ["a: hello a", "b: hello b", "c: hello c"]
    sender.join()


@workflow
def waits_for_ever(what: str) -> Flow[str]:
    try:
        yield hook("never")
    except Cancelled:
        yield sleep("5ms")
        yield set_data("cleaned", (yield from note(what)))
        raise
    return "never"


@workflow
def bounds_its_children() -> Flow[list[object]]:
    told = []
    try:
        yield waits_for_ever("a").options(timeout="20ms")
    except RunTimeout:
        told.append("run timeout")
    try:
        yield timeout(waits_for_ever("b"), "20ms")
    except TimedOut:
        told.append("timed out")
    told.append((yield timeout(waits_for_ever("c"), "20ms", default="default")))
    return told


@workflow
def bounds_its_grandchildren() -> Flow[list[object]]:
    return (yield from bounds_its_children())


def test_children_that_time_out_clean_up_while_the_parent_is_driven(app: App):
    assert app.run(bounds_its_grandchildren()) == ["run timeout", "timed out", "default"]
    cleaned = {tuple(app.get(run.run_id).data().values()) for run in app.runs().runs if run.parent}
    assert cleaned == {(), ("a",), ("b",), ("c",)}


@workflow
def fails_below(depth: int) -> Flow[None]:
    if depth:
        yield fails_below(depth - 1)
    yield sleep("5ms")
    yield declined("o", 5)


def test_a_failure_three_levels_below_is_raised_by_the_driver(app: App):
    assert isinstance(failure(app.start(fails_below(3))), PaymentDeclined)
    assert {run.status for run in app.runs().runs} == {"failed"}


@workflow
def counts_down(n: int) -> Flow[str]:
    yield sleep("5ms")
    return "zero" if n == 0 else (yield from continue_as_new(counts_down(n - 1)))


def test_a_child_that_goes_on_as_new_is_driven_to_its_last_generation(app: App):
    def hurry() -> Flow[object]:
        return (yield from counts_down(4))

    assert app.run(counts_down(3)) == "zero"

    @workflow
    def parent() -> Flow[str]:
        return (yield from hurry())

    assert app.run(parent()) == "zero"


@workflow
def leaves_a_child_alone() -> Flow[str]:
    yield detach(slow_listener())
    return (yield from note("done"))


@workflow
def slow_listener() -> Flow[str]:
    said = yield from GO
    yield sleep("5ms")
    return said


def test_a_detached_run_is_driven_by_who_asks_for_its_result(app: App):
    assert app.run(leaves_a_child_alone(), run_id="p") == "done"
    child = app.get("p~1.1")
    child.send(GO, "on my own")
    assert child.result(timeout=SOON) == "on my own"


def test_what_somebody_else_cancels_below_is_told_above(app: App):
    @workflow
    def parent() -> Flow[str]:
        try:
            return (yield from waits_for_ever("x"))
        except RunCancelled as error:
            return f"{error.reason}"

    def cancel() -> None:
        until_it_waits(eventually(lambda: child(app)), "never")
        app.cancel("p~1.1", "closing time")

    other = Thread(target=cancel)
    other.start()
    assert app.run(parent(), run_id="p") == "closing time"
    other.join()
    assert app.get("p~1.1").data() == {"cleaned": "x"}


def child(app: App):
    return next((app.get(run.run_id) for run in app.runs().runs if run.parent), None)


def test_another_driver_picks_up_the_children_of_the_first(tmp_path):
    """The first goes away in the middle, as a process does; its app knows nothing any more."""
    url = f"sqlite:///{tmp_path}/runs.db"
    first = App(url, lease="2s")
    handle = first.start(asks_at_the_top(), run_id="p")
    with pytest.raises(TimeoutError):
        handle.result(timeout=0.2)
    first.abandon()
    first.close()
    second = App(url, lease="2s")
    for run_id, name in (("p~1.1.1~1.1.1", "a"), ("p~1.1.1~1.1.2", "b"), ("p~1.2.1~1.1.1", "c")):
        second.send(run_id, name, "hello")
    assert second.run(asks_at_the_top(), run_id="p") == ["a: hello", "b: hello", "c: hello"]
    assert len(second.runs().runs) == 6
    for run in second.runs().runs:
        assert sum(isinstance(event, HookReceived) for event in second.get(run.run_id).history()) <= 1
    second.close()


@workflow
def two_parents(n: int) -> Flow[int]:
    yield sleep(0.005 * n)
    return (yield from level(1, 2, 0.005))


def test_several_drivers_of_one_app_do_not_disturb_each_other(app: App):
    results: dict[int, int] = {}
    threads = [Thread(target=lambda n=n: results.update({n: app.run(two_parents(n))})) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == dict.fromkeys(range(4), 2)
    assert not any(fold_of(app.get(run.run_id)).open for run in app.runs().runs)


@workflow
def no_workflow() -> Flow[None]:
    yield 42


@workflow
def waits_for_no_workflow() -> Flow[None]:
    yield no_workflow()


@workflow
def two_levels_above() -> Flow[None]:
    yield waits_for_no_workflow()


@pytest.mark.parametrize("call", [waits_for_no_workflow(), two_levels_above()])
def test_who_drives_a_run_is_told_of_a_child_that_the_code_cannot_continue(app: App, call):
    with pytest.raises(RunBlocked, match="yielded 42"):
        app.run(call)
    with pytest.raises(RunBlocked, match="yielded 42"):
        app.start(call).result(timeout=10)
