"""A fork with other answers than its run got: what it shares, what is done again, and what is refused."""

from __future__ import annotations

import pytest
from attrs import frozen

from tests.features.moments import SOON, eventually, until_it_waits
from yieldflow import App, Flow, RunFailed, current_step, gather, hook, step, workflow
from yieldflow.authoring.registry import Registry
from yieldflow.core.events import CommandResolved, ForkOf
from yieldflow.errors import UsageError
from yieldflow.forking import AsksOtherwise, BadAnswer

DONE: list[tuple[object, ...]] = []


@frozen
class Price:
    cents: int
    currency: str = "EUR"


@step
def price(order: str) -> Price:
    return Price(5)


@step
def stock(order: str) -> int:
    return 7


@step(retry=1)
def ship(order: str, price: Price) -> str:
    DONE.append(("ship", price.cents, current_step().idempotency_key))
    if price.cents < 0:
        raise ValueError("less than nothing")
    return f"{order} for {price.cents}"


def deep(levels: int) -> list[object]:
    nested: list[object] = []
    for _ in range(levels):
        nested = [nested]
    return nested


@workflow
def inner(order: str) -> Flow[Price]:
    return (yield from price(order))


@workflow
def selling(order: str) -> Flow[str]:
    asked = yield from price(order)
    yield from hook("approved", bool)
    return (yield from ship(order, asked))


@workflow
def haggling(order: str) -> Flow[tuple[str, int]]:
    asked, left = yield from gather(inner(order), stock(order))
    if asked.cents > 100:
        yield from hook("too dear")
    return (yield from ship(order, asked)), left


@pytest.fixture(autouse=True)
def _nothing_is_done():
    DONE.clear()


@pytest.fixture
def sold(app: App):
    """1 started, 2 price, 3 its answer, 4 the hook, 5 a payload, 6 ship, 7 taken, 8 its answer, 9 the end."""
    handle = app.start(selling("o"), run_id="o")
    until_it_waits(handle, "approved")
    handle.send("approved", True)
    assert handle.result(timeout=SOON) == "o for 5"
    return handle


def test_a_wrong_answer_is_another_one_in_the_fork_and_what_comes_after_is_done_again(app: App, sold):
    before = sold.history()
    fork = app.fork("o", replace={"1": Price(9)}, new_run_id="better")
    until_it_waits(fork, "approved")  # without `at` it begins after the answer
    fork.send("approved", True)
    assert fork.result(timeout=SOON) == "o for 9"
    assert [done[:2] for done in DONE] == [("ship", 5), ("ship", 9)]
    assert len({key for _, _, key in DONE}) == 2
    assert sold.history() == before
    started, *copied = fork.history()[:3]
    assert started.cause == ForkOf("o", 3, before[0].seed, None, ((1,),))
    assert copied[0] == before[1]
    assert copied[1] == CommandResolved(before[2].at, (1,), copied[1].outcome)
    assert app.get("better").inspect().timeline.items[1,].answer == b'{"cents":9,"currency":"EUR"}'


def test_a_replay_of_the_fork_is_exact(app: App, sold):
    fork = app.fork("o", replace={"1": Price(9)})
    until_it_waits(fork, "approved")
    other = App(app.settings.url)
    other.store = app.store
    assert other.runtime.tend(fork.run_id).state == "waiting"
    again = app.fork(fork.run_id, new_run_id="again")
    again.send("approved", True)
    assert again.result(timeout=SOON) == "o for 9"
    assert again.history()[0].cause.before.replaced == ((1,),)


def test_an_inspection_says_which_answers_were_replaced(app: App, sold):
    app.fork("o", replace={"1": Price(9)}, new_run_id="better")
    app.fork("better", at=3, new_run_id="a-copy")
    app.fork("better", at=2, new_run_id="anew")  # before that answer: the step is done again
    until_it_waits(app.get("anew"), "approved")

    def replaced(run_id: str) -> bool:
        seen = app.get(run_id).inspect()
        (told,) = [event for event in seen.events if event.what == "step_completed" and event.path == "1"]
        assert (told.rest == "replaced in this fork") == seen.timeline.items[1,].replaced
        return seen.timeline.items[1,].replaced

    assert {run_id: replaced(run_id) for run_id in ("o", "better", "a-copy", "anew")} == {
        "o": False,
        "better": True,
        "a-copy": True,
        "anew": False,
    }


def test_an_answer_may_be_given_as_json_has_it(app: App, sold):
    fork = app.fork("o", replace={"1": {"cents": 11, "currency": "USD"}})
    fork.send("approved", True)
    assert fork.result(timeout=SOON) == "o for 11"


