"""Rulings 27, 38, 40 and 64 through an app: what bodies see, and what becomes of what they answer."""

import gc
import threading
import time
import warnings

import pytest

from yieldflow import App, Cancelled, FatalError, Flow, current_step, gather, sleep, step, workflow
from yieldflow.core.events import AttemptFailed
from yieldflow.errors import RunCancelled, RunFailed

SECONDS = 10.0


@pytest.fixture
def app():
    app = App("memory:", lease="150ms")
    yield app
    app.close()


# --- 40 ---------------------------------------------------------------------------------------------------------------


def test_40_an_answer_that_cannot_be_encoded_fails_its_step_and_is_not_tried_again(app: App):
    effects = []

    @step(retry=5)
    def answers_a_lock() -> object:
        effects.append("it has happened")
        return threading.Lock()

    @step(retry=5)
    def answers_another_type() -> int:
        effects.append("it has happened")
        return "five"

    @workflow
    def program() -> Flow[list[str]]:
        told = []
        for call in (answers_a_lock(), answers_another_type()):
            try:
                yield call
            except FatalError as error:
                told.append(str(error))
        return told

    handle = app.start(program())
    lock, text = handle.result(timeout=SECONDS)
    assert "answers_a_lock" in lock
    assert "answers_another_type" in text
    assert "five" in text or "str" in text
    assert len(effects) == 2
    assert not [event for event in handle.history() if isinstance(event, AttemptFailed)]


# --- 38 ---------------------------------------------------------------------------------------------------------------


def test_38_a_body_gets_a_decoded_copy_of_what_was_there_when_it_was_asked(app: App):
    @step(retry=1)
    def grow(items: list[int]) -> list[int]:
        items.append(99)
        return items

    @workflow
    def program() -> Flow[list[list[int]]]:
        items = [1]
        call = grow(items)
        items.append(2)
        grown = yield call
        return [items, grown]

    assert app.run(program()) == [[1, 2], [1, 2, 99]]


# --- 27 ---------------------------------------------------------------------------------------------------------------


def test_27_a_body_whose_claim_is_gone_is_told_and_the_step_that_cleans_up_is_not(app: App):
    begun, seen = threading.Event(), {}

    @step(retry=1)
    def charge() -> None:
        begun.set()
        patience = time.monotonic() + SECONDS
        while not current_step().cancelled and time.monotonic() < patience:
            time.sleep(0.01)
        try:
            current_step().check_cancelled()
        except Cancelled:
            seen["charge"] = current_step().cancelled

    @step(retry=1)
    def refund() -> None:
        time.sleep(0.2)  # longer than a beat
        seen["refund"] = current_step().cancelled

    @workflow
    def program() -> Flow[None]:
        try:
            yield gather(charge(), sleep("1h"))
        except Cancelled:
            yield refund()
            raise

    with app.worker(threads=3):
        handle = app.start(program())
        assert begun.wait(SECONDS)
        handle.cancel()
        with pytest.raises(RunCancelled):
            handle.result(timeout=SECONDS)
    assert seen == {"charge": True, "refund": False}


# --- 64 ---------------------------------------------------------------------------------------------------------------


def test_64_a_command_that_is_never_yielded_is_a_value_and_nothing_is_said(app: App, caplog):
    @step(retry=1)
    def book(n: int) -> int:
        if n == 3:
            raise RuntimeError("full")
        return n

    @step(retry=1)
    def cancel(n: int) -> None: ...

    @workflow
    def program() -> Flow[int]:
        undo = []
        for n in range(3):
            undo.append(cancel((yield book(n))))
        return len(undo)  # all went well: nothing is to be undone

    @workflow
    def failing() -> Flow[None]:
        undo = [cancel(1), cancel(2)]
        yield book(3)
        assert not undo

    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        assert app.run(program()) == 3
        with pytest.raises(RunFailed):
            app.run(failing())
        waiting = app.start(program(), run_id="dropped")
        app.runtime.cache.clear()
        del waiting
        gc.collect()
    assert [str(warning.message) for warning in said] == []
    assert caplog.records == []
