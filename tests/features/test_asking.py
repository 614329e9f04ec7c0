"""What a workflow yields, and what it is answered: steps, sleeps, questions, commands as values."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from tests.features.moments import SOON, fold_of, forgotten, until_it_waits
from tests.features.shop import GO, Receipt, add, charge, fetch, listening, note
from yieldflow import (
    App,
    Flow,
    Retry,
    RetryableError,
    current_step,
    get_data,
    now,
    retrying,
    rng,
    run_info,
    set_data,
    sleep,
    step,
    uuid4,
    workflow,
)
from yieldflow.core.commands import CallStep, Sleep
from yieldflow.core.events import CommandIssued


def plain(a: int, b: int = 1) -> int:
    return a * b


def pi() -> float:
    return 3.25


def issued(handle, kind: type) -> list:
    return [e.command for e in handle.history() if isinstance(e, CommandIssued) and isinstance(e.command, kind)]


# --- steps ----------------------------------------------------------------------------------------------------


@workflow
def every_form_of_a_step() -> Flow[str]:
    @step
    def unannotated(given):
        return given

    answers = [
        (yield add(1, 2)),
        (yield from add(1, b=2)),
        (yield charge("o", 5)),
        (yield from fetch("u", deep=True)),
        (yield step(plain, 6, b=7)),
        (yield step(pi)),
        (yield step(pi)()),
        (yield from step(plain).options(retry=1, label="times")(3)),
        (yield step(lambda: "from a lambda")),
        (yield unannotated({"a": (1, b"x")})),
    ]
    return repr(answers)


@workflow
def typed() -> Flow[list[str]]:
    answers = [(yield charge("o", 5)), (yield fetch("u")), (yield add(1, 2))]
    first = [type(answer).__name__ for answer in answers]
    yield GO
    return [*first, *(type(answer).__name__ for answer in answers)]


def test_a_step_in_every_form_it_can_be_called(app: App):
    answers = [3, 3, Receipt("o", 5), ("u", True), 42, 3.25, 3.25, 3, "from a lambda", {"a": (1, b"x")}]
    assert app.start(every_form_of_a_step()).result(timeout=SOON) == repr(answers)


def test_an_answer_has_the_type_of_the_annotation_live_and_on_replay(app: App):
    handle = app.start(typed())
    until_it_waits(handle, "go")
    forgotten(app, handle)
    handle.send(GO, "on")
    assert handle.result(timeout=SOON) == ["Receipt", "tuple", "int"] * 2


def test_options_of_a_call_hold_for_that_call(app: App):
    @step(retry=5, timeout="1h")
    def told() -> int:
        return current_step().attempt

    @workflow
    def calls() -> Flow[int]:
        yield told().options(retry=Retry(attempts=2), timeout="30s", lease="20s", heartbeat="5s", label="the first")
        return (yield from told())

    handle = app.start(calls())
    assert handle.result(timeout=SOON) == 1
    first, second = (command.options for command in issued(handle, CallStep))
    assert (first.attempts, first.timeout, first.lease, first.heartbeat) == (2, 30_000, 20_000, 5_000)
    assert first.label == "the first"
    assert (second.attempts, second.timeout, second.lease, second.label) == (5, 3_600_000, None, None)


def test_a_local_step_is_recorded_in_one_commit_and_never_called_again(app: App):
    calls = []

    @workflow
    def recorded() -> Flow[list[object]]:
        drawn = yield step(lambda: calls.append("called") or len(calls)).options(local=True)
        yield GO
        return [drawn, drawn + 1]

    handle = app.start(recorded())
    until_it_waits(handle, "go")
    forgotten(app, handle)
    handle.send(GO, "on")
    assert handle.result(timeout=SOON) == [1, 2]
    assert len(calls) == 1
    assert [command.options.local for command in issued(handle, CallStep)] == [True]


# --- sleeps ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "when",
    ["20ms", 0.02, timedelta(milliseconds=20), datetime.now(UTC), datetime(2020, 1, 1, tzinfo=UTC), 0],
    ids=["text", "seconds", "timedelta", "datetime", "the past", "nothing"],
)
def test_a_sleep_is_a_duration_or_a_moment_and_answers_none(app: App, when):
    @workflow
    def sleeps() -> Flow[list[object]]:
        return [(yield sleep(when)), (yield from sleep(when))]

    began = time.monotonic()
    handle = app.start(sleeps())
    assert handle.result(timeout=SOON) == [None, None]
    assert len(issued(handle, Sleep)) == 2
    if when == "20ms":
        assert time.monotonic() - began >= 0.04


@pytest.mark.parametrize("when", ["soon", "", -1, True, None, "3 parsecs", datetime(2030, 1, 1)])  # noqa: DTZ001
def test_a_sleep_that_cannot_be_is_refused_at_the_call(when):
    with pytest.raises(ValueError, match=r"duration|datetime|aware|negative|between"):
        sleep(when)


# --- questions ------------------------------------------------------------------------------------------------


@workflow
def drawing() -> Flow[list[object]]:
    numbers = yield from rng()
    ids = [(yield from uuid4()), (yield from uuid4())]
    began = yield from now()
    drawn = [numbers.random(), (yield from rng()).random(), *map(str, ids), began.isoformat()]
    yield set_data("drawn", drawn)
    yield GO
    ended = yield from now()
    return [*drawn, began.tzinfo is UTC, began <= ended, all(isinstance(one, UUID) for one in ids)]


def test_what_a_run_draws_by_lot_is_the_same_on_every_replay(app: App):
    handle = app.start(drawing())
    drawn = handle.data("drawn", timeout=SOON)
    until_it_waits(handle, "go")
    forgotten(app, handle)
    handle.send(GO, "on")
    again = handle.result(timeout=SOON)
    assert again[:5] == drawn
    assert again[5:] == [True, True, True]
    assert len(set(drawn)) == 5


def test_two_runs_draw_different_lots(app: App):
    one, other = app.start(drawing()), app.start(drawing())
    first, second = one.data("drawn", timeout=SOON), other.data("drawn", timeout=SOON)
    assert not set(first[:4]) & set(second[:4])


@workflow
def introduced() -> Flow[dict[str, object]]:
    yield note("a fact")
    info = yield from run_info()
    return {
        "run_id": info.run_id,
        "generation": info.generation,
        "workflow": info.workflow,
        "aware": info.started_at.tzinfo is not None,
        "parent": info.parent,
        "tags": dict(info.tags),
        "history": info.history_length,
        "suggested": info.continue_suggested,
    }


def test_a_run_knows_itself(app: App):
    assert app.start(introduced(), run_id="r", tags={"shop": "a"}).result(timeout=SOON) == {
        "run_id": "r",
        "generation": 1,
        "workflow": f"{__name__}:introduced",
        "aware": True,
        "parent": None,
        "tags": {"shop": "a"},
        "history": 3,
        "suggested": False,
    }


# --- commands are values --------------------------------------------------------------------------------------


@workflow
def keeps_commands() -> Flow[list[object]]:
    kept = [add(1, 1), add(2, 2), sleep("1ms"), get_data("nothing", default="none")]
    dropped = add(100, 100)  # never asked
    del dropped
    answers = []
    for command in (*kept, kept[0]):  # one of them twice
        answers.append((yield command))
    return answers


def test_commands_are_kept_dropped_and_asked_twice(app: App):
    handle = app.start(keeps_commands())
    assert handle.result(timeout=SOON) == [2, 4, None, "none", 2]
    assert len(issued(handle, CallStep)) == 3


def test_commands_are_equal_by_value_and_show_their_source():
    assert add(1, 2) == add(1, 2) != add(2, 1)
    assert sleep("1h") == sleep("1h") != sleep("2h")
    assert [repr(one) for one in (add(1, b=2), sleep("3 days"), GO, now(), listening())] == [
        "add(1, 2)",
        "sleep('3 days')",
        "hook('go')",
        "now()",
        "listening()",
    ]


# --- helpers --------------------------------------------------------------------------------------------------


def shipped(order: str) -> Flow[str]:
    label = yield from note(f"label of {order}")
    return (yield from note(f"shipped with {label}"))


@workflow
def composed() -> Flow[str]:
    return (yield from shipped("o"))


def test_helper_generators_compose(app: App):
    assert app.start(composed()).result(timeout=SOON) == "shipped with label of o"


@step(retry=1)
def flaky(attempts: int) -> int:
    """Fails until its path, which counts the branch's attempts, is high enough."""
    if int(current_step().path.split(".")[-1]) < attempts:
        raise ConnectionError("not yet")
    return attempts


@workflow
def retries_a_branch() -> Flow[list[object]]:
    def branch() -> Flow[int]:
        yield sleep("1ms")
        return (yield from flaky(8))

    got = yield from retrying(branch, Retry(attempts=5, delay="1ms"))
    try:
        yield from retrying(lambda: flaky(1_000), Retry(attempts=2, delay="1ms"))
    except ConnectionError as error:
        return [got, str(error)]
    return []


def test_retrying_asks_a_whole_branch_again(app: App):
    assert app.start(retries_a_branch()).result(timeout=SOON) == [8, "not yet"]


def test_a_number_of_attempts_without_end_is_polling(app: App):
    @step(retry=Retry(attempts=None, delay="1h"))
    def polled() -> int:
        if current_step().attempt < 6:
            raise RetryableError("not yet", retry_after="1ms")
        return current_step().attempt

    @workflow
    def polls() -> Flow[int]:
        return (yield from polled())

    handle = app.start(polls())
    assert handle.result(timeout=SOON) == 6
    assert fold_of(handle).length == 1 + 1 + 5 + 1 + 1