@pytest.mark.parametrize("value", ["a lot", {"cents": "five"}, {"euros": 5}, None, object(), deep(5_000)])
def test_an_answer_that_does_not_fit_the_step_is_refused(app: App, sold, value):
    with pytest.raises(BadAnswer, match=r"cannot be the answer of .*price at path 1"):
        app.fork("o", replace={"1": value})
    assert len(app.runs().runs) == 1


def test_a_failed_step_has_succeeded_in_the_fork(app: App):
    handle = app.start(haggling("o"), run_id="h")
    handle.result(timeout=SOON)
    failed = app.fork("h", replace={"1.1": Price(-1)})
    with pytest.raises(RunFailed, match="less than nothing"):
        failed.result(timeout=SOON)
    (path,) = [event.path for event in failed.history() if isinstance(event, CommandResolved)][-1:]
    mended = app.fork(failed.run_id, replace={str(path[0]): "by hand"})
    assert mended.result(timeout=SOON) == ("by hand", 7)


def test_the_answer_of_a_child_run_may_be_replaced_too(app: App):
    assert app.start(parent("o"), run_id="p").result(timeout=SOON) == "o for 5"
    fork = app.fork("p", replace={"1": Price(8)})
    assert fork.result(timeout=SOON) == "o for 8"
    assert [run.run_id for run in app.runs().runs if run.parent] == ["p~1.1"]  # it is not started again


@workflow
def parent(order: str) -> Flow[str]:
    asked = yield from inner(order)
    return (yield from ship(order, asked))


def test_what_was_asked_with_the_wrong_answer_is_not_shared(app: App, sold):
    """The arguments of `ship` hold the price: that step would be taken for done, or be done as it was asked."""
    for at in (6, 7, 8, 9):
        with pytest.raises(AsksOtherwise, match=r"at path 3 they hold ship\(.* fork it at position 5 or before"):
            app.fork("o", at=at, replace={"1": Price(9)})
    assert app.fork("o", at=5, replace={"1": Price(9)}).result(timeout=SOON) == "o for 9"
    assert app.fork("o", at=9, replace={"1": Price(5)}).result(timeout=SOON) == "o for 5"  # it changes nothing


def test_what_a_retried_run_has_asked_with_the_wrong_answer_is_not_shared_either(app: App):
    handle = app.start(two_payments("o"), run_id="t")
    with pytest.raises(RunFailed):
        handle.result(timeout=SOON)
    app.retry("t")
    eventually(lambda: handle.summary().run_id == "t~2" and handle.status() == "failed")
    with pytest.raises(AsksOtherwise):
        app.fork("t", at=5, replace={"1": Price(9)})
    app.fork("t", at=3, replace={"1": Price(9)})


@workflow
def two_payments(order: str) -> Flow[str]:
    asked = yield from price(order)
    yield from ship(order, asked)
    return (yield from ship(order, Price(-1)))


def test_the_fork_of_a_run_that_goes_another_way_is_refused(app: App):
    handle = app.start(haggling("o"), run_id="h")
    handle.result(timeout=SOON)
    length = len(handle.history())
    with pytest.raises(AsksOtherwise, match="fork it at position 5 or before"):
        app.fork("h", at=length - 2, replace={"1.1": Price(500)})
    fork = app.fork("h", replace={"1.1": Price(500)})
    until_it_waits(fork, "too dear")


def test_without_the_code_any_json_is_taken_and_the_fork_is_begun(app: App, sold):
    stranger = App(app.settings.url, registry=Registry())
    stranger.store = app.store
    fork = stranger.fork("o", at=8, replace={"1": {"cents": 12}})
    assert app.get(fork.run_id).history()[2].outcome.value == b'{"cents":12}'


@pytest.mark.parametrize(
    ("at", "replace", "said"),
    [
        (None, {"2": True}, "no answer of a step or child run at path 2 .* there are answers at 1, 3"),
        (2, {"1": Price(9)}, "among the first 2 events, .* there are answers at none"),
        (None, {"9": 1}, "there are answers at 1, 3"),
        (None, {"": 1}, "is no path"),
        (None, {"1.x": 1}, "is no path"),
        (None, {1: 1}, "is no path"),
        (None, ["1"], "maps no paths to answers"),
        (0, {"1": Price(9)}, "among the first 0 events"),
        (0, {}, "fork it at one from 1 to 8"),
    ],
)
def test_what_cannot_be_replaced_is_refused_in_a_sentence(app: App, sold, at, replace, said):
    with pytest.raises(UsageError, match=said):
        app.fork("o", at=at, replace=replace)
    assert len(app.runs().runs) == 1
