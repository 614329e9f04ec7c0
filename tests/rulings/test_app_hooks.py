"""Rulings 32, 33, 71 and 72 through an app: what is sent, what is refused, and what happens when nothing comes."""

import time

import pytest
from attrs import evolve

from yieldflow import (
    App,
    Flow,
    Handle,
    StepTimeout,
    TimedOut,
    continue_as_new,
    hook,
    open_hook,
    set_data,
    sleep,
    step,
    workflow,
)
from yieldflow.core.events import CommandResolved, HookReceived
from yieldflow.core.outcome import Expired
from yieldflow.errors import BadPayload, InboxFull, UnknownToken

AMOUNT = hook("amount", int)
OPTIONS = hook("options", list, timeout="1ms", default=[])
CHOICES = {"answer": "yes"}


@workflow
def summed() -> Flow[int]:
    first = yield AMOUNT
    return first + (yield AMOUNT)


@workflow
def deaf() -> Flow[str]:
    yield sleep("1ms")
    return "done"


@workflow
def defaulted() -> Flow[list[object]]:
    one = yield OPTIONS
    one.append("mine")
    two = yield OPTIONS
    three = yield hook("choice", str, timeout="1ms", default=CHOICES["answer"])
    yield hook("go")
    return [one, two, three]


@pytest.fixture
def app():
    app = App("memory:")
    yield app
    app.close()


def ends_of_waits(handle: Handle) -> list[object]:
    return [event.outcome for event in handle.history() if isinstance(event, CommandResolved)]


def payloads(app: App) -> list[bytes]:
    return [event.payload for event in app.get("r").history() if isinstance(event, HookReceived)]


# --- 32 ---------------------------------------------------------------------------------------------------------------


def test_32_a_sender_who_has_the_type_is_told_at_once_and_nothing_is_written(app: App):
    app.start(summed(), run_id="r")
    with pytest.raises(BadPayload, match="does not fit hook 'amount'"):
        app.send("r", AMOUNT, "five")
    assert payloads(app) == []


def test_32_a_sender_without_the_type_neither_fails_nor_blocks_the_run(app: App):
    handle = app.start(summed(), run_id="r")
    rejected = app.send("r", "amount", "five")
    app.runtime.tend("r")
    assert handle.status() == "running"
    app.send("r", "amount", 1)
    app.send("r", AMOUNT, 2)
    assert handle.result(timeout=10) == 3
    assert payloads(app) == [b'"five"', b"1", b"2"]
    assert list(handle.inspect().unread) == [rejected]


def test_32_a_flood_ends_at_the_inbox_and_the_run_goes_on(app: App):
    app.limits = evolve(app.limits, inbox=3)
    handle = app.start(summed(), run_id="r")
    for number in range(3):
        app.send("r", AMOUNT, number)
    with pytest.raises(InboxFull, match="has 3 unread payloads"):
        app.send("r", AMOUNT, 3)
    with pytest.raises(InboxFull):
        app.send("r", "another", 3)
    assert payloads(app) == [b"0", b"1", b"2"]
    assert handle.result(timeout=10) == 1


# --- 71 ---------------------------------------------------------------------------------------------------------------


def test_71_what_nobody_ever_takes_was_delivered_at_its_position(app: App):
    handle = app.start(deaf(), run_id="r")
    position = app.send("r", "nobody", "hello", key="k")
    assert app.send("r", "nobody", "hello", key="k") == position  # the same delivery, not a second one
    assert handle.result(timeout=10) == "done"
    assert handle.history()[position - 1].payload == b'"hello"'
    assert list(handle.inspect().unread) == [position]
    assert app.send("r", "nobody", "hello", key="k") == position


# --- 72 ---------------------------------------------------------------------------------------------------------------


def test_72_a_default_is_answered_fresh_each_time_and_not_recorded(app: App, monkeypatch):
    handle = app.start(defaulted(), run_id="r")
    deadline = time.monotonic() + 10
    while (expired := ends_of_waits(handle)) != [Expired()] * 3 and time.monotonic() < deadline:
        app.runtime.tend("r")
    assert expired == [Expired()] * 3
    monkeypatch.setitem(CHOICES, "answer", "no")  # another deploy
    app.runtime.cache.clear()
    app.send("r", "go", None)
    assert handle.result(timeout=10) == [["mine"], [], "no"]


@step(retry=1, timeout="1h")
def out_of_time() -> int:
    raise StepTimeout("one attempt took too long")


@workflow
def two_clocks() -> Flow[list[str]]:
    told = []
    try:
        yield out_of_time()
    except TimedOut:
        told.append("the wait")
    except TimeoutError as error:
        told.append(type(error).__name__)
    try:
        yield hook("never", timeout="1ms")
    except TimedOut as error:
        told.append(type(error).__name__)
    return told


def test_72_the_timeout_of_an_attempt_and_that_of_a_wait_are_different_errors(app: App):
    assert app.run(two_clocks()) == ["StepTimeout", "TimedOut"]


# --- 33 ---------------------------------------------------------------------------------------------------------------


@workflow
def linked() -> Flow[list[str | None]]:
    mine = yield from open_hook("answer", str)
    yield set_data("link", [mine.token, mine.url])
    return [(yield mine), mine.url]


@workflow
def linked_again(rounds: int) -> Flow[str]:
    mine = yield from open_hook("answer", str)
    yield set_data("link", mine.token)
    said = yield mine
    if rounds > 1:
        yield from continue_as_new(linked_again(rounds - 1))
    return said


def test_33_no_two_runs_and_no_two_hooks_have_one_link(app: App):
    with app.worker(threads=1):
        tokens = {app.start(linked(), run_id=run_id).data("link", timeout=5)[0] for run_id in ("r", "s", "r2")}
        assert len(tokens) == 3
        assert [app.resume_hook(token, "yes") for token in tokens]
        assert {app.get(run_id).result(timeout=5)[0] for run_id in ("r", "s", "r2")} == {"yes"}


def test_33_a_link_goes_with_its_run_and_not_with_a_generation_of_it(app: App):
    with app.worker(threads=1):
        handle = app.start(linked_again(2), run_id="r")
        token = handle.data("link", timeout=5)
        app.resume_hook(token, "first")
        deadline = time.monotonic() + 5
        while app.store.newest("r") == "r":
            assert time.monotonic() < deadline
            time.sleep(0.001)
        assert handle.data("link", timeout=5) == token
        app.resume_hook(token, "second")
        assert handle.result(timeout=5) == "second"
        with pytest.raises(UnknownToken):
            app.resume_hook(token, "third")


def test_33_the_address_of_a_link_is_that_of_the_start(tmp_path):
    file = f"sqlite:///{tmp_path}/runs.db"
    then, now = App(file, base_url="https://then.example"), App(file, base_url="https://now.example")
    with then.worker(threads=1):
        token, url = then.start(linked(), run_id="r").data("link", timeout=5)
    now.resume_hook(token, "yes")
    assert now.get("r").result(timeout=5) == ["yes", url]
    assert url == f"https://then.example/hooks/{token}"
    then.close()
    now.close()
