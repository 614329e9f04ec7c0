"""Steps: what they are made of, how they are tried again, what their bodies know, and what reaches the workflow."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from threading import Event, get_ident

import pytest

from tests.features.moments import SOON, failure, until_a_step_is_open, until_it_waits
from tests.features.shop import GO, PaymentDeclined, decline
from yieldflow import (
    App,
    Cancelled,
    FatalError,
    Flow,
    Retry,
    RetryableError,
    RunCancelled,
    StepFailed,
    StepTimeout,
    TimedOut,
    current_step,
    gather,
    step,
    workflow,
)
from yieldflow.core.events import AttemptFailed, CommandIssued, CommandResolved

QUICK = Retry(attempts=3, delay="1ms", jitter=0)
SEEN: list[object] = []
GATE = Event()


@pytest.fixture(autouse=True)
def _forget():
    SEEN.clear()
    GATE.clear()


def attempts(handle) -> list[AttemptFailed]:
    return [event for event in handle.history() if isinstance(event, AttemptFailed)]


# --- tried again ----------------------------------------------------------------------------------------------


@step(retry=QUICK)
def third_time(text: str) -> str:
    if current_step().attempt < 3:
        raise ConnectionError("not yet")
    return text


@step(retry=Retry(attempts=3, delay="1h", give_up_on=(PaymentDeclined,)))
def picky(how: str) -> str:
    SEEN.append(how)
    match how:
        case "gives up":
            raise PaymentDeclined("o", 5)
        case "fatal":
            raise FatalError("no use")
        case _:
            raise RetryableError("later", retry_after=timedelta(milliseconds=1) if how == "delta" else _moment(how))


def _moment(how: str) -> object:
    return {"text": "1ms", "seconds": 0.001, "datetime": datetime.now(UTC)}[how]


@workflow
def asks(how: str) -> Flow[str]:
    return (yield from picky(how))


def test_a_step_is_tried_again_until_it_succeeds(app: App):
    @workflow
    def tries() -> Flow[str]:
        return (yield from third_time("at last"))

    handle = app.start(tries())
    assert handle.result(timeout=SOON) == "at last"
    assert [event.attempt for event in attempts(handle)] == [1, 2]


@pytest.mark.parametrize(("how", "error"), [("gives up", PaymentDeclined), ("fatal", FatalError)])
def test_what_cannot_be_mended_is_not_tried_again(app: App, how, error):
    found = failure(app.start(asks(how)))
    assert type(found) is error
    assert SEEN.count(how) == len(SEEN) == 1


@pytest.mark.parametrize("how", ["text", "seconds", "delta", "datetime"])
def test_who_says_when_is_tried_again_then(app: App, how):
    assert isinstance(failure(app.start(asks(how))), RetryableError)
    assert SEEN.count(how) == len(SEEN) == 3


@step(retry=5)
def five() -> None: ...


@step(retry=1)
def one() -> None: ...


@step
def default() -> None: ...


def test_a_policy_may_be_a_number_of_attempts():
    assert [each.definition.retry.attempts for each in (five, one, default)] == [5, 1, 3]
    assert five.definition.retry.lost == 5
    for wrong in (0, -1, True, "three"):
        with pytest.raises(ValueError, match="attempts"):
            Retry(attempts=wrong)


# --- what reaches the workflow --------------------------------------------------------------------------------


@workflow
def catches() -> Flow[list[object]]:
    found = []
    for _ in range(2):
        try:
            yield decline("o", 5)
        except PaymentDeclined as error:
            cause = error.__cause__
            assert isinstance(cause, StepFailed)
            found.append([list(error.args), error.code, cause.step, cause.attempts, "raise Payment" in cause.traceback])
        yield GO
    return found


def test_the_exception_that_was_raised_reaches_the_workflow_live_and_on_replay(app: App):
    handle = app.start(catches())
    for _ in range(2):
        until_it_waits(handle, "go")
        app.runtime.cache.clear()
        handle.send(GO, "on")
    told = [["o", 5], "too-poor", "tests.features.shop:decline", 1, True]
    assert handle.result(timeout=SOON) == [told, told]


def test_the_end_of_a_run_is_its_own_exception_with_the_step_as_its_cause(app: App):
    @workflow
    def ends() -> Flow[None]:
        yield decline("o", 5)

    error = failure(app.start(ends()))
    assert (type(error), error.args, error.code) == (PaymentDeclined, ("o", 5), "too-poor")
    assert isinstance(error.__cause__, StepFailed)


@step(retry=1)
def quits() -> None:
    raise SystemExit(3)


@step(retry=1)
def stops() -> None:
    raise StopIteration("nothing left")


@workflow
def strange_ends() -> Flow[list[str]]:
    found = []
    for ask in (quits(), stops()):
        try:
            yield ask
        except Exception as error:
            found.append(type(error).__name__)
    return found


def test_what_is_no_plain_exception_arrives_as_step_failed(app: App):
    assert app.start(strange_ends()).result(timeout=SOON) == ["StepFailed", "StepFailed"]


def test_an_answer_that_cannot_be_stored_fails_once_and_says_where(app: App):
    @step(retry=5)
    def answers_nonsense() -> object:
        SEEN.append("ran")
        return {"deep": [object()]}

    @workflow
    def asks_nonsense() -> Flow[object]:
        return (yield from answers_nonsense())

    error = failure(app.start(asks_nonsense()))
    assert isinstance(error, FatalError)
    assert "answers_nonsense" in str(error)
    assert "deep" in str(error)
    assert SEEN == ["ran"]


# --- what a body knows ----------------------------------------------------------------------------------------


@step(retry=QUICK, timeout="1h")
def introduces_itself() -> dict[str, object]:
    me = current_step()
    me.logger.info("hello")
    SEEN.append(me.idempotency_key)
    if me.attempt == 1:
        raise ConnectionError("not yet")
    left = me.deadline - datetime.now(UTC)
    return {
        "run_id": me.run_id,
        "path": me.path,
        "attempt": me.attempt,
        "tags": dict(me.tags),
        "deadline": timedelta(minutes=59) < left <= timedelta(minutes=61),
        "cancelled": me.cancelled,
    }


@workflow
def introduces() -> Flow[dict[str, object]]:
    return (yield from introduces_itself())


def test_a_body_knows_its_call(app: App, caplog):
    caplog.set_level(logging.INFO, "yieldflow")
    handle = app.start(introduces(), run_id="r", tags={"shop": "a"})
    assert handle.result(timeout=SOON) == {
        "run_id": "r",
        "path": "1",
        "attempt": 2,
        "tags": {"shop": "a"},
        "deadline": True,
        "cancelled": False,
    }
    assert SEEN == ["r/1", "r/1"]
    assert "hello" in caplog.text
    with pytest.raises(RuntimeError, match="only known while a step runs"):
        current_step()


@step(lease="100ms")
def long() -> str:
    while not current_step().cancelled and not GATE.wait(0.005):
        pass
    try:
        current_step().check_cancelled()
    except Cancelled:
        SEEN.append("knows")
        raise
    return "never told"


@workflow
def lets_go() -> Flow[str]:
    return (yield from long())


def test_a_body_learns_that_nobody_waits_for_it(app: App):
    handle = app.start(lets_go())
    until_a_step_is_open(handle)
    handle.cancel()
    with pytest.raises(RunCancelled):
        handle.result(timeout=SOON)
    app.runtime.pool.stop()
    GATE.set()
    assert SEEN in ([], ["knows"])  # it may not have begun


@step(retry=QUICK, heartbeat="1h")
def counts_pages() -> list[object]:
    me = current_step()
    if me.attempt == 1:
        me.heartbeat({"page": 7})
        raise ConnectionError("lost the line")
    return [me.attempt, me.last_heartbeat]


def test_what_an_attempt_said_is_told_to_the_next(app: App):
    @workflow
    def reads() -> Flow[list[object]]:
        return (yield from counts_pages())

    assert app.start(reads()).result(timeout=SOON) == [2, {"page": 7}]


@step
async def on_a_loop(n: int) -> int:
    import asyncio

    await asyncio.sleep(0.001)
    SEEN.append(get_ident())
    return n + 1


@workflow
def asks_a_coroutine() -> Flow[int]:
    one = yield from on_a_loop(1)
    return one + sum((yield from gather(*[on_a_loop(n) for n in range(3)])))


def test_an_async_body_never_runs_on_the_loop_of_the_caller(app: App):
    assert app.start(asks_a_coroutine()).result(timeout=SOON) == 2 + 1 + 2 + 3
    assert app.run(asks_a_coroutine()) == 8
    assert get_ident() not in SEEN


# --- the time of an attempt -----------------------------------------------------------------------------------


@step(retry=1, timeout="30ms")
def too_slow() -> str:
    GATE.wait(SOON)
    return "too late"


@workflow
def bounded() -> Flow[list[object]]:
    try:
        yield from too_slow()
    except TimeoutError as error:
        return [type(error).__name__, isinstance(error, StepTimeout), isinstance(error, TimedOut)]
    return []


def test_the_timeout_of_a_step_bounds_one_attempt_whatever_its_body_does(app: App):
    handle = app.start(bounded())
    assert handle.result(timeout=SOON) == ["StepTimeout", True, False]
    GATE.set()
    issued, resolved = (
        next(e for e in handle.history() if isinstance(e, kind)) for kind in (CommandIssued, CommandResolved)
    )
    assert issued.command.options.timeout == 30
    assert resolved.at - issued.at >= 30
